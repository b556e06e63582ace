//! The beds of a real proof: labs in temporary folders, each on a port of its own.

use futures_util::FutureExt as _;
use futures_util::future::LocalBoxFuture;
use vitals_model::target::TargetId;
use vitals_probe::hands::Surroundings;

use super::bed::{Bed, Beds, Trouble};
use super::expect::{Filtering, Stage};
use crate::fault::Fault;
use crate::lab::{self, Exposure, Lab, Settings, with_causes};
use crate::part::Program;

/// Starts labs whose parts are this program.
#[derive(Clone, Debug)]
pub struct Labs {
    /// How it is started as a part.
    pub program: Program,
}

impl Beds for Labs {
    fn start(&self, stage: Stage, seed: u64) -> LocalBoxFuture<'_, Result<Box<dyn Bed>, Trouble>> {
        let filtering = match stage.filtering {
            Filtering::Off => lab::Filtering::Off,
            Filtering::MetaOnly => lab::Filtering::PromptBased { exposure: Exposure::MetaOnly },
        };
        let settings = Settings { persona: stage.persona, seed, filtering, ..Settings::new(self.program.clone()) };
        async move {
            let lab = Lab::start(settings).await.map_err(|error| Trouble(with_causes(&error)))?;
            let bed: Box<dyn Bed> = Box::new(lab);
            Ok(bed)
        }
        .boxed_local()
    }
}

impl Bed for Lab {
    fn target(&self) -> TargetId {
        let url = self.url();
        let port = url.rsplit(':').next().unwrap_or_default();
        // As discovery names a hub that it finds.
        TargetId::new(&format!("hub-{port}"))
    }

    fn surroundings(&self) -> Surroundings {
        Surroundings { registries: vec![self.place().workspaces()], proxy: None }
    }

    fn hub_pid(&self) -> Option<u32> {
        Self::hub_pid(self)
    }

    fn inject<'a>(&'a self, fault: Fault, server: &'a str) -> LocalBoxFuture<'a, Result<(), Trouble>> {
        async move { Self::inject(self, fault, server).await.map_err(|error| Trouble(with_causes(&error))) }.boxed_local()
    }

    fn clear(&self, fault: Fault) -> LocalBoxFuture<'_, Result<(), Trouble>> {
        async move { Self::clear(self, fault).await.map_err(|error| Trouble(with_causes(&error))) }.boxed_local()
    }

    fn end(self: Box<Self>) -> LocalBoxFuture<'static, ()> {
        // What resisted was killed; the next lab does not depend on it.
        async move { drop(Self::end(*self).await) }.boxed_local()
    }
}
