//! A mean that forgets, and the quotient of two distances.

/// Quotients are taken to lie within this: farther is not more surprising.
const RATIO_MAX: f64 = 1_000.0;

/// The plain mean of the first samples; from then on each new one counts as one part in so many.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mean {
    value: f64,
    seen: f64,
    samples: f64,
}

impl Mean {
    pub(super) const fn over(samples: f64) -> Self {
        Self { value: 0.0, seen: 0.0, samples }
    }

    pub(super) fn add(&mut self, x: f64) {
        self.seen = (self.seen + 1.0).min(self.samples);
        self.value += (x - self.value) / self.seen;
    }

    pub(super) const fn value(&self) -> f64 {
        self.value
    }
}

/// `a / b`, bounded; nothing is 0 times anything.
pub(super) fn ratio(a: f64, b: f64) -> f64 {
    if a == 0.0 { 0.0 } else { (a / b).clamp(-RATIO_MAX, RATIO_MAX) }
}
