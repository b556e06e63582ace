//! Views: what is shown outside, one module per version of the contract.

pub mod v1;
