//! The hub process as its clients meet it: this program's own `lab-part hub`, over its own sockets.

#[cfg(test)]
mod batches;
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod hub;
#[cfg(test)]
mod install;
#[cfg(test)]
mod life;
#[cfg(test)]
mod notes;
#[cfg(test)]
mod suite;
#[cfg(test)]
mod wire;
