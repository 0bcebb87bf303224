//! The bodies of the fuzz targets over inputs made from seeds; `scripts/fuzz` runs them for longer.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test reports by panicking; clippy exempts only functions marked as tests"
)]

#[path = "../../../fuzz/bodies/cuts.rs"]
mod cuts;
#[path = "../../../fuzz/bodies/imap.rs"]
mod imap;
#[path = "../../../fuzz/bodies/input.rs"]
mod input;
#[path = "../../../fuzz/bodies/mailbox.rs"]
mod mailbox;
#[path = "../../../fuzz/bodies/permissive.rs"]
mod permissive;
#[path = "../../../fuzz/bodies/pop3.rs"]
mod pop3;
#[path = "../../../fuzz/bodies/session.rs"]
mod session;
#[path = "../../../fuzz/bodies/short.rs"]
mod short;
#[path = "../../../fuzz/bodies/talk.rs"]
mod talk;

#[test]
fn session() {
    short::run(5000, session::generate, session::run);
}

#[test]
fn pop3() {
    short::run(5000, pop3::generate, pop3::run);
}

#[test]
fn imap() {
    short::run(5000, imap::generate, imap::run);
}
