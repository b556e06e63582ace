//! How a fault is done to the world, and how it is mended.

use vitals_model::claim::HubState;

use super::life::Turn;
use super::{Persona, Server, World};
use crate::fault::{Fault, SERVER};

impl World {
    /// Whether the hub asks an LLM.
    pub fn has_llm(&self) -> bool {
        self.setting.persona == Persona::Filtering
    }

    /// A fault begins now.
    pub fn begin(&mut self, fault: Fault) {
        self.faults.insert(fault, self.now);
        match fault {
            Fault::ServerKilled => self.kill_server(self.broken()),
            Fault::ServerHung => {
                let n = self.broken();
                self.servers[n].is_hung = true;
            }
            Fault::HubKilled => self.kill_hub(),
            Fault::Flapping => self.turn_server(self.broken(), Turn::Ends),
            Fault::ToolDrift => {
                let n = self.broken();
                let redefined = self.servers[n].tools.iter().map(|(tool, digest)| (tool.clone(), digest.wrapping_add(1)));
                self.servers[n].tools = redefined.collect();
            }
            Fault::ApiSlow
            | Fault::LlmQuota
            | Fault::LogSilent
            | Fault::MemoryLeak
            | Fault::ShortOfCores
            | Fault::ShortOfMemory => {}
        }
    }

    /// The fault is mended, as somebody would do it.
    pub fn end(&mut self, fault: Fault) {
        self.faults.remove(&fault);
        match fault {
            Fault::ServerKilled | Fault::ServerHung => self.restart_server(self.broken()),
            Fault::HubKilled => self.start_hub(),
            Fault::Flapping
            | Fault::ToolDrift
            | Fault::ApiSlow
            | Fault::LlmQuota
            | Fault::LogSilent
            | Fault::MemoryLeak
            | Fault::ShortOfCores
            | Fault::ShortOfMemory => {}
        }
    }

    fn broken(&self) -> usize {
        self.servers.iter().position(|server| server.name.as_str() == SERVER).unwrap_or(0)
    }

    /// Whether nothing is being restarted: a fault is done to what works.
    pub fn is_settled(&self) -> bool {
        self.hub.lives && self.hub.state == HubState::Ready && self.servers.iter().all(Server::is_claimed)
    }
}
