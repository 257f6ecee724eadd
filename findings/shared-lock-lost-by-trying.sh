#!/usr/bin/env bash
# fs2 0.4.3, fs4 1.1.0 and the standard library's File::try_lock (Rust 1.95), on Linux.
# Expected: a failed `try` changes nothing; whoever holds a shared lock and fails to make it an exclusive one still has
# the shared one. Neither crate's documentation says otherwise, the standard library's leaves it open, and only the
# kernel's manual page of flock tells.
# Seen: the kernel gives up the old lock before it tries the new one. After the failure the holder has no lock, does not
# know it, and another takes the file exclusively.
source "$(dirname "$0")/common.bash"

rust 'fs2 = "=0.4.3"' 'fs4 = "=1.1.0"' <<'END'
use std::fs::File;

fn open() -> File {
    File::options().read(true).write(true).create(true).truncate(false).open("lock").unwrap()
}

fn main() {
    let tries: [(&str, fn(&File) -> bool); 3] = [
        ("fs2", |file| fs2::FileExt::try_lock_exclusive(file).is_ok()),
        ("fs4", |file| fs4::FileExt::try_lock(file).is_ok()),
        ("std", |file| File::try_lock(file).is_ok()),
    ];
    for (name, attempt) in tries {
        let (first, second, third) = (open(), open(), open());
        first.lock_shared().unwrap();
        second.lock_shared().unwrap();
        println!("{name}: the first becomes exclusive: {}", attempt(&first));
        println!("{name}: the second becomes exclusive, though the first was never unlocked: {}", attempt(&second));
        drop(third);
    }
}
END
expect <<'END'
fs2: the first becomes exclusive: false
fs2: the second becomes exclusive, though the first was never unlocked: true
fs4: the first becomes exclusive: false
fs4: the second becomes exclusive, though the first was never unlocked: true
std: the first becomes exclusive: false
std: the second becomes exclusive, though the first was never unlocked: true
END
