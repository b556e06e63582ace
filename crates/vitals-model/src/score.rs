//! The health score: 0–100 with every deduction named.

use std::fmt;

/// A score with what it is made of.
#[derive(Clone, PartialEq, Debug)]
pub struct Score {
    /// 0–100; `None` when too little could be measured to say.
    pub points: Option<u32>,
    /// What was taken off, largest first.
    pub deductions: Vec<Deduction>,
}

/// Points taken off a score, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Deduction {
    /// How many points.
    pub points: u32,
    /// Why.
    pub reason: String,
}

/// The grade of a score (the original system's bounds).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Grade {
    /// ≥ 90.
    Excellent,
    /// ≥ 75.
    Good,
    /// ≥ 50.
    Fair,
    /// < 50.
    Poor,
    /// No score.
    Unknown,
}

impl Score {
    /// The grade.
    pub const fn grade(&self) -> Grade {
        match self.points {
            Some(90..) => Grade::Excellent,
            Some(75..) => Grade::Good,
            Some(50..) => Grade::Fair,
            Some(_) => Grade::Poor,
            None => Grade::Unknown,
        }
    }
}

impl Grade {
    /// The grade's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Excellent => "EXCELLENT",
            Self::Good => "GOOD",
            Self::Fair => "FAIR",
            Self::Poor => "POOR",
            Self::Unknown => "UNKNOWN",
        }
    }
}

/// `100/100 EXCELLENT`, or `-/100 UNKNOWN`.
impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.points {
            Some(points) => write!(f, "{points}/100 {}", self.grade().as_str()),
            None => write!(f, "-/100 {}", self.grade().as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grades_have_the_original_bounds() {
        let grade = |points| Score { points, deductions: vec![] }.grade();
        assert_eq!(
            [Some(90), Some(89), Some(75), Some(74), Some(50), Some(49)].map(grade),
            [Grade::Excellent, Grade::Good, Grade::Good, Grade::Fair, Grade::Fair, Grade::Poor]
        );
        assert_eq!(grade(None), Grade::Unknown);
    }
}
