//! How long the compiler takes for 100 structs of 10 fields: derived by worsen, beside the same
//! structs with serde's two derives, and beside the structs alone.
//!
//! `cargo bench -p worsen-derive --bench compile_time`
//!
//! It writes small crates into the target directory, builds their dependencies, and then compiles each crate
//! several times. The shortest time counts, because other programs may have slowed the others down.
//! With `-- --release` at the end it builds with optimizations.

use std::{
    env,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

const STRUCTS: usize = 100;
const ROUNDS: usize = 3;

const FIELDS: [(&str, &str); 10] = [
    ("is_ready", "bool"),
    ("count", "u32"),
    ("offset", "i64"),
    ("ratio", "f64"),
    ("label", "String"),
    ("tags", "Vec<String>"),
    ("parent", "Option<u64>"),
    ("levels", "std::collections::BTreeMap<String, u32>"),
    ("bytes", "[u8; 4]"),
    ("pair", "(u8, String)"),
];

/// A crate to compile, and what it adds to each struct.
struct Subject {
    name: &'static str,
    derives: &'static str,
    /// Code that uses one struct: generic code is compiled where it is used.
    uses: fn(usize) -> String,
}

const SUBJECTS: [Subject; 5] = [
    Subject {
        name: "structs alone",
        derives: "",
        uses: |_| String::new(),
    },
    Subject {
        name: "serde, derived",
        derives: "#[derive(serde::Serialize, serde::Deserialize)]",
        uses: |_| String::new(),
    },
    Subject {
        name: "serde, used",
        derives: "#[derive(serde::Serialize, serde::Deserialize)]",
        uses: |number| {
            format!(
                "pub fn use{number}(json: &str) -> serde_json::Result<String> {{
                     let mut value: State{number} = serde_json::from_str(json)?;
                     value.count += 1;
                     serde_json::to_string(&value)
                 }}\n"
            )
        },
    },
    Subject {
        name: "worsen, derived",
        derives: "#[derive(worsen::Store)]",
        uses: |_| String::new(),
    },
    Subject {
        name: "worsen, used",
        derives: "#[derive(worsen::Store)]",
        uses: |number| {
            format!(
                "pub fn use{number}() -> worsen::Result<String> {{
                     let store = <State{number} as worsen::Store>::open()?;
                     store.set_count(store.count() + 1).wait()?;
                     store.update_label(std::mem::take).wait()
                 }}\n"
            )
        },
    },
];

fn main() -> io::Result<()> {
    let asked = |option: &str| env::args().any(|argument| argument == option);
    // `cargo test --benches` runs this too, and should not wait for it.
    if !asked("--bench") {
        println!("skipped: run it with `cargo bench -p worsen-derive --bench compile_time`");
        return Ok(());
    }
    let build: &[&str] = if asked("--release") {
        &["build", "--release"]
    } else {
        &["build"]
    };
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compile-time");
    println!(
        "{STRUCTS} structs of {} fields, best of {ROUNDS}",
        FIELDS.len()
    );
    println!(
        "{:<16} {:>12} {:>18}",
        "",
        "cargo check",
        format!("cargo {}", build.join(" "))
    );
    for subject in &SUBJECTS {
        let folder = write_crate(&root, subject)?;
        let check = measure(&root, &folder, &["check"])?;
        let build = measure(&root, &folder, build)?;
        println!(
            "{:<16} {:>10.2} s {:>16.2} s",
            subject.name,
            check.as_secs_f64(),
            build.as_secs_f64()
        );
    }
    Ok(())
}

fn write_crate(root: &Path, subject: &Subject) -> io::Result<PathBuf> {
    let name = subject.name.replace(", ", "-").replace(' ', "-");
    let folder = root.join(&name);
    fs::create_dir_all(folder.join("src"))?;
    let worsen = Path::new(env!("CARGO_MANIFEST_DIR")).join("../worsen");
    fs::write(
        folder.join("Cargo.toml"),
        format!(
            "[package]\nname = {name:?}\nedition = \"2024\"\n\n[dependencies]\n\
             serde = {{ version = \"1\", features = [\"derive\"] }}\nserde_json = \"1\"\n\
             worsen = {{ path = {worsen:?} }}\n\n[workspace]\n"
        ),
    )?;
    let mut source = String::new();
    for number in 0..STRUCTS {
        let _ = writeln!(source, "{}pub struct State{number} {{", subject.derives);
        for (name, ty) in FIELDS {
            let _ = writeln!(source, "    pub {name}: {ty},");
        }
        source.push_str("}\n");
        source.push_str(&(subject.uses)(number));
    }
    fs::write(folder.join("src/lib.rs"), source)?;
    Ok(folder)
}

/// The shortest time of a command that compiles this crate, without its dependencies.
fn measure(root: &Path, folder: &Path, command: &[&str]) -> io::Result<Duration> {
    let source = folder.join("src/lib.rs");
    let mut best = Duration::MAX;
    for round in 0..=ROUNDS {
        // A newer time makes cargo compile it again, without the incremental cache of the last round.
        let text = fs::read(&source)?;
        fs::write(&source, text)?;
        let start = Instant::now();
        let output = Command::new(env!("CARGO"))
            .args(command)
            .arg("--quiet")
            .current_dir(folder)
            .env("CARGO_TARGET_DIR", root.join("target"))
            .env("CARGO_INCREMENTAL", "0")
            .output()?;
        let time = start.elapsed();
        if !output.status.success() {
            return Err(io::Error::other(
                String::from_utf8_lossy(&output.stderr).into_owned(),
            ));
        }
        // The first round builds the dependencies.
        if round > 0 {
            best = best.min(time);
        }
    }
    Ok(best)
}
