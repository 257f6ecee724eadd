//! How much room a simulated disk has, in blocks, and which files have it. Never here: what is in them.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
};

use super::{
    super::{directory::Entry, fault::Fault},
    State,
};

/// What a file system gives to a file at a time.
const BLOCK: u64 = 4096;

/// The blocks of a disk that has an end.
#[derive(Clone, Default)]
pub(in crate::testing) struct Room {
    /// How many there are in all.
    blocks: usize,
    /// Which ones each file has, by their numbers in the file.
    taken: BTreeMap<u64, BTreeSet<u64>>,
}

impl Room {
    fn is_taken(&self) -> usize {
        self.taken.values().map(BTreeSet::len).sum()
    }
}

impl State {
    /// Takes the blocks for so many bytes at this place of a file, as far as there are any: how many bytes
    /// then have room.
    ///
    /// # Errors
    ///
    /// Where not one has.
    pub(in crate::testing) fn take_room(
        &mut self,
        inode: u64,
        offset: u64,
        len: u64,
    ) -> io::Result<u64> {
        self.give_back();
        let Some(room) = &mut self.room else {
            return Ok(len);
        };
        let end = offset.saturating_add(len);
        let mut left = room.blocks.saturating_sub(room.is_taken());
        let taken = room.taken.entry(inode).or_default();
        for block in offset / BLOCK..end.div_ceil(BLOCK) {
            if taken.contains(&block) {
                continue;
            }
            if left == 0 {
                return match (block * BLOCK).saturating_sub(offset) {
                    0 => Err(Fault::NoSpace.error()),
                    fits => Ok(fits),
                };
            }
            left -= 1;
            taken.insert(block);
        }
        Ok(len)
    }

    /// A file was set to this length: what lies behind it is free, also where it was only reserved.
    pub(in crate::testing) fn free_room(&mut self, inode: u64, len: u64) {
        if let Some(taken) = self
            .room
            .as_mut()
            .and_then(|room| room.taken.get_mut(&inode))
        {
            taken.retain(|block| *block < len.div_ceil(BLOCK));
        }
    }

    /// From now on there is room for so many blocks more; `None`: the disk has no end.
    pub(in crate::testing) fn leave_room(&mut self, blocks: Option<usize>) {
        self.give_back();
        let Some(blocks) = blocks else {
            self.room = None;
            return;
        };
        let mut room = self.room.take().unwrap_or_else(|| {
            let of = |len: usize| (0..(len as u64).div_ceil(BLOCK)).collect();
            let nodes = self.nodes.iter();
            Room {
                blocks: 0,
                taken: nodes
                    .map(|(inode, node)| (*inode, of(node.current.len())))
                    .collect(),
            }
        });
        room.blocks = room.is_taken() + blocks;
        self.room = Some(room);
        self.give_back();
    }

    /// How many blocks are free, where the disk has an end.
    pub(in crate::testing) fn room_left(&mut self) -> Option<usize> {
        self.give_back();
        let room = self.room.as_ref()?;
        Some(room.blocks.saturating_sub(room.is_taken()))
    }

    /// Files that have no name and that nobody has open have no blocks.
    fn give_back(&mut self) {
        let Some(room) = &mut self.room else {
            return;
        };
        let names = self.dirs.values().flat_map(|dir| dir.current.values());
        let named: BTreeSet<u64> = names
            .filter_map(|entry| match entry {
                Entry::File(inode) => Some(*inode),
                Entry::Dir(_) => None,
            })
            .collect();
        let nodes = &self.nodes;
        let is_open = |inode: &u64| nodes.get(inode).is_some_and(|node| node.handles > 0);
        room.taken
            .retain(|inode, _| named.contains(inode) || is_open(inode));
    }
}
