//! mailwarden: an e-mail application firewall, inline between mail clients and mail servers.
//!
//! This program is everything that touches the kernel: sockets, clock, threads, files, terminal.
//! What a session is and what a policy decides stands in the crates it drives.

mod attachments;
mod check;
mod cli;
mod configuration;
mod control;
mod daemon;
mod demo;
mod explain;
#[cfg(test)]
mod golden;
mod in_force;
mod manual;
mod metrics;
mod netfilter;
mod plan;
mod proxy;
mod replay;
mod report;
mod running;
mod terminal;
mod test;
mod text;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};

fn main() -> ExitCode {
    let exit = match Cli::parse().command {
        Command::Run(flags) => daemon::run(&flags),
        Command::Demo(flags) => demo::run(&flags),
        Command::Check(flags) => check::run(&flags),
        Command::Explain(flags) => explain::run(&flags),
        Command::Replay(flags) => replay::run(&flags),
        Command::Show(flags) => control::client::run("show", &flags),
        Command::Clear(flags) => control::client::run("clear", &flags),
        Command::Debug(flags) => control::client::run("debug", &flags),
        Command::Reload(flags) => control::client::run("reload", &flags),
        Command::Netfilter(flags) => netfilter::command::run(&flags),
        Command::Test(command) => test::run(&command),
        Command::Man { page } => manual::page(page),
        Command::Completions { shell } => manual::completions(shell),
    };
    ExitCode::from(exit as u8)
}

/// How the program ends, for whoever called it; the worse the later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Exit {
    Done = 0,
    /// Something was found: a warning under `--strict`, a capture that is damaged, a class that acts.
    Finding = 1,
    /// The command line or the configuration is wrong.
    Usage = 2,
    /// The system refused: a port, a permission, a file.
    System = 3,
}

impl Exit {
    /// The one of a code. One that no version of the program has is the system's.
    const fn of_code(code: u8) -> Self {
        match code {
            0 => Self::Done,
            1 => Self::Finding,
            2 => Self::Usage,
            _ => Self::System,
        }
    }
}
