#![no_main]

#[path = "../bodies/cuts.rs"]
mod cuts;
#[path = "../bodies/input.rs"]
mod input;
#[path = "../bodies/mime.rs"]
mod mime;

libfuzzer_sys::fuzz_target!(|input: &[u8]| mime::run(input));
