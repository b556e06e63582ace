//! Chance from a seed: the same on every machine, for as long as the generator is not changed.

/// `SplitMix64` (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014): one
/// word of state, and every seed is a good one.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// Chance of this seed.
    pub const fn of(seed: u64) -> Self {
        Self(seed)
    }

    /// Chance for another purpose: what is drawn from the one changes nothing of the other.
    #[must_use]
    pub fn split(&mut self) -> Self {
        Self(self.word())
    }

    /// 64 bits.
    pub fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from 0 to 1, without 1.
    pub fn unit(&mut self) -> f64 {
        (self.word() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A number from `low` to `high`.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Whether something of this probability happens.
    pub fn happens(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// One of `0..n`; 0 of none.
    pub fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.word() % (n.max(1) as u64)).unwrap_or(0)
    }

    /// The time to the next of events that come at random, `mean` apart on average.
    pub fn wait(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.unit()).ln()
    }

    /// Log-normal around `median`; `sigma` is the standard deviation of the logarithm.
    pub fn log_normal(&mut self, median: f64, sigma: f64) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        median * (sigma * radius * (std::f64::consts::TAU * self.unit()).cos()).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_words_of_seed_0_are_those_of_the_reference() {
        let mut chance = Chance::of(0);
        let words = [chance.word(), chance.word(), chance.word()];
        assert_eq!(words, [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4, 0x06c4_5d18_8009_454f]);
    }

    #[test]
    fn draws_have_the_mean_and_the_median_that_were_asked_for() {
        let mut chance = Chance::of(7);
        let mean = (0..20_000).map(|_| chance.wait(3.0)).sum::<f64>() / 20_000.0;
        assert!((2.9..3.1).contains(&mean), "{mean}");
        let above = (0..20_000).filter(|_| chance.log_normal(5.0, 0.5) > 5.0).count();
        assert!((9_700..10_300).contains(&above), "{above}");
    }
}
