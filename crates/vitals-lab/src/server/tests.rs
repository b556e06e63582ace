//! The servers, spoken to by the client of the official SDK.
