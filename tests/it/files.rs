//! The three files, on a real disk: readable by other programs, for their owner alone, and mended
//! from the backup.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

use worsen::{ErrorKind, Repair, Store};
use worsen_tests::State;

use crate::support::{folder, open, open_with_older_log};

/// Ten commits, closed.
fn filled(dir: &Path) {
    let store = open(dir);
    for count in 1..=10 {
        store.set_count(count).wait().unwrap();
    }
}

#[test]
fn a_closed_log_is_json_lines_without_filling() {
    let folder = folder();
    filled(folder.path());
    let log = fs::read_to_string(folder.path().join("state.db")).unwrap();
    assert!(log.ends_with("}\n"), "the filling is trimmed");
    let lines: Vec<serde_json::Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 12, "a header, the seeds, ten commits");
    assert_eq!(lines[0]["worsen"], 1);
    assert_eq!(lines[1]["set"]["note"], "seeded");
    assert_eq!(lines[11]["rev"], 11);
    assert_eq!(lines[11]["set"]["count"], 10);
}

#[test]
fn an_open_log_is_readable_by_jq() {
    let folder = folder();
    let store = open(folder.path());
    store.set_count(42).wait().unwrap();
    let output = match Command::new("jq")
        .args(["-r", "select(.set.count != null) | .set.count"])
        .arg(folder.path().join("state.db"))
        .output()
    {
        Ok(output) => output,
        Err(error) => {
            println!("skipped: jq cannot be run here: {error}");
            return;
        }
    };
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "0\n42\n");
}

#[test]
fn files_are_for_their_owner_alone() {
    let parent = folder();
    let dir = parent.path().join("made by the store");
    filled(&dir);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    for file in ["state.db", "state.cache.db", "state.lock"] {
        assert_eq!(mode(&dir.join(file)), 0o600, "{file}");
    }
    let mut names: Vec<_> = fs::read_dir(&dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["state.cache.db", "state.db", "state.lock"]);
}

#[test]
fn the_backup_is_one_write_behind() {
    let folder = folder();
    filled(folder.path());
    let log = fs::read(folder.path().join("state.db")).unwrap();
    let backup = fs::read(folder.path().join("state.cache.db")).unwrap();
    assert!(log.starts_with(&backup));
    let missing = String::from_utf8(log[backup.len()..].to_vec()).unwrap();
    assert_eq!(missing.lines().count(), 1, "{missing}");
}

#[test]
fn a_deleted_log_comes_back_from_the_backup() {
    let folder = folder();
    filled(folder.path());
    fs::remove_file(folder.path().join("state.db")).unwrap();
    let store = open(folder.path());
    // All but the newest write, which was nowhere else.
    assert_eq!(store.count(), 9);
    assert_eq!(
        store.recovered().repairs(),
        [Repair::Restored { revision: 10 }]
    );
    assert!(store.recovered().may_have_lost());
    store.set_count(11).wait().unwrap();
    drop(store);
    let store = open(folder.path());
    assert_eq!(store.count(), 11);
    assert!(store.recovered().is_empty());
}

#[test]
fn a_flipped_byte_is_mended_from_the_backup() {
    let folder = folder();
    filled(folder.path());
    let path = folder.path().join("state.db");
    let good = fs::read(&path).unwrap();
    let mut bad = good.clone();
    bad[good.len() / 2] ^= 0x40;
    fs::write(&path, &bad).unwrap();
    let store = open(folder.path());
    assert_eq!(store.count(), 10);
    let [
        Repair::Mended {
            kept: Some(kept), ..
        },
    ] = store.recovered().repairs()
    else {
        panic!("{:?}", store.recovered());
    };
    assert_eq!(fs::read(kept).unwrap(), bad, "what was found is kept");
    drop(store);
    assert_eq!(fs::read(&path).unwrap(), good);
}

#[test]
fn a_truncated_log_is_mended_from_the_backup() {
    let folder = folder();
    filled(folder.path());
    let path = folder.path().join("state.db");
    let good = fs::read(&path).unwrap();
    fs::write(&path, &good[..good.len() / 3]).unwrap();
    let store = open(folder.path());
    assert_eq!(store.count(), 9);
    assert!(!store.recovered().is_empty());
}

#[test]
fn damage_that_the_backup_cannot_mend_is_refused_and_nothing_changes() {
    let folder = folder();
    filled(folder.path());
    let path = folder.path().join("state.db");
    let mut bad = fs::read(&path).unwrap();
    let middle = bad.len() / 2;
    bad[middle] ^= 0x40;
    fs::write(&path, &bad).unwrap();
    fs::remove_file(folder.path().join("state.cache.db")).unwrap();
    let error = State::builder().dir(folder.path()).open().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged);
    assert!(error.to_string().contains(".salvage()"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), bad);

    let store = State::builder()
        .dir(folder.path())
        .salvage()
        .open()
        .unwrap();
    assert_eq!(store.count(), 10, "what stands behind the damage is kept");
    assert!(store.recovered().may_have_lost());
}

#[test]
fn a_log_that_is_deleted_while_open_is_written_anew_from_memory() {
    let folder = folder();
    let store = open(folder.path());
    store.set_count(1).wait().unwrap();
    fs::remove_file(folder.path().join("state.db")).unwrap();
    store.set_note("after".into()).wait().unwrap();
    drop(store);
    let store = open(folder.path());
    assert_eq!((store.count(), store.note()), (1, "after".into()));
}

#[test]
fn a_log_that_is_replaced_by_an_older_one_is_refused() {
    let folder = folder();
    let store = open_with_older_log(folder.path());
    let error = store.set_count(3).wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Replaced, "{error}");
    drop(store);
    assert_eq!(open(folder.path()).count(), 1);
}

#[test]
fn a_deleted_backup_is_written_anew_before_the_next_write() {
    let folder = folder();
    let store = open(folder.path());
    store.set_count(1).wait().unwrap();
    fs::remove_file(folder.path().join("state.cache.db")).unwrap();
    store.set_count(2).wait().unwrap();
    drop(store);
    fs::remove_file(folder.path().join("state.db")).unwrap();
    assert_eq!(open(folder.path()).count(), 1);
}

#[test]
fn a_deleted_lock_does_not_let_two_writers_in() {
    let folder = folder();
    let one = open(folder.path());
    fs::remove_file(folder.path().join("state.lock")).unwrap();
    // Another type: another engine, as in another process, on a new lock file.
    #[derive(Store)]
    #[store(name = "state")]
    struct Other {
        count: u64,
    }
    let other = Other::builder().dir(folder.path()).open().unwrap();
    std::thread::scope(|scope| {
        scope
            .spawn(|| (0..200).for_each(|_| one.update_count(|count| *count += 1).wait().unwrap()));
        scope.spawn(|| {
            (0..200).for_each(|_| other.update_count(|count| *count += 1).wait().unwrap())
        });
    });
    assert_eq!(one.count(), 400);
    assert_eq!(other.count(), 400);
}

#[test]
fn the_platforms_folders_are_created_with_all_that_is_missing_above_them() {
    let folder = folder();
    let home = folder.path().join("home");
    fs::create_dir(&home).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_worker"))
        .arg("at-home")
        .env("HOME", &home)
        .env_remove("XDG_DATA_HOME")
        .env_remove("XDG_CONFIG_HOME")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let told = String::from_utf8(output.stdout).unwrap();
    let told: Vec<&Path> = told.lines().map(Path::new).collect();
    assert_eq!(told[0].parent(), Some(told[2]));
    assert_eq!(told[1].parent(), Some(told[3]));
    let home = fs::canonicalize(home).unwrap();
    for log in &told[..2] {
        assert!(log.starts_with(&home), "{}", log.display());
        let above = log.ancestors().skip(1).take_while(|dir| *dir != home);
        for dir in above {
            let mode = fs::metadata(dir).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o700, "{}", dir.display());
        }
    }
    if cfg!(target_os = "linux") {
        assert_eq!(told[2], home.join(".local/share/notes"));
        assert_eq!(told[3], home.join(".config/notes"));
    }
}

#[test]
fn a_missing_parent_is_a_misspelled_path_unless_the_program_says_otherwise() {
    let folder = folder();
    let dir = folder.path().join("a/b/c");
    let error = State::builder().dir(&dir).open().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Directory, "{error}");
    assert!(!folder.path().join("a").exists());
    let read_only = State::builder().dir(&dir).create_parents(true).read_only();
    assert!(read_only.open().is_err());
    assert!(!folder.path().join("a").exists());
    let store = State::builder()
        .create_parents(true)
        .dir(&dir)
        .open()
        .unwrap();
    assert_eq!(
        store.path().unwrap().parent().unwrap(),
        fs::canonicalize(&dir).unwrap()
    );
}
