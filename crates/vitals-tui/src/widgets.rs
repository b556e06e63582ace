//! The pieces that screens are made of. They draw; they know no keys and no state of the dashboard.

pub mod faults;
pub mod fit;
pub mod incidents;
pub mod lines;
pub mod panel;
pub mod plot;
pub mod readings;
pub mod servers;
pub mod spark;
