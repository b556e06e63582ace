//! The lab itself: it starts and ends the parts, injects and clears faults, and can be told to from another process.
