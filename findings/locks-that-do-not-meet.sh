#!/usr/bin/env bash
# filelock 4.3.1, portalocker 4.4.2 and fasteners 0.20 (PyPI), fs2 0.4.3 and file-lock 2.1.11 (crates.io), on Linux.
# Expected: two programs that lock one file exclude each other, whatever library each uses.
# Seen: there are two parties. The one calls flock, the other fcntl, and on a local disk neither sees the other: of
# two libraries with the same purpose, from the same registry, both hold "the" lock. On NFS the same programs would meet.
source "$(dirname "$0")/common.bash"

touch lock
rust 'fs2 = "=0.4.3"' 'file-lock = "=2.1.11"' <<'END'
use file_lock::{FileLock, FileOptions};
use std::fs::File;

fn main() {
    let file = File::options().write(true).open("lock").unwrap();
    println!("fs2 gets it: {}", fs2::FileExt::try_lock_exclusive(&file).is_ok());
    println!("file-lock gets it: {}", FileLock::lock("lock", false, FileOptions::new().write(true)).is_ok());
}
END
cp "$CARGO_TARGET_DIR/debug/$finding" crates
python filelock==4.3.1 portalocker==4.4.2 fasteners==0.20 <<'END'
import subprocess

import fasteners
import filelock
import portalocker


def show(holder):
    print(f"held by {holder}:", ", ".join(subprocess.run(["./crates"], capture_output=True, text=True).stdout.splitlines()))


with filelock.FileLock("lock"):
    show("filelock")
with portalocker.Lock("lock"):
    show("portalocker")
with fasteners.InterProcessLock("lock"):
    show("fasteners")
END
expect <<'END'
held by filelock: fs2 gets it: false, file-lock gets it: true
held by portalocker: fs2 gets it: false, file-lock gets it: true
held by fasteners: fs2 gets it: true, file-lock gets it: false
END
