//! Export: what is written for other programs to read, or for our own to show again.

mod classic;
mod onward;
mod recording;

pub use classic::{Classic, ClassicError};
pub use onward::{Onward, OnwardError};
pub use recording::{Recording, RecordingError};
