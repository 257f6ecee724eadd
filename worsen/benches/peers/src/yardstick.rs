//! What the disk can do: an overwrite of 128 bytes and an fdatasync, in a file that was filled before.

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt,
    path::Path,
    time::{Duration, Instant},
};

pub struct Yardstick {
    file: File,
    offset: u64,
}

const LENGTH: u64 = 8 << 20;

impl Yardstick {
    pub fn new(dir: &Path) -> io::Result<Yardstick> {
        let file = File::options()
            .create(true)
            .truncate(true)
            .write(true)
            .open(dir.join("yardstick"))?;
        file.write_all_at(&vec![b' '; LENGTH as usize], 0)?;
        file.sync_all()?;
        Ok(Yardstick { file, offset: 0 })
    }

    /// How long so many of them take, each.
    pub fn measure(&mut self, times: u32) -> io::Result<Duration> {
        let start = Instant::now();
        for _ in 0..times {
            self.file.write_all_at(&[b'x'; 128], self.offset)?;
            self.file.sync_data()?;
            self.offset = (self.offset + 128) % (LENGTH - 128);
        }
        Ok(start.elapsed() / times)
    }
}

/// The middle one.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
