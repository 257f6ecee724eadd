//! The other process of a test: does as its arguments say, and tells on stdout what it did.

use std::{
    error::Error,
    io::{Write, stdin, stdout},
    mem::take,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicU64},
    thread,
    time::Duration,
};

use worsen::{Durability, ErrorKind, Import, Options, PersistentStore, Store};
use worsen_tests::{
    Jobs, Server, State, Tidied,
    torture::work::{Work, work},
};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["increment", dir, threads, times] => {
            increment(Path::new(dir), threads.parse()?, times.parse()?)
        }
        ["count-up", dir, times] => count_up(Path::new(dir), times.parse()?),
        ["write-until-killed", dir, threads, length] => {
            write_until_killed(Path::new(dir), threads.parse()?, length.parse()?)
        }
        ["tidy-up", dir, until] => tidy_up(Path::new(dir), until.parse()?),
        ["watch", dir, until] => watch(Path::new(dir), until.parse()?),
        ["set-note", dir, note] => {
            let store = State::builder().dir(dir).open()?;
            store.set_note(note.to_owned()).wait()?;
            Ok(())
        }
        ["print", dir] => {
            let store = State::builder().dir(dir).open()?;
            println!("{} {}", store.count(), store.note());
            Ok(())
        }
        ["write-and-say", dir] => write_and_say(Path::new(dir)),
        ["at-home"] => at_home(),
        ["detach-and-end", dir, how, count] => {
            worsen_tests::ending::detach_and_end(Path::new(dir), how, count.parse()?)
        }
        ["set-note-unshared", dir, note] => {
            let store = State::builder().dir(dir).shared_memory(false).open()?;
            store.set_note(note.to_owned()).wait()?;
            Ok(())
        }
        ["fork", dir] => fork(Path::new(dir)),
        ["import-confy", dir] => import(Path::new(dir), Import::confy("My App", None)),
        ["import-toml", dir, from] => import(Path::new(dir), Import::toml(from)),
        ["obey", dir] => obey(Path::new(dir)),
        ["hold-the-lock-with-child", dir] => hold_the_lock_with_child(Path::new(dir)),
        ["hold-the-lock-in-a-fork", dir] => hold_the_lock_in_a_fork(Path::new(dir)),
        ["hold-the-lock", dir] => hold_the_lock(Path::new(dir)),
        ["compact", dir, count] => compact(Path::new(dir), count.parse()?),
        ["take-turns", dir, durability] => take_turns(Path::new(dir), durability),
        ["peak", dir] => peak(Path::new(dir)),
        ["serve", dir] => serve(Path::new(dir)),
        ["torture", dir, journal, number, threads, acts, seed] => work(Work {
            dir: dir.into(),
            journal: journal.into(),
            number: number.parse()?,
            threads: threads.parse()?,
            acts: acts.parse()?,
            seed: seed.parse()?,
        }),
        ["push-jobs", dir, count] => {
            let store = Jobs::builder().dir(dir).open()?;
            for job in 0..count.parse()? {
                store.work(|state| &state.jobs).push(job).wait()?;
            }
            Ok(())
        }
        ["take-one", dir, lease] => take_one(Path::new(dir), lease.parse()?, false),
        ["hold-one", dir, lease] => take_one(Path::new(dir), lease.parse()?, true),
        ["work-off", dir, threads] => work_off(Path::new(dir), threads.parse()?),
        _ => Err(format!("no such job: {arguments:?}").into()),
    }
}

/// Begins a store with what another program left, and tells what it holds and where that was.
fn import(dir: &Path, from: Import) -> Result<(), Box<dyn Error>> {
    let store = State::builder().dir(dir).import_once(from).open()?;
    let source = store.imported().and_then(|imported| imported.source());
    let source = source.map_or_else(String::new, |source| source.display().to_string());
    println!("{} {source}", store.count());
    Ok(())
}

/// Opens a store that the environment overrides, does as each line says, and prints what it reads then.
fn serve(dir: &Path) -> Result<(), Box<dyn Error>> {
    let store = match Server::builder().dir(dir).open() {
        Ok(store) => store,
        Err(error) => {
            println!("{:?}: {error}", error.kind());
            return Ok(());
        }
    };
    let mut watch = store.watch_port();
    for line in stdin().lines() {
        let line = line?;
        let (order, rest) = line.split_once(' ').unwrap_or((&line, ""));
        match order {
            "set-port" => store.set_port(rest.parse()?).wait()?,
            "next-port" => store.update_port(|port| *port += 1).wait()?,
            "set-note" => {
                let note = rest.to_owned();
                store.update(|server| server.note = note).wait()?;
            }
            _ => {}
        }
        let state = store.snapshot();
        let told = watch.wait(Duration::ZERO).transpose()?;
        println!(
            "{} {} {} {:?} {told:?}",
            store.port(),
            state.port,
            state.note,
            store.source_of("port")
        );
    }
    Ok(())
}

#[derive(Store)]
#[store(name = "data", dir = app("com", "Example", "Notes"))]
struct Data {
    count: u64,
}

#[derive(Store)]
#[store(name = "settings", dir = config("com", "Example", "Notes"))]
struct Settings {
    count: u64,
}

/// Opens a store in each of the platform's folders, and tells where they are.
fn at_home() -> Result<(), Box<dyn Error>> {
    let (data, settings) = (Data::open()?, Settings::open()?);
    data.set_count(1).wait()?;
    settings.set_count(2).wait()?;
    for path in [data.path(), settings.path()].into_iter().flatten() {
        println!("{}", path.display());
    }
    println!("{}", worsen::app_dir("com", "Example", "Notes")?.display());
    println!(
        "{}",
        worsen::config_dir("com", "Example", "Notes")?.display()
    );
    Ok(())
}

/// Threads that increment one counter.
fn increment(dir: &Path, threads: usize, times: usize) -> Result<(), Box<dyn Error>> {
    let store = State::builder()
        .dir(dir)
        .lock_timeout(Duration::from_secs(60))
        .open()?;
    in_threads(threads, || {
        for _ in 0..times {
            store.update_count(|count| *count += 1).wait()?;
        }
        Ok(())
    })
}

/// Opens, waits for a line on stdin, increments the counter so many times, and prints how many of them were
/// acknowledged, how many were refused since the lock excludes nobody, and the kind of any other error, which
/// ends it.
fn count_up(dir: &Path, times: usize) -> Result<(), Box<dyn Error>> {
    let open = || {
        State::builder()
            .dir(dir)
            .lock_timeout(Duration::from_secs(60))
            .open()
    };
    let (mut acknowledged, mut refused) = (0, 0);
    let store = loop {
        match open() {
            Ok(store) => break store,
            Err(error) if error.kind() == ErrorKind::LockDoesNotExclude => refused += 1,
            Err(error) => return Err(error.into()),
        }
    };
    println!("ready");
    stdin().read_line(&mut String::new())?;
    let mut end = "done".to_owned();
    for _ in 0..times {
        match store.update_count(|count| *count += 1).wait() {
            Ok(()) => acknowledged += 1,
            Err(error) if error.kind() == ErrorKind::LockDoesNotExclude => refused += 1,
            Err(error) => {
                eprintln!("{error}");
                end = format!("{:?}", error.kind());
                break;
            }
        }
    }
    println!("{acknowledged} {refused} {end}");
    Ok(())
}

/// Does it in so many threads, and ends with the first of their errors.
fn in_threads(
    threads: usize,
    job: impl Fn() -> Result<(), worsen::Error> + Sync,
) -> Result<(), Box<dyn Error>> {
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(&job)).collect();
        for worker in workers {
            match worker.join() {
                Ok(outcome) => outcome?,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok(())
    })
}

/// Threads that each write 0, 1, 2 … under a uid of their own, and tell of each acknowledgement on
/// stdout, until somebody kills them.
fn write_until_killed(dir: &Path, threads: usize, length: usize) -> Result<(), Box<dyn Error>> {
    let options = Options {
        is_debug: false,
        db_dir: PathBuf::from(dir),
    };
    let store = PersistentStore::<(u64, String)>::new("killed", options)?;
    thread::scope(|scope| {
        for thread in 0..threads {
            let store = &store;
            scope.spawn(move || -> Result<(), worsen::Error> {
                let uid = format!("writer-{thread}");
                let first = store.read(&uid).map_or(0, |(last, _)| last + 1);
                for number in first.. {
                    let text = "x".repeat(length);
                    store.write(uid.as_str(), (number, text)).wait()?;
                    // One write call a line: lines of threads do not mix, and none is half there.
                    let line = format!("{uid} {number}\n");
                    if stdout().lock().write_all(line.as_bytes()).is_err() {
                        break;
                    }
                }
                Ok(())
            });
        }
    });
    Ok(())
}

/// Builds the map again at every commit, as often as it is woken, and tells of each; ends with this count,
/// or after a thousand commits.
fn tidy_up(dir: &Path, until: u64) -> Result<(), Box<dyn Error>> {
    let store = Tidied::builder().dir(dir).open()?;
    let mut changes = store.changes(store.revision())?;
    println!("ready");
    for _ in 0..1000 {
        let Some(change) = changes.wait(Duration::from_secs(60)) else {
            return Err("a commit was missed".into());
        };
        let revision = change?.revision();
        // A map of its own has an order of its own.
        store
            .update_users(|users| *users = take(users).into_iter().collect())
            .wait()?;
        // Once the line is out, the test may write the next count at any time.
        let ends = store.count() >= until;
        println!("{revision}");
        if ends {
            break;
        }
    }
    Ok(())
}

/// Prints every count that a watch tells of, until it has told of this one.
fn watch(dir: &Path, until: u64) -> Result<(), Box<dyn Error>> {
    let store = State::builder().dir(dir).open()?;
    let mut watch = store.watch_count();
    println!("ready");
    while let Some(count) = watch.wait(Duration::from_secs(60)) {
        let count = count?;
        println!("{count}");
        if count >= until {
            return Ok(());
        }
    }
    Err("the last change was missed".into())
}

/// Does what each line on stdin says, and prints what came of it: the kind of the error where it failed, of
/// which `why` then says more.
fn obey(dir: &Path) -> Result<(), Box<dyn Error>> {
    let mut store = None;
    let mut why = String::new();
    for line in stdin().lines() {
        let line = line?;
        let (order, rest) = line.split_once(' ').unwrap_or((&line, ""));
        let outcome = match (order, &store) {
            ("open", _) => State::builder()
                .dir(dir)
                .poll(Duration::from_secs(3600))
                .open()
                .map(|opened| store = Some(opened)),
            ("close", _) => {
                store = None;
                Ok(())
            }
            ("why", _) => {
                println!("{why}");
                continue;
            }
            (_, None) => return Err("nothing is open".into()),
            ("count", Some(store)) => {
                println!("{}", store.count());
                continue;
            }
            ("health", Some(store)) => {
                let name = |condition| {
                    let told = format!("{condition:?}");
                    told.split(' ').next().unwrap_or_default().to_owned()
                };
                let names: Vec<String> = store.health().iter().map(name).collect();
                println!("{}", names.join(" "));
                continue;
            }
            ("revision", Some(store)) => {
                println!("{}", store.revision());
                continue;
            }
            ("set-count", Some(store)) => store.set_count(rest.parse()?).wait(),
            ("limit-files", Some(_)) => {
                // The lowest number that is free, so that no file gets one.
                let free = std::fs::File::open("/dev/null")?;
                let most = std::os::fd::AsRawFd::as_raw_fd(&free) as u64;
                let files = rustix::process::Resource::Nofile;
                let limit = rustix::process::Rlimit {
                    current: Some(most),
                    ..rustix::process::getrlimit(files)
                };
                rustix::process::setrlimit(files, limit)?;
                println!("done");
                continue;
            }
            ("increment", Some(store)) => store.update_count(|count| *count += 1).wait(),
            ("set-note", Some(store)) => store.set_note("x".repeat(rest.parse()?)).wait(),
            _ => return Err(format!("no such order: {line}").into()),
        };
        match outcome {
            Ok(()) => println!("done"),
            Err(error) => {
                why = error.to_string();
                println!("{:?}", error.kind());
            }
        }
    }
    Ok(())
}

/// Holds the lock by sleeping in the closure of a write, until stdin is closed.
fn hold_the_lock(dir: &Path) -> Result<(), Box<dyn Error>> {
    let store = State::builder().dir(dir).open()?;
    store
        .update_count(|count| {
            *count += 1;
            println!("held");
            let mut line = String::new();
            // Whatever comes, or nothing: the closure ends.
            drop(stdin().read_line(&mut line));
        })
        .wait()?;
    Ok(())
}

/// Sets the count, and then compacts the log, whatever its length.
fn compact(dir: &Path, count: u64) -> Result<(), Box<dyn Error>> {
    let store = State::builder()
        .dir(dir)
        .compact_above(Arc::new(AtomicU64::new(0)))
        .open()?;
    store.set_count(count).wait()?;
    // A write compacts before it appends, so there is one thing in the log and one behind that.
    store.set_note("compacted".into()).wait()?;
    Ok(())
}

/// For each line on stdin: reads the count, writes one more, and prints both.
fn take_turns(dir: &Path, durability: &str) -> Result<(), Box<dyn Error>> {
    let durability = match durability {
        "synced" => Durability::Synced,
        "buffered" => Durability::Buffered,
        _ => return Err(format!("no such durability: {durability}").into()),
    };
    let store = State::builder().dir(dir).durability(durability).open()?;
    for line in stdin().lines() {
        line?;
        let count = store.count();
        store.set_count(count + 1).wait()?;
        println!("{count} {}", count + 1);
    }
    Ok(())
}

/// Opens a store, and prints what came of it and the most memory that this process has used, in KiB.
fn peak(dir: &Path) -> Result<(), Box<dyn Error>> {
    match State::builder().dir(dir).open() {
        Ok(_) => println!("opened"),
        Err(error) => println!("{:?}", error.kind()),
    }
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .ok_or("no peak in /proc/self/status")?;
    println!("{}", peak.trim().trim_end_matches("kB").trim());
    Ok(())
}

/// Forks with the store open, and prints what the handle does in the child, then in the parent.
fn fork(dir: &Path) -> Result<(), Box<dyn Error>> {
    let store = State::builder().dir(dir).open()?;
    store.set_count(1).wait()?;
    let mut watch = store.watch_count();
    #[expect(unsafe_code, reason = "there is no safe way to fork")]
    // SAFETY: the child uses this thread alone, and the allocator, which can be used after a fork.
    let child = unsafe { libc::fork() };
    match child {
        -1 => Err(std::io::Error::last_os_error().into()),
        0 => {
            let refused = store.set_count(2).wait().err();
            let refused = refused.map(|error| (error.kind(), error.effect()));
            println!("{refused:?} {}", store.count());
            println!(
                "{:?}",
                pollster::block_on(store.sync())
                    .err()
                    .map(|error| error.kind())
            );
            println!("{:?}", watch.wait(Duration::ZERO).transpose()?);
            drop((watch, store));
            let own = State::builder().dir(dir).open()?;
            own.update_count(|count| *count += 10).wait()?;
            println!("{}", own.count());
            drop(own);
            std::process::exit(0);
        }
        _ => {
            // While the child lives, and after it has ended.
            store.update_count(|count| *count += 100).wait()?;
            let mut status = 0;
            #[expect(unsafe_code, reason = "the child is not one of std's")]
            // SAFETY: the pointer is to a local variable.
            let waited = unsafe { libc::waitpid(child, &mut status, 0) };
            if waited != child || status != 0 {
                return Err(format!("the child ended with {status}").into());
            }
            store.update_count(|count| *count += 1000).wait()?;
            println!("{}", store.count());
            Ok(())
        }
    }
}

/// Holds the lock, with another program started meanwhile.
fn hold_the_lock_with_child(dir: &Path) -> Result<(), Box<dyn Error>> {
    let store = State::builder().dir(dir).open()?;
    store
        .update_count(|_| {
            let child = std::process::Command::new("sleep").arg("60").spawn();
            match child {
                Ok(child) => println!("{}", child.id()),
                Err(error) => println!("no child: {error}"),
            }
            let mut line = String::new();
            // Until it is killed.
            drop(stdin().read_line(&mut line));
        })
        .wait()?;
    Ok(())
}

/// Holds the lock, forks, and is killed: the child has the lock until stdin is closed.
fn hold_the_lock_in_a_fork(dir: &Path) -> Result<(), Box<dyn Error>> {
    let store = State::builder().dir(dir).open()?;
    store
        .update_count(|_| {
            #[expect(unsafe_code, reason = "there is no safe way to fork")]
            // SAFETY: the child uses this thread alone, and the allocator, which can be used after a fork.
            let child = unsafe { libc::fork() };
            if child > 0 {
                std::process::abort();
            }
            println!("held");
            let mut line = String::new();
            drop(stdin().read_line(&mut line));
            std::process::exit(0);
        })
        .wait()?;
    Ok(())
}

/// Takes a job, and prints its number and which try it is. Acknowledges it at the next line on stdin,
/// and prints what that said.
fn take_one(dir: &Path, lease: u64, extends: bool) -> Result<(), Box<dyn Error>> {
    let store = Jobs::builder().dir(dir).open()?;
    // Some job is always the one whose takers are all killed: that is not the job's fault.
    let mut work = store.work(|state| &state.jobs).max_tries(u32::MAX);
    if extends {
        work = work.auto_extend(Duration::MAX);
    }
    let lease = Duration::from_millis(lease);
    let taken = work
        .wait(lease, Duration::from_secs(60))?
        .ok_or("no job came")?;
    println!("{} {}", taken.id(), taken.tries());
    let mut line = String::new();
    stdin().read_line(&mut line)?;
    println!("{}", taken.ack().wait()?);
    Ok(())
}

/// Threads that take jobs until there are none, and print each one that they have acknowledged.
fn work_off(dir: &Path, threads: usize) -> Result<(), Box<dyn Error>> {
    let store = Jobs::builder()
        .dir(dir)
        .lock_timeout(Duration::from_secs(60))
        .open()?;
    let work = store.work(|state| &state.jobs);
    in_threads(threads, || {
        while let Some(taken) = work.wait(Duration::from_secs(3600), Duration::ZERO)? {
            let is_mine = taken.ack().wait()?;
            println!("{} {} {} {is_mine}", taken.id(), *taken, taken.tries());
        }
        Ok(())
    })
}

/// Writes in each way, and lets a write fail, so that the store has something to say.
fn write_and_say(dir: &Path) -> Result<(), Box<dyn Error>> {
    let builder = State::builder().dir(dir).debug(true);
    let store = builder.max_commit_bytes(100).open()?;
    store.set_note("x".repeat(1000)).detach();
    store.update_count(|count| *count += 1).detach();
    pollster::block_on(store.update_count(|count| *count += 1))?;
    store.update_count(|count| *count += 1).wait()?;
    Ok(())
}
