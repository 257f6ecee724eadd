//! What the compiler says about programs that use the store wrongly. The programs are in `ui/` and `tests/`.
