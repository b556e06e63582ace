//! The few statistics that detectors need: medians, a robust slope, a test for a trend, and the chance of so
//! many failures. Everything is exact for the small counts that detectors keep; nothing here knows what is
//! measured.

/// Makes the median absolute deviation of a normal distribution its standard deviation.
pub(crate) const MAD_TO_SIGMA: f64 = 1.4826;

/// The median; `None` of nothing. Sorts `values`.
pub(crate) fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        n if n % 2 == 1 => Some(values[middle]),
        _ => Some(f64::midpoint(values[middle - 1], values[middle])),
    }
}

/// The slope of Theil and Sen: the median of the slopes of all pairs of `(x, y)`, in y per x. More than a
/// quarter of the points may be anything at all. O(n²): for tens of points.
pub(crate) fn theil_sen(points: &[(f64, f64)]) -> Option<f64> {
    let pairs = |(n, a): (usize, &(f64, f64))| points[n + 1..].iter().map(move |b| (b.1 - a.1) / (b.0 - a.0)).collect::<Vec<_>>();
    let mut slopes: Vec<f64> = points.iter().enumerate().flat_map(pairs).filter(|slope| slope.is_finite()).collect();
    median(&mut slopes)
}

/// The test of Mann and Kendall for a rising trend: by how many standard deviations more pairs rise than
/// fall, when the order meant nothing; equal values counted as ties. O(n²).
pub(crate) fn mann_kendall(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mut sum = 0.0;
    for (at, a) in values.iter().enumerate() {
        for b in &values[at + 1..] {
            sum += if b > a {
                1.0
            } else if b < a {
                -1.0
            } else {
                0.0
            };
        }
    }
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let weight = |n: f64| n * (n - 1.0) * (2.0 * n + 5.0);
    let ties: f64 = sorted.chunk_by(|a, b| a.total_cmp(b).is_eq()).map(|same| weight(same.len() as f64)).sum();
    let variance: f64 = (weight(n) - ties) / 18.0;
    // One pair less: a sum of pairs moves in steps of two.
    if variance > 0.0 { (f64::abs(sum) - 1.0).max(0.0).copysign(sum) / variance.sqrt() } else { 0.0 }
}

/// The chance that a standard normal variable is below `z`, to within 1e-7 (Abramowitz and Stegun, 26.2.17).
pub(crate) fn normal_below(z: f64) -> f64 {
    const B: [f64; 5] = [0.319_381_53, -0.356_563_782, 1.781_477_937, -1.821_255_978, 1.330_274_429];
    let t = 1.0 / (1.0 + 0.231_641_9 * z.abs());
    let series = B.iter().rev().fold(0.0, |sum, b| (sum + b) * t);
    let above = (-z * z / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt() * series;
    if z < 0.0 { above } else { 1.0 - above }
}

/// The chance of `failed` or more failures in `calls`, when the rate of failure is only known as well as a
/// Beta distribution with these two weights says: failures and successes seen so far. O(calls).
pub(crate) fn chance_of(failed: u32, calls: u32, (bad, good): (f64, f64)) -> f64 {
    // P(0), then each next one from the one before: the Beta-binomial distribution.
    let mut chance: f64 = (0..calls).map(|n| ((good + f64::from(n)) / (bad + good + f64::from(n))).ln()).sum::<f64>().exp();
    let mut below = 0.0;
    for k in 0..failed.min(calls) {
        below += chance;
        let (k, left) = (f64::from(k), f64::from(calls - k));
        chance *= left / (k + 1.0) * (bad + k) / (good + left - 1.0);
    }
    (1.0 - below).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests;
