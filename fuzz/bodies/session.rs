//! Sessions of SMTP: what both sides say, the input tells.

#[path = "session/mail_client.rs"]
mod mail_client;
#[path = "session/mail_server.rs"]
mod mail_server;
#[path = "session/settings.rs"]
mod settings;
#[path = "session/words.rs"]
mod words;

use std::sync::Arc;

use crate::cuts::Cuts;
use crate::input::Input;
use crate::talk::{self, Script};

use mail_client::MailClient;
use mail_server::MailServer;
use words::WORDS;

pub(crate) fn run(input: &[u8]) {
    let mut input = Input::new(input);
    let at = Arc::new(settings::of(&mut input));
    let cuts = Cuts::of(&mut input);
    let script = Script::read(&WORDS, input);
    talk::run(&at, &script, cuts, |_| (Box::new(MailServer::new()), Box::new(MailClient::new())));
}

#[cfg(test)]
pub(crate) fn generate(random: &mut fastrand::Rng) -> Vec<u8> {
    talk::generate(&WORDS, random)
}
