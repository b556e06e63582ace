//! Where the history of a watch goes: into a store, or nowhere, and then it is known why.

use tokio::sync::watch;
use vitals_model::quiet::Order;

use crate::act::Kept;
use crate::store::{OrderName, Record, Store};

/// Where history goes.
pub enum History {
    /// Into this store.
    Kept(Store),
    /// Nowhere, as asked.
    Off,
    /// Nowhere, because the store cannot be opened: watching goes on, what is lost is counted.
    Lost {
        /// Why.
        error: String,
        /// Records lost so far.
        records: u64,
    },
}

impl History {
    pub(super) fn put(&mut self, record: Record) {
        match self {
            Self::Kept(store) => store.put(record),
            Self::Off => {}
            Self::Lost { records, .. } => *records += 1,
        }
    }

    /// Whether what was put so far is kept.
    pub(super) fn settled(&self) -> Kept {
        match self {
            Self::Kept(store) => Kept::Told(store.settled()),
            Self::Off => Kept::Unasked,
            Self::Lost { error, .. } => Kept::Never(error.clone()),
        }
    }

    /// What people ask about incidents by way of its folder.
    pub(super) fn orders(&mut self) -> Vec<(OrderName, Order)> {
        match self {
            Self::Kept(store) => store.orders(),
            Self::Off | Self::Lost { .. } => Vec::new(),
        }
    }

    /// The highest number of a notice that is kept, as it goes on; `None` where none is.
    pub(super) fn kept_notices(&self) -> Option<watch::Receiver<u64>> {
        match self {
            Self::Kept(store) => Some(store.kept_notices()),
            Self::Off | Self::Lost { .. } => None,
        }
    }

    /// Records that wait to be written.
    pub(super) fn waiting(&self) -> u64 {
        match self {
            Self::Kept(store) => store.waiting(),
            Self::Off | Self::Lost { .. } => 0,
        }
    }

    /// Why nothing is kept, and how many records that has cost.
    pub(super) fn health(&self) -> (Option<String>, u64) {
        match self {
            Self::Kept(store) => {
                let health = store.health();
                (health.error, health.lost)
            }
            Self::Off => (None, 0),
            Self::Lost { error, records } => (Some(error.clone()), *records),
        }
    }

    /// Writes what is left; then as [`History::health`].
    pub(super) fn close(self) -> (Option<String>, u64) {
        match self {
            Self::Kept(store) => {
                let health = store.close();
                (health.error, health.lost)
            }
            other => other.health(),
        }
    }
}
