//! Durable writes by four processes on one store.

use std::{
    env,
    error::Error,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::stores::{self, fill, key, value};

const PROCESSES: usize = 4;
const SECONDS: u64 = 3;

/// One of them: says when it is ready, starts when told to, and reports its count and longest wait.
pub fn run(store: &str, dir: &Path, seconds: u64) -> Result<(), Box<dyn Error>> {
    let peer = stores::open(store, dir, true).map_err(|error| error.to_string())?;
    println!("ready");
    std::io::stdin().read_line(&mut String::new())?;
    let start = Instant::now();
    let (mut count, mut longest) = (0_u64, Duration::ZERO);
    while start.elapsed() < Duration::from_secs(seconds) {
        let number = std::process::id() as usize * 7 + count as usize;
        let begin = Instant::now();
        peer.put(&key(number % 1_000), &value(number)).map_err(|error| error.to_string())?;
        longest = longest.max(begin.elapsed());
        count += 1;
    }
    println!("{count} {}", longest.as_micros());
    Ok(())
}

pub fn together() -> Result<(), Box<dyn Error>> {
    println!("\ndurable writes a second, processes together; slowest / fastest process; longest wait");
    for name in stores::NAMES.into_iter().filter(|name| stores::is_shared(name)) {
        let folder = tempfile::tempdir_in(".")?;
        {
            let peer = stores::open(name, folder.path(), true).map_err(|error| error.to_string())?;
            fill(&*peer, 1_000).map_err(|error| error.to_string())?;
        }
        let mut line = format!("  {name:<12}");
        let mut single = 0.0;
        for processes in [1, PROCESSES, 8] {
            let mut workers = Vec::new();
            for _ in 0..processes {
                let mut worker = Command::new(env::current_exe()?)
                    .args(["process", name])
                    .arg(folder.path())
                    .arg(SECONDS.to_string())
                    .stdin(Stdio::piped())
                    .stdout(Stdio::piped())
                    .spawn()?;
                let stdout = worker.stdout.take().ok_or("no stdout")?;
                let mut lines = BufReader::new(stdout).lines();
                lines.next().ok_or("it did not get ready")??;
                workers.push((worker, lines));
            }
            for (worker, _) in &mut workers {
                worker.stdin.as_mut().ok_or("no stdin")?.write_all(b"go\n")?;
            }
            let (mut counts, mut longest) = (Vec::new(), 0);
            for (mut worker, mut lines) in workers {
                let report = lines.next().ok_or("it died")??;
                let (count, wait) = report.split_once(' ').ok_or("an odd report")?;
                counts.push(count.parse::<u64>()?);
                longest = longest.max(wait.parse::<u64>()?);
                worker.wait()?;
            }
            let rate = counts.iter().sum::<u64>() as f64 / SECONDS as f64;
            if processes == 1 {
                single = rate;
            }
            let fairness = *counts.iter().min().unwrap_or(&0) as f64 / *counts.iter().max().unwrap_or(&1) as f64;
            line += &format!(
                "  {processes}: {rate:7.0}/s {:4.1} x {fairness:4.2} {:5.1} ms",
                rate / single,
                longest as f64 / 1e3
            );
        }
        println!("{line}");
    }
    Ok(())
}
