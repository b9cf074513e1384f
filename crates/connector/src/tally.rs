//! How many exchanges of one piece of work failed: what quarantine goes by.
//!
//! A failure is the app's: a status from 500 on, a connection that breaks, a redirect, an answer that cannot be read, a "not allowed".  A
//! "slow down" is none, a refusal of what was asked is none, and neither is a session that ended.

/// How many there were, and how many failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// All that had an outcome.
    pub all: u64,
    /// Of these, failed.
    pub failed: u64,
}

/// The exchanges over one connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Those that can change nothing, log-ins among them.
    pub reads: Share,
    /// Those that can.
    pub writes: Share,
    /// Failures in a row, those that were under way together counted once.
    pub row: u32,
    /// Which row: failures that began in an earlier one are not counted again.
    generation: u64,
}

impl Tally {
    /// An exchange begins: what [`Tally::ended`] wants to know of it.
    pub(crate) fn begins(&self) -> u64 {
        self.generation
    }

    /// It ended; `failed` is none where that says nothing about the app.
    pub(crate) fn ended(&mut self, writes: bool, began: u64, failed: Option<bool>) {
        let Some(failed) = failed else { return };
        let share = if writes { &mut self.writes } else { &mut self.reads };
        share.all += 1;
        if !failed {
            self.row = 0;
            return;
        }
        share.failed += 1;
        if began == self.generation {
            self.generation += 1;
            self.row += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_that_were_under_way_together_are_one_in_the_row() {
        let mut tally = Tally::default();
        for _ in 0..3 {
            let together = [tally.begins(); 8];
            together.into_iter().for_each(|began| tally.ended(false, began, Some(true)));
        }
        assert_eq!((tally.row, tally.reads), (3, Share { all: 24, failed: 24 }));
        tally.ended(true, tally.begins(), None);
        assert_eq!(tally.row, 3, "a slow down says nothing");
        tally.ended(true, tally.begins(), Some(false));
        assert_eq!((tally.row, tally.writes), (0, Share { all: 1, failed: 0 }));
    }
}
