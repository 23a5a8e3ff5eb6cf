//! The only place that prints: progress to standard error, results to standard output.

use crate::clock::Clock;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// After so long without a line it is said what runs: building everything the first time takes minutes.
const SILENCE: Duration = Duration::from_secs(60);

/// Tells people what goes on: a line for each step, and on a terminal a line that shows what runs now.
#[derive(Debug, Clone)]
pub struct Teller {
    clock: Clock,
    running: Option<ProgressBar>,
    /// When the last line was told, in seconds since the start.
    told: Arc<AtomicU64>,
}

impl Teller {
    /// Tells by this clock.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        let running = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{spinner} {elapsed:>4} {wide_msg}");
            let bar = ProgressBar::new_spinner().with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Self { clock, running, told: Arc::default() }
    }

    /// A line that stays.
    #[expect(clippy::print_stderr, reason = "this is the place")]
    pub fn line(&self, text: &str) {
        let at = self.clock.elapsed();
        self.told.store(at.as_secs(), Ordering::Relaxed);
        let line = format!("{:7.1}s  {text}", at.as_secs_f64());
        match &self.running {
            Some(bar) => bar.suspend(|| eprintln!("{line}")),
            None => eprintln!("{line}"),
        }
    }

    /// Says from time to time what runs, where nothing else is said; it does not end.
    pub async fn keep_telling(self) {
        loop {
            let silent = self.clock.elapsed().as_secs().saturating_sub(self.told.load(Ordering::Relaxed));
            if silent >= SILENCE.as_secs() {
                let running = self.clock.running().into_iter();
                let running: Vec<String> = running.map(|(what, seconds)| format!("{what} ({seconds:.0} s)")).collect();
                if !running.is_empty() {
                    self.line(&format!("...   {}", running.join(", ")));
                }
            }
            tokio::time::sleep(SILENCE.saturating_sub(Duration::from_secs(silent)).max(Duration::from_secs(1))).await;
        }
    }

    /// What runs now; shown on a terminal only.
    pub fn now(&self, text: &str) {
        if let Some(bar) = &self.running {
            bar.set_message(text.to_owned());
        }
    }

    /// Takes the line that shows what runs now away.
    pub fn done(&self) {
        if let Some(bar) = &self.running {
            bar.finish_and_clear();
        }
    }
}

/// A result, for people and pipes.
#[expect(clippy::print_stdout, reason = "this is the place")]
pub fn print(text: &str) {
    println!("{text}");
}

/// An error that ended the program.
#[expect(clippy::print_stderr, reason = "this is the place")]
pub fn error(error: &anyhow::Error) {
    eprintln!("error: {error:#}");
}
