//! How fast rows are read: so many bytes a second, all sessions together.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// A limit on bytes per second, shared by all who read. Whoever has read waits until the bytes are paid for.
#[derive(Debug, Default)]
pub struct Throttle {
    bytes_per_second: Option<u64>,
    /// When all that was read so far is paid for.
    paid: Mutex<Option<Instant>>,
}

impl Throttle {
    /// Returns a limit, or none.
    pub fn new(bytes_per_second: Option<u64>) -> Self {
        Self { bytes_per_second: bytes_per_second.filter(|rate| *rate > 0), paid: Mutex::new(None) }
    }

    /// Waits until `bytes` more may have been read. Time in which nobody read is not saved up.
    pub async fn pay(&self, bytes: usize) {
        let Some(rate) = self.bytes_per_second else { return };
        let cost = Duration::from_secs_f64(bytes as f64 / rate as f64);
        let until = {
            let mut paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            let until = paid.map_or(now, |paid| paid.max(now)) + cost;
            *paid = Some(until);
            until
        };
        tokio::time::sleep_until(until).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn readers_together_keep_the_rate() {
        let throttle = Throttle::new(Some(1_000_000));
        let begun = Instant::now();
        let reader = || async {
            for _ in 0..5 {
                throttle.pay(40_000).await;
            }
        };
        tokio::join!(reader(), reader());
        let took = begun.elapsed().as_secs_f64();
        assert!((0.39..0.8).contains(&took), "400 kB at 1 MB/s: {took}");
    }

    #[tokio::test]
    async fn no_limit_costs_no_time() {
        let begun = Instant::now();
        for throttle in [Throttle::new(None), Throttle::new(Some(0)), Throttle::default()] {
            throttle.pay(usize::MAX).await;
        }
        assert!(begun.elapsed() < Duration::from_millis(100));
    }
}
