//! How unlike the mixture of large and small changes of the last samples is to the usual mixture: the
//! relative entropy of two histograms.

/// Histogram of changes by sign and size; the middle is "hardly any".
const KINDS: usize = 9;

/// Kinds per mean change: the outermost begins at somewhat more than twice the mean.
const PER_MEAN_CHANGE: f64 = 1.5;

/// Number of changes that the usual mixture is made of.
const USUAL_LEN: f64 = 3_000.0;

/// A kind that never was is taken for this rare, else it would be infinitely surprising.
const NEVER_PART: f64 = 0.002;

#[derive(Clone, Debug)]
pub(super) struct Changes {
    seen: f64,
    recent_len: f64,
    recent: [f64; KINDS],
    usual: [f64; KINDS],
}

impl Changes {
    pub(super) fn over(recent_len: f64) -> Self {
        let even = [1.0 / KINDS as f64; KINDS];
        Self { seen: 0.0, recent_len, recent: even, usual: even }
    }

    /// Takes in a change, in mean changes; says the relative entropy in nats.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a kind is within 0 and the number of kinds")]
    pub(super) fn add(&mut self, change: f64) -> f64 {
        let middle = (KINDS / 2) as f64;
        let kind = ((change * PER_MEAN_CHANGE).round().clamp(-middle, middle) + middle) as usize;
        self.seen += 1.0;
        blend(&mut self.recent, kind, 1.0 / self.seen.min(self.recent_len));
        let parts = self.recent.iter().zip(self.usual).filter(|(recent, _)| **recent > 0.0);
        let entropy: f64 = parts.map(|(recent, usual)| recent * (recent / (usual + NEVER_PART)).ln()).sum();
        blend(&mut self.usual, kind, 1.0 / (self.seen + KINDS as f64).min(USUAL_LEN));
        entropy.max(0.0)
    }
}

fn blend(parts: &mut [f64; KINDS], kind: usize, weight: f64) {
    for (k, part) in parts.iter_mut().enumerate() {
        let now = if k == kind { 1.0 } else { 0.0 };
        *part += weight * (now - *part);
    }
}
