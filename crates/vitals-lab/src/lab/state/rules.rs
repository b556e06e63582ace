//! What a fault asks for: who is told what, what must be there, and which faults are not in force together.

use crate::fault::{Fault, HubFault, Layer, Means, Outside, ServerFault};

/// What the hub is told for a fault.
pub(super) fn told_to_hub(fault: Fault) -> Option<HubFault> {
    match fault.card().means {
        Means::Hub(told) => Some(told),
        Means::Outside(Outside::HoldPort) => Some(HubFault::PortLost),
        Means::Outside(Outside::RotateMidLine) => Some(HubFault::LogTorn),
        _ => None,
    }
}

/// What a server is told for a fault.
pub(super) fn told_to_servers(fault: Fault) -> Option<ServerFault> {
    match fault.card().means {
        Means::Server(told) => Some(told),
        Means::Outside(Outside::LeaveOrphan) => Some(ServerFault::IgnoreEnd),
        _ => None,
    }
}

/// Whether a fault is one of a single server.
pub(super) fn hurts_a_server(fault: Fault) -> bool {
    told_to_servers(fault).is_some() || matches!(fault.card().means, Means::Outside(Outside::KillServer | Outside::StopServer))
}

/// Faults that a running server cannot be told: it is started again.
pub(super) const fn acts_at_start(fault: ServerFault) -> bool {
    matches!(fault, ServerFault::CrashLoop | ServerFault::SlowStart | ServerFault::NeverInitialises)
}

/// Whether a fault hurts what only a hub has that filters tools.
pub(super) fn needs_filtering(fault: Fault) -> bool {
    matches!(
        fault.card().means,
        Means::Llm(_) | Means::Hub(HubFault::ExposureLeak | HubFault::MetaToolMissing | HubFault::MetaToolShape)
    )
}

/// Faults that act on the same thing, so that one would undo or hide the other.
pub(super) fn exclude_each_other(one: Fault, other: Fault) -> bool {
    let llm = |fault: Fault| matches!(fault.card().means, Means::Llm(_));
    let process = |fault| {
        // A hub whose port is held cannot be started again.
        matches!(fault, Fault::HubKilled | Fault::HubRestarted | Fault::HubStopped | Fault::OrphanLeft | Fault::PortHeld)
    };
    let log = |fault| matches!(fault, Fault::LogBlocked | Fault::DiskFull | Fault::LogTorn);
    let server = |fault| matches!(fault, Fault::ServerKilled | Fault::ServerStopped);
    let answer = |fault| matches!(fault, Fault::ApiHtml | Fault::ApiStatus500 | Fault::ApiTruncated);
    let stream = |fault| matches!(fault, Fault::StreamCut | Fault::StreamSilent);
    // Where nothing is logged, nothing goes wrong with the log.
    let silence = |one: Fault, other: Fault| one == Fault::LogSilence && other.card().layer == Layer::Logging;
    [llm as fn(Fault) -> bool, process, log, server, answer, stream].into_iter().any(|of_kind| of_kind(one) && of_kind(other))
        || silence(one, other)
        || silence(other, one)
}
