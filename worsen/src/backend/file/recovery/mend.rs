//! A log while it is mended: as far as it leads where it stands, and where that is not all there is, put
//! together again from the lines of both files. Never here: what is to become of the files.

use super::{
    assembly::{LeftOver, image, lines, longest_chain},
    contents::Beginning,
    replay::Replay,
};
use crate::{
    backend::file::{
        format::{Position, is_blank, trimmed},
        lineage::Chain,
    },
    shared_str::Buffer,
};

/// The log as it will be, and the state that it leads to.
pub(super) struct Mending<'a> {
    log: &'a [u8],
    pub(super) position: Position,
    pub(super) chain: Chain,
    pub(super) replay: Replay,
    /// The mended bytes, where the log does not begin with them as it is.
    image: Option<Vec<u8>>,
    /// Where they begin to differ from those that were found.
    pub(super) mended_at: Option<u64>,
    /// The newest line came from the backup.
    pub(super) ends_in_backup: bool,
    /// What of the log is in no line of it.
    pub(super) left: LeftOver,
    /// How far the log led where it stands.
    pub(super) in_place: Position,
}

impl<'a> Mending<'a> {
    /// A log of which nothing is known.
    pub(super) fn nothing_of(log: &'a [u8]) -> Self {
        let position = Position::before_everything();
        Mending {
            log,
            position,
            chain: Chain::of_header(position.crc),
            replay: Replay::default(),
            image: None,
            mended_at: None,
            ends_in_backup: false,
            left: LeftOver::default(),
            in_place: position,
        }
    }

    /// Goes as far as the log leads, and then as far as the lines of both files do, wherever they stand.
    /// The chain of checksums runs through both, so that only the same lines fit in the same places.
    ///
    /// Its texts stay parts of `whole`, where they stand there.
    pub(super) fn of(
        log: &'a [u8],
        whole: &Buffer,
        beginning: &Beginning<'_>,
        backup: &[u8],
    ) -> Self {
        let mut mending = Mending::nothing_of(log);
        mending.in_place.crc = beginning.position.crc;
        mending.chain = Chain::of_header(beginning.position.crc);
        let first = beginning.position.offset as usize;
        let stands = log.starts_with(beginning.line) && log.get(first - 1) == Some(&b'\n');
        mending.position = beginning.position;
        if stands {
            let Mending {
                replay,
                chain,
                position,
                ..
            } = &mut mending;
            let Ok(()) = position.scan(&log[first..], whole, |place, record| {
                chain.note(&beginning.header, place);
                replay.apply(record);
                Ok::<(), std::convert::Infallible>(())
            });
            mending.in_place = mending.position;
        }
        let is_all =
            stands && is_blank(mending.rest()) && mending.valid().starts_with(trimmed(backup));
        if !is_all {
            mending.assemble(beginning, backup);
        }
        mending
    }

    fn assemble(&mut self, beginning: &Beginning<'_>, backup: &[u8]) {
        let chain = longest_chain(beginning.position, [self.log, backup]);
        let bytes = image(beginning.line, &chain);
        if self.position.offset > bytes.len() as u64 || !self.log.starts_with(&bytes) {
            self.take(beginning, &chain);
            let newest = chain.last().copied().unwrap_or(beginning.line);
            self.ends_in_backup = !lines(self.log).any(|line| line.text == newest);
            let same = bytes.iter().zip(self.log);
            let same = same.take_while(|(one, other)| one == other).count();
            self.mended_at = Some(same as u64);
            self.image = Some(bytes);
        }
        self.left = LeftOver::of(self.log, self.in_place, beginning.line, &chain);
        if self.image.is_none() && self.left.is_empty() && !is_blank(self.rest()) {
            // The same lines once more: nothing is missing, and they must not stay in the way.
            self.mended_at = Some(self.position.offset);
            self.image = Some(self.valid().to_vec());
        }
    }

    fn take(&mut self, from: &Beginning<'_>, chain: &[&[u8]]) {
        self.position = from.position;
        self.chain = Chain::of_header(from.position.crc);
        self.replay = Replay::default();
        for line in chain {
            if let Some(record) = self.position.step(line, Buffer::NONE) {
                self.chain.note(&from.header, &self.position);
                self.replay.apply(record);
            }
        }
    }

    /// What stands behind the lines that were taken where they stand.
    pub(super) fn rest(&self) -> &'a [u8] {
        let from = self.in_place.offset as usize;
        self.log.get(from..).unwrap_or(&[])
    }

    pub(super) fn valid(&self) -> &[u8] {
        match &self.image {
            Some(image) => image,
            None => &self.log[..(self.position.offset as usize).min(self.log.len())],
        }
    }
}
