//! The proof: every fault is injected, seen, cleared and seen to be over.
