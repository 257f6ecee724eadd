//! What a build without the known mistakes says of them: how they are run, and that nobody can turn one on.

use std::process::Command;

#[test]
fn every_planted_mistake_is_caught() {
    println!(
        "skipped: the mistakes are not in this build; this builds them and runs the tests that catch them:\n\
         RUSTFLAGS=\"--cfg worsen_planted\" cargo test -p worsen-tests --test it --target-dir target/planted planted::"
    );
}

/// A program must not be made to lose data by its environment, whatever features its crates ask for.
#[test]
fn no_variable_plants_a_mistake_in_a_build_without_the_flag() {
    // The first two are mistakes that the test catches; a build with the flag refuses to run with the third.
    for name in ["SkipBackup", "KeepNoCopyOfDamage", "NoSuchMistake"] {
        let program = std::env::current_exe().expect("this program has a path");
        let output = Command::new(program)
            .args(["--exact", "files::a_flipped_byte_is_mended_from_the_backup"])
            .env("WORSEN_PLANT", name)
            .output()
            .expect("this program starts once more");
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && printed.contains("1 passed"),
            "{name}: {printed}"
        );
        assert!(!String::from_utf8_lossy(&output.stderr).contains("planted"));
    }
}
