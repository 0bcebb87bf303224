//! Sessions: both sides say what the input tells, and however it is cut, the same dialogue comes out.

#[path = "session/driver.rs"]
mod driver;
#[path = "session/mail_client.rs"]
mod mail_client;
#[path = "session/mail_server.rs"]
mod mail_server;
#[path = "session/script.rs"]
mod script;
#[path = "session/settings.rs"]
mod settings;

#[cfg(test)]
pub(crate) use script::generate;

use std::sync::Arc;

use engine::SessionConfig;
use engine::config::Watch;
use proto::Side;

use crate::cuts::Cuts;
use crate::input::Input;

use driver::{Dialogue, Ending, Outcome};
use script::Script;

/// A script longer than that is not run octet by octet.
const SINGLE_MAX: usize = 4096;

pub(crate) fn run(input: &[u8]) {
    let mut input = Input::new(input);
    let at = Arc::new(settings::of(&mut input));
    let cuts = Cuts::of(&mut input);
    let script = Script::read(input);
    let whole = Dialogue::run(&at, &script, Cuts::WHOLE);
    check_same(&whole, &Dialogue::run(&at, &script, cuts), &at);
    if script.octets() <= SINGLE_MAX {
        check_same(&whole, &Dialogue::run(&at, &script, Cuts::SINGLE), &at);
    }
}

/// Split invariance, as ARCHITECTURE.md has it.
fn check_same(whole: &Outcome, cut: &Outcome, at: &SessionConfig) {
    for (a, b) in whole.reports.iter().zip(&cut.reports) {
        assert_eq!(a, b, "reports");
    }
    let common = whole.reports.len().min(cut.reports.len());
    assert_eq!(whole.reports.get(common..), cut.reports.get(common..), "reports");
    assert_eq!(whole.reason, cut.reason, "reason");
    for side in [Side::Client, Side::Server] {
        let (whole, cut) = (&whole.heard[side as usize], &cut.heard[side as usize]);
        assert_eq!(whole.ending, cut.ending, "how the {side:?} ended");
        let (a, b) = (&whole.octets, &cut.octets);
        // Of a message that is refused one cut may send more than another.
        let refused =
            side == Side::Server && whole.ending == Some(Ending::Abort) && at.watch == Watch::Enforce;
        assert!(
            a == b || refused && (a.starts_with(b) || b.starts_with(a)),
            "what the {side:?} got:\n{}\n{}",
            a.escape_ascii(),
            b.escape_ascii()
        );
    }
}
