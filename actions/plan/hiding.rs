//! What of a plan's values is hidden from those who read what is said of it.

use super::{Options, secrets};
use crate::{event::Event, runner, secret::Secret};

/// Whether a plan's values are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Values {
    /// In private repositories only
    Auto,
    /// But for what is sensitive, or looks like a secret
    Show,
    /// Names only
    Hide,
}

impl Values {
    /// Whether they are to be hidden in a run that this event started.
    #[must_use]
    pub(crate) fn hidden(self, event: &Event) -> bool {
        match self {
            Self::Auto => event.is_public() && runner::in_runner(),
            Self::Show => false,
            Self::Hide => true,
        }
    }
}

/// What to hide.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Hiding {
    /// Whether values are shown
    #[arg(long, env = "INPUT_VALUES", value_name = "WHEN", default_value = "auto")]
    values: Values,
    /// Values that must not be seen wherever they stand, one a line
    #[arg(long, env = "INPUT_SECRETS", value_name = "TEXT", hide_env_values = true)]
    secrets: Option<Secret>,
}

impl Hiding {
    /// How to read a plan in a run that this event started.
    pub(crate) fn options(&self, event: &Event) -> Options {
        let secrets = secrets::known(self.secrets.as_ref());
        Options { secrets, hide_values: self.values.hidden(event), ..Options::default() }
    }
}
