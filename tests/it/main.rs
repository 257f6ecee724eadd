//! Tests of worsen from the outside, a module a topic. One binary, so that it links once.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that fails panics"
)]

mod bad_input;
mod beside; // reads beside writes that take their time
mod callbacks; // what wakers and destructors do on threads of the store
mod changes; // each commit, told once
mod check; // whether a store is whole, without opening it
mod collections; // fields that log by entry
mod contract; // what every store promises, whatever keeps it
mod detached; // what failed while nobody waited
mod env_override; // fields that read as the environment says
mod errors; // of each kind, and whether what they say of the write is so
mod exit; // how a program ends
mod export; // a store as one JSON object
mod files;
mod fixtures; // stores that older programs have left
mod floors; // who imports from whom
mod format;
#[cfg(target_os = "linux")]
mod ground; // file systems of other kinds, mounted for a test: root and their tools are asked for
mod guide; // what the guide to the files says
mod handles;
mod health; // what is wrong while it is open
mod history; // the past: looked at, gone back to, and gone
mod import; // what other programs left
#[cfg(feature = "json-of-others")]
mod json_features; // what others turn on in serde_json
mod keyed; // values under uids, decoded late
mod keys; // equal ones that have different texts
mod limits;
mod links; // opened through them
mod misfit; // stored values that do not fit
mod nested_collections;
mod on_change; // a function called at changes
mod owner; // whose the files are, and stay
mod power_cuts; // the kit for tests of programs, as its users use it
mod processes;
mod renames; // fields that were called otherwise
#[cfg(target_os = "linux")]
mod replaced; // a copy that is put over an open store
mod roundtrip; // every type, back as it was or refused
mod rules; // what a value must be to be written
mod seeds; // what a store begins with, and comes back to
mod serde_struct; // a struct that is serde's too
mod support;
mod torture; // real processes, real kills
mod transfer; // copies, and the store as it was in one
mod two_versions; // an older and a newer program on one store
mod unknown_keys; // of a newer program, within a value
mod unknown_uids; // told, refused or dropped
mod values; // what becomes of one between a closure and the readers
mod work_queue; // jobs, done at least once
mod work_queue_clock; // of clocks that are set
mod work_queue_formats; // of entries of an older and a later version
mod work_queue_lease; // that extends itself
mod work_queue_model; // of options, against a plain list
mod work_queue_options; // what is said where a job is pushed, and when it is given back
mod work_queue_takeover; // of fields that were plain queues

// On a simulated machine: `machine` is a store there.
mod crash; // power cuts and kills at every step
mod damage; // bytes that nobody wrote
mod faults; // a disk that fails at every operation
mod full_disk; // a disk that has no room left
mod hostile; // files made to do harm
mod interleavings; // what another process does within an operation
mod machine;
mod migrations; // stores and programs of several versions
mod model; // random sequences against a map
#[cfg(worsen_planted)]
mod planted; // known mistakes, each of them caught
#[cfg(not(worsen_planted))]
#[path = "not_planted.rs"]
mod planted; // the same, where the mistakes are left out
mod recovery_table; // every pair of files
