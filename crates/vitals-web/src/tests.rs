//! The faces over a source with fixed answers: what each route says, who may ask, what hostile names come to, that every
//! answer is as the `OpenAPI` document says, and that no request whatever breaks anything.

mod contract;
mod cost;
mod fixture;
#[expect(dead_code, reason = "the tests of the metrics use all of it")]
#[path = "../tests/it/metrics/fixtures.rs"]
mod fleet;
mod fuzz;
mod guard;
mod pages;
mod serving;
