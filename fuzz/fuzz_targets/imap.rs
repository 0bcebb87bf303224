#![no_main]

#[path = "../bodies/cuts.rs"]
mod cuts;
#[path = "../bodies/imap.rs"]
mod imap;
#[path = "../bodies/input.rs"]
mod input;
#[path = "../bodies/mailbox.rs"]
mod mailbox;
#[path = "../bodies/talk.rs"]
mod talk;

libfuzzer_sys::fuzz_target!(|input: &[u8]| imap::run(input));
