//! What fills up within an hour, taken out of it: a cache, the tables of a new client. It rises evenly from one
//! instant to another and stays there; what rises besides goes on.

/// The longest fill: a larger part of the hour could not be told from a rise of all of it.
const FLOORS_MAX: u32 = 5;

/// What is left of an hour beside the fill that explains it best, if any does.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Rest {
    /// The slope of the straight line through it, in y per x.
    pub(super) slope: f64,
    /// By how many of its standard errors that is above nothing (Student's t).
    pub(super) t: f64,
    /// The points without the fill.
    pub(super) points: Vec<(f64, f64)>,
}

/// A line, and a fill of this height from `from` on, as fitted by least squares.
#[derive(Clone, Copy)]
struct Fit {
    slope: f64,
    /// The squared standard error of the slope.
    error: f64,
    /// The variance of what neither explains.
    left: f64,
    height: f64,
    from: f64,
    width: f64,
}

/// Fits a line, and a line with each fill of whole floors, to `(x, y)` by time, and takes out the fill that leaves
/// least. `floor` is the width of a floor in x. `None` of fewer points than tell it.
pub(super) fn taken_out(points: &[(f64, f64)], floor: f64) -> Option<Rest> {
    let (first, last) = (points.first()?.0, points.last()?.0);
    let x = centred(points.iter().map(|(x, _)| *x).collect());
    let y = centred(points.iter().map(|(_, y)| *y).collect());
    let mut best = line(&x, &y).filter(|_| points.len() > 4)?;
    for width in (1..=FLOORS_MAX).map(|floors| floor * f64::from(floors)) {
        let mut from = first - width + floor;
        while from < last - floor / 2.0 {
            let fill = centred(points.iter().map(|(x, _)| ((x - from) / width).clamp(0.0, 1.0)).collect());
            let fit = line_and(&fill, &x, &y).map(|fit| Fit { from, width, ..fit });
            best = fit.filter(|fit| fit.height > 0.0 && fit.left < best.left).unwrap_or(best);
            from += floor;
        }
    }
    let fill = |x: f64| best.height * ((x - best.from) / best.width).clamp(0.0, 1.0);
    let points = points.iter().map(|(x, y)| (*x, y - fill(*x))).collect();
    Some(Rest { slope: best.slope, t: best.slope / best.error.sqrt(), points })
}

fn line(x: &[f64], y: &[f64]) -> Option<Fit> {
    let (xx, xy, yy) = (dot(x, x), dot(x, y), dot(y, y));
    let slope = xy / xx;
    let left = (yy - slope * xy).max(0.0) / (x.len() as f64 - 2.0);
    let fit = Fit { slope, error: left / xx, left, height: 0.0, from: 0.0, width: 1.0 };
    (xx > 0.0).then_some(fit)
}

/// Where the fill begins counts as one more thing that was chosen.
fn line_and(fill: &[f64], x: &[f64], y: &[f64]) -> Option<Fit> {
    let (xx, xy, yy) = (dot(x, x), dot(x, y), dot(y, y));
    let (ff, fx, fy) = (dot(fill, fill), dot(fill, x), dot(fill, y));
    let apart = xx * ff - fx * fx;
    let (slope, height) = ((xy * ff - fy * fx) / apart, (fy * xx - xy * fx) / apart);
    let left = (yy - slope * xy - height * fy).max(0.0) / (x.len() as f64 - 4.0);
    let fit = Fit { slope, error: left * ff / apart, left, height, from: 0.0, width: 1.0 };
    (apart > 1e-9 * xx * ff).then_some(fit)
}

fn centred(values: Vec<f64>) -> Vec<f64> {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    values.into_iter().map(|value| value - mean).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
