//! What it costs to make an image's layer: `cargo bench -p lockgate --bench layer`.
//!
//! A tar of 42 MB is compressed by `gzip -6` (one thread, no digest) and by ours (both digests too), by turns; the bytes
//! must be the same for one, two and four threads. The tar holds the running program as often as needed, each copy a
//! little changed, so that it compresses as programs do.

use std::{
    error::Error,
    fs,
    io::Write,
    num::NonZeroUsize,
    process::{Command, ExitCode, Stdio},
    time::{Duration, Instant},
};

const SIZE: usize = 42 << 20;
const RUNS: usize = 5;
/// How much faster than one `gzip -6` two threads must be.
const TARGET: f64 = 1.5;

fn main() -> ExitCode {
    match bench() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say(format_args!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn bench() -> Result<bool, Box<dyn Error>> {
    let tar = tar()?;
    let place = tempfile::tempdir()?;
    let file = place.path().join("layer.tar");
    fs::write(&file, &tar)?;

    let mut digests = Vec::new();
    let mut times: [Vec<Duration>; 4] = Default::default();
    let mut sizes = [0; 4];
    for _ in 0..RUNS {
        let start = Instant::now();
        let done = Command::new("gzip").args(["-6", "-n", "-c"]).arg(&file).stdin(Stdio::null()).output()?;
        times[0].push(start.elapsed());
        sizes[0] = done.stdout.len();
        for (place, threads) in [1, 2, 4].into_iter().enumerate() {
            let threads = NonZeroUsize::new(threads).ok_or("no thread")?;
            let start = Instant::now();
            let (bytes, digest) = lockgate::bench_layer(&tar, threads)?;
            times[place + 1].push(start.elapsed());
            sizes[place + 1] = bytes;
            digests.push(digest);
        }
    }

    say(format_args!("{:<12} {:>10} {:>9} {:>9} {:>7}", "", "bytes", "median ms", "least ms", "faster"));
    let mut faster = Vec::new();
    for ((times, bytes), what) in times.iter_mut().zip(sizes).zip(["gzip -6", "1 thread", "2 threads", "4 threads"]) {
        times.sort();
        let median = times[RUNS / 2].as_secs_f64() * 1000.0;
        faster.push(median);
        let (least, factor) = (times[0].as_secs_f64() * 1000.0, faster[0] / median);
        say(format_args!("{what:<12} {bytes:>10} {median:>9.0} {least:>9.0} {factor:>6.2}x"));
    }
    let factor = faster[0] / faster[2];
    let same = digests.windows(2).all(|pair| pair[0] == pair[1]);
    if factor < TARGET {
        say(format_args!(
            "over the target: two threads are {factor:.2} times as fast as gzip -6, at least {TARGET} is asked"
        ));
    }
    if !same {
        say("the bytes depend on the number of threads");
    }
    Ok(factor >= TARGET && same)
}

fn tar() -> Result<Vec<u8>, Box<dyn Error>> {
    let program = fs::read(env!("CARGO_BIN_EXE_lockgate"))?;
    let mut content = Vec::with_capacity(SIZE + program.len());
    let mut copy = 0_u8;
    while content.len() < SIZE {
        let at = content.len();
        content.write_all(&program)?;
        // Else a compressor with a long memory would find the copy before; gzip's 32 KiB never do.
        content[at..].iter_mut().step_by(4096).for_each(|byte| *byte ^= copy);
        copy = copy.wrapping_add(1);
    }
    content.truncate(SIZE);
    let mut header = tar::Header::new_ustar();
    header.set_size(SIZE as u64);
    header.set_mode(0o755);
    let mut tar = tar::Builder::new(Vec::with_capacity(SIZE + 4096));
    tar.append_data(&mut header, "bootstrap", &content[..])?;
    Ok(tar.into_inner()?)
}

#[expect(clippy::print_stdout, reason = "a benchmark's table")]
fn say(line: impl std::fmt::Display) {
    println!("{line}");
}
