use std::time::Duration;

/// How many parts a power of two is cut into: a time is told to within six percent.
const PARTS: usize = 16;

/// How often each time was measured, in steps that grow with the time; it never grows itself.
#[derive(Debug)]
pub(crate) struct Histogram {
    counts: [u64; 64 * PARTS],
    total: u64,
}

impl Histogram {
    pub(crate) const fn new() -> Self {
        Self {
            counts: [0; 64 * PARTS],
            total: 0,
        }
    }

    pub(crate) fn add(&mut self, time: Duration) {
        self.counts[step(time.as_nanos() as u64)] += 1;
        self.total += 1;
    }

    /// How many times were measured.
    pub(crate) const fn count(&self) -> u64 {
        self.total
    }

    /// The time that this part of all measurements does not exceed: 0.5 is the median.
    pub(crate) fn quantile(&self, part: f64) -> Duration {
        let wanted = (self.total as f64 * part).ceil() as u64;
        let mut seen = 0;
        for (step, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return Duration::from_nanos(end_of(step));
            }
        }
        Duration::ZERO
    }
}

fn step(nanoseconds: u64) -> usize {
    let value = nanoseconds.max(PARTS as u64);
    let power = value.ilog2() as usize;
    // The bits behind the highest one.
    let part = (value >> (power - 4)) as usize & (PARTS - 1);
    power * PARTS + part
}

fn end_of(step: usize) -> u64 {
    let (power, part) = (step / PARTS, step % PARTS);
    ((PARTS + part + 1) as u64) << (power.saturating_sub(4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_right_to_within_a_step() {
        let mut times = Histogram::new();
        for micros in 1..=10_000 {
            times.add(Duration::from_micros(micros));
        }
        for (part, want) in [(0.5, 5000.0), (0.99, 9900.0), (0.9999, 9999.0)] {
            let got = times.quantile(part).as_secs_f64() * 1e6;
            assert!((got / want - 1.0).abs() < 0.07, "{part}: {got}");
        }
    }
}
