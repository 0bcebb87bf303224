//! The manual page and the shell completions, both made from the command line's own definition.

use std::io;

use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;

use crate::cli::Cli;
use crate::{Exit, terminal};

/// `mailwarden man`.
pub(crate) fn page() -> Exit {
    print(render)
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

/// One page for all commands: there are few, so every option can be found on it.
fn render(out: &mut Vec<u8>) -> io::Result<()> {
    let mut command = Cli::command();
    command.build();
    let page = Man::new(command.clone()).section("8");
    page.render_title(out)?;
    page.render_name_section(out)?;
    page.render_synopsis_section(out)?;
    page.render_description_section(out)?;
    out.extend_from_slice(b".SH COMMANDS\n");
    for subcommand in command.get_subcommands().filter(|subcommand| subcommand.get_name() != "help") {
        out.extend_from_slice(describe(subcommand)?.as_bytes());
        for nested in subcommand.get_subcommands().filter(|nested| nested.get_name() != "help") {
            out.extend_from_slice(describe(nested)?.as_bytes());
        }
    }
    out.extend_from_slice(CLOSING.as_bytes());
    Ok(())
}

/// A command becomes a subsection of the page, its sections become paragraphs.
fn describe(command: &Command) -> io::Result<String> {
    let page = Man::new(command.clone());
    let mut out = Vec::new();
    page.render_synopsis_section(&mut out)?;
    page.render_description_section(&mut out)?;
    page.render_options_section(&mut out)?;
    let text = String::from_utf8_lossy(&out);
    let body = text.lines().map(|line| match line {
        "" => String::new(),
        ".SH SYNOPSIS" | ".SH DESCRIPTION" | ".SH OPTIONS" => ".PP\n".to_owned(),
        line => format!("{line}\n"),
    });
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name()).trim_start_matches("mailwarden ");
    Ok(format!(".SS {name}\n{}", body.collect::<String>()))
}

const CLOSING: &str = ".SH EXIT STATUS
.TP
0
Success.
.TP
1
Findings: a warning with \\-\\-strict, a demo session that did not go as expected, a damaged capture, a message that a
class acts on.
.TP
2
Usage or configuration error.
.TP
3
System error: a port, a permission, a file.
.SH FILES
.TP
/etc/mailwarden/mailwarden.conf
The default configuration of run.
.SH SIGNALS
.TP
SIGHUP
Reload the configuration and reopen the log and event files; existing sessions keep the old configuration.
.TP
SIGTERM, SIGINT
Stop accepting connections and let sessions finish; a second signal stops at once.
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_describes_every_command_and_its_flags() {
        let mut page = Vec::new();
        render(&mut page).unwrap();
        let page = String::from_utf8(page).unwrap().replace("\\-", "-");
        for command in Cli::command().get_subcommands() {
            assert!(page.contains(&format!(".SS {}\n", command.get_name())), "{page}");
        }
        for nested in ["test mail", "test regex"] {
            assert!(page.contains(&format!(".SS {nested}\n")), "{page}");
        }
        for flag in ["--config", "--listen", "--strict", "--format", "--keep"] {
            assert!(page.contains(flag), "{flag}: {page}");
        }
    }
}
