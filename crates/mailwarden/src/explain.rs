//! `mailwarden explain`: what a diagnostic means, with an example and its cure.

use policy::diagnostic::Code;

use crate::cli::ExplainFlags;
use crate::{Exit, terminal};

/// Explains each code; one that is none keeps no other from being explained.
pub(crate) fn run(flags: &ExplainFlags) -> Exit {
    let mut exit = Exit::Done;
    let mut explained = Vec::new();
    for name in &flags.codes {
        // As it stands in a complaint, brackets and all.
        let name = name.trim_matches(['[', ']']);
        match Code::of(name) {
            Some(code) => explained.push(code.explanation()),
            None => {
                terminal::complain(&unknown(name));
                exit = Exit::Usage;
            }
        }
    }
    exit.max(terminal::print(&explained.join("\n")))
}

fn unknown(name: &str) -> String {
    let help = Code::nearest(name).map(|code| format!(", did you mean `{}`?", code.as_str()));
    format!("mailwarden: explain: no diagnostic has the code `{name}`{}\n", help.unwrap_or_default())
}
