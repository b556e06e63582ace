//! Records: how things look on disk, one module per version. Domain types know nothing of this.

pub(super) mod v1;
pub(super) mod v2;
pub(super) mod v3;
