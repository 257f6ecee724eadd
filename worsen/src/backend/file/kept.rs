//! The state before a migration, in a file beside the log that is a log itself: put in the log's place, it is the
//! store of that time. Never here: when one is kept.

use std::path::PathBuf;

use super::{
    FileBackend,
    compaction::image,
    disk::{Open, replace::write_file},
    format::{MAX_REVISION, is_blank, read_header},
    lineage::past,
    recovery::load,
};
use crate::{
    backend::{Entries, now},
    error::{self, Error},
};

impl FileBackend {
    /// Keeps these entries, the state of the log as it is.
    pub(super) fn keep_version(&self, entries: &Entries, version: u32) -> Result<PathBuf, Error> {
        let state = self.state();
        let (kept, new) = self.paths.of_version(version);
        let (_, found) = load(&*self.disk, &kept, Open::Read)?;
        // A store may be called so. A copy from an earlier migration of this one is another matter.
        let is_ours = read_header(&found).is_ok_and(|(header, _)| header.store == self.paths.name);
        if !is_blank(&found) && !is_ours {
            return Err(error::evolution::kept_in_the_way(&kept));
        }
        let (header, position) = (&state.log.header, &state.log.position);
        let generation = header.generation + 1;
        if generation > MAX_REVISION {
            return Err(self.used_up());
        }
        // As if the log had been compacted before the migration.
        let past = (generation, past(header, position));
        let log = image(&self.paths.name, past, position.revision, entries, &now());
        let bytes = &log.bytes[..log.position.offset as usize];
        write_file(&*self.disk, &self.paths, &new, &kept, bytes, &mut |_| ())?;
        self.debug.say(format_args!(
            "kept the state of version {version} in {}",
            kept.display()
        ));
        Ok(kept)
    }
}
