//! Filling an engine that is being opened, under the lock: an older store is brought to the version of the program,
//! an empty one gets its seeds. Each is one commit. Never here: what a migration does, and what seeds are.

use super::{Leading, Limits, Seeds, core::Core};
use crate::{
    backend::{AppendFailure, Entries, Locked, Sink},
    entry::{Edit, Edits},
    error::Error,
    health::Condition,
    planted::{Bug, planted},
    repair::{Recovery, Repair},
    schema::{Evolved, Opening, Outline, is_new},
};

/// Takes the entries of the store into the draft, as this program has them. Returns what a person may want to know
/// of them. `seeds` are there where the store may be written.
///
/// # Errors
///
/// Where the store does not let this program in, the migration or the seeds fail, or a value does not fit its type.
pub(super) fn fill(
    core: &mut Core,
    locked: &Locked<'_>,
    (entries, seeds): (Entries, Option<Seeds<'_>>),
    limits: &Limits,
    recovery: &mut Recovery,
) -> Result<Vec<Condition>, Error> {
    let outline = core.replica.outline.clone();
    let opening = Opening {
        may_write: seeds.is_some(),
        may_have_lost: recovery.may_have_lost(),
    };
    let evolved = {
        // A migration may not wait for a write of its own thread, as a closure may not.
        let _leading = Leading::enter();
        outline.evolve(&entries, opening)?
    };
    let is_new = is_new(&entries);
    let after = entries.with(&evolved.changes);
    let mut conditions = conditions(&outline, &after)?;
    core.adopt(after);
    core.replica.check_fit()?;
    if !evolved.changes.is_empty() {
        commit(core, locked, (&entries, evolved), limits, recovery)?;
    }
    if let Some(seeds) = seeds.filter(|_| is_new || planted(Bug::ImportIntoUsedStore)) {
        let mut edits = seeds()?;
        edits.entries.extend(outline.version_of_new());
        seed(core, locked, edits, limits)?;
        conditions.clear();
    }
    Ok(conditions)
}

/// What a person may want to know of these entries.
fn conditions(outline: &Outline, entries: &Entries) -> Result<Vec<Condition>, Error> {
    let unknown = outline.find_unknown(entries)?;
    let unknown = (!unknown.is_empty()).then_some(Condition::UnknownUids { uids: unknown });
    let former = outline.find_shadowed(entries);
    Ok(former.into_iter().chain(unknown).collect())
}

/// Commits what opening has made of these entries. The draft has it already.
fn commit(
    core: &mut Core,
    locked: &Locked<'_>,
    (before, evolved): (&Entries, Evolved),
    limits: &Limits,
    recovery: &mut Recovery,
) -> Result<(), Error> {
    let Evolved { changes, migrated } = evolved;
    limits.check(&changes, before)?;
    let mut kept = None;
    if let Some((from, _)) = migrated.filter(|_| !planted(Bug::MigrateWithoutCopy)) {
        // First: once the new state is on disk, the one before is too.
        kept = locked.keep(before, from)?;
    }
    let commits = match planted(Bug::CommitVersionApart) {
        true => changes.into_iter().rev().map(|edit| vec![edit]).collect(),
        false => vec![changes],
    };
    append(locked, &commits)?;
    core.replica.revision += commits.len() as u64;
    locked.sync()?;
    if let Some((from, to)) = migrated {
        recovery.repairs.push(Repair::Migrated { from, to, kept });
    }
    Ok(())
}

fn seed(core: &mut Core, locked: &Locked<'_>, seeds: Edits, limits: &Limits) -> Result<(), Error> {
    let changes = core.distinct(seeds);
    if !planted(Bug::IgnoreLimitsOfSeeds) {
        limits.check(&changes, &core.replica.entries)?;
    }
    if changes.is_empty() {
        return Ok(());
    }
    append(locked, std::slice::from_ref(&changes))?;
    let revision = core.replica.revision + 1;
    core.replica.commit(revision, changes)?;
    core.absorb();
    core.replica.check_fit()?;
    locked.sync()
}

fn append(locked: &Locked<'_>, commits: &[Vec<Edit>]) -> Result<(), Error> {
    locked
        .append(commits, None)
        .map_err(|failure| match failure {
            AppendFailure::Undone(error) | AppendFailure::Poisoned(error) => error,
        })
}
