//! What every store promises, whatever keeps it: files, memory, and what will come. Through the public API
//! alone, so that it says what a program may count on. Each topic runs for every kind of [`kinds`]; a part that
//! a kind cannot do is printed with the reason. What files do beside this (locks, damage, power cuts at each
//! step) is tested elsewhere.

mod acknowledged; // what was acknowledged is there, also later
mod atomic; // all of a commit or nothing of it
mod beginning; // seeds, and coming back to them
mod collections; // fields that log by entry
mod keyed; // values under uids
mod kinds;
mod order; // commits one after the other
mod refused; // writes that fail leave all as it was
mod together; // many who write at once
mod told; // of every commit
