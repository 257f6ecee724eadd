//! One store as two versions of a program know it: the bins `older` and `newer`. The store here is the newer one's.

use std::{
    error::Error,
    io::{Write, stdin, stdout},
    path::PathBuf,
};

/// Does as the lines of stdin say, one commit a line, and answers each with a line. The first argument is the
/// directory of the store.
///
/// # Errors
///
/// Those of `act`, and where an order is unknown.
pub fn obey<S>(
    open: impl FnOnce(PathBuf) -> Result<S, worsen::Error>,
    act: impl Fn(&S, &[&str]) -> Result<Option<String>, Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    let dir = std::env::args().nth(1).ok_or("no directory")?;
    let store = open(dir.into())?;
    for line in stdin().lines() {
        let line = line?;
        let words: Vec<&str> = line.split(' ').collect();
        let answer = act(&store, &words)?.ok_or_else(|| format!("what is `{line}`"))?;
        writeln!(stdout(), "{answer}")?;
    }
    Ok(())
}
