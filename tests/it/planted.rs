//! Each known mistake is turned on in the real code, and the tests that should catch it fail. A green run of
//! tests excludes only what they would notice.
//!
//! The mistakes are built in under `--cfg worsen_planted` alone. This program runs itself once for each of
//! them, with a variable that names the mistake, and with the few tests that have to catch it. By hand:
//!
//! ```text
//! export RUSTFLAGS="--cfg worsen_planted"
//! WORSEN_PLANT=SkipDirectorySyncAfterRename cargo test -p worsen-tests --test it --target-dir target/planted crash::
//! ```

use std::{
    collections::BTreeMap,
    fs::File,
    process::{Command, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use worsen::testing::internals::Bug;

use crate::support::folder;

/// A run that has not ended by then hangs: the longest takes less than a tenth of this.
const LONGEST: Duration = Duration::from_secs(180);

/// One of so many cases of an exhaustive test is enough for a mistake that is not rare.
const SAMPLE: &str = "13";

/// The same numbers each time: what is caught today is caught tomorrow.
const SEED: &str = "1";

/// The tests that have to catch it, every one of them.
fn catchers(bug: Bug) -> &'static [&'static str] {
    match bug {
        Bug::StoreOverrides => &[
            "env_override::an_override_is_read_and_never_written",
            "env_override::another_process_reads_what_is_stored",
        ],
        Bug::WriteWhatBreaksRules => &[
            "rules::a_value_out_of_range_is_refused_by_every_way_to_write_and_nothing_is_written",
            "rules::a_normalized_value_is_what_everybody_reads_and_what_the_other_rules_see",
        ],
        Bug::JudgeWhatNobodyChanged => {
            &["rules::what_another_program_stored_is_shown_and_told_and_refuses_no_other_write"]
        }
        Bug::LetOlderProgramIn => &[
            "migrations::an_older_program_is_let_in_where_the_store_says_so",
            "migrations::an_older_program_that_has_the_store_open_reads_on_and_its_writes_are_refused",
        ],
        Bug::MigrateWithoutCopy => &[
            "migrations::the_state_before_a_migration_can_take_the_place_of_the_log",
            "migrations::a_power_cut_in_a_migration_leaves_the_old_state_or_the_new_one_and_the_kept_one_whole",
        ],
        Bug::CommitVersionApart => {
            &["migrations::an_older_store_is_migrated_in_one_commit_and_once"]
        }
        Bug::LeaveFormerUid => &[
            "renames::the_first_write_that_changes_a_field_moves_it_to_its_new_uid_in_the_same_commit",
        ],
        Bug::IgnoreAliasOfOthers => {
            &["renames::an_older_program_beside_is_followed_until_the_newer_one_writes_the_field"]
        }
        Bug::DoubtRefusedRename => {
            &["faults::a_full_disk_takes_what_fits_although_a_compaction_is_due"]
        }
        Bug::ForgetWhatIsQueuedAtExit => {
            &["exit::what_was_detached_is_written_before_the_program_ends"]
        }
        Bug::ForgetWhatNobodyWaitedFor => {
            &["detached::a_sync_tells_of_detached_writes_that_failed"]
        }
        Bug::DoNotSyncPast => {
            &["history::crashes::a_crash_while_a_generation_ends_takes_nothing_of_the_past"]
        }
        Bug::BelieveAnyPast => &[
            "history::kept::a_file_of_the_past_that_is_damaged_or_of_another_store_is_no_part_of_it",
        ],
        Bug::ForgetTooMuch => &[
            "history::kept::as_many_commits_are_kept_as_were_asked_for_and_whole_generations",
            "history::the_past_is_what_it_was_whatever_came_since",
        ],
        Bug::PurgeLeavesPast => &["history::a_purge_leaves_no_byte_of_what_was_overwritten"],
        Bug::UndoWhatOthersBuiltOn => &["history::undone::what_others_have_built_on_is_not_undone"],
        Bug::RunCallbacksOnKeeper => &[
            "callbacks::a_waker_that_writes_and_waits_stops_nobody_though_more_is_queued",
            "callbacks::a_result_that_waits_for_a_write_when_it_is_dropped_stops_nobody",
        ],
        Bug::ForgetWhatIsNotStored => &[
            "handles::a_field_that_is_not_stored_keeps_what_one_update_set_when_the_next_of_its_group_fails",
        ],
        Bug::SkipDirectorySyncAfterRename => &[
            "crash::every_acknowledged_commit_survives_a_power_cut",
            "crash::two_processes_lose_nothing_in_a_power_cut",
        ],
        Bug::SkipDirectorySyncAtCreation => {
            &["crash::every_acknowledged_commit_survives_a_power_cut"]
        }
        Bug::SkipFileSyncBeforeRename => &["crash::every_acknowledged_commit_survives_a_power_cut"],
        Bug::AcknowledgeBeforeSync => &[
            "crash::every_acknowledged_commit_survives_a_power_cut",
            "faults::a_failed_sync_is_not_called_good_by_the_next_one",
        ],
        Bug::PublishBeforeSync => &[
            "crash::two_processes_lose_nothing_in_a_power_cut",
            "faults::a_failed_sync_is_not_called_good_by_the_next_one",
        ],
        Bug::TellOthersBeforeSync => {
            &["crash::who_goes_on_after_a_killed_process_loses_nothing_in_a_power_cut"]
        }
        Bug::RaiseDurableOffsetWithoutSync | Bug::ClaimDurableWithoutSync => {
            &["crash::a_power_cut_takes_only_the_newest_of_buffered_writes"]
        }
        Bug::RetryFailedSync => &["faults::a_sync_that_failed_once_is_not_tried_again"],
        Bug::DoNotPoisonAfterFailedSync => &[
            "faults::a_failed_sync_is_not_called_good_by_the_next_one",
            "faults::a_sync_that_failed_once_is_not_tried_again",
        ],
        Bug::ForgetDoubt => &["faults::a_failed_sync_is_not_called_good_by_the_next_one"],
        Bug::RecoveryDoesNotSync => {
            &["damage::a_recovery_that_is_killed_and_finished_by_another_process_loses_nothing"]
        }
        Bug::DropCrcChain => &[
            "damage::a_line_of_another_life_is_not_taken_for_the_next_one",
            "format::the_example_opens_and_is_left_byte_for_byte",
        ],
        Bug::DoNotSaltHeader => &["format::the_example_opens_and_is_left_byte_for_byte"],
        Bug::DoNotCheckRevision => &["hostile::a_checksum_that_is_right_makes_no_content_right"],
        Bug::AcceptLineWithoutEnd => &["hostile::a_line_that_lacks_only_its_end_is_a_commit"],
        Bug::TakeDamageForTornTail => &[
            "files::damage_that_the_backup_cannot_mend_is_refused_and_nothing_changes",
            "recovery_table::every_pair_of_files_has_its_outcome",
        ],
        Bug::TakeLostBaseForTornTail => &["damage::damage_to_both_files_is_never_taken_for_good"],
        Bug::TakeEmptiedForNew => &[
            "guide::a_store_whose_files_are_emptied_begins_anew_and_tells_what_was_there",
            "recovery_table::every_pair_of_files_has_its_outcome",
        ],
        Bug::KeepNoCopyOfDamage => &[
            "files::a_flipped_byte_is_mended_from_the_backup",
            "recovery_table::every_pair_of_files_has_its_outcome",
        ],
        Bug::CompareRevisionsAlone => &[
            "replaced::what_another_process_commits_on_a_restored_copy_is_not_undone_by_one_that_knows_more",
            "replaced::a_copy_on_which_nobody_has_committed_yet_is_not_written_over",
        ],
        Bug::HealInSilence => &[
            "replaced::a_log_that_is_restored_alone_is_put_right_and_that_is_told",
            "replaced::a_log_that_was_deleted_or_cut_off_is_written_anew_and_that_is_told",
        ],
        Bug::DoNotCheckBackupGeneration => {
            &["damage::a_backup_of_a_later_life_does_not_condemn_an_older_log"]
        }
        Bug::SkipBackup => &[
            "files::a_flipped_byte_is_mended_from_the_backup",
            "files::the_backup_is_one_write_behind",
        ],
        Bug::BackUpAfterAppend => &["files::the_backup_is_one_write_behind"],
        Bug::UnlockBeforeAppend => &["processes::four_processes_of_four_threads_lose_no_increment"],
        Bug::DoNotCheckLogIdentity => &[
            "files::a_log_that_is_replaced_by_an_older_one_is_refused",
            "model::two_processes_agree_with_a_plain_map",
        ],
        Bug::DoNotCheckLockIdentity => &["damage::a_lock_on_a_deleted_file_is_no_lock"],
        Bug::CopyOverAnything => &["transfer::a_copy_takes_the_place_of_an_older_copy_alone"],
        Bug::CopyWithoutSync => &[
            "transfer::a_power_cut_leaves_the_old_copy_or_the_new_one_and_a_store_that_is_not_behind_it",
        ],
        Bug::ImportIntoUsedStore => &["import::a_store_that_holds_anything_takes_nothing_in"],
        Bug::ImportInSilence => &[
            "import::an_empty_store_begins_with_what_another_program_left_in_one_commit",
            "import::what_does_not_fit_is_left_out_and_the_rest_is_taken",
        ],
        Bug::KeepNoOwner => &["owner::a_compaction_keeps_the_mode_that_the_files_were_given"],
        Bug::WriteOnAnotherDevice => {
            &["ground::a_directory_that_is_unmounted_under_a_store_is_not_written_beneath"]
        }
        Bug::TrustEveryLock => &[
            "ground::a_holder_in_one_view_is_a_typed_error_in_the_other_where_reads_go_on",
            "ground::a_holder_in_an_overlay_writes_nothing_over_what_was_written_below_meanwhile",
        ],
        Bug::TrustCachedNames => {
            &["ground::two_views_that_write_by_turns_refuse_nothing_and_lose_nothing"]
        }
        Bug::NeverAskForMarks => {
            &["ground::a_holder_in_one_view_is_a_typed_error_in_the_other_where_reads_go_on"]
        }
        Bug::StoreWithoutAsking => &["ground::a_lock_file_that_was_cut_off_costs_a_writer_nothing"],
        Bug::BreakLockAtTimeout => {
            &["processes::a_held_lock_is_a_timeout_that_names_the_holder_and_readers_do_not_wait"]
        }
        Bug::SkipCatchUp => &["model::two_processes_agree_with_a_plain_map"],
        Bug::StaleRead => &[
            "model::two_processes_agree_with_a_plain_map",
            "processes::what_one_process_writes_another_reads_and_the_reverse",
        ],
        Bug::ReadWaitsForClosure => &[
            "beside::a_closure_that_waits_for_a_mutex_whose_holder_reads_does_not_stop_every_process",
            "beside::a_read_does_not_wait_for_a_closure_of_its_own_process",
        ],
        Bug::ShowHalfACommit => &[
            "beside::a_later_commit_of_a_keyed_store_is_not_seen_before_an_earlier_one_nor_before_its_revision",
        ],
        Bug::LookAtWhatIsKnown => {
            &["beside::a_watch_that_waits_for_no_time_looks_at_what_others_have_acknowledged"]
        }
        Bug::WaitBesideMisfit => {
            &["health::a_value_that_does_not_fit_is_told_to_everybody_who_waits"]
        }
        Bug::DoNotCheckLineBeforeTail => {
            &["damage::an_old_copy_that_is_written_into_an_open_log_is_noticed"]
        }
        Bug::StopReadingAtChunkEnd => &["hostile::lines_that_end_where_a_read_does_hide_nothing"],
        Bug::CloseCutsWhatOthersWrote => &["model::two_processes_agree_with_a_plain_map"],
        Bug::IgnoreShortWrite => &[
            "faults::a_disk_that_fails_anywhere_is_believed_nothing",
            "faults::a_disk_that_fills_up_within_a_write_needs_no_reopening_when_there_is_room_again",
        ],
        Bug::LeavePartialLine => &[
            "faults::a_disk_that_fills_up_within_a_write_needs_no_reopening_when_there_is_room_again",
        ],
        Bug::SpendTheReserve => &[
            "full_disk::what_is_removed_goes_into_the_room_that_is_kept_for_it_and_no_backup_is_given_up",
        ],
        Bug::TakeFillingForBackedUp => &[
            "full_disk::what_is_removed_goes_into_the_room_that_is_kept_for_it_and_no_backup_is_given_up",
        ],
        Bug::KeepDraftOfFailedClosure => &[
            "handles::a_closure_that_returns_an_error_commits_nothing",
            "handles::a_panic_in_a_closure_goes_to_its_caller_and_the_others_commit",
        ],
        Bug::KeepDraftOfFailedAppend => {
            &["faults::a_write_that_did_not_fit_is_not_seen_with_a_later_one"]
        }
        Bug::CompactBeforeCatchUp | Bug::CompactionForgetsDel => {
            &["model::two_processes_agree_with_a_plain_map"]
        }
        Bug::CompactionDropsUnknownFields | Bug::UpdateDropsUnknownFields => {
            &["processes::two_handles_of_other_types_on_one_file_carry_each_others_fields_along"]
        }
        Bug::ReuseStaleNewFile => {
            &["damage::nothing_of_a_half_written_file_gets_into_the_next_one"]
        }
        Bug::ReplayDelAsNull => &[
            "handles::the_keyed_store_does_what_the_original_did_and_more",
            "model::two_processes_agree_with_a_plain_map",
        ],
        Bug::FirstOfDuplicateUidsWins => {
            &["hostile::a_checksum_that_is_right_makes_no_content_right"]
        }
        Bug::IgnoreLimits => &[
            "limits::a_commit_may_have_so_many_bytes",
            "limits::a_store_may_have_so_many_uids",
            "limits::values_may_be_so_deep_in_each_other",
        ],
        Bug::IgnoreLimitsOfSeeds => &["limits::a_store_may_have_so_many_uids"],
        Bug::CoverWhatCameWithinSync => {
            &["interleavings::what_is_written_while_a_sync_runs_is_not_covered_by_it"]
        }
        Bug::RaiseOffsetOfAnotherGeneration => {
            &["interleavings::a_sync_says_nothing_of_a_generation_that_began_meanwhile"]
        }
        Bug::IgnoreFailureElsewhere => {
            &["interleavings::a_sync_beside_one_that_failed_is_not_believed"]
        }
        Bug::TurnBeforeEndOfLog => &[
            "changes::a_compaction_takes_nothing_away_from_a_reader_and_two_are_a_gap_that_is_told",
        ],
        Bug::TellWhatWasReadEarly => &["interleavings::changes_do_not_tell_what_was_taken_back"],
        Bug::AckWithoutToken => &[
            "work_queue::a_lease_that_runs_out_gives_the_job_to_the_next_one_and_the_first_cannot_acknowledge_it",
            "work_queue::a_taker_that_was_stopped_and_wakes_up_late_cannot_acknowledge",
            "work_queue::a_work_queue_agrees_with_a_plain_list",
        ],
        Bug::CountNoTries => &[
            "work_queue::a_job_that_is_lost_too_often_becomes_a_dead_letter_that_says_why",
            "work_queue::a_work_queue_agrees_with_a_plain_list",
        ],
        Bug::TakeWhatIsWorn => {
            &["work_queue::a_job_that_was_tried_often_enough_is_not_taken_again_where_it_waits"]
        }
        Bug::IgnoreUniqueKey => &[
            "work_queue_options::a_second_push_under_a_key_is_told_and_changes_nothing",
            "work_queue_model::jobs_with_options_agree_with_a_plain_list_also_after_a_power_cut",
        ],
        Bug::ReleaseSpendsTry => &[
            "work_queue_options::a_job_that_is_given_back_has_not_been_tried_and_keeps_its_place",
            "work_queue_model::jobs_with_options_agree_with_a_plain_list_also_after_a_power_cut",
        ],
        Bug::ForgetWhyItFailed => &[
            "work_queue_options::a_dead_letter_tells_why_and_when_and_how_often",
            "work_queue_model::jobs_with_options_agree_with_a_plain_list_also_after_a_power_cut",
        ],
        Bug::ExtendForNobody => {
            &["work_queue_lease::a_lease_that_nobody_holds_any_more_is_left_to_end"]
        }
        Bug::TakeItemsForJobs => &[
            "work_queue_takeover::items_of_any_shape_are_what_they_were_when_their_queue_becomes_a_work_queue",
        ],
        Bug::GoByWallClockAlone => &[
            "work_queue_clock::a_clock_that_is_set_ends_and_stretches_nothing_on_its_machine",
            "work_queue::a_work_queue_agrees_with_a_plain_list",
        ],
        Bug::KeepJobOfPanic => &["work_queue::a_worker_that_panics_gives_its_job_back_at_once"],
        Bug::ReuseJobNumber => &[
            "work_queue::a_queue_that_takes_the_place_of_another_goes_on_with_its_numbers",
            "work_queue::a_number_is_used_once_also_when_the_queue_was_empty_or_opened_again",
            "work_queue::a_work_queue_agrees_with_a_plain_list",
        ],
        Bug::TrustDeadProcess => &[
            "work_queue::a_job_of_a_dead_process_is_given_out_at_once",
            "work_queue::a_job_of_a_process_that_was_killed_is_done_by_another_one",
        ],
        Bug::TrustPidAlone => &["work_queue::another_process_of_the_same_pid_does_not_keep_a_job"],
        Bug::SleepPastLease => &["work_queue::who_waits_is_woken_by_the_end_of_a_lease"],
        Bug::KeepUnclaimedJob => &["work_queue::a_future_that_is_dropped_keeps_no_job"],
        Bug::ShowLoadedAgain => {
            &["keyed::what_was_loaded_is_read_changed_and_removed_like_what_was_written"]
        }
        Bug::DecodeOverNewer => &[
            "keyed::a_value_that_takes_long_to_decode_does_not_hide_one_that_was_written_meanwhile",
        ],
        Bug::AcceptNan => &[
            "bad_input::a_value_that_json_cannot_carry_is_refused_at_the_write",
            "roundtrip::what_is_no_number_is_refused_wherever_it_stands",
        ],
        Bug::LetLineEndsThrough => &[
            "values::json_text_of_several_lines_fits_wherever_a_value_does",
            "values::json_text_of_several_lines_stands_on_one_and_every_reader_goes_on",
        ],
        Bug::IgnoreOrder => &["values::what_would_come_back_in_another_order_is_refused"],
        Bug::ShowWhatWasWritten => &["values::who_writes_a_value_sees_what_the_others_see"],
        Bug::WriteSeedOverMisfit => &[
            "misfit::a_value_that_does_not_fit_reads_as_the_seed_and_stays_until_its_field_is_set",
        ],
        Bug::ReuseNumberOfLeftOut => {
            &["misfit::a_new_item_does_not_take_the_place_of_one_that_is_left_out"]
        }
        Bug::ForgetUnknownKeys => &[
            "two_versions::what_a_newer_program_wrote_within_a_value_survives_an_older_one",
            "unknown_keys::they_survive_in_every_kind_of_field",
            "unknown_keys::a_tree_keeps_at_each_place_what_the_older_program_does_not_know",
        ],
        Bug::CommitSameValue => &[
            "values::a_value_that_is_there_is_not_written_again_where_its_text_is_another_one",
            "values::an_update_of_one_field_names_that_field_alone",
            "values::two_processes_that_clean_up_with_nothing_to_do_do_not_wake_each_other",
        ],
        Bug::LeaveOldTextOfKey => {
            &["keys::a_key_that_is_written_anew_stands_under_its_new_text_alone"]
        }
    }
}

/// How a run of some tests ended.
#[derive(Default)]
struct Ended {
    /// As the harness sums it up.
    passed: usize,
    failed: usize,
    /// The tests that failed, by name.
    names: Vec<String>,
    /// The planted mistake was made at least once.
    reached: bool,
    code: Option<i32>,
    took: Duration,
    output: String,
}

/// Runs these tests in a process of their own, where a mistake of this name is planted.
fn run(tests: &[&str], plant: Option<&str>) -> Ended {
    let dir = folder();
    let file = |name: &str| dir.path().join(name);
    let create = |extension| File::create(file(extension)).expect("a file for its output");
    let mut command = Command::new(std::env::current_exe().expect("this program has a path"));
    command
        .args(["--exact", "--test-threads=1", "--color=never"])
        .args(tests)
        .env("WORSEN_TEST_SAMPLE", SAMPLE)
        .env("WORSEN_TEST_SEED", SEED)
        .env("RUST_BACKTRACE", "0")
        .env_remove("WORSEN_PLANT")
        .env_remove("WORSEN_TEST_SCALE")
        .env_remove("RUST_TEST_NOCAPTURE")
        .stdin(Stdio::null())
        .stdout(create("out"))
        .stderr(create("err"));
    if let Some(name) = plant {
        command.env("WORSEN_PLANT", name);
    }
    let start = Instant::now();
    let mut child = command.spawn().expect("this program starts once more");
    let status = loop {
        if let Some(status) = child.try_wait().expect("it is a child of this process") {
            break status;
        }
        if start.elapsed() > LONGEST {
            child.kill().expect("it can be killed");
            break child.wait().expect("it ends");
        }
        thread::sleep(Duration::from_millis(5));
    };
    let read = |extension| {
        let bytes = std::fs::read(file(extension)).expect("its output is there");
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let (output, errors) = (read("out"), read("err"));
    let count = |what: &str| -> usize {
        let summary = output
            .lines()
            .find_map(|line| line.strip_prefix("test result: "))
            .unwrap_or_default();
        summary
            .split([';', '.'])
            .find_map(|part| part.trim().strip_suffix(what))
            .and_then(|count| count.trim().parse().ok())
            .unwrap_or(0)
    };
    let names = output
        .lines()
        .filter_map(|line| line.strip_prefix("test ")?.strip_suffix(" ... FAILED"));
    Ended {
        passed: count("passed"),
        failed: count("failed"),
        names: names.map(str::to_owned).collect(),
        reached: plant.is_some_and(|name| {
            let line = format!("planted and reached: {name}");
            errors.lines().any(|told| told == line)
        }),
        code: status.code(),
        took: start.elapsed(),
        output: format!("{output}\n{errors}"),
    }
}

/// The harness's own exit code where tests fail. A process that crashes has another one, or none.
const TESTS_FAILED: Option<i32> = Some(101);

/// Why it does not count as caught, if it does not.
fn not_caught(ended: &Ended, tests: &[&str]) -> Option<String> {
    let missed: Vec<&&str> = tests
        .iter()
        .filter(|test| !ended.names.iter().any(|name| name == *test))
        .collect();
    if tests.is_empty() {
        Some("no test is named for it".into())
    } else if ended.passed + ended.failed != tests.len() {
        Some(format!(
            "{} tests were named, {} passed and {} failed: {:?}\n{}",
            tests.len(),
            ended.passed,
            ended.failed,
            ended.code,
            ended.output
        ))
    } else if !ended.reached {
        Some("its code was never reached".into())
    } else if !missed.is_empty() {
        Some(format!("not caught by {missed:?}"))
    } else if ended.code != TESTS_FAILED {
        Some(format!("ended with {:?}", ended.code))
    } else {
        None
    }
}

#[test]
fn every_planted_mistake_is_caught() {
    let mut clean: Vec<&str> = Bug::ALL
        .iter()
        .flat_map(|bug| catchers(*bug))
        .copied()
        .collect();
    clean.sort_unstable();
    clean.dedup();
    // Without a mistake, each of these tests passes: else it would prove nothing that they fail.
    let jobs: Vec<(Option<Bug>, Vec<&str>)> = clean
        .iter()
        .map(|test| (None, vec![*test]))
        .chain(
            Bug::ALL
                .iter()
                .map(|bug| (Some(*bug), catchers(*bug).to_vec())),
        )
        .collect();
    let next = AtomicUsize::new(0);
    let rows = Mutex::new(BTreeMap::new());
    let problems = Mutex::new(Vec::new());
    let start = Instant::now();
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some((bug, tests)) = jobs.get(next.fetch_add(1, Relaxed)) {
                    let name = bug.map(|bug| format!("{bug:?}"));
                    let ended = run(tests, name.as_deref());
                    let problem = if bug.is_some() {
                        not_caught(&ended, tests)
                    } else {
                        let passed = ended.code == Some(0) && ended.passed == tests.len();
                        let problem = format!("does not pass by itself:\n{}", ended.output);
                        (!passed).then_some(problem)
                    };
                    let what = name.unwrap_or_else(|| "nothing planted".into());
                    let seconds = ended.took.as_secs_f32();
                    if let Some(problem) = problem {
                        let mut problems = problems.lock().unwrap();
                        problems.push(format!("{what}, {tests:?}, {seconds:.1} s: {problem}"));
                    } else if bug.is_some() {
                        let row = format!("{what:<32} {seconds:>5.1} s  {}", tests.join(", "));
                        rows.lock().unwrap().insert(what, row);
                    }
                }
            });
        }
    });
    let rows = rows.into_inner().unwrap();
    println!("planted mistake, and the tests that catch it:");
    for row in rows.values() {
        println!("{row}");
    }
    println!(
        "planted: {} mistakes, {} caught, by {} tests that pass without one, in {:.0} s",
        Bug::ALL.len(),
        rows.len(),
        clean.len(),
        start.elapsed().as_secs_f32()
    );
    let problems = problems.into_inner().unwrap();
    assert!(problems.is_empty(), "{}", problems.join("\n\n"));
}

/// A harness that takes anything for a catch proves as little as tests that cannot fail.
#[test]
fn a_run_that_proves_nothing_does_not_count_as_caught() {
    let opening = "handles::opening_twice_shares_one_store";
    let refusal = "bad_input::hostile_names_are_refused";
    for (tests, plant, because) in [
        (&[][..], "DropCrcChain", "no test is named"),
        (&["no::such_test"], "DropCrcChain", "0 passed and 0 failed"),
        (&[opening, "no::such_test"], "DropCrcChain", "1 passed and"),
        // Nothing is written, so nothing is sealed.
        (&[refusal], "DropCrcChain", "never reached"),
        // It is wrong from end to end, and so agrees with itself.
        (&[opening], "DropCrcChain", "not caught by"),
        (&[opening], "NoSuchMistake", "0 passed and 0 failed"),
    ] {
        let problem = match tests {
            // The harness would run all there are.
            [] => not_caught(&Ended::default(), tests),
            _ => not_caught(&run(tests, Some(plant)), tests),
        };
        let problem = problem.unwrap_or_else(|| panic!("{tests:?} count as a catch"));
        assert!(problem.contains(because), "{tests:?}: {problem}");
    }
}
