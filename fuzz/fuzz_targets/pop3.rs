#![no_main]

#[path = "../bodies/cuts.rs"]
mod cuts;
#[path = "../bodies/input.rs"]
mod input;
#[path = "../bodies/mailbox.rs"]
mod mailbox;
#[path = "../bodies/pop3.rs"]
mod pop3;
#[path = "../bodies/talk.rs"]
mod talk;

libfuzzer_sys::fuzz_target!(|input: &[u8]| pop3::run(input));
