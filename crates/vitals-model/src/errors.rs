//! What is known of the kinds of error that a target logs: a monitor that is started again goes on from it.

use crate::text::Text;
use crate::time::Timestamp;

/// The kinds of error of one target, as far as they are remembered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KnownErrors {
    /// Since when errors are heard.
    pub since: Timestamp,
    /// The kinds, in order of name.
    pub kinds: Vec<KnownError>,
    /// How many were forgotten because there were too many.
    pub forgotten: u64,
}

/// One kind of error.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KnownError {
    /// Its code and the [template](crate::template) of its message.
    pub name: Text,
    /// When it was first heard.
    pub first: Timestamp,
    /// When it was last heard.
    pub last: Timestamp,
    /// How often it was heard, as far as it was counted.
    pub count: u64,
}
