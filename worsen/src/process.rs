//! The identity of a process, whether it still runs, and what time it is there. No other room asks the system for
//! other processes. Never here: what follows from the answers.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock},
    time::{Duration, Instant, SystemTime},
};

use crate::loom::Unpoisoned;

/// A process. Two processes are never the same one, also when the second has the pid of the first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(
    not(any(test, feature = "testing")),
    expect(
        unreachable_pub,
        reason = "only tests of worsen itself put others in its place"
    )
)]
pub struct ProcessId {
    /// Its pid.
    pub pid: u32,
    /// When it was started, as the system counts. `None`: nobody can tell whether it runs.
    pub started: Option<u64>,
    /// Where its pid means something: the machine since its start, and the namespaces. Elsewhere nobody
    /// can tell whether it runs.
    pub on: Option<Arc<str>>,
}

impl ProcessId {
    /// Whether this one can tell if the other one runs.
    pub(crate) fn can_judge(&self, other: &ProcessId) -> bool {
        self != other && self.on.is_some() && self.on == other.on && other.started.is_some()
    }
}

/// What a work queue asks of the system. Tests answer in its place.
#[cfg_attr(
    not(any(test, feature = "testing")),
    expect(
        unreachable_pub,
        reason = "only worsen's own tests put one in its place"
    )
)]
pub trait Environment: Send + Sync {
    /// The wall clock.
    fn now(&self) -> SystemTime;
    /// How long it is since the start of the machine, with the time that it slept. It never goes back,
    /// and is the same for all processes with this [`ProcessId::on`]. `None`: it is not known.
    fn uptime(&self) -> Option<Duration> {
        None
    }
    /// This process.
    fn me(&self) -> &ProcessId;
    /// Whether it is certain that this process has ended.
    fn is_gone(&self, process: &ProcessId) -> bool;
}

/// The system itself.
pub(crate) struct System {
    me: ProcessId,
    /// What was found out. A process that is gone stays so; one that was there is looked for again after a while.
    found: Mutex<HashMap<ProcessId, Found>>,
}

enum Found {
    Gone,
    There(Instant),
}

impl System {
    /// A process that was there is taken to be there for so long: takes come often, and wait for the answer.
    const BELIEVED: Duration = Duration::from_secs(1);

    /// It remembers so many processes at most.
    const REMEMBERED_PROCESSES: usize = 1024;

    /// For those who ask for nothing but the time, and do not need an own memory of other processes.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<System> = OnceLock::new();
        SHARED.get_or_init(System::new)
    }

    pub(crate) fn new() -> Self {
        System {
            me: os::me(),
            found: Mutex::new(HashMap::new()),
        }
    }
}

impl Environment for System {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn uptime(&self) -> Option<Duration> {
        os::uptime()
    }

    fn me(&self) -> &ProcessId {
        &self.me
    }

    fn is_gone(&self, process: &ProcessId) -> bool {
        if !self.me.can_judge(process) {
            return false;
        }
        let mut found = self.found.lock().unpoisoned();
        match found.get(process) {
            Some(Found::Gone) => return true,
            Some(Found::There(at)) if at.elapsed() < System::BELIEVED => return false,
            _ => {}
        }
        let is_gone = os::is_gone(process);
        if found.len() >= System::REMEMBERED_PROCESSES {
            found.clear();
        }
        found.insert(
            process.clone(),
            match is_gone {
                true => Found::Gone,
                false => Found::There(Instant::now()),
            },
        );
        is_gone
    }
}

/// Whether it is certain that the process has ended that had this pid at this time, in milliseconds since 1970.
#[cfg(all(target_os = "linux", not(loom)))]
pub(crate) fn is_gone_since(pid: u32, at_ms: u64) -> bool {
    os::is_gone_since(pid, at_ms)
}

/// Linux tells when a process was started, so a pid that was given away again is noticed.
#[cfg(any(target_os = "linux", target_os = "android"))]
mod os {
    use std::{fs, path::Path, sync::Arc, time::Duration};

    use rustix::{
        process::{Pid, test_kill_process},
        time::{ClockId, clock_gettime},
    };

    use super::ProcessId;
    use crate::planted::{Bug, planted};

    pub(super) fn me() -> ProcessId {
        let pid = std::process::id();
        // Where /proc is that of other namespaces than this process's, its pids mean nothing here.
        let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let is_own = stat.split(' ').next() == Some(&pid.to_string());
        ProcessId {
            pid,
            started: Stat::parse(&stat)
                .filter(|_| is_own)
                .map(|stat| stat.started),
            on: place(),
        }
    }

    /// The machine since its start, and the namespaces that pids and times of starts depend on.
    fn place() -> Option<Arc<str>> {
        let boot = fs::read("/proc/sys/kernel/random/boot_id").ok()?;
        let mut hash = crc32fast::Hasher::new();
        hash.update(&boot);
        let pids = fs::read_link("/proc/self/ns/pid").ok()?;
        hash.update(pids.as_os_str().as_encoded_bytes());
        // Older systems have one time for all.
        if let Ok(times) = fs::read_link("/proc/self/ns/time") {
            hash.update(times.as_os_str().as_encoded_bytes());
        }
        Some(format!("{:08x}", hash.finalize()).into())
    }

    pub(super) fn uptime() -> Option<Duration> {
        Duration::try_from(clock_gettime(ClockId::Boottime)).ok()
    }

    pub(super) fn is_gone(process: &ProcessId) -> bool {
        let file = Path::new("/proc")
            .join(process.pid.to_string())
            .join("stat");
        match fs::read_to_string(file) {
            Ok(stat) => Stat::parse(&stat).is_some_and(|stat| {
                let is_other = Some(stat.started) != process.started;
                stat.has_ended || is_other && !planted(Bug::TrustPidAlone)
            }),
            // /proc may hide the processes of other users.
            Err(_) => i32::try_from(process.pid)
                .ok()
                .and_then(Pid::from_raw)
                .is_some_and(|pid| test_kill_process(pid) == Err(rustix::io::Errno::SRCH)),
        }
    }

    #[cfg(all(target_os = "linux", not(loom)))]
    pub(super) fn is_gone_since(pid: u32, at_ms: u64) -> bool {
        /// The unit of the times that Linux tells a process, on every machine.
        const TICKS_PER_SECOND: u64 = 100;
        /// The clocks are read one after the other, and one counts in hundredths.
        const SLACK_MS: u64 = 1000;
        let is_there = i32::try_from(pid)
            .ok()
            .and_then(Pid::from_raw)
            .is_some_and(|pid| test_kill_process(pid) != Err(rustix::io::Errno::SRCH));
        if !is_there {
            return true;
        }
        let stat = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat"));
        let Some(stat) = stat.ok().and_then(|stat| Stat::parse(&stat)) else {
            return false;
        };
        let Some(uptime) = uptime() else {
            return stat.has_ended;
        };
        let age_ms = u64::try_from(uptime.as_millis()).unwrap_or(u64::MAX);
        let age_ms = age_ms.saturating_sub(stat.started * 1000 / TICKS_PER_SECOND);
        let started_ms = crate::clock::milliseconds().saturating_sub(age_ms);
        stat.has_ended || started_ms > at_ms.saturating_add(SLACK_MS)
    }

    /// What `/proc/<pid>/stat` says.
    #[derive(Debug, PartialEq)]
    pub(super) struct Stat {
        pub(super) started: u64,
        /// It has ended, and nobody has waited for it yet.
        pub(super) has_ended: bool,
    }

    impl Stat {
        pub(super) fn parse(stat: &str) -> Option<Stat> {
            // The name of the program stands in parentheses, and may hold parentheses itself.
            let (_, behind) = stat.rsplit_once(')')?;
            let fields: Vec<&str> = behind.split_ascii_whitespace().collect();
            let threads: u64 = fields.get(17)?.parse().ok()?;
            Some(Stat {
                started: fields.get(19)?.parse().ok()?,
                has_ended: match *fields.first()? {
                    "X" | "x" => true,
                    // The first thread has ended; others may go on.
                    "Z" => threads <= 1,
                    _ => false,
                },
            })
        }
    }
}

/// Other unixes tell whether there is a process of this pid.
#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
mod os {
    use std::time::Duration;

    use rustix::process::{Pid, test_kill_process};

    use super::ProcessId;

    pub(super) fn me() -> ProcessId {
        let uname = rustix::system::uname();
        let on = uname.nodename().to_string_lossy().into_owned();
        ProcessId {
            pid: std::process::id(),
            // The system does not tell. A process with the pid of one that has ended is taken for that one, and
            // the lease decides.
            started: Some(0),
            on: (!on.is_empty()).then(|| on.into()),
        }
    }

    /// The name of a machine does not tell one start of it from the next.
    pub(super) fn uptime() -> Option<Duration> {
        None
    }

    pub(super) fn is_gone(process: &ProcessId) -> bool {
        i32::try_from(process.pid)
            .ok()
            .and_then(Pid::from_raw)
            .is_some_and(|pid| test_kill_process(pid) == Err(rustix::io::Errno::SRCH))
    }
}

/// Elsewhere leases run out by the clock alone.
#[cfg(not(unix))]
mod os {
    use std::time::Duration;

    use super::ProcessId;

    pub(super) fn me() -> ProcessId {
        ProcessId {
            pid: std::process::id(),
            started: None,
            on: None,
        }
    }

    pub(super) fn uptime() -> Option<Duration> {
        None
    }

    pub(super) fn is_gone(_taker: &ProcessId) -> bool {
        false
    }
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    fn started(pid: u32) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        os::Stat::parse(&stat).unwrap().started
    }

    #[test]
    fn a_process_is_gone_when_it_has_ended_even_if_nobody_waited_for_it() {
        let mut child = Command::new("sleep")
            .arg("600")
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let me = os::me();
        assert!(me.started.is_some() && me.on.is_some());
        let process = ProcessId {
            pid: child.id(),
            started: Some(started(child.id())),
            on: me.on.clone(),
        };
        assert!(!System::new().is_gone(&process));
        let elsewhere = ProcessId {
            on: Some("elsewhere".into()),
            ..process.clone()
        };
        child.kill().unwrap();
        let mut waited = Duration::ZERO;
        while !System::new().is_gone(&process) {
            assert!(waited < Duration::from_secs(60), "a zombie is not there");
            std::thread::sleep(Duration::from_millis(5));
            waited += Duration::from_millis(5);
        }
        child.wait().unwrap();
        assert!(System::new().is_gone(&process));
        assert!(!System::new().is_gone(&elsewhere));
    }

    #[test]
    fn another_process_of_the_same_pid_is_another_process() {
        let me = os::me();
        let before = ProcessId {
            started: me.started.map(|started| started - 1),
            ..me.clone()
        };
        assert!(System::new().is_gone(&before));
        assert!(!System::new().is_gone(&me));
    }

    #[cfg(not(loom))]
    #[test]
    fn a_process_of_the_same_pid_that_was_started_later_is_another_one() {
        let now = crate::clock::milliseconds();
        assert!(!is_gone_since(std::process::id(), now));
        assert!(is_gone_since(
            std::process::id(),
            now - 3_600_000 * 24 * 365
        ));
        assert!(is_gone_since(u32::MAX, now));
    }

    #[test]
    fn a_program_may_have_any_name() {
        let stat = |state, threads| {
            format!("7 (a) S b) (c) {state} 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 {threads} 0 123 9 9")
        };
        let is = |has_ended| {
            Some(os::Stat {
                started: 123,
                has_ended,
            })
        };
        assert_eq!(os::Stat::parse(&stat("S", 1)), is(false));
        assert_eq!(os::Stat::parse(&stat("Z", 1)), is(true));
        assert_eq!(os::Stat::parse(&stat("Z", 2)), is(false));
        assert_eq!(os::Stat::parse(""), None);
        assert_eq!(os::Stat::parse("7 (a) S"), None);
    }
}
