//! mailwarden(1), made of the command line's own definition.

use std::io;

use clap::{Command, CommandFactory};
use clap_mangen::Man;

use crate::cli::Cli;
use crate::control::{EXEC, typed};

/// One page for all commands: there are few, so every option can be found on it.
pub(super) fn render(out: &mut Vec<u8>) -> io::Result<()> {
    let mut command = Cli::command();
    command.build();
    let page = Man::new(command.clone()).section("1");
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
    out.extend_from_slice(EXEC_HEADING.as_bytes());
    for command in EXEC.commands() {
        let (syntax, about) = (typed(command.syntax).replace('-', "\\-"), command.about);
        out.extend_from_slice(format!(".TP\n.B {syntax}\n{about}.\n").as_bytes());
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

const EXEC_HEADING: &str = ".SH COMMANDS TO A RUNNING DAEMON
These ask the daemon whose control socket
.B \\-\\-socket
names. Words may be shortened. Members of the group of the socket may look; root and the user of the daemon may change.
";

const CLOSING: &str = ".SH EXAMPLES
.TP
.B mailwarden demo
See what it does, without any setup.
.TP
.B mailwarden run \\-\\-listen 127.0.0.1:2525 \\-\\-server mail.example.org:25
Protect a server without a configuration: conformance, no policy.
.TP
.B mailwarden check \\-\\-strict /etc/mailwarden/mailwarden.conf
Check a configuration before it is loaded; a warning is a failure.
.TP
.B ssh router show running\\-config | mailwarden check \\-
Read the configuration of a router, and see what of it would be in force.
.TP
.B mailwarden explain tls\\-escapes\\-content
What a warning means, with an example and its cure.
.TP
.B mailwarden replay \\-\\-config edge.conf mail.pcap
What a policy would have done with captured sessions.
.TP
.B mailwarden netfilter edge.conf
The table of nftables that zones, interfaces and access lists become.
.TP
.B systemctl reload mailwarden
Load a changed configuration without losing a connection.
.TP
.B journalctl \\-u mailwarden \\-p warning
What needs attention.
.SH EXIT STATUS
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
SIGUSR1
Reopen the log and event files, so that they can be rotated; nothing else changes.
.TP
SIGTERM, SIGINT
Stop accepting connections and let sessions finish; a second signal stops at once.
.SH SEE ALSO
.BR mailwarden.conf (5)
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
