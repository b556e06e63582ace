//! Flat resource use: whether the last third of a span needs more than the first.
//!
//! A third against a third says little of a daily rhythm and much of a leak; the bounds are those of the soak
//! scenario, as shares of a machine. It does not forecast.

use vitals_model::check::Unit;
use vitals_model::criterion::{Criterion, Weight};

use super::{Draft, Measured, Record, of_hub};

/// Growth of a tenth is flat.
const GROWTH_MAX: f64 = 1.1;

/// What is flat in any case: question, absolute growth, unit.
const BOUNDS: [(&str, f64, Unit); 3] = [("cpu", 0.5, Unit::Percent), ("memory", 0.2, Unit::Percent), ("fds", 5.0, Unit::Count)];

/// Fewer slices with values than this show no course.
const SLICES_MIN: usize = 6;

/// A resource early and late.
struct Growth {
    says: String,
    times: f64,
    observed: f64,
}

pub(crate) fn flat_resources(record: &Record<'_>) -> Criterion {
    let known: Vec<_> = BOUNDS.iter().filter_map(|bounds| growth(record, *bounds)).collect();
    let observed = known.iter().map(|growth| growth.observed).reduce(f64::min);
    let worst = known.into_iter().max_by(|a, b| a.times.total_cmp(&b.times));
    let measured = worst.zip(observed).map(|(worst, observed)| Measured { value: worst.times, seen: worst.says, observed });
    let wants = "CPU, memory and open files are at the end what they were at the beginning, within a tenth";
    Draft::new("flat-resources", Weight::Nice, wants, GROWTH_MAX, Unit::Count).judged(measured, |times| times <= GROWTH_MAX)
}

fn growth(record: &Record<'_>, (question, at_least, unit): (&str, f64, Unit)) -> Option<Growth> {
    let id = of_hub(question);
    let means: Vec<_> = record.course.iter().filter_map(|slice| Some(slice.summaries.get(&id)?.spread?.mean)).collect();
    if means.len() < SLICES_MIN {
        return None;
    }
    let third = means.len() / 3;
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (early, late) = (mean(&means[..third]), mean(&means[means.len() - third..]));
    let times = if late - early <= at_least {
        1.0_f64.min(late / early.max(f64::MIN_POSITIVE))
    } else {
        late / early.max(f64::MIN_POSITIVE)
    };
    let observed = record.past.summaries.get(&id).map_or(0.0, |summary| record.span.share(summary.observed));
    Some(Growth { says: format!("{question} {} early, {} late", unit.show(early), unit.show(late)), times, observed })
}
