//! What the compiler says of programs that use the store wrongly. All of it is in `ui/` and `tests/`.
