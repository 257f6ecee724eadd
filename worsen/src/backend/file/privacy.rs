//! Whether the log is as private as it was made: some file systems show one mode for every file, whatever is
//! asked, and say that changing it worked. Never here: changing a mode.

use std::path::Path;

use crate::health::Condition;

/// Reading and writing, for the group and for everybody else.
const SHARED: u32 = 0o066;
/// Running, for the group and for everybody else.
const RUN: u32 = 0o011;

/// What there is to tell of a log with this mode, where the system has modes at all.
pub(super) fn check(log: &Path, mode: Option<u32>, created: bool) -> Option<Condition> {
    let mode = mode.filter(|mode| is_forced(*mode, created))?;
    Some(Condition::NotPrivate {
        path: log.into(),
        mode,
    })
}

/// Whether nobody chose that others may use the log. This opening creates a log with 0600. The owner of a log
/// that was there before may have changed the mode so that a group shares the store; but no owner would make it
/// a program as well, which is what such file systems show.
fn is_forced(mode: u32, created: bool) -> bool {
    mode & SHARED != 0 && (created || mode & RUN != 0)
}

#[cfg(test)]
mod tests {
    use super::is_forced;

    #[test]
    fn a_new_log_that_others_may_use_was_not_meant_to_be() {
        for mode in [0o777, 0o755, 0o644, 0o640, 0o660, 0o622] {
            assert!(is_forced(mode, true), "{mode:o}");
        }
        for mode in [0o600, 0o700, 0o400] {
            assert!(!is_forced(mode, true), "{mode:o}");
        }
    }

    #[test]
    fn a_log_that_its_owner_shares_is_no_finding() {
        for mode in [0o600, 0o700, 0o640, 0o660, 0o644, 0o666, 0o711] {
            assert!(!is_forced(mode, false), "{mode:o}");
        }
        for mode in [0o777, 0o755, 0o775, 0o750] {
            assert!(is_forced(mode, false), "{mode:o}");
        }
    }
}
