#![no_main]

#[path = "../bodies/input.rs"]
mod input;
#[path = "../bodies/policy_text.rs"]
mod policy_text;
#[path = "../bodies/statements.rs"]
mod statements;

libfuzzer_sys::fuzz_target!(|input: &[u8]| policy_text::run(input));
