//! File systems of other kinds than the one that tests run on, made in a file and mounted for one test:
//! full, shut down, in user space, gone. A test that may not mount, or lacks a tool, says so and passes.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;
use worsen::{Condition, Durability, ErrorKind, PersistentStore, Store};

use crate::support::{Worker, folder};

#[derive(Store)]
struct State {
    count: u64,
}

/// A mounted file system, unmounted when it is dropped.
struct Mount {
    /// Where it is to be seen.
    dir: PathBuf,
    /// The server, where a process of this test serves it.
    server: Option<std::process::Child>,
    _folder: TempDir,
}

/// Runs a program to its end. `Err` says why that was not to be had.
fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("`{program}` cannot be run: {error}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!(
            "`{program} {}` failed: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        )),
    }
}

impl Mount {
    /// Of a new file of so many MiB, formatted by this program.
    fn in_file(mkfs: &[&str], megabytes: u64, options: &str) -> Result<Mount, String> {
        may_mount()?;
        let folder = folder();
        let (image, dir) = (folder.path().join("image"), folder.path().join("mounted"));
        fs::create_dir(&dir).unwrap();
        fs::File::create(&image)
            .and_then(|file| file.set_len(megabytes << 20))
            .unwrap();
        let image = image.to_str().unwrap();
        run(mkfs[0], &[&mkfs[1..], &[image]].concat())?;
        let options = format!("loop,{options}");
        let options = options.trim_end_matches(',');
        run("mount", &["-o", options, image, dir.to_str().unwrap()])?;
        Ok(Mount {
            dir,
            server: None,
            _folder: folder,
        })
    }

    /// In memory, with so many MiB.
    fn in_memory(megabytes: u64) -> Result<Mount, String> {
        may_mount()?;
        let folder = folder();
        let dir = folder.path().join("mounted");
        fs::create_dir(&dir).unwrap();
        let size = format!("size={megabytes}m");
        let options = ["-t", "tmpfs", "-o", &size, "none", dir.to_str().unwrap()];
        run("mount", &options)?;
        Ok(Mount {
            dir,
            server: None,
            _folder: folder,
        })
    }

    /// NTFS in a new file of so many MiB, served by ntfs-3g, which ends when it is unmounted.
    fn ntfs(megabytes: u64) -> Result<Mount, String> {
        may_mount()?;
        let folder = folder();
        let (image, dir) = (folder.path().join("image"), folder.path().join("mounted"));
        fs::create_dir(&dir).unwrap();
        fs::File::create(&image)
            .and_then(|file| file.set_len(megabytes << 20))
            .unwrap();
        let image = image.to_str().unwrap();
        run("mkntfs", &["-F", "-Q", "-q", image])?;
        run("ntfs-3g", &[image, dir.to_str().unwrap()])?;
        Ok(Mount {
            dir,
            server: None,
            _folder: folder,
        })
    }

    /// An overlay with its upper layer in this directory.
    fn overlay(below: &Path) -> Result<Mount, String> {
        may_mount()?;
        let folder = folder();
        let dir = folder.path().join("mounted");
        let layers = ["lower", "upper", "work"].map(|layer| below.join(layer));
        for made in layers.iter().chain([&dir]) {
            fs::create_dir(made).unwrap();
        }
        let [lower, upper, work] = layers.each_ref().map(|layer| layer.to_str().unwrap());
        let options = format!("lowerdir={lower},upperdir={upper},workdir={work}");
        let dir_name = dir.to_str().unwrap();
        run(
            "mount",
            &["-t", "overlay", "-o", &options, "overlay", dir_name],
        )?;
        Ok(Mount {
            dir,
            server: None,
            _folder: folder,
        })
    }

    /// Another view of a directory, by a program that stays in the foreground.
    fn served(program: &str, arguments: &[&str], of: &Path) -> Result<Mount, String> {
        may_mount()?;
        if !Path::new("/dev/fuse").exists() {
            return Err("there is no /dev/fuse".into());
        }
        let folder = folder();
        let dir = folder.path().join("mounted");
        fs::create_dir(&dir).unwrap();
        let mut server = Command::new(program)
            .args(arguments)
            .args([of, &dir])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("`{program}` cannot be run: {error}"))?;
        let longest = Instant::now() + Duration::from_secs(30);
        while !is_mounted(&dir) {
            let ended = server.try_wait().unwrap();
            if ended.is_some() || Instant::now() > longest {
                return Err(format!("`{program}` mounts nothing: {ended:?}"));
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(Mount {
            dir,
            server: Some(server),
            _folder: folder,
        })
    }

    fn path(&self) -> &Path {
        &self.dir
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Lazily: a test that fails may have files open.
        drop(run("umount", &["-l", self.dir.to_str().unwrap()]));
        if let Some(server) = &mut self.server {
            drop(server.kill());
            drop(server.wait());
        }
    }
}

fn may_mount() -> Result<(), String> {
    match rustix::process::geteuid().is_root() {
        true => Ok(()),
        false => Err("only root may mount".into()),
    }
}

fn is_mounted(dir: &Path) -> bool {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    mounts
        .lines()
        .any(|line| line.split(' ').nth(4) == dir.to_str())
}

/// The mount, or the end of the test.
macro_rules! mounted {
    ($mount:expr) => {
        match $mount {
            Ok(mount) => mount,
            Err(why) => {
                println!("skipped: {why}");
                return;
            }
        }
    };
}

/// Takes all the room there is, and returns the file that has it.
fn fill(dir: &Path) -> PathBuf {
    let path = dir.join("filler");
    let mut file = fs::File::create(&path).unwrap();
    for size in [1 << 20, 1 << 16, 1 << 12, 1 << 9] {
        let block = vec![7; size];
        while std::io::Write::write_all(&mut file, &block).is_ok() {}
        // What is not on disk yet may still be found to fit, or not to.
        drop(file.sync_all());
    }
    path
}

/// Writes back everything, so that a page that is written to again needs new room where a file system
/// copies on write.
fn write_back(dir: &Path) {
    rustix::fs::syncfs(fs::File::open(dir).unwrap()).unwrap();
}

/// A store on a disk that fills up while it is open: typed errors, reads, and writes again once there
/// is room, in one process from the beginning to the end, and in another that is opened meanwhile.
fn fills_up(mount: &Path) {
    let dir = mount.join("db");
    let mut worker = Worker::start("obey", &dir, &[]);
    assert_eq!(worker.order("open"), "done");
    let mut acknowledged = 7;
    assert_eq!(worker.order("set-count 7"), "done");
    let filler = fill(mount);
    write_back(mount);
    let mut refused = 0;
    for count in 8..200 {
        match worker.order(&format!("set-count {count}")).as_str() {
            "done" => acknowledged = count,
            "NoSpace" => refused += 1,
            other => panic!("{other} on a full disk"),
        }
        write_back(mount);
        assert_eq!(worker.order("count"), acknowledged.to_string());
    }
    println!("{refused} of 192 writes refused: {}", worker.order("why"));
    let mut other = Worker::start("obey", &dir, &[]);
    let opened = other.order("open");
    assert!(opened == "done" || opened == "NoSpace", "{opened}");
    fs::remove_file(filler).unwrap();
    write_back(mount);
    assert_eq!(worker.order("count"), acknowledged.to_string());
    assert_eq!(worker.order("increment"), "done", "there is room again");
    assert_eq!(other.order("open"), "done");
    assert_eq!(other.order("count"), (acknowledged + 1).to_string());
    assert_eq!(other.order("increment"), "done");
    assert_eq!(worker.order("count"), (acknowledged + 2).to_string());
}

#[test]
fn a_directory_that_is_unmounted_under_a_store_is_not_written_beneath() {
    for over in [false, true] {
        let mount = mounted!(Mount::in_file(&["mkfs.ext4", "-q"], 16, ""));
        let dir = mount.path();
        let mut worker = Worker::start("obey", dir, &[]);
        assert_eq!(worker.order("open"), "done");
        assert_eq!(worker.order("set-count 7"), "done");
        let path = dir.to_str().unwrap();
        mounted!(match over {
            false => run("umount", &["-l", path]),
            true => run("mount", &["-t", "tmpfs", "none", path]),
        });
        for _ in 0..2 {
            assert_eq!(worker.order("set-count 8"), "Replaced");
            assert_eq!(worker.order("count"), "7");
        }
        let told = worker.order("why");
        assert!(told.contains("unmounted"), "{told}");
        assert_eq!(fs::read_dir(dir).unwrap().count(), 0);
        drop(worker);
        if over {
            mounted!(run("umount", &[path]));
        }
    }
}

#[test]
fn a_file_system_that_is_mounted_read_only_is_told_as_that() {
    let mount = mounted!(Mount::in_file(&["mkfs.ext4", "-q"], 16, ""));
    let dir = mount.path().join("db");
    let mut worker = Worker::start("obey", &dir, &[]);
    assert_eq!(worker.order("open"), "done");
    assert_eq!(worker.order("set-count 7"), "done");
    assert_eq!(worker.order("close"), "done");
    let path = mount.path().to_str().unwrap();
    mounted!(run("mount", &["-o", "remount,ro", path]));
    assert_eq!(worker.order("open"), "PermissionDenied");
    let told = worker.order("why");
    assert!(told.contains("is mounted read-only"), "{told}");
    assert!(!told.contains("let this user"), "{told}");
}

/// Needs no other file system, but is of the same kind: the page cannot be written as it is.
#[test]
fn a_lock_file_that_was_cut_off_costs_a_writer_nothing() {
    let folder = folder();
    let mut worker = Worker::start("obey", folder.path(), &[]);
    assert_eq!(worker.order("open"), "done");
    let lock = fs::File::options()
        .write(true)
        .open(folder.path().join("state.lock"));
    lock.unwrap().set_len(0).unwrap();
    assert_eq!(worker.order("set-count 7"), "done");
    assert_eq!(worker.order("count"), "7");
    let mut other = Worker::start("obey", folder.path(), &[]);
    assert_eq!(other.order("open"), "done");
    assert_eq!(other.order("increment"), "done");
    assert_eq!(worker.order("count"), "8");
}

#[test]
fn a_full_btrfs_ends_no_process() {
    let mount = mounted!(Mount::in_file(&["mkfs.btrfs", "-q"], 128, ""));
    fills_up(mount.path());
}

#[test]
fn a_full_quota_group_of_btrfs_ends_no_process() {
    let mount = mounted!(Mount::in_file(&["mkfs.btrfs", "-q"], 256, ""));
    let limited = mount.path().join("limited");
    let path = limited.to_str().unwrap();
    mounted!(
        run(
            "btrfs",
            &["quota", "enable", mount.path().to_str().unwrap()]
        )
        .and_then(|()| run("btrfs", &["subvolume", "create", path]))
        .and_then(|()| run("btrfs", &["qgroup", "limit", "16M", path]))
    );
    fills_up(&limited);
}

#[test]
fn a_full_overlay_above_btrfs_ends_no_process() {
    let below = mounted!(Mount::in_file(&["mkfs.btrfs", "-q"], 128, ""));
    let mount = mounted!(Mount::overlay(below.path()));
    fills_up(mount.path());
}

/// A lock file that shares its block with a copy: the first store into it needs a block of its own.
#[test]
fn a_reflinked_lock_file_on_a_full_xfs_ends_no_process() {
    let mount = mounted!(Mount::in_file(&["mkfs.xfs", "-q"], 320, ""));
    let dir = mount.path().join("db");
    let mut worker = Worker::start("obey", &dir, &[]);
    assert_eq!(worker.order("open"), "done");
    assert_eq!(worker.order("set-count 7"), "done");
    let (lock, copy) = (dir.join("state.lock"), dir.join("copy"));
    mounted!(run(
        "cp",
        &[
            "--reflink=always",
            lock.to_str().unwrap(),
            copy.to_str().unwrap()
        ]
    ));
    fill(mount.path());
    write_back(mount.path());
    for count in 8..20 {
        let outcome = worker.order(&format!("set-count {count}"));
        assert!(outcome == "done" || outcome == "NoSpace", "{outcome}");
    }
    println!("{}", worker.order("why"));
    assert!(worker.order("count").parse::<u64>().unwrap() >= 7);
}

/// What was shown before is shown on, and a write is a typed error.
fn is_gone(worker: &mut Worker) {
    for _ in 0..3 {
        let outcome = worker.order("set-count 9");
        assert!(
            ["Io", "OutcomeUnknown", "Poisoned", "PermissionDenied"].contains(&outcome.as_str()),
            "{outcome}"
        );
        assert_eq!(worker.order("count"), "7");
    }
    println!("{}", worker.order("why"));
}

#[test]
fn a_file_system_that_was_shut_down_ends_no_process() {
    for mkfs in ["mkfs.ext4", "mkfs.xfs"] {
        let mount = mounted!(Mount::in_file(&[mkfs, "-q"], 320, ""));
        let dir = mount.path().join("db");
        let mut worker = Worker::start("obey", &dir, &[]);
        assert_eq!(worker.order("open"), "done");
        assert_eq!(worker.order("set-count 7"), "done");
        write_back(mount.path());
        mounted!(run(
            "xfs_io",
            &["-x", "-c", "shutdown", mount.path().to_str().unwrap()]
        ));
        is_gone(&mut worker);
    }
}

#[test]
fn a_served_file_system_whose_server_is_killed_ends_no_process() {
    let behind = folder();
    let mut mount = mounted!(Mount::served("bindfs", &["-f"], behind.path()));
    let dir = mount.path().join("db");
    let mut worker = Worker::start("obey", &dir, &[]);
    assert_eq!(worker.order("open"), "done");
    assert_eq!(worker.order("set-count 7"), "done");
    let server = mount.server.as_mut().unwrap();
    server.kill().unwrap();
    server.wait().unwrap();
    is_gone(&mut worker);
}

#[test]
fn a_full_ext4_ends_no_process() {
    let mount = mounted!(Mount::in_file(&["mkfs.ext4", "-q"], 16, ""));
    fills_up(mount.path());
}

#[test]
fn a_full_xfs_ends_no_process() {
    let mount = mounted!(Mount::in_file(&["mkfs.xfs", "-q"], 320, ""));
    fills_up(mount.path());
}

/// A store of texts, with entries of these lengths, on a disk that fills up while it is open.
fn with_entries(dir: &Path, lengths: &[usize]) -> PersistentStore<String> {
    let store = PersistentStore::builder("texts").dir(dir).open().unwrap();
    for (number, length) in lengths.iter().enumerate() {
        let write = store.write(number.to_string(), "x".repeat(*length));
        write.durability(Durability::Buffered).wait().unwrap();
    }
    store.sync().wait().unwrap();
    store
}

/// Writes what makes the store larger until there is no room for it.
fn write_until_refused(store: &PersistentStore<String>) {
    for number in 0..10_000 {
        let write = store.write(format!("more {number}"), "y".repeat(90));
        if let Err(error) = write.wait() {
            assert_eq!(error.kind(), ErrorKind::NoSpace, "{error}");
            return;
        }
    }
    panic!("the disk takes everything");
}

/// On a full disk every entry can be removed, one after the other, or all at once, in a store that was
/// open when it filled up and in one that is opened later; and then there is room again.
fn room_is_made(mount: &Path) {
    for (name, lengths) in [
        ("small", vec![10; 1000]),
        ("middle", vec![300; 400]),
        ("large", vec![20_000; 10]),
    ] {
        for at_once in [false, true] {
            for opened_late in [false, true] {
                let what = format!("{name}, all at once: {at_once}, opened late: {opened_late}");
                let dir = mount.join("db");
                let mut store = with_entries(&dir, &lengths);
                if opened_late {
                    drop(store);
                }
                let filler = fill(mount);
                store = PersistentStore::builder("texts").dir(&dir).open().unwrap();
                if !opened_late {
                    write_until_refused(&store);
                }
                write_back(mount);
                if at_once {
                    let cleared = store.clear().wait();
                    cleared.unwrap_or_else(|error| panic!("{what}: {error}"));
                    assert!(store.is_empty());
                } else {
                    for number in 0..lengths.len() {
                        let removed = store.remove(number.to_string()).wait();
                        removed.unwrap_or_else(|error| panic!("{what}, {number}: {error}"));
                    }
                }
                let mut kept: Vec<_> = store.iter().collect();
                if !opened_late || name != "large" {
                    let write = store.write("new", "z".into()).wait();
                    write.unwrap_or_else(|error| panic!("{what}: {error}"));
                    kept.push(("new".into(), "z".into()));
                }
                drop(store);
                let store = PersistentStore::builder("texts").dir(&dir).open().unwrap();
                assert!(!store.recovered().may_have_lost(), "{what}");
                let mut found: Vec<_> = store.iter().collect();
                found.sort();
                kept.sort();
                assert_eq!(found, kept, "{what}");
                drop(store);
                fs::remove_file(filler).unwrap();
                fs::remove_dir_all(&dir).unwrap();
                write_back(mount);
            }
        }
    }
}

#[test]
fn a_user_can_make_room_on_a_full_ext4_by_removing_from_the_store() {
    let mount = mounted!(Mount::in_file(&["mkfs.ext4", "-q"], 16, ""));
    room_is_made(mount.path());
}

#[test]
fn a_user_can_make_room_on_a_full_xfs_by_removing_from_the_store() {
    let mount = mounted!(Mount::in_file(&["mkfs.xfs", "-q"], 320, ""));
    room_is_made(mount.path());
}

#[test]
fn a_user_can_make_room_on_a_full_tmpfs_by_removing_from_the_store() {
    let mount = mounted!(Mount::in_memory(4));
    room_is_made(mount.path());
}

/// Many writes in one process, each read at once in another one: how many of the reads were stale.
fn stale_reads(dir: &Path) -> usize {
    let (mut one, mut other) = (
        Worker::start("obey", dir, &[]),
        Worker::start("obey", dir, &[]),
    );
    assert_eq!(
        (one.order("open"), other.order("open")),
        ("done".into(), "done".into())
    );
    (1..=300)
        .filter(|count| {
            assert_eq!(one.order(&format!("set-count {count}")), "done");
            other.order("count") != count.to_string()
        })
        .count()
}

#[test]
fn one_mount_of_a_served_file_system_is_as_fresh_as_a_disk() {
    let behind = folder();
    let mount = mounted!(Mount::served("bindfs", &["-f"], behind.path()));
    assert_eq!(stale_reads(&mount.path().join("db")), 0);
}

/// What a service is told of a store that it opens, creating it or not.
fn told_of_modes(dir: &Path) -> Vec<Condition> {
    let opened = State::builder().dir(dir).open().unwrap();
    opened.set_count(7).wait().unwrap();
    opened.health()
}

#[test]
fn a_file_system_that_shows_every_file_to_everybody_is_told() {
    let mount = mounted!(Mount::ntfs(16));
    let dir = mount.path().join("db");
    for _ in 0..2 {
        let told = told_of_modes(&dir);
        let [Condition::NotPrivate { path, mode, .. }] = &told[..] else {
            panic!("{told:?}");
        };
        assert_eq!((path, *mode), (&dir.join("state.db"), 0o777));
        assert!(told[0].to_string().contains("0777"), "{}", told[0]);
    }
}

#[test]
#[cfg(unix)]
fn a_store_that_its_owner_shares_with_a_group_is_well() {
    use std::os::unix::fs::PermissionsExt;

    let folder = folder();
    assert!(told_of_modes(folder.path()).is_empty());
    for file in ["state.db", "state.cache.db", "state.lock"] {
        let path = folder.path().join(file);
        fs::set_permissions(path, fs::Permissions::from_mode(0o660)).unwrap();
    }
    assert!(told_of_modes(folder.path()).is_empty());
}

/// How locks and caches of a view of a directory are served.
const BY_DEFAULT: &[&str] = &["-f"];
const FORWARDED: &[&str] = &["-f", "--enable-lock-forwarding", "--multithreaded"];

/// What became of increments by processes that use one directory under several paths at the same time, two
/// for each path: how many were acknowledged, and how many refused since the lock excludes nobody. Whatever
/// was acknowledged is there afterwards, under each path, and opening has nothing to put right.
fn count_up_under(paths: &[&Path], times: u64) -> (u64, u64) {
    let mut workers: Vec<Worker> = paths
        .iter()
        .chain(paths)
        .map(|path| Worker::start("count-up", path, &[&times.to_string()]))
        .collect();
    for worker in &mut workers {
        assert_eq!(worker.line().as_deref(), Some("ready"));
    }
    for worker in &mut workers {
        let stdin = worker.child.stdin.as_mut().unwrap();
        std::io::Write::write_all(stdin, b"go\n").unwrap();
    }
    let (mut acknowledged, mut refused) = (0, 0);
    for worker in workers {
        let told = worker.finish();
        println!("{told:?}");
        let told: Vec<&str> = told[0].split(' ').collect();
        let [there, not, end] = told[..] else {
            panic!("{told:?}");
        };
        assert_eq!(end, "done");
        acknowledged += there.parse::<u64>().unwrap();
        refused += not.parse::<u64>().unwrap();
    }
    for path in paths {
        let store = State::builder().dir(path).open().unwrap();
        assert_eq!(store.count(), acknowledged, "{}", path.display());
        assert_eq!(store.recovered().repairs(), []);
        drop(store);
    }
    println!("{acknowledged} acknowledged, {refused} refused");
    (acknowledged, refused)
}

#[test]
fn two_mounts_whose_locks_exclude_nobody_lose_nothing_that_was_acknowledged() {
    let behind = folder();
    let one = mounted!(Mount::served("bindfs", BY_DEFAULT, behind.path()));
    let other = mounted!(Mount::served("bindfs", BY_DEFAULT, behind.path()));
    let (acknowledged, _) =
        count_up_under(&[&one.path().join("db"), &other.path().join("db")], 300);
    assert!(acknowledged > 0);
}

#[test]
fn two_mounts_whose_locks_exclude_refuse_nothing() {
    let behind = folder();
    let one = mounted!(Mount::served("bindfs", FORWARDED, behind.path()));
    let other = mounted!(Mount::served("bindfs", FORWARDED, behind.path()));
    let paths = [&*one.path().join("db"), &*other.path().join("db")];
    assert_eq!(count_up_under(&paths, 150), (600, 0));
}

#[test]
fn a_mount_beside_its_directory_loses_nothing_that_was_acknowledged() {
    let behind = folder();
    let mount = mounted!(Mount::served("bindfs", BY_DEFAULT, behind.path()));
    let (acknowledged, _) =
        count_up_under(&[&mount.path().join("db"), &behind.path().join("db")], 300);
    assert!(acknowledged > 0);
}

#[test]
fn a_mount_that_hands_locks_on_and_its_directory_refuse_nothing() {
    let behind = folder();
    let mount = mounted!(Mount::served("bindfs", FORWARDED, behind.path()));
    let paths = [&*mount.path().join("db"), &*behind.path().join("db")];
    assert_eq!(count_up_under(&paths, 150), (600, 0));
}

/// Both views of a directory, the first by a file server whose locks exclude nobody but its own, and what has
/// to be kept for as long as they are used.
fn both_views() -> Result<([PathBuf; 2], impl Sized), String> {
    let behind = folder();
    let mount = Mount::served("bindfs", BY_DEFAULT, behind.path())?;
    let paths = [mount.path().join("db"), behind.path().join("db")];
    Ok((paths, (mount, behind)))
}

#[test]
fn a_holder_in_one_view_is_a_typed_error_in_the_other_where_reads_go_on() {
    let ([served, behind], _kept) = mounted!(both_views());
    for (one, other) in [(&served, &behind), (&behind, &served)] {
        let opened = State::builder().dir(other).open().unwrap();
        opened.set_count(7).wait().unwrap();
        let mut holder = Worker::start("hold-the-lock", one, &[]);
        assert_eq!(holder.line().as_deref(), Some("held"));
        let error = opened.set_count(8).wait().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LockDoesNotExclude, "{error}");
        let pid = format!("process {}", holder.child.id());
        assert!(error.to_string().contains(&pid), "{error}");
        assert_eq!(opened.count(), 7);
        let told = opened.health();
        let [Condition::LockDoesNotExclude { error, .. }] = &told[..] else {
            panic!("{told:?}");
        };
        assert_eq!(error.kind(), ErrorKind::LockDoesNotExclude);
        // Nor is it opened anew, by a process that would put right what it finds.
        let mut late = Worker::start("obey", other, &[]);
        assert_eq!(late.order("open"), "LockDoesNotExclude");
        holder.finish();
        opened.update_count(|count| *count += 1).wait().unwrap();
        assert_eq!(opened.count(), 9);
    }
}

#[test]
fn a_holder_that_was_killed_in_one_view_keeps_nobody_out_in_the_other() {
    let ([served, behind], _kept) = mounted!(both_views());
    for (one, other) in [(&served, &behind), (&behind, &served)] {
        let opened = State::builder().dir(other).open().unwrap();
        opened.set_count(7).wait().unwrap();
        let mut holder = Worker::start("hold-the-lock", one, &[]);
        assert_eq!(holder.line().as_deref(), Some("held"));
        holder.kill();
        opened.update_count(|count| *count += 1).wait().unwrap();
        assert_eq!(opened.count(), 8);
    }
}

/// Nobody asked it for a mark when it took the lock, so the other one waits for it.
#[test]
fn a_view_that_comes_into_use_while_the_lock_is_held_in_another_one_is_refused() {
    let ([served, behind], _kept) = mounted!(both_views());
    let mut holder = Worker::start("hold-the-lock", &behind, &[]);
    assert_eq!(holder.line().as_deref(), Some("held"));
    let open = |timeout| State::builder().dir(&served).lock_timeout(timeout).open();
    let error = open(Duration::from_millis(50)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LockDoesNotExclude, "{error}");
    holder.finish();
    assert_eq!(open(Duration::from_secs(60)).unwrap().count(), 1);
}

/// Also where the log is written anew in one view, and the system still knows the old one by name in the other.
#[test]
fn two_views_that_write_by_turns_refuse_nothing_and_lose_nothing() {
    let ([served, behind], _kept) = mounted!(both_views());
    let below = behind.parent().unwrap();
    let second = mounted!(Mount::served("bindfs", BY_DEFAULT, below));
    let third = second.path().join("db");
    let mut workers =
        [&served, &behind, &third].map(|path| (path, Worker::start("obey", path, &[])));
    for (_, worker) in &mut workers {
        assert_eq!(worker.order("open"), "done");
    }
    let mut count = 0;
    for round in 0..20 {
        for (path, worker) in &mut workers {
            for _ in 0..=round % 3 {
                assert_eq!(worker.order("increment"), "done");
                count += 1;
                assert_eq!(worker.order("count"), count.to_string());
            }
            if round % 2 == 0 {
                Worker::start("compact", path, &[&count.to_string()]).finish();
            }
            if round % 5 == 4 {
                assert_eq!(worker.order("close"), "done");
                assert_eq!(worker.order("open"), "done");
                assert_eq!(worker.order("count"), count.to_string());
            }
        }
    }
    drop(workers);
    for path in [&served, &behind, &third] {
        let store = State::builder().dir(path).open().unwrap();
        assert_eq!(store.count(), count);
        assert_eq!(store.recovered().repairs(), []);
    }
}

#[test]
fn what_one_view_acknowledges_the_other_one_reads_at_its_poll() {
    let ([served, behind], _kept) = mounted!(both_views());
    let open = |dir| {
        let poll = Duration::from_millis(5);
        State::builder().dir(dir).poll(poll).open().unwrap()
    };
    let (one, other) = (open(&served), open(&behind));
    let (mut in_one, mut in_other) = (one.watch_count(), other.watch_count());
    let long = Duration::from_secs(60);
    for round in 0..20 {
        one.set_count(2 * round + 1).wait().unwrap();
        while in_other.wait(long).unwrap().unwrap() < 2 * round + 1 {}
        other.set_count(2 * round + 2).wait().unwrap();
        while in_one.wait(long).unwrap().unwrap() < 2 * round + 2 {}
    }
}

/// Processes in a directory and in an overlay above it share the page, and not the locks: such an overlay with a
/// store, and the path of the store in each, with what has to be kept.
fn overlay_and_upper() -> Result<([PathBuf; 2], impl Sized), String> {
    let layers = Mount::in_file(&["mkfs.ext4", "-q"], 64, "")?;
    let mount = Mount::overlay(layers.path())?;
    let paths = [mount.path().join("db"), layers.path().join("upper/db")];
    let store = State::builder().dir(&paths[0]).open().unwrap();
    store.set_count(0).wait().unwrap();
    Ok((paths, (mount, layers)))
}

#[test]
fn an_overlay_beside_its_upper_directory_loses_nothing_that_was_acknowledged() {
    let ([above, below], _kept) = mounted!(overlay_and_upper());
    let (acknowledged, _) = count_up_under(&[&above, &below], 300);
    assert!(acknowledged > 0);
}

/// The second process cannot know whether the first one will go on; the first one is told when it does.
#[test]
fn a_holder_in_an_overlay_writes_nothing_over_what_was_written_below_meanwhile() {
    let ([above, below], _kept) = mounted!(overlay_and_upper());
    let opened = State::builder().dir(&below).open().unwrap();
    let mut holder = Worker::start("hold-the-lock", &above, &[]);
    assert_eq!(holder.line().as_deref(), Some("held"));
    opened.set_count(8).wait().unwrap();
    drop(holder.child.stdin.take());
    assert!(!holder.child.wait().unwrap().success());
    opened.update_count(|count| *count += 1).wait().unwrap();
    assert_eq!(opened.count(), 9);
}
