#![no_main]

#[path = "../bodies/input.rs"]
mod input;
#[path = "../bodies/line.rs"]
mod line;

libfuzzer_sys::fuzz_target!(|input: &[u8]| line::run(input));
