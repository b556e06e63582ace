//! The faces as those who ask meet them: the server for agents by its messages alone, metrics by the programs that read
//! them.

#[cfg(test)]
mod answers;
#[cfg(test)]
mod client;
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod http;
#[cfg(test)]
#[path = "../../../vitals-lab/tests/it/install.rs"]
mod install;
#[cfg(test)]
mod metrics;
#[cfg(test)]
#[path = "../../../vitals-lab/tests/it/suite.rs"]
mod suite;
#[cfg(test)]
mod world;
