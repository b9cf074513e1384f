//! Work on all cores whose results are taken in order, a few at a time: what is large is never there as a whole.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;

/// Does `work` for 0..count on all cores and gives the results to `take` on this thread, in order and while the work goes on.  The result
/// does not depend on the number of cores (P2).
///
/// A panic in `work` goes on in the caller.
pub fn in_order<T: Send>(count: usize, work: impl Fn(usize) -> T + Sync, mut take: impl FnMut(T)) {
    let cores = std::thread::available_parallelism().map_or(1, usize::from).min(count);
    if cores <= 1 {
        (0..count).for_each(|at| take(work(at)));
        return;
    }
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        // Bounded, so that the workers wait for whoever takes.
        let (send, results) = sync_channel(cores);
        for _ in 0..cores {
            let (send, next, work) = (send.clone(), &next, &work);
            scope.spawn(move || {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= count || send.send((at, work(at))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(send);
        let (mut early, mut wanted) = (BTreeMap::new(), 0);
        for (at, result) in results {
            early.insert(at, result);
            while let Some(result) = early.remove(&wanted) {
                take(result);
                wanted += 1;
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_taken_in_order() {
        for count in [0, 1, 2, 1000] {
            let mut taken = Vec::new();
            in_order(count, |at| at * 2, |double| taken.push(double));
            assert_eq!(taken, (0..count).map(|at| at * 2).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_panic_goes_on_in_the_caller() {
        let caught = std::panic::catch_unwind(|| in_order(100, |at| assert!(at != 50), |()| ()));
        assert!(caught.is_err());
    }
}
