#![no_main]

#[path = "../bodies/cuts.rs"]
mod cuts;
#[path = "../bodies/input.rs"]
mod input;
#[path = "../bodies/permissive.rs"]
mod permissive;
#[path = "../bodies/session.rs"]
mod session;
#[path = "../bodies/talk.rs"]
mod talk;

libfuzzer_sys::fuzz_target!(|input: &[u8]| session::run(input));
