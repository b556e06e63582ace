//! How things look: symbols, tones and their styles. Colour is never the only signal.
//!
//! It does not decide whether a terminal has colours: the caller knows (`NO_COLOR`, no terminal).

use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Span;
use std::borrow::Cow;
use std::time::Duration;
use vitals_model::reading::{Health, Reading, Standing};
use vitals_model::score::Grade;
use vitals_model::time::{Timestamp, human};
use vitals_model::verdict::{ServerTruth, Verdict};

/// Whether colours may be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Colour {
    /// No colour; the live dashboard still uses bold, dim and reversed, a printed one uses nothing.
    Never,
    /// The terminal's own sixteen colours, so the reader's palette is respected.
    #[default]
    Ansi,
}

/// Which characters may be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Symbols {
    /// `✓ ! ✗ ? i`, block characters for trends.
    #[default]
    Unicode,
    /// Only ASCII of our own; texts from targets stay as they are.
    Ascii,
}

/// What the caller knows about the reader's terminal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Look {
    /// Colours.
    pub colour: Colour,
    /// Characters.
    pub symbols: Symbols,
}

/// A look with this colour and the default symbols.
impl From<Colour> for Look {
    fn from(colour: Colour) -> Self {
        Self { colour, symbols: Symbols::default() }
    }
}

/// The characters that we draw with.
#[derive(Debug)]
pub struct Glyphs {
    /// Healthy, degraded, failing, unknown.
    marks: [&'static str; 4],
    /// A claim that is true, and one that is not.
    pub agrees: &'static str,
    /// See [`Glyphs::agrees`].
    pub differs: &'static str,
    /// A horizontal line.
    pub rule: &'static str,
    /// What is left out; one column.
    pub ellipsis: &'static str,
    /// Before what to do.
    pub arrow: &'static str,
    /// Between parts of one line.
    pub dot: &'static str,
    /// Before the chosen line.
    pub chosen: &'static str,
    /// Where typed text goes on.
    pub caret: &'static str,
    /// Instead of a value that is not there.
    pub none: &'static str,
    /// The filled and the empty part of a bar.
    pub bar: [&'static str; 2],
    /// Trend levels, lowest first.
    pub levels: [&'static str; 8],
    /// Before points taken off.
    pub minus: &'static str,
    /// Up and down arrows, as the labels of keys.
    pub arrows: [&'static str; 4],
}

const UNICODE: Glyphs = Glyphs {
    marks: ["✓", "!", "✗", "?"],
    agrees: "=",
    differs: "≠",
    rule: "─",
    ellipsis: "…",
    arrow: "→",
    dot: "·",
    chosen: "▸",
    caret: "▏",
    none: "–",
    bar: ["█", "░"],
    levels: ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
    minus: "−",
    arrows: ["↑", "↓", "←", "→"],
};

const ASCII: Glyphs = Glyphs {
    marks: ["+", "!", "X", "?"],
    agrees: "=",
    differs: "#",
    rule: "-",
    ellipsis: "~",
    arrow: ">",
    dot: "-",
    chosen: ">",
    caret: "_",
    none: "-",
    bar: ["#", "."],
    levels: ["_", ".", ":", "-", "=", "+", "*", "#"],
    minus: "-",
    arrows: ["Up", "Down", "Left", "Right"],
};

/// What a piece of text wants to say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tone {
    /// Ordinary text.
    Plain,
    /// Headings and names.
    Strong,
    /// What only matters when looked for.
    Quiet,
    /// A weakness or a fact worth knowing.
    Info,
    /// As well as this health.
    Of(Health),
    /// The chosen one of several.
    Chosen,
    /// The sign before the chosen line.
    Pointer,
    /// This health, impossible to overlook.
    Badge(Health),
}

/// What every widget draws with: symbols, styles, and the time that ages are counted from.
#[derive(Clone, Copy, Debug)]
pub struct Pen {
    /// The symbols.
    pub glyphs: &'static Glyphs,
    colour: Colour,
    now: Timestamp,
}

/// A symbol with its tone.
pub type Mark = (&'static str, Tone);

impl Pen {
    /// A pen for this look; `now` is the time of the snapshot drawn.
    pub const fn new(look: Look, now: Timestamp) -> Self {
        let glyphs = match look.symbols {
            Symbols::Unicode => &UNICODE,
            Symbols::Ascii => &ASCII,
        };
        Self { glyphs, colour: look.colour, now }
    }

    /// The style of a tone.
    pub const fn style(&self, tone: Tone) -> Style {
        match tone {
            Tone::Plain => Style::new(),
            Tone::Strong => Style::new().add_modifier(Modifier::BOLD),
            Tone::Chosen => Style::new().add_modifier(Modifier::BOLD.union(Modifier::REVERSED)),
            Tone::Quiet => Style::new().add_modifier(Modifier::DIM),
            Tone::Pointer => self.coloured(Color::Cyan).add_modifier(Modifier::BOLD),
            Tone::Info => self.coloured(Color::Cyan),
            Tone::Of(Health::Healthy) => self.coloured(Color::Green),
            Tone::Of(health) => self.coloured(hue(health)).add_modifier(Modifier::BOLD),
            Tone::Badge(health) => self.coloured(hue(health)).add_modifier(Modifier::BOLD.union(Modifier::REVERSED)),
        }
    }

    const fn coloured(&self, colour: Color) -> Style {
        match self.colour {
            Colour::Never => Style::new(),
            Colour::Ansi => Style::new().fg(colour),
        }
    }

    /// Text in a tone.
    pub fn span(&self, text: impl Into<Cow<'static, str>>, tone: Tone) -> Span<'static> {
        Span::styled(text, self.style(tone))
    }

    /// The symbol of a health.
    pub const fn mark(&self, health: Health) -> Mark {
        let [healthy, degraded, failing, unknown] = self.glyphs.marks;
        let symbol = match health {
            Health::Healthy => healthy,
            Health::Degraded => degraded,
            Health::Failing => failing,
            Health::Unknown => unknown,
        };
        (symbol, Tone::Of(health))
    }

    /// The symbol of a server.
    pub fn server_mark(&self, server: &ServerTruth) -> Mark {
        match server.verdict {
            Verdict::ExpectedDown => ("i", Tone::Info),
            _ => self.mark(server.health),
        }
    }

    /// The symbol of a reading: only what is judged has a health that counts.
    pub const fn reading_mark(&self, reading: &Reading) -> Mark {
        match (reading.standing, reading.health) {
            (Standing::Fact, _) => (self.glyphs.dot, Tone::Quiet),
            (Standing::Advice, Health::Degraded | Health::Failing) | (Standing::Expected, _) => ("i", Tone::Info),
            (_, health) => self.mark(health),
        }
    }

    /// How long it is until then.
    pub fn left(&self, until: Timestamp) -> String {
        age(until.since(self.now))
    }

    /// How long something has been so: `now`, `40 s`, `3m 12s`.
    pub fn age(&self, since: Timestamp) -> String {
        age(self.now.since(since))
    }
}

/// A duration as an age: whole seconds below a minute, because a tenth of one is noise here.
pub fn age(duration: Duration) -> String {
    match duration.as_secs() {
        0 => "now".to_owned(),
        s @ 1..60 => format!("{s} s"),
        _ => human(duration),
    }
}

/// The time of day, UTC: `14:22:00`.
pub fn clock(at: Timestamp) -> String {
    let text = at.to_string();
    text.get(11..19).map_or_else(|| text.clone(), str::to_owned)
}

/// The health that a grade is coloured like.
pub const fn grade_health(grade: Grade) -> Health {
    match grade {
        Grade::Excellent | Grade::Good => Health::Healthy,
        Grade::Fair => Health::Degraded,
        Grade::Poor => Health::Failing,
        Grade::Unknown => Health::Unknown,
    }
}

const fn hue(health: Health) -> Color {
    match health {
        Health::Healthy => Color::Green,
        Health::Degraded => Color::Yellow,
        Health::Failing => Color::Red,
        Health::Unknown => Color::Magenta,
    }
}
