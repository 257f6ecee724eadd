//! Tests of worsen from the outside, a module a topic. One binary, so that it links once.

mod support;
mod bad_input;
mod files;
mod format;
mod handles;
mod processes;

mod machine; // a store on a simulated machine, for the topics below
mod crash; // power cuts and kills at every step
