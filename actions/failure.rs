//! Why a command ended without success; the kind decides the exit code.

use std::fmt;

use crate::interrupt::Cancelled;

/// A failed command. Its text says what failed, why, and what to do next.
#[derive(Debug)]
pub enum Failure {
    /// A gate did its work and said no: findings, a digest mismatch, a tree that does not build.
    Gate(anyhow::Error),
    /// The command was called wrongly, or this machine lacks what it needs.
    Usage(anyhow::Error),
    /// Something outside this machine failed: a network, a registry, a cloud.
    World(anyhow::Error),
}

impl Failure {
    /// The exit code that workflows branch on: 1 gate, 2 usage or environment, 3 outside world.
    #[must_use]
    pub fn code(&self) -> u8 {
        match self {
            Self::Gate(_) => 1,
            Self::Usage(_) => 2,
            Self::World(_) => 3,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Gate(error) | Self::Usage(error) | Self::World(error)) = self;
        write!(f, "{error:#}")
    }
}

/// Whoever was at work: being stopped is nobody's fault in here.
fn cancelled(error: anyhow::Error) -> Result<Failure, anyhow::Error> {
    if error.is::<Cancelled>() { Ok(Failure::World(error)) } else { Err(error) }
}

/// Sorts an error into a [`Failure`] where the caller knows whose fault it is.
pub trait Blame<T> {
    /// The tree under judgement is at fault.
    ///
    /// # Errors
    /// The error itself, as [`Failure::Gate`].
    fn gate(self) -> Result<T, Failure>;

    /// The call or this machine is at fault.
    ///
    /// # Errors
    /// The error itself, as [`Failure::Usage`].
    fn usage(self) -> Result<T, Failure>;

    /// Something outside this machine is at fault.
    ///
    /// # Errors
    /// The error itself, as [`Failure::World`].
    fn world(self) -> Result<T, Failure>;
}

impl<T> Blame<T> for anyhow::Result<T> {
    fn gate(self) -> Result<T, Failure> {
        self.map_err(|error| cancelled(error).unwrap_or_else(Failure::Gate))
    }

    fn usage(self) -> Result<T, Failure> {
        self.map_err(|error| cancelled(error).unwrap_or_else(Failure::Usage))
    }

    fn world(self) -> Result<T, Failure> {
        self.map_err(Failure::World)
    }
}
