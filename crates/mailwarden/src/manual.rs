//! The manual pages and the shell completions, made of what the program itself reads.

mod configuration;
mod program;

use std::io;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::{Cli, Page};
use crate::{Exit, terminal};

/// `mailwarden man`.
pub(crate) fn page(page: Page) -> Exit {
    print(|out| match page {
        Page::Program => program::render(out),
        Page::Configuration => {
            out.extend_from_slice(configuration::page().as_bytes());
            Ok(())
        }
    })
}

/// `mailwarden completions SHELL`.
pub(crate) fn completions(shell: Shell) -> Exit {
    print(|out| {
        clap_complete::generate(shell, &mut Cli::command(), "mailwarden", out);
        Ok(())
    })
}

fn print(render: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> Exit {
    let mut out = Vec::new();
    match render(&mut out) {
        Ok(()) => terminal::print(&String::from_utf8_lossy(&out)),
        Err(error) => {
            terminal::complain(&format!("mailwarden: {error}\n"));
            Exit::System
        }
    }
}
