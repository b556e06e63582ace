//! Objectives judged: how much of the error budget is spent, and how fast.
//!
//! The rules of alerting are those of the SRE workbook (chapter 5): people are paged when 2 % of a 30-day budget
//! go in an hour (14.4 times too fast) or 5 % in six hours (6 times), and get a ticket when 10 % go in three days
//! (1 time); each time only while a window of a twelfth of that length says that it still goes on.

use std::fmt::Write as _;
use std::time::Duration;

use vitals_model::check::{CheckId, Unit};
use vitals_model::criterion::{Alarm, Budget, Burn, Criterion, Fulfilment};
use vitals_model::history::Summary;
use vitals_model::objective::Objective;
use vitals_model::text::Text;
use vitals_model::time::human;

use crate::criteria::{OBSERVED_MIN, TOO_LITTLE};

/// One rule of alerting: a long window, a short one, and the burn rate that both must exceed.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// The long window.
    pub long: Duration,
    /// The short window.
    pub short: Duration,
    /// The burn rate that both must exceed.
    pub limit: f64,
    /// Who is to hear of it.
    pub alarm: Alarm,
}

const fn rule(long_minutes: u64, short_minutes: u64, limit: f64, alarm: Alarm) -> Rule {
    Rule { long: Duration::from_secs(long_minutes * 60), short: Duration::from_secs(short_minutes * 60), limit, alarm }
}

/// All rules, most urgent first.
pub const RULES: [Rule; 3] =
    [rule(60, 5, 14.4, Alarm::Page), rule(6 * 60, 30, 6.0, Alarm::Page), rule(3 * 24 * 60, 6 * 60, 1.0, Alarm::Ticket)];

/// What was good and what was bad of a check in one window.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Tally {
    /// Seconds, or values.
    pub good: f64,
    /// Seconds, or values.
    pub bad: f64,
    /// How many samples, or values, that comes from.
    pub events: u64,
    /// How much of the window was observed, 0–1.
    pub observed: f64,
}

impl Tally {
    /// Time that was not failing against time that was. What is not known is neither.
    pub fn of_time(summary: &Summary, window: Duration) -> Self {
        let healths = &summary.healths;
        Self {
            good: (healths.healthy + healths.degraded).as_secs_f64(),
            bad: healths.failing.as_secs_f64(),
            events: healths.samples,
            observed: share(summary, window),
        }
    }

    /// Values of which `above` were beyond the latency that was promised.
    pub fn of_values(summary: &Summary, above: u64, window: Duration) -> Self {
        let values = summary.spread.map_or(0, |spread| spread.values);
        Self { good: values.saturating_sub(above) as f64, bad: above as f64, events: values, observed: share(summary, window) }
    }

    /// The bad share, 0–1; `None` of nothing.
    fn bad_share(&self) -> Option<f64> {
        let all = self.good + self.bad;
        (all > 0.0).then(|| self.bad / all)
    }
}

fn share(summary: &Summary, window: Duration) -> f64 {
    (summary.observed.as_secs_f64() / window.as_secs_f64().max(1.0)).min(1.0)
}

/// What history holds of one objective and one check.
#[derive(Clone, PartialEq, Debug)]
pub struct Spending {
    /// The name that the objective was given.
    pub name: String,
    /// The objective.
    pub objective: Objective,
    /// The check.
    pub check: CheckId,
    /// Over the objective's own window.
    pub whole: Tally,
    /// Over the long and the short window of each of [`RULES`].
    pub windows: [(Tally, Tally); RULES.len()],
}

/// Judges one objective.
///
/// It is unmet when the budget of the whole window is spent, or goes so fast that people are paged. It is pending
/// while too little of the window was observed, or nothing was measured.
pub fn judge(spending: &Spending) -> Criterion {
    let Spending { objective, check, whole, .. } = spending;
    // A key of the configuration may hold anything.
    let name = Text::new(&spending.name).to_string();
    let name = if objective.check == check.as_str() { name } else { format!("{name} {check}") };
    let wants = match objective.latency {
        None => format!("{check} good for {} % of the time over {}", objective.goal, human(objective.window)),
        Some(latency) => {
            let (latency, window) = (human(latency), human(objective.window));
            format!("{} % of {check} within {latency} over {window}", objective.goal)
        }
    };
    let mut criterion = Criterion {
        name,
        weight: objective.weight,
        wants,
        fulfilment: Fulfilment::Pending,
        seen: "nothing was measured".to_owned(),
        value: None,
        limit: Some(objective.goal),
        unit: Unit::Percent,
        observed: whole.observed,
        budget: None,
    };
    let Some(bad) = whole.bad_share() else { return criterion };
    // The budget is that of the whole window: what was not observed has not spent any of it yet.
    let spent = bad / objective.budget() * whole.observed;
    let burns: Vec<Burn> = RULES.iter().zip(&spending.windows).map(|(rule, tallies)| burn(objective, rule, tallies)).collect();
    let alarm = burns.iter().find(|burn| burn.fires() == Some(true));
    let is_paged = alarm.is_some_and(|burn| burn.alarm == Alarm::Page);
    criterion.seen = format!("{:.3} % good, {:.0} % of the error budget spent", (1.0 - bad) * 100.0, spent * 100.0);
    if let Some(Burn { over, rates: (Some(long), Some(short)), alarm, .. }) = alarm {
        let (hours, minutes) = (human(over.0), human(over.1));
        let _ = write!(criterion.seen, "; burns {long:.1}× over {hours} and {short:.1}× over {minutes}: {}", alarm.as_str());
    }
    criterion.fulfilment = if spent > 1.0 || is_paged {
        Fulfilment::Unmet
    } else if whole.observed < OBSERVED_MIN {
        criterion.seen.push_str(TOO_LITTLE);
        Fulfilment::Pending
    } else {
        Fulfilment::Met
    };
    criterion.value = Some((1.0 - bad) * 100.0);
    criterion.budget = Some(Budget { spent, burns });
    criterion
}

/// A rate is known when its window holds samples, and the long one enough of them.
fn burn(objective: &Objective, rule: &Rule, (long, short): &(Tally, Tally)) -> Burn {
    let rate = |tally: &Tally, events_min: u64| {
        let bad = tally.bad_share().filter(|_| tally.events >= events_min)?;
        Some(bad / objective.budget())
    };
    Burn {
        over: (rule.long, rule.short),
        rates: (rate(long, u64::from(objective.events_min)), rate(short, 1)),
        limit: rule.limit,
        alarm: rule.alarm,
    }
}

#[cfg(test)]
mod tests;
