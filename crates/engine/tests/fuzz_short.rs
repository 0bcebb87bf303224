//! The body of the fuzz target over inputs made from seeds; `scripts/fuzz` runs it for longer.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test reports by panicking; clippy exempts only functions marked as tests"
)]

#[path = "../../../fuzz/bodies/cuts.rs"]
mod cuts;
#[path = "../../../fuzz/bodies/input.rs"]
mod input;
#[path = "../../../fuzz/bodies/permissive.rs"]
mod permissive;
#[path = "../../../fuzz/bodies/session.rs"]
mod session;
#[path = "../../../fuzz/bodies/short.rs"]
mod short;

#[test]
fn session() {
    short::run(5000, session::generate, session::run);
}
