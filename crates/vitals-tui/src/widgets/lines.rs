//! Lines of a document, some of which lead somewhere: to a target, a server, an incident.

use ratatui::text::Line;
use vitals_model::target::TargetId;
use vitals_model::text::Text;

/// Where a line leads when it is chosen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Goal {
    /// The screen of a target.
    Target(TargetId),
    /// The screen of a server of a target.
    Server(TargetId, Text),
    /// An incident, by its number.
    Incident(u64),
}

/// Lines, with what some of them lead to.
#[derive(Clone, Default, Debug)]
pub struct Lines {
    all: Vec<Line<'static>>,
    /// Number of the line and where it leads, in order of line.
    links: Vec<(usize, Goal)>,
}

impl Lines {
    /// No lines.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a line.
    pub fn push(&mut self, line: Line<'static>) {
        self.all.push(line);
    }

    /// Adds lines of which the first one leads to `goal`.
    pub fn push_link(&mut self, goal: Goal, lines: impl IntoIterator<Item = Line<'static>>) {
        self.links.push((self.all.len(), goal));
        self.all.extend(lines);
    }

    /// Adds what another document has.
    pub fn append(&mut self, other: &Self) {
        let at = self.all.len();
        self.links.extend(other.links.iter().map(|(line, goal)| (at + line, goal.clone())));
        self.all.extend(other.all.iter().cloned());
    }

    /// How many lines there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The lines.
    pub fn all(&self) -> &[Line<'static>] {
        &self.all
    }

    /// The lines, taken out.
    pub fn into_all(self) -> Vec<Line<'static>> {
        self.all
    }

    /// The lines that lead somewhere, from above.
    pub fn links(&self) -> &[(usize, Goal)] {
        &self.links
    }

    /// Another first line, which leads nowhere.
    pub fn set_first(&mut self, line: Line<'static>) {
        if let Some(first) = self.all.first_mut() {
            *first = line;
        }
    }

    /// The last line that leads somewhere, and where.
    pub fn last_link(&self) -> Option<(Goal, Line<'static>)> {
        let (line, goal) = self.links.last()?;
        Some((goal.clone(), self.all.get(*line)?.clone()))
    }
}

impl From<Vec<Line<'static>>> for Lines {
    fn from(all: Vec<Line<'static>>) -> Self {
        Self { all, links: Vec::new() }
    }
}

impl Extend<Line<'static>> for Lines {
    fn extend<T: IntoIterator<Item = Line<'static>>>(&mut self, lines: T) {
        self.all.extend(lines);
    }
}
