//! Chance from a seed.

use std::sync::{Mutex, PoisonError};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

/// Everything that a seed decides, drawn in the order in which it is asked for.
#[derive(Debug)]
pub(crate) struct Chance(Mutex<StdRng>);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Mutex::new(StdRng::seed_from_u64(seed)))
    }

    /// A number below `end`.
    pub(crate) fn below(&self, end: usize) -> usize {
        if end == 0 { 0 } else { self.0.lock().unwrap_or_else(PoisonError::into_inner).random_range(0..end) }
    }

    /// A number from `from` to `to`.
    pub(crate) fn between(&self, from: i64, to: i64) -> i64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).random_range(from..=to)
    }

    /// Whether something happens that happens so often in a thousand.
    pub(crate) fn in_thousand(&self, often: usize) -> bool {
        self.below(1000) < often
    }

    /// One of them.
    pub(crate) fn pick<'a, T>(&self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    /// A seed for something else.
    pub(crate) fn seed(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).random()
    }
}
