//! Any bytes are a log, any others its backup: recovery decides without a panic, what it decides leaves files with
//! which the next one finds nothing to do, and no commit is lost that was acknowledged, unless that is refused.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| worsen::fuzzing::recovery_plan(input));
