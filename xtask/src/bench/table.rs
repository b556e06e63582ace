//! Rows of figures beside their bars, for a terminal and for a report. It measures nothing.

use std::fmt::Write as _;

/// Width of the picture of a figure, in cells; the full width is the bar.
const CELLS: usize = 20;

/// The unit of a figure.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    /// Seconds, shown as µs, ms or s.
    Seconds,
    /// Bytes, shown in powers of 1000.
    Bytes,
    /// Bytes per second, shown in powers of 1000.
    BytesPerSecond,
    /// Percent.
    Percent,
    /// So many times as much as something else.
    Times,
    /// A plain number of things.
    Count,
}

impl Unit {
    fn show(self, value: f64) -> String {
        match self {
            Self::Seconds if value == 0.0 => "0 s".to_owned(),
            Self::Seconds if value < 1e-3 => format!("{:.1} µs", value * 1e6),
            Self::Seconds if value < 1.0 => format!("{:.1} ms", value * 1e3),
            Self::Seconds => format!("{value:.2} s"),
            Self::Bytes => thousands(value),
            Self::BytesPerSecond => format!("{}/s", thousands(value)),
            Self::Percent => format!("{value:.2} %"),
            Self::Times => format!("{value:.1}x"),
            Self::Count => format!("{value:.0}"),
        }
    }
}

fn thousands(value: f64) -> String {
    match value {
        v if v >= 1e9 => format!("{:.2} GB", v / 1e9),
        v if v >= 1e6 => format!("{:.1} MB", v / 1e6),
        v if v >= 1e3 => format!("{:.1} kB", v / 1e3),
        v if v < 10.0 && v.fract() > 0.0 => format!("{v:.2} B"),
        v => format!("{v:.0} B"),
    }
}

/// What a figure must reach.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Bar {
    /// No more than this.
    AtMost(f64),
    /// No less than this.
    AtLeast(f64),
    /// Nothing: a fact that helps to read the others.
    Fact,
}

/// One figure.
#[derive(Clone, PartialEq, Debug)]
pub struct Row {
    /// What was measured.
    pub what: String,
    /// The median, in `unit`.
    pub measured: f64,
    /// Unit of `measured` and `bar`.
    pub unit: Unit,
    /// What it must reach.
    pub bar: Bar,
}

impl Row {
    /// A row.
    pub fn new(what: impl Into<String>, measured: f64, unit: Unit, bar: Bar) -> Self {
        Self { what: what.into(), measured, unit, bar }
    }

    /// Whether the bar is reached. What is not a number reaches nothing.
    pub fn passes(&self) -> bool {
        match self.bar {
            Bar::AtMost(most) => self.measured <= most,
            Bar::AtLeast(least) => self.measured >= least,
            Bar::Fact => self.measured.is_finite(),
        }
    }

    /// How many times better than the bar: 1 is just reached, 2 is twice as good; `None` without a bar.
    /// None of what must not be there is just reached too.
    pub fn ratio(&self) -> Option<f64> {
        match self.bar {
            Bar::AtMost(bar) | Bar::AtLeast(bar) if (self.measured - bar).abs() < f64::EPSILON => Some(1.0),
            Bar::AtMost(most) => Some(most / self.measured),
            Bar::AtLeast(least) => Some(self.measured / least),
            Bar::Fact => None,
        }
    }

    /// The share of the bar that is used up, as cells; `+` at the end when it is exceeded.
    fn picture(&self) -> String {
        let Some(ratio) = self.ratio() else { return " ".repeat(CELLS + 1) };
        let used = if ratio > 0.0 { 1.0 / ratio } else { f64::INFINITY };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and CELLS")]
        let full = (used.clamp(0.0, 1.0) * CELLS as f64).ceil() as usize;
        let end = if self.passes() { ' ' } else { '+' };
        format!("{}{}{end}", "█".repeat(full), "░".repeat(CELLS - full))
    }
}

/// A table of rows, columns aligned.
pub(super) fn render(rows: &[Row]) -> String {
    let cells: Vec<[String; 3]> = rows.iter().map(cells).collect();
    let width = |column: usize| cells.iter().map(|c| c[column].chars().count()).max().unwrap_or(0);
    let (what, measured, bar) = (width(0), width(1), width(2));
    let mut out = String::new();
    for (row, [a, b, c]) in rows.iter().zip(&cells) {
        let verdict = match (row.passes(), row.bar) {
            (true, Bar::Fact) => "    ",
            (true, _) => "pass",
            (false, _) => "FAIL",
        };
        let ratio = row.ratio().map(|ratio| format!("{ratio:>7.2}x of the bar")).unwrap_or_default();
        // Writing to a string cannot fail.
        let line = format!("  {verdict}  {a:<what$}  {b:>measured$}  {}  {c:<bar$}  {ratio}", row.picture());
        let _ = writeln!(out, "{}", line.trim_end());
    }
    out
}

fn cells(row: &Row) -> [String; 3] {
    let bar = match row.bar {
        Bar::AtMost(most) => format!("≤ {}", row.unit.show(most)),
        Bar::AtLeast(least) => format!("≥ {}", row.unit.show(least)),
        Bar::Fact => String::new(),
    };
    [row.what.clone(), row.unit.show(row.measured), bar]
}
