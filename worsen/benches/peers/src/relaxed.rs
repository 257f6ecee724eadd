//! Writes that survive `kill -9` and no more.

use std::{error::Error, time::Instant};

use crate::{
    stores::{self, fill, key, value},
    yardstick::median,
};

pub fn writes() -> Result<(), Box<dyn Error>> {
    println!("\none relaxed write of 100 B (survives kill -9), us, by the number of entries");
    for name in stores::NAMES {
        let mut line = format!("  {name:<12}");
        for entries in [1_000, 100_000] {
            let folder = tempfile::tempdir_in(".")?;
            let peer = stores::open(name, folder.path(), false).map_err(|error| error.to_string())?;
            fill(&*peer, entries).map_err(|error| error.to_string())?;
            let mut blocks = Vec::new();
            let mut number = 0;
            for _ in 0..50 {
                let start = Instant::now();
                for _ in 0..400 {
                    number += 7_919;
                    peer.put_relaxed(&key(number % entries), &value(number)).map_err(|error| error.to_string())?;
                }
                blocks.push(start.elapsed().as_secs_f64() / 400.0 * 1e6);
            }
            line += &format!("  {entries:>7}: {:6.2}", median(blocks));
        }
        println!("{line}");
    }
    Ok(())
}
