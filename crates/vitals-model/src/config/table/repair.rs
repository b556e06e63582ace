//! The keys of `repair`: what may be done to a target that is ill.

use super::{Bounds, Draft, Key, Slot, key};
use crate::limits::{CONFIG_SIZE_MAX, REPAIR_BUDGET_MAX, ROTATE_BYTES_MIN, ROTATED_MAX, WINDOW_MAX, WINDOW_MIN};

pub(super) static REPAIR: &[Key<Draft>] = &[
    key(
        "mode",
        "Whether a remedy is carried out (`act`), named with the incident (`suggest`), or neither",
        Slot::RepairMode(|d| &mut d.settings.repair.mode),
    ),
    key(
        "budget",
        "Most actions on the target in an hour, and most tries for one incident",
        Slot::Count(
            Bounds { min: 1, max: REPAIR_BUDGET_MAX },
            |d| u64::from(d.settings.repair.budget),
            |d, n| d.settings.repair.budget = n,
        ),
    ),
    key(
        "cooldown",
        "The least time between two of the same, doubled each time that it did not help",
        Slot::Every(Bounds { min: WINDOW_MIN, max: WINDOW_MAX }, |d| &mut d.settings.repair.cooldown),
    ),
    key(
        "quiet_success",
        "Whether nobody is told of an incident that was repaired; one that was not is told all the same",
        Slot::Flag(|d| &mut d.settings.repair.quiet_success),
    ),
    key("hub", "The hub itself", Slot::Group(HUB)),
    key("log", "The log of the hub", Slot::Group(LOG)),
];

static HUB: &[Key<Draft>] =
    &[key("restart", "How it is restarted; without it, it is not", Slot::HubRestart(|d| &mut d.settings.repair.hub_restart))];

static LOG: &[Key<Draft>] = &[
    key(
        "rotate_above",
        "From which size it is put aside, once `logging/size` has an incident",
        Slot::SizeOrOff(Bounds { min: ROTATE_BYTES_MIN, max: CONFIG_SIZE_MAX }, |d| &mut d.settings.repair.rotate_above),
    ),
    key(
        "keep",
        "How many of those put aside are kept",
        Slot::Count(
            Bounds { min: 1, max: ROTATED_MAX },
            |d| u64::from(d.settings.repair.rotate_keep),
            |d, n| d.settings.repair.rotate_keep = n,
        ),
    ),
];
