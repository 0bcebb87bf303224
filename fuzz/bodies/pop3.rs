//! Sessions of POP3: what both sides say, the input tells.

#[path = "pop3/reader.rs"]
mod reader;
#[path = "pop3/talker.rs"]
mod talker;
#[path = "pop3/words.rs"]
mod words;

use std::sync::Arc;

use engine::config::Inspect;

use crate::cuts::Cuts;
use crate::input::Input;
use crate::mailbox::{self, Forbidden};
use crate::talk::{self, Script};

use reader::Pop3Server;
use talker::Pop3Client;
use words::WORDS;

pub(crate) fn run(input: &[u8]) {
    let mut input = Input::new(input);
    let at = Arc::new(mailbox::settings(Inspect::Pop3, &mut input));
    let cuts = Cuts::of(&mut input);
    let script = Script::read(&WORDS, input);
    talk::run(&at, &script, cuts, |at| {
        (Box::new(Pop3Server::new(Forbidden::by(at))), Box::new(Pop3Client::new()))
    });
}

#[cfg(test)]
pub(crate) fn generate(random: &mut fastrand::Rng) -> Vec<u8> {
    talk::generate(&WORDS, random)
}
