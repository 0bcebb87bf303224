//! `mailwarden netfilter FILE`: the table that a configuration becomes.

use policy::render;

use super::{MARK_CLIENT, MARK_MASK, Netfilter, OnExit, Ports, TABLE, compile};
use crate::cli::NetfilterFlags;
use crate::{Exit, configuration, terminal};

/// Prints the table. Complaints go to standard error; with an error among them nothing is printed.
pub(crate) fn run(flags: &NetfilterFlags) -> Exit {
    let read = match configuration::read(&flags.file) {
        Ok(read) => read,
        Err(error) => {
            terminal::complain(&format!("mailwarden: {error}\n"));
            return Exit::System;
        }
    };
    let Some(configuration) = &read.configuration else {
        terminal::complain(&read.complaints());
        return Exit::Usage;
    };
    let on_exit = if flags.open { OnExit::Open } else { OnExit::Closed };
    let compiled = compile(configuration, &read.attachments, Ports::default(), on_exit);
    terminal::complain(&render::diagnostics(&read.source, &compiled.complaints));
    if compiled.complaints.has_errors() {
        return Exit::Usage;
    }
    terminal::print(&text(&compiled))
}

/// The table, and as a comment how intercepted packets are routed.
fn text(compiled: &Netfilter) -> String {
    let mut text = compiled.ruleset.to_string();
    if !compiled.interceptions.is_empty() {
        text.push_str("\n# Intercepted packets are delivered to this host:\n");
        for family in ["-4", "-6"] {
            for interface in &compiled.interfaces {
                text.push_str(&format!(
                    "# ip {family} rule add fwmark {MARK_CLIENT:#010x}/{MARK_MASK:#010x} iif {interface} lookup {TABLE}\n"
                ));
            }
            text.push_str(&format!("# ip {family} route add local default dev lo table {TABLE}\n"));
        }
    }
    text
}
