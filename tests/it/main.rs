//! Tests of worsen from the outside, a module a topic. One binary, so that it links once.

mod support;
