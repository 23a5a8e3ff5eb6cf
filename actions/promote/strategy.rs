//! How traffic moves to a new release: `all-at-once`, `canary:10%/5m` or `linear:10%/1m`.

use std::{fmt, str::FromStr, time::Duration};

use anyhow::{Context, Error, Result, bail, ensure};

/// The longest wait of one step; CodeDeploy's limit is two days as well.
const LONGEST: Duration = Duration::from_secs(48 * 60 * 60);

/// How traffic moves.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Strategy {
    /// All of it in one step.
    AllAtOnce,
    /// A part of it, a wait, then the rest.
    Canary {
        /// Percent of the traffic, 1 to 99.
        percent: u8,
        /// How long the part is watched.
        wait: Duration,
    },
    /// Equal parts with a wait after each.
    Linear {
        /// Percent of the traffic that each step adds, 1 to 99.
        percent: u8,
        /// How long each step is watched.
        wait: Duration,
    },
}

/// One step before the last, which is always all of the traffic.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Step {
    /// Percent of the traffic that goes to the new version.
    pub percent: u8,
    /// How long it is watched.
    pub wait: Duration,
}

impl Strategy {
    /// The steps before the last.
    #[must_use]
    pub fn steps(&self) -> Vec<Step> {
        match *self {
            Self::AllAtOnce => Vec::new(),
            Self::Canary { percent, wait } => vec![Step { percent, wait }],
            Self::Linear { percent, wait } => (1..)
                .map(|n| n * u32::from(percent))
                .take_while(|part| *part < 100)
                .filter_map(|part| Some(Step { percent: part.try_into().ok()?, wait }))
                .collect(),
        }
    }
}

impl FromStr for Strategy {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text == "all-at-once" {
            return Ok(Self::AllAtOnce);
        }
        let form =
            "a strategy is all-at-once, canary:<percent>%/<wait> or linear:<percent>%/<wait>, such as canary:10%/5m";
        let (kind, rest) = text.split_once(':').with_context(|| format!("`{text}`: {form}"))?;
        let (percent, wait) = rest.split_once("%/").with_context(|| format!("`{text}`: {form}"))?;
        let percent: u8 = percent
            .parse()
            .ok()
            .filter(|percent| (1..100).contains(percent))
            .with_context(|| format!("`{text}`: {percent} is no whole percentage from 1 to 99; {form}"))?;
        let wait = duration(wait).with_context(|| format!("`{text}`: {form}"))?;
        match kind {
            "canary" => Ok(Self::Canary { percent, wait }),
            "linear" => Ok(Self::Linear { percent, wait }),
            _ => bail!("`{text}`: there is no strategy `{kind}`; {form}"),
        }
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AllAtOnce => f.write_str("all-at-once"),
            Self::Canary { percent, wait } => write!(f, "canary:{percent}%/{}", shown(*wait)),
            Self::Linear { percent, wait } => write!(f, "linear:{percent}%/{}", shown(*wait)),
        }
    }
}

/// A time such as `300ms`, `30s`, `5m` or `2h`.
///
/// # Errors
/// If it has another form, is 0, or is longer than two days.
pub fn duration(text: &str) -> Result<Duration> {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let number: u64 = text[..text.len() - unit.len()].parse().with_context(|| format!("`{text}` is no time"))?;
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => bail!("`{text}` is no time: write 300ms, 30s, 5m or 2h"),
    };
    let time = Duration::from_millis(number.saturating_mul(milliseconds));
    ensure!(!time.is_zero() && time <= LONGEST, "`{text}` is not more than nothing and at most 48h");
    Ok(time)
}

/// A time in the form that [`duration`] reads.
#[must_use]
pub fn shown(time: Duration) -> String {
    let milliseconds = time.as_millis();
    match milliseconds {
        whole if whole % 3_600_000 == 0 => format!("{}h", whole / 3_600_000),
        whole if whole % 60_000 == 0 => format!("{}m", whole / 60_000),
        whole if whole % 1000 == 0 => format!("{}s", whole / 1000),
        rest => format!("{rest}ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn percents(strategy: &str) -> Vec<u8> {
        let strategy: Strategy = strategy.parse().expect("a strategy");
        strategy.steps().iter().map(|step| step.percent).collect()
    }

    #[test]
    fn every_strategy_has_its_steps_and_reads_back() {
        assert!(percents("all-at-once").is_empty());
        assert_eq!(percents("canary:10%/5m"), [10]);
        assert_eq!(percents("linear:25%/30s"), [25, 50, 75]);
        assert_eq!(percents("linear:40%/1h"), [40, 80]);
        assert_eq!(percents("linear:99%/1h"), [99]);
        for text in ["all-at-once", "canary:10%/5m", "linear:1%/90s", "canary:50%/2h", "canary:5%/300ms"] {
            assert_eq!(text.parse::<Strategy>().expect("a strategy").to_string(), text);
        }
    }

    #[test]
    fn anything_else_is_refused_with_the_form() {
        let wrong = [
            "",
            "canary",
            "canary:10%",
            "canary:0%/5m",
            "canary:100%/5m",
            "canary:10/5m",
            "canary:10%/5",
            "canary:10%/0s",
            "canary:10%/49h",
            "canary:10%/-5m",
            "blue-green:10%/5m",
            "canary:10.5%/5m",
            "linear:10%/99999999999999999999h",
        ];
        for text in wrong {
            assert!(text.parse::<Strategy>().is_err(), "{text:?} was taken");
        }
        let said = format!("{:#}", "canary:10%".parse::<Strategy>().expect_err("no wait"));
        assert!(said.contains("canary:10%/5m"), "{said}");
    }
}
