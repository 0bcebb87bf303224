#![no_main]

#[path = "../bodies/cuts.rs"]
mod cuts;
#[path = "../bodies/input.rs"]
mod input;
#[path = "../bodies/permissive.rs"]
mod permissive;
#[path = "../bodies/smtp.rs"]
mod smtp;
#[path = "../bodies/transcript.rs"]
mod transcript;

libfuzzer_sys::fuzz_target!(|input: &[u8]| smtp::run(input));
