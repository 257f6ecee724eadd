//! Why the lock is not taken, or keeps nobody out.

use std::{fmt, path::Path, time::Duration};

use super::{Error, ErrorKind, engine::OPEN_AGAIN};

/// Who has the lock that another process waits for, and for how long.
#[derive(Debug)]
pub(crate) enum Holder {
    Unknown,
    Process(u32, Duration),
    /// A lock goes with an open file, which a fork hands on. Only a process of another container has a pid
    /// that nobody has here.
    GoneProcess(u32, Duration),
}

pub(crate) fn timed_out(path: &Path, timeout: Duration, holder: &Holder) -> Error {
    let waited = format!("timed out after {} waiting for the lock", Seconds(timeout));
    let what = match holder {
        Holder::Unknown => format!("{waited}; another process holds it"),
        Holder::Process(pid, since) => {
            format!(
                "{waited}; process {pid} has held it for {}",
                Seconds(*since)
            )
        }
        Holder::GoneProcess(pid, since) => format!(
            "{waited}; process {pid} took it {} ago and is gone, so a child that it forked holds it, or a process of another container",
            Seconds(*since)
        ),
    };
    Error::new(ErrorKind::LockTimeout, what)
        .nothing_written()
        .help("try again, look at that process, or raise the lock time-out; never delete the lock file")
        .path(path)
}

/// This process has the lock, and so has that one; 0: nobody knows which.
pub(crate) fn does_not_exclude(path: &Path, pid: u32) -> Error {
    let who = match pid {
        0 => "another process".to_owned(),
        pid => format!("process {pid}"),
    };
    Error::new(
        ErrorKind::LockDoesNotExclude,
        format!("the lock does not exclude: {who} uses the store at the same time, through another view of the directory"),
    )
    .nothing_written()
    .help("let all processes use the directory through one mount, or mount it such that it hands locks on (bindfs: `--enable-lock-forwarding`)")
    .path(path)
}

/// Another file system stands at the directory's path.
pub(crate) fn on_another_file_system(dir: &Path) -> Error {
    Error::new(
        ErrorKind::Replaced,
        "the directory is on another file system than when the store was opened: it was unmounted, or another one was mounted over it",
    )
    .nothing_written()
    .help(format!("mount it again, then {OPEN_AGAIN}"))
    .path(dir)
}

/// Nothing stands at the directory's path.
pub(crate) fn directory_is_gone(dir: &Path) -> Error {
    Error::new(
        ErrorKind::Replaced,
        "the directory is not there any more: it was moved or deleted while the store was open",
    )
    .nothing_written()
    .help(format!(
        "put it back, or copy what `snapshot` shows, then {OPEN_AGAIN}"
    ))
    .path(dir)
}

super::system::refusals! {
    cannot_be_taken: "the lock cannot be taken";
    holders_unknown: "it cannot be found out who else has the lock";
    no_room_for_page: "the disk has no room for the shared page";
}

/// A time as a person reads it.
struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs_f64();
        match self.0.subsec_millis() {
            0 if self.0 >= Duration::from_secs(1) => write!(f, "{seconds:.0} s"),
            _ if self.0 >= Duration::from_secs(1) => write!(f, "{seconds:.1} s"),
            milliseconds => write!(f, "{milliseconds} ms"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_out_tells_who_holds_the_lock_and_for_how_long() {
        let path = Path::new("state.lock");
        let told =
            |timeout, holder| timed_out(path, Duration::from_millis(timeout), &holder).to_string();
        let since = Duration::from_millis(3_210);
        let error = told(5_000, Holder::Process(7, since));
        assert_eq!(
            error,
            "state.lock: timed out after 5 s waiting for the lock; process 7 has held it for 3.2 s; nothing was written; try again, look at that process, or raise the lock time-out; never delete the lock file"
        );
        let error = told(200, Holder::GoneProcess(7, since));
        assert!(error.contains("after 200 ms"), "{error}");
        assert!(error.contains("process 7 took it 3.2 s ago"), "{error}");
        let error = told(0, Holder::Unknown);
        assert!(error.contains("after 0 ms"), "{error}");
        assert!(error.contains("another process holds it"), "{error}");
    }
}
