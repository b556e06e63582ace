//! The terminal face of mcp-vitals: the dashboard, live or printed once.
//!
//! It shows a [`Snapshot`](vitals_model::snapshot::Snapshot) and nothing else: it opens nothing, judges
//! nothing and reads no clock (ages are counted from the snapshot's own time). What a reader asks for
//! leaves it as a [`Command`]; what is not in a snapshot comes to it as [`Said`].
//!
//! One way through it: a screen makes [`Panel`](widgets::panel::Panel)s of lines, the panels are
//! arranged into one document, and the document is either printed ([`once`](once::once)) or painted
//! from a scroll position ([`run`](live::run)).

pub mod event;
pub mod filter;
pub mod keymap;
pub mod live;
pub mod look;
pub mod once;
pub mod said;
pub mod screen;
pub mod state;
pub mod widgets;

pub use live::run;
pub use look::{Colour, Look, Symbols};
pub use once::once;
pub use said::{Command, Said};
pub use state::State;
