//! Durations by the million, kept as counts: a receiver records each packet's
//! latency, so recording must neither allocate nor sort, and each thread fills its
//! own histogram, which are merged at the end.
//!
//! Log-linear buckets: 64 to each power of two, and a bucket's middle is reported,
//! so that a quantile is off by less than 0.8 %.

use std::time::Duration;

use crate::results::Quantiles;

const STEPS_BITS: u32 = 6;
const STEPS: usize = 1 << STEPS_BITS;
/// 2⁹ ns: what is shorter than a microsecond is not told apart.
const LOWEST_BITS: u32 = 9;
/// 2³⁶ ns, 68 s: what is longer counts as that, but the maximum stays exact.
const HIGHEST_BITS: u32 = 36;
const BUCKETS: usize = (HIGHEST_BITS - LOWEST_BITS) as usize * STEPS;

#[derive(Debug, Clone)]
pub struct Histogram {
    counts: Box<[u64; BUCKETS]>,
    count: u64,
    longest: Duration,
}

impl Default for Histogram {
    fn default() -> Self {
        Self::new()
    }
}

impl Histogram {
    pub fn new() -> Self {
        Self {
            counts: Box::new([0; BUCKETS]),
            count: 0,
            longest: Duration::ZERO,
        }
    }

    pub fn record(&mut self, duration: Duration) {
        self.counts[bucket_of(duration)] += 1;
        self.count += 1;
        self.longest = self.longest.max(duration);
    }

    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.counts.iter_mut().zip(other.counts.iter()) {
            *mine += theirs;
        }
        self.count += other.count;
        self.longest = self.longest.max(other.longest);
    }

    /// Forgets all, for the next window.
    pub fn clear(&mut self) {
        self.counts.fill(0);
        self.count = 0;
        self.longest = Duration::ZERO;
    }

    pub fn count(&self) -> u64 {
        self.count
    }

    pub fn quantiles(&self) -> Quantiles {
        Quantiles {
            count: self.count,
            p50: self.quantile(0.50),
            p95: self.quantile(0.95),
            p99: self.quantile(0.99),
            max: milliseconds(self.longest),
        }
    }

    /// In milliseconds; zero when nothing was recorded.
    fn quantile(&self, of: f64) -> f64 {
        let rank = ((of * self.count as f64).ceil() as u64).max(1);
        let mut seen = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return milliseconds(middle_of(bucket).min(self.longest));
            }
        }
        0.0
    }
}

fn bucket_of(duration: Duration) -> usize {
    let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    let value = nanoseconds.clamp(1 << LOWEST_BITS, (1 << HIGHEST_BITS) - 1);
    let power = value.ilog2();
    let step = (value >> (power - STEPS_BITS)) as usize & (STEPS - 1);
    (power - LOWEST_BITS) as usize * STEPS + step
}

fn middle_of(bucket: usize) -> Duration {
    let power = (bucket / STEPS) as u32 + LOWEST_BITS;
    let width = 1_u64 << (power - STEPS_BITS);
    let begins = (1_u64 << power) + (bucket % STEPS) as u64 * width;
    Duration::from_nanos(begins + width / 2)
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(got: f64, wanted: f64) {
        assert!(
            (got - wanted).abs() <= wanted * 0.01,
            "{got}, wanted {wanted}"
        );
    }

    #[test]
    fn quantiles_are_within_a_hundredth() {
        let mut histogram = Histogram::new();
        for microseconds in 1..=10_000 {
            histogram.record(Duration::from_micros(microseconds));
        }
        let quantiles = histogram.quantiles();
        assert_eq!(quantiles.count, 10_000);
        near(quantiles.p50, 5.0);
        near(quantiles.p95, 9.5);
        near(quantiles.p99, 9.9);
        assert_eq!(quantiles.max, 10.0);
    }

    #[test]
    fn every_length_from_a_microsecond_to_a_minute_is_within_a_hundredth() {
        let mut nanoseconds = 1_000_u64;
        while nanoseconds <= 60_000_000_000 {
            let middle = middle_of(bucket_of(Duration::from_nanos(nanoseconds)));
            near(middle.as_nanos() as f64, nanoseconds as f64);
            nanoseconds += nanoseconds / 97;
        }
    }

    #[test]
    fn what_is_out_of_range_is_counted_at_its_end() {
        let mut histogram = Histogram::new();
        histogram.record(Duration::ZERO);
        histogram.record(Duration::from_secs(3_600));
        let quantiles = histogram.quantiles();
        assert!(quantiles.p50 < 0.001);
        assert!(quantiles.p99 > 60_000.0);
        assert_eq!(quantiles.max, 3_600_000.0);
    }

    #[test]
    fn merged_is_as_if_recorded_together() {
        let (mut left, mut right) = (Histogram::new(), Histogram::new());
        for _ in 0..99 {
            left.record(Duration::from_millis(1));
        }
        right.record(Duration::from_millis(100));
        left.merge(&right);
        assert_eq!(left.count(), 100);
        near(left.quantiles().p50, 1.0);
        near(left.quantiles().p99, 1.0);
        assert_eq!(left.quantiles().max, 100.0);
        left.clear();
        assert_eq!(left.quantiles().max, 0.0);
    }

    #[test]
    fn nothing_recorded_is_zero() {
        let quantiles = Histogram::new().quantiles();
        assert_eq!((quantiles.count, quantiles.p99), (0, 0.0));
    }
}
