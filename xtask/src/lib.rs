//! Repository chores: [`tidy`] holds the repository to its own rules, [`bench`] measures the product
//! against its bars, [`nab`] scores its detector on a public corpus, [`generated`] writes the reference
//! pages that are made from code, [`package`] makes the Debian package. Nothing here is shipped, and nothing here is needed to build the product.

pub mod bench;
pub mod drill;
pub mod generated;
pub mod nab;
pub mod package;
pub mod tidy;

use std::path::Path;

/// The root of the repository: the folder above this crate.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or_else(|| Path::new("."))
}
