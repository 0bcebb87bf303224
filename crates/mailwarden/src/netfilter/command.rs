//! `mailwarden netfilter`: the table that a configuration becomes, printed or put into the kernel.

use std::io;

use policy::render;

use super::apply::{Count, Installed, counters};
use super::{MARK_CLIENT, MARK_MASK, MARK_OWN, Netfilter, OnExit, Ports, TABLE, compile};
use crate::cli::NetfilterFlags;
use crate::{Exit, configuration, terminal};

/// Complaints go to standard error; with an error among them nothing is printed or installed.
pub(crate) fn run(flags: &NetfilterFlags) -> Exit {
    if flags.remove {
        return done(Installed::default().remove());
    }
    if flags.counters {
        return match counters() {
            Ok(counts) => terminal::print(&listed(&counts)),
            Err(error) => done(Err(error)),
        };
    }
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
    if flags.install {
        return done(Installed::default().install(&compiled));
    }
    terminal::print(&text(&compiled))
}

fn done(result: io::Result<()>) -> Exit {
    match result {
        Ok(()) => Exit::Done,
        Err(error) => {
            terminal::complain(&format!("mailwarden: netfilter: {error}\n"));
            Exit::System
        }
    }
}

/// A line for each counter.
fn listed(counts: &[Count]) -> String {
    let lines =
        counts.iter().map(|Count { name, packets, bytes }| format!("{packets:>12} {bytes:>16} {name}\n"));
    format!("{:>12} {:>16} counter\n{}", "packets", "bytes", lines.collect::<String>())
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
            if compiled.owns {
                text.push_str(&format!(
                    "# ip {family} rule add fwmark {MARK_OWN:#010x}/{MARK_MASK:#010x} iif lo lookup {TABLE}\n"
                ));
            }
            text.push_str(&format!("# ip {family} route add local default dev lo table {TABLE}\n"));
        }
    }
    text
}
