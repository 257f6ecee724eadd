//! Any bytes are read as a log and as each of its lines: nothing panics, what a line says comes back when it is
//! written, and a log that is cut off leads to a part of where it led before.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| worsen::fuzzing::record(input));
