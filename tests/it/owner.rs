//! The owner of the files: it stays the same when they are written anew.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::Path,
    process::Command,
};

use worsen::Store;
use worsen_tests::State;

use crate::support::{Worker, folder, open};

const FILES: [&str; 3] = ["state.db", "state.cache.db", "state.lock"];

/// Owner, group and mode of each file.
fn owners(dir: &Path) -> Vec<(u32, u32, u32)> {
    FILES
        .iter()
        .map(|file| {
            let metadata = fs::metadata(dir.join(file)).unwrap();
            (metadata.uid(), metadata.gid(), metadata.mode() & 0o7777)
        })
        .collect()
}

#[test]
fn a_compaction_keeps_the_mode_that_the_files_were_given() {
    let folder = folder();
    drop(open(folder.path()));
    for file in FILES {
        let path = folder.path().join(file);
        fs::set_permissions(path, fs::Permissions::from_mode(0o660)).unwrap();
    }
    let before = owners(folder.path());
    Worker::start("compact", folder.path(), &["7"]).finish();
    assert_eq!(owners(folder.path()), before);
}

/// Root opens, compacts and mends the store of another user, who goes on with it.
#[test]
fn what_root_does_to_a_store_shuts_its_owner_out_of_nothing() {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: only root can give files to another user");
        return;
    }
    let folder = folder();
    drop(open(folder.path()));
    let user = (12_345, 12_346);
    chown(folder.path(), Some(user.0), Some(user.1)).unwrap();
    for file in FILES {
        chown(folder.path().join(file), Some(user.0), Some(user.1)).unwrap();
    }
    let list = |file: &str| {
        let output = Command::new("getfacl")
            .arg("-cnE")
            .arg(folder.path().join(file))
            .output();
        output.map(|output| String::from_utf8(output.stdout).unwrap())
    };
    let given = Command::new("setfacl")
        .args(["-m", "u:4711:rw"])
        .args([folder.path().join(FILES[0]), folder.path().join(FILES[1])])
        .status();
    let has_list = given.is_ok_and(|status| status.success());
    if !has_list {
        println!("without an access list: there is no `setfacl`");
    }
    let (before, listed) = (owners(folder.path()), list(FILES[0]).ok());
    Worker::start("compact", folder.path(), &["7"]).finish();
    assert_eq!(owners(folder.path()), before, "compacted");
    assert_eq!(list(FILES[0]).ok(), listed);
    for missing in FILES {
        fs::remove_file(folder.path().join(missing)).unwrap();
        drop(open(folder.path()));
        let is_same = |(one, other): (&(u32, u32, u32), &(u32, u32, u32))| {
            (one.0, one.1) == (other.0, other.1)
        };
        let after = owners(folder.path());
        assert!(
            after.iter().zip(&before).all(is_same),
            "{missing}: {after:?}"
        );
    }
    let log = folder.path().join(FILES[0]);
    let mut bytes = fs::read(&log).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x40;
    fs::write(&log, bytes).unwrap();
    drop(
        State::builder()
            .dir(folder.path())
            .salvage()
            .open()
            .unwrap(),
    );
    for entry in fs::read_dir(folder.path()).unwrap() {
        let metadata = entry.unwrap().metadata().unwrap();
        assert_eq!((metadata.uid(), metadata.gid()), user);
    }
}
