//! Scenarios: lists of steps with expectations, run against the lab or another hub.
