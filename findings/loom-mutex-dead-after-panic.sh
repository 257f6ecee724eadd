#!/usr/bin/env bash
# loom 0.7.3.
# Expected: its Mutex is that of the standard library in a model, so that `lock` after a panic under the guard returns a
# PoisonError, whose `into_inner` is the guard.
# Seen: `lock` panics itself, for every thread from then on: the lock inside it is unwrapped.
source "$(dirname "$0")/common.bash"

rust 'loom = "=0.7.3"' <<'END'
use std::panic::{catch_unwind, AssertUnwindSafe};

fn main() {
    std::panic::set_hook(Box::new(|_| ()));
    let of_std = std::sync::Mutex::new(7);
    let _ = catch_unwind(AssertUnwindSafe(|| {
        let _guard = of_std.lock().unwrap();
        panic!("under the guard");
    }));
    let after = catch_unwind(AssertUnwindSafe(|| *of_std.lock().unwrap_or_else(|error| error.into_inner())));
    println!("std: {:?}", after.ok());
    loom::model(|| {
        let of_loom = loom::sync::Mutex::new(7);
        let _ = catch_unwind(AssertUnwindSafe(|| {
            let _guard = of_loom.lock().unwrap();
            panic!("under the guard");
        }));
        let after = catch_unwind(AssertUnwindSafe(|| *of_loom.lock().unwrap_or_else(|error| error.into_inner())));
        println!("loom: {:?}", after.ok());
        std::mem::forget(of_loom);
    });
}
END
expect <<'END'
std: Some(7)
loom: None
END
