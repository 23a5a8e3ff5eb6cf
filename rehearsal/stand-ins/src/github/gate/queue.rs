//! A concurrency group: one run has it, and at most one waits for it
//! (<https://docs.github.com/en/actions/how-tos/write-workflows/choose-when-workflows-run/control-workflow-concurrency>,
//! with `cancel-in-progress: false`).

use std::collections::BTreeMap;

/// How things stand for a run that asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// It has the group.
    Held,
    /// It waited until this run took its place.
    Superseded(u64),
    /// It waited until it gave up.
    Left,
}

/// A run, and by which of its requests it came here.
#[derive(Debug, Clone, Copy)]
struct Place {
    run: u64,
    ticket: u64,
}

/// A group. If nobody has it, nobody waits for it.
#[derive(Debug, Default)]
pub(super) struct Queue {
    holder: Option<Place>,
    next: Option<Place>,
    // Who took the place of a run, by that run.
    superseded: BTreeMap<u64, u64>,
}

impl Queue {
    /// Puts a run at its place: the group, if nobody has it, or else the one place where a run waits.
    pub(super) fn ask(&mut self, run: u64, ticket: u64) {
        self.superseded.remove(&run);
        let place = Place { run, ticket };
        match self.holder {
            None => self.holder = Some(place),
            Some(holder) if holder.run == run => {}
            Some(_) => {
                if let Some(before) = self.next.replace(place).filter(|before| before.run != run) {
                    self.superseded.insert(before.run, run);
                }
            }
        }
    }

    /// What to tell a run: nothing while it waits.
    pub(super) fn turn(&self, run: u64) -> Option<Turn> {
        if self.holder.is_some_and(|holder| holder.run == run) {
            return Some(Turn::Held);
        }
        if self.waits(run) {
            return None;
        }
        Some(self.superseded.get(&run).map_or(Turn::Left, |by| Turn::Superseded(*by)))
    }

    /// Whether a run waits.
    pub(super) fn waits(&self, run: u64) -> bool {
        self.next.is_some_and(|next| next.run == run)
    }

    /// Gives the group back, or the place where the run waits.
    pub(super) fn leave(&mut self, run: u64) {
        self.clear(|place| place.run == run);
    }

    /// The same for what a request got that was never told of it.
    pub(super) fn forget(&mut self, ticket: u64) {
        self.clear(|place| place.ticket == ticket);
    }

    fn clear(&mut self, is: impl Fn(&Place) -> bool) {
        self.next.take_if(|next| is(next));
        if self.holder.as_ref().is_some_and(is) {
            self.holder = self.next.take();
        }
    }
}
