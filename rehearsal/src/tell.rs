//! The only place that prints: progress to standard error, results to standard output.

use crate::clock::Clock;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::time::Duration;

/// Tells people what goes on: a line for each step, and on a terminal a line that shows what runs now.
#[derive(Debug, Clone)]
pub struct Teller {
    clock: Clock,
    running: Option<ProgressBar>,
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
        Self { clock, running }
    }

    /// A line that stays.
    #[expect(clippy::print_stderr, reason = "this is the place")]
    pub fn line(&self, text: &str) {
        let line = format!("{:7.1}s  {text}", self.clock.elapsed().as_secs_f64());
        match &self.running {
            Some(bar) => bar.suspend(|| eprintln!("{line}")),
            None => eprintln!("{line}"),
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
