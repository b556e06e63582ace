//! Segments: up to six hours of one check's samples in a few bytes each. It does no IO.
//!
//! A segment holds its columns one after the other: times as the difference of differences (one byte
//! each at a steady pace), health as runs, values as differences of a fixed-point number (or, where that
//! would lose a bit, as the XOR with the value before). Every number is a varint.

use vitals_model::reading::Health;

use super::record::v1::{health_code, health_of};
use super::varint::{Cursor, put_i64, put_u64};

#[cfg(test)]
mod tests;

/// Most rows of one segment: 6 h at one sample in 2.6 s. A faster check gets several segments for one window,
/// so that adding to a segment never rewrites more than about 50 kB.
pub(super) const ROWS_MAX: usize = 8192;

/// Version of this layout, the first byte of each segment.
const LAYOUT: u8 = 1;

/// Fixed-point scales tried in this order; [`grain`] leaves only values that one of them holds exactly.
const SCALES: [f64; 3] = [1.0, 1e3, 1e6];

/// Marks a segment whose values are kept as XOR instead.
const XOR: u8 = 0xff;

/// One sample without the name of its check.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Row {
    /// Milliseconds since the Unix epoch.
    pub(super) at: i64,
    pub(super) health: Health,
    pub(super) value: Option<f64>,
}

/// The value as history keeps it: rounded to 0.001 (below 1: to 0.000001), whole numbers exactly; what is not
/// a finite number is no value. A microsecond of a latency is far below what a prober can tell.
pub(super) fn grain(value: f64) -> Option<f64> {
    let scale = if value.abs() < 1.0 { 1e6 } else { 1e3 };
    let scaled = (value * scale).round();
    // Where a float has few bits left for its fraction, rounding would cost more than it saves; adding zero makes -0 plain.
    let kept = if scaled.abs() < ROUNDED_MAX { scaled / scale + 0.0 } else { value };
    kept.is_finite().then_some(kept)
}

/// 2^46: below it a float still has seven bits for its fraction, so scaling is off by less than a hundredth of a unit.
const ROUNDED_MAX: f64 = 70_368_744_177_664.0;

/// 2^53: below it every whole number is a float.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// `value` as a whole number of `1 / scale`, when that gives back the same bits.
fn fixed(value: f64, scale: f64) -> Option<i64> {
    let scaled = (value * scale).round();
    #[expect(clippy::cast_possible_truncation, reason = "below 2^53, and a whole number")]
    let whole = if scaled.abs() < EXACT_MAX { scaled as i64 } else { return None };
    (unfixed(whole, scale).to_bits() == value.to_bits()).then_some(whole)
}

fn unfixed(whole: i64, scale: f64) -> f64 {
    whole as f64 / scale
}

/// Writes `rows` (sorted by time or not; order is kept).
pub(super) fn encode(rows: &[Row]) -> Vec<u8> {
    let mut out = Vec::with_capacity(16 + rows.len() * 5);
    out.push(LAYOUT);
    put_u64(&mut out, rows.len() as u64);
    let (mut at, mut step) = (0_i64, 0_i64);
    for row in rows {
        let next = row.at.wrapping_sub(at);
        put_i64(&mut out, next.wrapping_sub(step));
        (at, step) = (row.at, next);
    }
    for run in rows.chunk_by(|a, b| state(a) == state(b)) {
        put_u64(&mut out, u64::from(state(&run[0])));
        put_u64(&mut out, run.len() as u64);
    }
    put_values(&mut out, rows);
    out
}

/// Health and whether there is a value, in one number.
fn state(row: &Row) -> u8 {
    health_code(row.health) << 1 | u8::from(row.value.is_some())
}

fn put_values(out: &mut Vec<u8>, rows: &[Row]) {
    let values = || rows.iter().filter_map(|r| r.value);
    let scale = (0_u8..).zip(SCALES).find(|(_, scale)| values().all(|v| fixed(v, *scale).is_some()));
    if let Some((code, scale)) = scale {
        out.push(code);
        let mut before = 0;
        for whole in values().filter_map(|v| fixed(v, scale)) {
            put_i64(out, whole - before);
            before = whole;
        }
    } else {
        out.push(XOR);
        let mut before = 0;
        for bits in values().map(f64::to_bits) {
            // Neighbours agree in their high bits; reversed, the rest is a small number when the low bits are zero.
            put_u64(out, (bits ^ before).reverse_bits());
            before = bits;
        }
    }
}

/// Reads a segment; `None` when it is damaged.
pub(super) fn decode(body: &[u8]) -> Option<Vec<Row>> {
    let mut cursor = Cursor(body);
    if cursor.byte()? != LAYOUT {
        return None;
    }
    let count = cursor.count(ROWS_MAX)?;
    let mut rows = Vec::with_capacity(count);
    let (mut at, mut step) = (0_i64, 0_i64);
    for _ in 0..count {
        step = step.wrapping_add(cursor.i64()?);
        at = at.wrapping_add(step);
        rows.push(Row { at, health: Health::Unknown, value: None });
    }
    let mut valued = Vec::with_capacity(count);
    let mut done = 0;
    while done < count {
        let state = cursor.byte()?;
        let run = cursor.count(count - done)?;
        let health = health_of(state >> 1)?;
        for row in &mut rows[done..done + run] {
            row.health = health;
            valued.push(state & 1 == 1);
        }
        // A run of nothing would never end.
        done += if run == 0 { return None } else { run };
    }
    take_values(&mut cursor, rows.iter_mut().zip(valued).filter_map(|(row, has)| has.then_some(&mut row.value)))?;
    cursor.0.is_empty().then_some(rows)
}

fn take_values<'a>(cursor: &mut Cursor<'_>, slots: impl Iterator<Item = &'a mut Option<f64>>) -> Option<()> {
    let code = cursor.byte()?;
    if code == XOR {
        let mut before = 0;
        for slot in slots {
            before ^= cursor.u64()?.reverse_bits();
            *slot = Some(f64::from_bits(before));
        }
    } else {
        let scale = *SCALES.get(usize::from(code))?;
        let mut before = 0_i64;
        for slot in slots {
            before = before.wrapping_add(cursor.i64()?);
            *slot = Some(unfixed(before, scale));
        }
    }
    Some(())
}
