//! How much room a simulated disk has, as a test sets it. Never here: which file takes it.

use super::SimulatedDisk;

impl SimulatedDisk {
    /// From now on there is room for so many blocks of 4 KiB more, and what is freed; `None`: the disk has no
    /// end. After a crash it has none.
    pub fn leave_room(&self, blocks: Option<usize>) {
        self.state().leave_room(blocks);
    }

    /// How many blocks are free, where the disk has an end. No operation.
    pub fn room_left(&self) -> Option<usize> {
        self.state().room_left()
    }
}
