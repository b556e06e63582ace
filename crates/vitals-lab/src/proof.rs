//! The proof: every fault of the catalogue is injected into a healthy lab, must be seen as what it is and
//! as nothing else, is cleared, and must be seen to be over. A healthy hour beside it must stay silent.
//!
//! Nothing is judged here: the monitoring is handed in as a [`Watcher`], and what it says is compared
//! with the table of expectations in [`expect`]. Where labs come from is handed in as well, as [`Beds`].

mod bed;
mod ears;
pub mod expect;
mod hour;
mod in_lab;
mod lanes;
mod matrix;
pub mod page;
mod places;
mod rows;
mod settings;
mod trial;
pub mod view;
mod watcher;

pub use bed::{Bed, Beds, Trouble};
pub use hour::{Hour, Length};
pub use in_lab::Labs;
pub use lanes::{LANES_DEFAULT, LANES_MAX, Plan, Progress, prove};
pub use matrix::{Matrix, Other, Part, Shortfall, Trial};
pub use places::Places;
pub use settings::proof as settings;
pub use watcher::{Sight, Stop, Watch, Watcher};

#[cfg(test)]
mod tests;
