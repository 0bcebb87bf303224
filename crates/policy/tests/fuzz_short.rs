//! The body of the fuzz target over inputs made from seeds; `scripts/fuzz` runs it for longer.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test reports by panicking; clippy exempts only functions marked as tests"
)]

#[path = "../../../fuzz/bodies/input.rs"]
mod input;
#[path = "../../../fuzz/bodies/policy_text.rs"]
mod policy_text;
#[path = "../../../fuzz/bodies/short.rs"]
mod short;

#[test]
fn policy() {
    short::run(1000, policy_text::generate, policy_text::run);
}
