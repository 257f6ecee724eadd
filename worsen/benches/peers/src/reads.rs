//! Reads: by key beside the peers, and the typed accessor.

use std::{error::Error, hint::black_box, thread, time::Instant};

use worsen::Store;

use crate::{
    stores::{self, fill, key},
    yardstick::median,
};

pub fn all() -> Result<(), Box<dyn Error>> {
    println!("\none read by key, ns, by the number of entries");
    for name in stores::NAMES {
        let mut line = format!("  {name:<12}");
        for entries in [1_000, 100_000] {
            let folder = tempfile::tempdir_in(".")?;
            let peer = stores::open(name, folder.path(), false).map_err(|error| error.to_string())?;
            fill(&*peer, entries).map_err(|error| error.to_string())?;
            let keys: Vec<String> = (0..1_000).map(|number| key(number * 7_919 % entries)).collect();
            let mut blocks = Vec::new();
            for _ in 0..20 {
                let start = Instant::now();
                for key in &keys {
                    black_box(peer.get(key).map_err(|error| error.to_string())?);
                }
                blocks.push(start.elapsed().as_secs_f64() / keys.len() as f64 * 1e9);
            }
            line += &format!("  {entries:>7}: {:6.0}", median(blocks));
        }
        println!("{line}");
    }
    accessor()
}

#[derive(Store)]
struct Typed {
    count: u64,
    flag: bool,
    label: String,
}

fn accessor() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir_in(".")?;
    let store = Typed::builder().dir(folder.path()).open()?;
    store.set_count(1).wait()?;
    store.set_flag(true).wait()?;
    store.set_label("name".into()).wait()?;
    println!("\ntyped accessor of a Copy field, on a store in files, ns");
    for threads in [1, 2] {
        let worst = thread::scope(|scope| {
            let workers: Vec<_> = (0..threads)
                .map(|_| {
                    scope.spawn(|| {
                        let blocks = (0..50)
                            .map(|_| {
                                let start = Instant::now();
                                for _ in 0..100_000 {
                                    black_box(store.count());
                                }
                                start.elapsed().as_secs_f64() / 1e5 * 1e9
                            })
                            .collect();
                        median(blocks)
                    })
                })
                .collect();
            workers.into_iter().map(|worker| worker.join().unwrap_or(f64::NAN)).fold(0.0, f64::max)
        });
        println!("  {threads} thread(s)  {worst:6.1}");
    }
    Ok(())
}
