//! `mailwarden test`: a message, or a pattern, tried out without a network.
//!
//! `message` makes of a file what DATA carries, `delivery` sends it through a session of the engine, and `mail`
//! tells what became of it; `regex` tries a pattern on a text. Nothing here judges.

mod delivery;
mod json;
mod mail;
mod message;
mod regex;

use crate::Exit;
use crate::cli::TestCommand;

/// `mailwarden test`.
pub(crate) fn run(command: &TestCommand) -> Exit {
    match command {
        TestCommand::Mail(flags) => mail::run(flags),
        TestCommand::Regex(flags) => regex::run(flags),
    }
}
