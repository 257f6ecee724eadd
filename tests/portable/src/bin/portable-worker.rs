//! The other process of a test: does as its arguments say.

use std::{
    error::Error,
    io::{Write, stdin, stdout},
    path::Path,
    process::exit,
};

use worsen_tests_portable::build;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        // Increments, and tells of each that is acknowledged.
        ["increment", dir, times] => {
            let store = build(Path::new(dir)).open()?;
            for _ in 0..times.parse()? {
                let count = store
                    .update(|state| {
                        state.count += 1;
                        // So that the log is compacted often.
                        state.note = format!("{:01000}", state.count);
                        state.count
                    })
                    .wait()?;
                println!("{count}");
                stdout().flush()?;
            }
            Ok(())
        }
        // Holds the lock until a line comes.
        ["hold-the-lock", dir] => {
            let store = build(Path::new(dir)).open()?;
            let hold = store.update(|state| {
                state.count += 1;
                println!("held");
                let mut line = String::new();
                // Whatever comes, or nothing: the closure ends.
                drop(stdin().read_line(&mut line));
            });
            hold.wait()?;
            Ok(())
        }
        ["detach", dir, times] => {
            let store = build(Path::new(dir)).open()?;
            for _ in 0..times.parse()? {
                store.update_count(|count| *count += 1).detach();
            }
            std::mem::forget(store);
            Ok(())
        }
        _ => exit(2),
    }
}
