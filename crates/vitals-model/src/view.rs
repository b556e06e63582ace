//! Views: what is shown outside, one module per version of the contract.

pub mod live_v1;
pub mod notice_v1;
pub mod read;
pub mod remedy_v1;
pub mod scenario_v1;
pub mod tools_v1;
pub mod v1;
