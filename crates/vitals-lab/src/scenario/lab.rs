//! The lab as a scenario's ground: it is asked like any hub, and can be broken.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use vitals_model::target::{Address, Origin, Target, TargetId};
use vitals_probe::hands::Surroundings;

use super::{FaultError, Faults, Ground, GroundError};
use crate::fault::Fault;
use crate::lab::{Lab, with_causes};

/// The name under which scenarios on a lab stand in the history.
const NAME: &str = "lab";

impl Faults for Lab {
    fn inject<'a>(&'a self, fault: Fault, server: &'a str) -> BoxFuture<'a, Result<(), FaultError>> {
        Box::pin(async move { Lab::inject(self, fault, server).await.map_err(|error| FaultError(with_causes(&error))) })
    }

    fn clear(&self, fault: Fault) -> BoxFuture<'_, Result<(), FaultError>> {
        Box::pin(async move { Lab::clear(self, fault).await.map_err(|error| FaultError(with_causes(&error))) })
    }
}

impl Ground {
    /// This lab.
    ///
    /// # Errors
    /// As [`Ground::hub`].
    pub fn of_lab(lab: &Arc<Lab>) -> Result<Self, GroundError> {
        let registry = lab.place().workspaces();
        let surroundings = Surroundings { registries: vec![registry.clone()], proxy: None };
        let target = Target {
            id: TargetId::new(NAME),
            address: Address::Hub { url: lab.url() },
            origin: Origin::Discovered { registry },
            settings: Arc::default(),
        };
        Self::lab(target, &surroundings, Arc::clone(lab) as Arc<dyn Faults>)
    }
}
