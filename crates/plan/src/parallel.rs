//! Work over many people on all cores, with results in the order of the people whatever the machine (P2).

use std::ops::Range;

use crate::expr::Machine;

/// Fewer than so many are not worth a thread.
const SMALL: usize = 512;

/// Runs `work` over 0..count in chunks and puts the results together in order.
pub(crate) fn spread<T: Send>(count: usize, work: impl Fn(Range<usize>) -> Vec<T> + Sync) -> Vec<T> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from).min(16);
    if count < SMALL || cores == 1 {
        return work(0..count);
    }
    let size = count.div_ceil(cores);
    let work = &work;
    let mut results = Vec::new();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..count).step_by(size).map(|from| scope.spawn(move || work(from..(from + size).min(count)))).collect();
        for thread in threads {
            match thread.join() {
                Ok(mut part) if results.is_empty() => std::mem::swap(&mut results, &mut part),
                Ok(part) => results.extend(part),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    results
}

/// The same, each chunk with a machine of its own for expressions.
pub(crate) fn in_chunks<T: Send>(count: usize, work: impl Fn(Range<usize>, &Machine) -> Vec<T> + Sync) -> Vec<T> {
    if count == 0 {
        return Vec::new();
    }
    spread(count, |range| work(range, &Machine::new()))
}

/// Changes every item on all cores.
pub(crate) fn in_chunks_mut<T: Send>(items: &mut [T], work: impl Fn(&mut T) + Sync) {
    let cores = std::thread::available_parallelism().map_or(1, usize::from).min(16);
    if items.len() < SMALL || cores == 1 {
        items.iter_mut().for_each(work);
        return;
    }
    let size = items.len().div_ceil(cores);
    let work = &work;
    std::thread::scope(|scope| {
        for chunk in items.chunks_mut(size) {
            scope.spawn(move || chunk.iter_mut().for_each(work));
        }
    });
}

/// Does the work for every item at the same time, each on a thread of its own.
pub(crate) fn on_threads<I: IntoIterator<Item: Send>, T: Send>(items: I, work: impl Fn(I::Item) -> T + Sync) -> Vec<T> {
    let work = &work;
    std::thread::scope(|scope| {
        let threads: Vec<_> = items.into_iter().map(|item| scope.spawn(move || work(item))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    })
}
