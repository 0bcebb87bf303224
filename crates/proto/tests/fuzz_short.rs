//! The bodies of the fuzz targets over inputs made from seeds; `scripts/fuzz` runs them for longer.

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
#[path = "../../../fuzz/bodies/line.rs"]
mod line;
#[path = "../../../fuzz/bodies/mime.rs"]
mod mime;
#[path = "../../../fuzz/bodies/permissive.rs"]
mod permissive;
#[path = "../../../fuzz/bodies/proxy_header.rs"]
mod proxy_header;
#[path = "../../../fuzz/bodies/short.rs"]
mod short;
#[path = "../../../fuzz/bodies/smtp.rs"]
mod smtp;
#[path = "../../../fuzz/bodies/transcript.rs"]
mod transcript;

#[test]
fn line() {
    short::run(2000, line::generate, line::run);
}

#[test]
fn smtp() {
    short::run(2000, smtp::generate, smtp::run);
}

#[test]
fn mime() {
    short::run(1000, mime::generate, mime::run);
}

#[test]
fn proxy_header() {
    short::run(5000, proxy_header::generate, proxy_header::run);
}
