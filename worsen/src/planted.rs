//! Known mistakes, each of which a test can turn on in the real code, to show that the other tests catch
//! it: `WORSEN_PLANT=<name>` in the environment of a process plants one. Never here: the mistakes
//! themselves, which stand where the code is that they spoil, as `if planted(Bug::…)`.
//!
//! Only a build with `RUSTFLAGS="--cfg worsen_planted"` has them. A feature would not do: one crate that asks for it
//! turns it on for the whole program. Without the flag `planted` is `false` for the compiler already, and
//! nothing of this is left in the program.

macro_rules! bugs {
    ($($(#[$doc:meta])* $bug:ident,)*) => {
        /// A mistake.
        #[cfg_attr(not(worsen_planted), expect(unreachable_pub, reason = "left out of the program"))]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Bug {
            $($(#[$doc])* $bug,)*
        }

        #[cfg(worsen_planted)]
        impl Bug {
            /// Every one.
            pub const ALL: &[Bug] = &[$(Bug::$bug),*];
        }
    };
}

bugs! {
    /// A renamed file may have its old name after a power cut.
    SkipDirectorySyncAfterRename,
    /// The directory that a new store is created in may be gone after a power cut.
    SkipDirectorySyncAtCreation,
    /// A file may be renamed over a good one before its own bytes are on disk.
    SkipFileSyncBeforeRename,
    /// A write counts as done when it is in the page cache.
    AcknowledgeBeforeSync,
    /// A commit is seen, in this process and by the others, before it is synced.
    PublishBeforeSync,
    /// The shared page tells other processes of a commit before it is synced.
    TellOthersBeforeSync,
    /// The shared page says that the log is durable up to what is published, synced or not.
    RaiseDurableOffsetWithoutSync,
    /// A line says `durable` for what nobody has synced.
    ClaimDurableWithoutSync,
    /// A sync counts for what was written while it ran.
    CoverWhatCameWithinSync,
    /// A sync that ends after a compaction counts for the new log.
    RaiseOffsetOfAnotherGeneration,
    /// A sync that succeeds is believed, although that of another process has failed.
    IgnoreFailureElsewhere,
    /// A sync that failed is tried again, and believed.
    RetryFailedSync,
    /// A store goes on after a failed sync as if nothing had been.
    DoNotPoisonAfterFailedSync,
    /// The next process goes on with a generation in which a sync has failed.
    ForgetDoubt,
    /// Opening shows what it has read, and does not sync it first.
    RecoveryDoesNotSync,
    /// Each line's checksum covers that line alone.
    DropCrcChain,
    /// A header's checksum does not begin with the generation's.
    DoNotSaltHeader,
    /// A line with another revision than the next one is taken.
    DoNotCheckRevision,
    /// A line is taken that has no line feed at its end.
    AcceptLineWithoutEnd,
    /// A damaged line that was acknowledged is cut off as if a writer had died in it.
    TakeDamageForTornTail,
    /// A generation opens without the state that it began with.
    TakeLostBaseForTornTail,
    /// A store whose files were emptied opens as if there had never been one.
    TakeEmptiedForNew,
    /// Damaged bytes are thrown away without a copy.
    KeepNoCopyOfDamage,
    /// A log that was replaced is told from the one before by its revision alone.
    CompareRevisionsAlone,
    /// A log that lost commits is written anew, and nobody is told.
    HealInSilence,
    /// The backup is used without looking whether it is of the log's generation.
    DoNotCheckBackupGeneration,
    /// The backup stays as it was created.
    SkipBackup,
    /// The backup is brought up to the log after a write, so that one damaged place may be in both.
    BackUpAfterAppend,
    /// The lock is released before the commit is in the log.
    UnlockBeforeAppend,
    /// A process goes on with a log that another one has replaced.
    DoNotCheckLogIdentity,
    /// A lock on a deleted file counts.
    DoNotCheckLockIdentity,
    /// A copy of a store is written over whatever stands in its place.
    CopyOverAnything,
    /// A copy of a store holds commits that a power cut may still take from the store.
    CopyWithoutSync,
    /// What another program left is imported over what a store holds already.
    ImportIntoUsedStore,
    /// What an import leaves out is told to nobody.
    ImportInSilence,
    /// A file that is written anew belongs to the user that wrote it, and is for that user alone.
    KeepNoOwner,
    /// Where the directory is another one by now, on another file system, the store goes on there.
    WriteOnAnotherDevice,
    /// A store into the shared page does not ask first whether the page can be written.
    #[cfg_attr(
        not(target_os = "linux"),
        allow(dead_code, reason = "only Linux maps the page")
    )]
    StoreWithoutAsking,
    /// A process that has waited long enough for the lock goes on without it.
    BreakLockAtTimeout,
    /// Closures run on a state that other processes have left behind.
    SkipCatchUp,
    /// Readers do not look whether another process has committed.
    StaleRead,
    /// A reader that is behind waits until no closure runs.
    ReadWaitsForClosure,
    /// A reader sees a part of a commit before the others, and before its revision.
    ShowHalfACommit,
    /// A waiting thread hears nothing of a value that does not fit.
    WaitBesideMisfit,
    /// A thread that waits, even for no time at all, looks only at what this process has taken over already.
    LookAtWhatIsKnown,
    /// What follows the known tail is read, whatever stands in front of it by now.
    DoNotCheckLineBeforeTail,
    /// Where a line ends with what was read at a time, nothing is read behind it.
    StopReadingAtChunkEnd,
    /// Closing cuts the log at the last place that this process has read.
    CloseCutsWhatOthersWrote,
    /// A short write counts as a whole one.
    IgnoreShortWrite,
    /// What a full disk took of a line stays in the log.
    LeavePartialLine,
    /// On a full disk any commit may take what is kept for those that make the state smaller.
    SpendTheReserve,
    /// The log is filled ahead, and nobody asks whether the backup has room for as much.
    TakeFillingForBackedUp,
    /// A closure that failed leaves its changes in the draft.
    KeepDraftOfFailedClosure,
    /// A group that could not be written leaves its changes in the draft, to be published later.
    KeepDraftOfFailedAppend,
    /// A new generation begins with a state without the newest commits of others.
    CompactBeforeCatchUp,
    /// A new generation brings back what was deleted.
    CompactionForgetsDel,
    /// A new generation drops what this program has no field for.
    CompactionDropsUnknownFields,
    /// A write of the whole state deletes what this program has no field for.
    UpdateDropsUnknownFields,
    /// A file that a killed process has left half written is written over, and kept.
    ReuseStaleNewFile,
    /// Opening takes a deleted entry for one that is `null`.
    ReplayDelAsNull,
    /// Where a line sets a uid twice, the first one counts.
    FirstOfDuplicateUidsWins,
    /// What was there at opening shows again when it is removed.
    ShowLoadedAgain,
    /// What was there at opening, and is decoded late, hides what was written meanwhile.
    DecodeOverNewer,
    /// A value that JSON cannot carry is written.
    AcceptNan,
    /// JSON that a value hands over as text is written with its line ends.
    LetLineEndsThrough,
    /// A value that comes back with its members in another order is taken for the same.
    IgnoreOrder,
    /// The process that wrote a value also sees what of it is not in the file.
    ShowWhatWasWritten,
    /// A value that is there already is written again where its text is another one.
    CommitSameValue,
    /// A field that reads as its seed, since what is stored does not fit, is written by an update of other fields.
    WriteSeedOverMisfit,
    /// A new item of a queue gets the number of one that is left out.
    ReuseNumberOfLeftOut,
    /// A value is written without the keys that its type does not know.
    ForgetUnknownKeys,
    /// An entry whose key is written anew stays under the old text of the key as well.
    LeaveOldTextOfKey,
    /// A write of the whole state takes what the environment says of a field into the file.
    StoreOverrides,
    /// A value that breaks a rule of its field is written.
    WriteWhatBreaksRules,
    /// A value that another program has stored, and that breaks a rule, refuses writes of other fields.
    JudgeWhatNobodyChanged,
    /// A write may be larger than it was to be at most.
    IgnoreLimits,
    /// Limits are for writes, and not for the seeds of a new store.
    IgnoreLimitsOfSeeds,
    /// The reader that tells commits turns to a new log without reading the old one to its end.
    TurnBeforeEndOfLog,
    /// What was read of the log before it was committed is told once it should have been.
    TellWhatWasReadEarly,
    /// A worker that has lost a job can say that it is done.
    AckWithoutToken,
    /// A job that is taken does not count as tried.
    CountNoTries,
    /// A job that was tried often enough is taken once more, where it waits.
    TakeWhatIsWorn,
    /// A second job is pushed under a key that another one has.
    IgnoreUniqueKey,
    /// A job that its taker gives back has been tried.
    ReleaseSpendsTry,
    /// A job that is to be tried again does not say how it has failed.
    ForgetWhyItFailed,
    /// A lease extends itself although nobody has the job any more.
    ExtendForNobody,
    /// An item of a plain queue that looks like a job is taken for one.
    TakeItemsForJobs,
    /// Leases and delays end by the wall clock alone.
    GoByWallClockAlone,
    /// A worker that panics keeps its job until the lease ends.
    KeepJobOfPanic,
    /// A queue that was empty begins to count anew.
    ReuseJobNumber,
    /// Nobody looks whether a process that has taken jobs is still there.
    TrustDeadProcess,
    /// A process that has the pid of a dead one is taken for that one.
    #[cfg_attr(
        not(any(target_os = "linux", target_os = "android")),
        allow(dead_code, reason = "only Linux tells when a process was started")
    )]
    TrustPidAlone,
    /// A worker that waits for a job sleeps past the end of a lease.
    SleepPastLease,
    /// A job taken by a future that nobody waits for any more stays taken.
    KeepUnclaimedJob,
    /// A move of a file that was refused, and changed nothing, makes the store refuse writes.
    DoubtRefusedRename,
    /// A program ends while writes that nobody waits for are still queued.
    ForgetWhatIsQueuedAtExit,
    /// A sync says that all is well, although detached writes before it have failed.
    ForgetWhatNobodyWaitedFor,
    /// An operation that fails takes along what the one before it did to a field that is not stored.
    ForgetWhatIsNotStored,
    /// Nobody looks whether the lock excludes.
    TrustEveryLock,
    /// What the system has cached of a name counts, where another view may have put another file there.
    TrustCachedNames,
    /// A process that uses a directory through a file server does not ask those that use it directly for marks.
    #[cfg_attr(
        not(target_os = "linux"),
        allow(dead_code, reason = "only Linux finds out who uses another view")
    )]
    NeverAskForMarks,
    /// A program goes on with a store of a newer version that does not let it in.
    LetOlderProgramIn,
    /// A migration keeps no copy of the state before it.
    MigrateWithoutCopy,
    /// The version is committed behind the migration, and not with it.
    CommitVersionApart,
    /// A field that is written under its new uid stays under its former one as well.
    LeaveFormerUid,
    /// What another process writes under a former uid counts only once the store is opened anew.
    IgnoreAliasOfOthers,
    /// Wakers and destructors of others run on the thread that leads.
    RunCallbacksOnKeeper,
    /// The log is another one before what is kept of the one before is on disk.
    DoNotSyncPast,
    /// A file of the past counts by its name.
    BelieveAnyPast,
    /// More of the past is removed than was asked for.
    ForgetTooMuch,
    /// A purge writes the log anew, and leaves the files of the past.
    PurgeLeavesPast,
    /// What others have built on is undone.
    UndoWhatOthersBuiltOn,
}

#[cfg(worsen_planted)]
pub(crate) use switch::{meet_unknown, planted, was_unknown};

#[cfg(worsen_planted)]
mod switch {
    use std::{
        collections::BTreeSet,
        io::Write as _,
        sync::{Mutex, Once, OnceLock},
    };

    use crate::loom::Unpoisoned;

    use super::Bug;

    /// Whether this mistake is to be made. The first time it says so on stderr: the test that planted it knows
    /// then that the code was reached.
    pub(crate) fn planted(bug: Bug) -> bool {
        static ON: OnceLock<Option<Bug>> = OnceLock::new();
        static REACHED: Once = Once::new();
        if *ON.get_or_init(from_environment) != Some(bug) {
            return false;
        }
        REACHED.call_once(|| tell(&format!("planted and reached: {bug:?}")));
        true
    }

    fn from_environment() -> Option<Bug> {
        let name = std::env::var_os("WORSEN_PLANT")?;
        let found = Bug::ALL
            .iter()
            .find(|bug| name.to_str() == Some(&format!("{bug:?}")));
        if found.is_none() {
            tell(&format!("no such mistake can be planted: {name:?}"));
            // A panic might be taken for a test that has caught it.
            std::process::abort();
        }
        found.copied()
    }

    /// Past what a test's harness captures.
    fn tell(line: &str) {
        // A closed stderr is no reason to fail: the test that misses the line says so.
        drop(writeln!(std::io::stderr(), "{line}"));
    }

    static UNKNOWN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

    /// A program has met a uid that it has no field for.
    pub(crate) fn meet_unknown(uid: &str) {
        if planted(Bug::CompactionDropsUnknownFields) {
            let mut unknown = UNKNOWN.lock().unpoisoned();
            unknown.insert(uid.to_owned());
        }
    }

    /// Whether one of this process ever has.
    pub(crate) fn was_unknown(uid: &str) -> bool {
        let unknown = UNKNOWN.lock().unpoisoned();
        unknown.contains(uid)
    }
}

#[cfg(not(worsen_planted))]
#[inline(always)]
pub(crate) const fn planted(_bug: Bug) -> bool {
    false
}

#[cfg(not(worsen_planted))]
#[inline(always)]
pub(crate) const fn meet_unknown(_uid: &str) {}

#[cfg(not(worsen_planted))]
#[inline(always)]
pub(crate) const fn was_unknown(_uid: &str) -> bool {
    false
}
