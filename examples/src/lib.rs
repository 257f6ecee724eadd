//! The programs beside this folder, each runnable with `cargo run --example NAME`.
