//! The policy as what runs: compiled matchers.
pub mod matcher;
