#!/usr/bin/env bash
# fasteners 0.20 (PyPI) and the crate file-lock 2.1.11, on Linux.
# Expected: a lock is held until it is released, and a second one in the same process waits or fails; neither
# documentation says otherwise.
# Seen: both use POSIX record locks, which belong to the process: whoever in it opens the same file and closes it, a
# function that only reads it for a message say, frees the lock, and `acquired` goes on saying yes. A second lock of the
# process succeeds at once, and dropping it frees the first.
source "$(dirname "$0")/common.bash"

python fasteners==0.20 <<'END'
import subprocess
import sys

import fasteners

other = "import fasteners; print(fasteners.InterProcessLock('lock').acquire(blocking=False))"


def another_process():
    return subprocess.run([sys.executable, "-c", other], capture_output=True, text=True).stdout.strip()


lock = fasteners.InterProcessLock("lock")
lock.acquire()
print("fasteners, another process gets it:", another_process())
open("lock").read()
print("after the file was read, with `acquired`", lock.acquired, "another process gets it:", another_process())
lock.release()
lock.acquire()
print("a second lock of this process gets it:", fasteners.InterProcessLock("lock").acquire(blocking=False))
END
mv seen python-seen
rust 'file-lock = "=2.1.11"' <<'END'
use file_lock::{FileLock, FileOptions};
use std::process::Command;

fn take() -> bool {
    FileLock::lock("lock", false, FileOptions::new().write(true).create(true)).is_ok()
}

fn main() {
    if std::env::args().nth(1).is_some() {
        println!("{}", take());
        return;
    }
    let another_process = || {
        let output = Command::new(std::env::current_exe().unwrap()).arg("other").output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_string()
    };
    let _held = FileLock::lock("lock", false, FileOptions::new().write(true).create(true)).unwrap();
    println!("file-lock, another process gets it: {}", another_process());
    println!("a second lock of this process gets it: {}", take());
    println!("after that one was dropped, another process gets it: {}", another_process());
}
END
cat python-seen seen > both
mv both seen
expect <<'END'
fasteners, another process gets it: False
after the file was read, with `acquired` True another process gets it: True
a second lock of this process gets it: True
file-lock, another process gets it: false
a second lock of this process gets it: true
after that one was dropped, another process gets it: true
END
