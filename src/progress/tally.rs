//! What has been done, counted by the workers and looked at by the drawer.
//!
//! A worker touches only its own item's two counters; the sum is made when somebody looks. So an item that is given
//! up takes its counts with it.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use unisys_ops::progress::{Expected, Item};

/// The phase under way.
#[derive(Default)]
pub(super) struct Tally {
    phase: Arc<Mutex<Phase>>,
}

#[derive(Default)]
struct Phase {
    number: u64,
    name: String,
    started: Option<Instant>,
    expected: Expected,
    finished: Counts,
    /// What had been expected of the finished items.
    finished_expected: Counts,
    items: Vec<Arc<Counter>>,
}

/// Bytes and rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) bytes: u64,
    pub(super) rows: u64,
}

struct Counter {
    name: String,
    expected: Expected,
    bytes: AtomicU64,
    rows: AtomicU64,
}

/// The phase at one moment.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    /// Which phase of the run it is, from 1.
    pub(super) number: u64,
    pub(super) phase: String,
    pub(super) elapsed: Duration,
    pub(super) done: Counts,
    /// What the whole comes to, by what is known now.
    pub(super) expected: Expected,
    /// The items under way, oldest first: name, done, expected.
    pub(super) items: Vec<(String, Counts, Expected)>,
}

impl Tally {
    pub(super) fn begin(&self, name: &str, expected: Expected) {
        let mut phase = lock(&self.phase);
        let number = phase.number + 1;
        *phase =
            Phase { number, name: name.into(), started: Some(Instant::now()), expected, ..Phase::default() };
    }

    pub(super) fn start(&self, name: &str, expected: Expected) -> Running {
        let counter =
            Counter { name: name.into(), expected, bytes: AtomicU64::new(0), rows: AtomicU64::new(0) };
        let counter = Arc::new(counter);
        lock(&self.phase).items.push(Arc::clone(&counter));
        Running { counter, phase: Arc::clone(&self.phase) }
    }

    /// Returns the phase as it stands, or `None` before the first.
    pub(super) fn look(&self) -> Option<State> {
        let phase = lock(&self.phase);
        let started = phase.started?;
        let items: Vec<_> =
            phase.items.iter().map(|item| (item.name.clone(), item.counts(), item.expected)).collect();
        let done = items.iter().fold(phase.finished, |sum, (_, counts, _)| sum.plus(*counts));
        let whole = |expected: Option<u64>, finished: u64, finished_expected: u64, done: u64| {
            expected.map(|all| (finished + all.saturating_sub(finished_expected)).max(done))
        };
        let (finished, before) = (phase.finished, phase.finished_expected);
        let expected = Expected {
            bytes: whole(phase.expected.bytes, finished.bytes, before.bytes, done.bytes),
            rows: whole(phase.expected.rows, finished.rows, before.rows, done.rows),
        };
        let (number, name) = (phase.number, phase.name.clone());
        Some(State { number, phase: name, elapsed: started.elapsed(), done, expected, items })
    }
}

impl Counts {
    fn plus(self, other: Self) -> Self {
        Self { bytes: self.bytes + other.bytes, rows: self.rows + other.rows }
    }
}

impl Counter {
    fn counts(&self) -> Counts {
        Counts { bytes: self.bytes.load(Relaxed), rows: self.rows.load(Relaxed) }
    }
}

/// An item under way; dropped, it leaves the phase.
pub(super) struct Running {
    counter: Arc<Counter>,
    phase: Arc<Mutex<Phase>>,
}

impl Item for Running {
    fn advance(&self, bytes: u64, rows: u64) {
        self.counter.bytes.fetch_add(bytes, Relaxed);
        self.counter.rows.fetch_add(rows, Relaxed);
    }

    fn finish(self: Box<Self>) {
        let mut phase = lock(&self.phase);
        if phase.remove(&self.counter) {
            let counts = self.counter.counts();
            phase.finished = phase.finished.plus(counts);
            let expected = self.counter.expected;
            let expected = Counts {
                bytes: expected.bytes.unwrap_or(counts.bytes),
                rows: expected.rows.unwrap_or(counts.rows),
            };
            phase.finished_expected = phase.finished_expected.plus(expected);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        lock(&self.phase).remove(&self.counter);
    }
}

impl Phase {
    /// Takes an item out; false where a newer phase has begun since.
    fn remove(&mut self, counter: &Arc<Counter>) -> bool {
        let before = self.items.len();
        self.items.retain(|item| !Arc::ptr_eq(item, counter));
        self.items.len() < before
    }
}

/// Counters cannot be left half-changed, so a panic elsewhere does not spoil them.
fn lock(phase: &Mutex<Phase>) -> MutexGuard<'_, Phase> {
    phase.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_is_corrected_by_what_finished_items_came_to() {
        let tally = Tally::default();
        tally.begin("backup", Expected::bytes(1000));
        let small = tally.start("small", Expected::bytes(600));
        small.advance(100, 1);
        assert_eq!(tally.look().unwrap().expected.bytes, Some(1000));
        Box::new(small).finish();
        let state = tally.look().unwrap();
        assert_eq!((state.done.bytes, state.expected.bytes), (100, Some(500)));
    }

    #[test]
    fn an_item_given_up_takes_its_counts_with_it() {
        let tally = Tally::default();
        tally.begin("backup", Expected::bytes(10));
        let item = tally.start("t", Expected::UNKNOWN);
        item.advance(50, 5);
        assert_eq!(tally.look().unwrap().expected.bytes, Some(50), "never more done than expected");
        drop(item);
        assert_eq!(tally.look().unwrap().done, Counts::default());
    }

    #[test]
    fn threads_lose_no_counts() {
        let tally = Tally::default();
        tally.begin("backup", Expected::UNKNOWN);
        let item = tally.start("t", Expected::UNKNOWN);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..1000).for_each(|_| item.advance(3, 1)));
            }
        });
        assert_eq!(tally.look().unwrap().done, Counts { bytes: 12000, rows: 4000 });
    }
}
