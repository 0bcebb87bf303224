//! Sessions of IMAP: what both sides say, the input tells.

#[path = "imap/reader.rs"]
mod reader;
#[path = "imap/talker.rs"]
mod talker;
#[path = "imap/words.rs"]
mod words;

use std::sync::Arc;

use engine::config::Inspect;

use crate::cuts::Cuts;
use crate::input::Input;
use crate::mailbox::{self, Forbidden};
use crate::talk::{self, Script};

use reader::ImapServer;
use talker::ImapClient;
use words::WORDS;

pub(crate) fn run(input: &[u8]) {
    let mut input = Input::new(input);
    let at = Arc::new(mailbox::settings(Inspect::Imap, &mut input));
    let cuts = Cuts::of(&mut input);
    let script = Script::read(&WORDS, input);
    talk::run(&at, &script, cuts, |at| {
        (Box::new(ImapServer::new(Forbidden::by(at))), Box::new(ImapClient::new()))
    });
}

#[cfg(test)]
pub(crate) fn generate(random: &mut fastrand::Rng) -> Vec<u8> {
    talk::generate(&WORDS, random)
}
