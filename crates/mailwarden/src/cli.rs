//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use policy::model::Server;

/// An e-mail application firewall: inline SMTP inspection with Cisco IOS policies
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the firewall in the foreground
    Run(RunFlags),
    /// Run example sessions through the firewall and show what each side received
    Demo(DemoFlags),
    /// Check configurations for errors and warnings
    Check(CheckFlags),
    /// Explain diagnostics of check: what they mean, an example, and its cure
    Explain(ExplainFlags),
    /// Show captured sessions, and what a policy would have done with them
    Replay(ReplayFlags),
    /// Show what a running daemon does; `show ?` lists the screens
    Show(ExecFlags),
    /// Set counters of a running daemon to zero, or end sessions
    Clear(ExecFlags),
    /// Stream what a running daemon inspects, until Ctrl-C
    Debug(ExecFlags),
    /// Make a running daemon read its configuration again, and say what came of it
    Reload(ExecFlags),
    /// Print the nftables table that a configuration becomes, or install it
    Netfilter(NetfilterFlags),
    /// Try a policy on a message, or a pattern on a text
    #[command(subcommand)]
    Test(TestCommand),
    /// Print a manual page
    Man {
        /// Page: of the program, or of the configuration file
        #[arg(value_enum, default_value_t = Page::Program)]
        page: Page,
    },
    /// Print shell completions
    Completions {
        /// Shell to generate completions for
        shell: Shell,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Page {
    #[value(name = "mailwarden")]
    Program,
    #[value(name = "mailwarden.conf")]
    Configuration,
}

/// Where the configuration is unless it is said.
pub(crate) const CONFIGURATION: &str = "/etc/mailwarden/mailwarden.conf";

#[derive(Args, Debug)]
pub(crate) struct RunFlags {
    /// Configuration file
    #[arg(
        long,
        value_name = "FILE",
        default_value = CONFIGURATION,
        conflicts_with = "listen"
    )]
    pub(crate) config: PathBuf,
    /// Address to listen on, without a configuration file: conformance standard, no policy
    #[arg(long, value_name = "ADDRESS:PORT", requires = "server")]
    pub(crate) listen: Option<SocketAddr>,
    /// Mail server to connect to, with --listen: an address or a name; several are tried in order
    #[arg(long, value_name = "ADDRESS:PORT", requires = "listen")]
    pub(crate) server: Vec<Server>,
    /// Protocol on --listen
    #[arg(long, value_enum, default_value_t = Spoken::Smtp, requires = "listen")]
    pub(crate) protocol: Spoken,
}

#[derive(Args, Debug)]
pub(crate) struct ReplayFlags {
    /// Capture files in pcap or pcapng format; `-` reads standard input
    #[arg(value_name = "PCAP", required = true)]
    pub(crate) captures: Vec<PathBuf>,
    /// Configuration to apply; without one: conformance standard, no policy
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Proxy whose policy applies; by default the first of the configuration
    #[arg(long, value_name = "NAME", requires = "config")]
    pub(crate) proxy: Option<String>,
    /// Print one JSON object per session instead of text
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Spoken {
    Smtp,
    Esmtp,
    /// As SMTP, with a reply for each recipient
    Lmtp,
    /// Any protocol, relayed without inspection
    Tcp,
}

#[derive(Args, Debug)]
pub(crate) struct DemoFlags {
    /// Keep running afterwards, for use with a mail client, until Ctrl-C
    #[arg(long)]
    pub(crate) keep: bool,
}

#[derive(Args, Debug)]
pub(crate) struct CheckFlags {
    /// Configuration files; `-` reads standard input
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Exit with status 1 if there are warnings, or if nothing is enforced
    #[arg(long)]
    pub(crate) strict: bool,
    /// Output format; JSON is one object per file, each on one line
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
    /// Also list every condition of a class, and by their first word the statements that are not mailwarden's
    #[arg(short, long)]
    pub(crate) verbose: bool,
}

#[derive(Args, Debug)]
pub(crate) struct ExecFlags {
    /// Control socket of the daemon
    #[arg(long, value_name = "PATH", default_value = "/run/mailwarden/control.sock")]
    pub(crate) socket: PathBuf,
    /// Rest of the command; words may be shortened
    #[arg(value_name = "WORD", trailing_var_arg = true)]
    pub(crate) words: Vec<String>,
}

#[derive(Args, Debug)]
pub(crate) struct NetfilterFlags {
    /// Configuration file
    #[arg(value_name = "FILE", default_value = CONFIGURATION)]
    pub(crate) file: PathBuf,
    /// Let mail pass uninspected while mailwarden does not run; by default it is reset
    #[arg(long)]
    pub(crate) open: bool,
    /// Put the table in the place of the one that is in the kernel, and route what it intercepts
    #[arg(long)]
    pub(crate) install: bool,
    /// Remove the table and the routes from the kernel
    #[arg(long, conflicts_with_all = ["file", "open", "install"])]
    pub(crate) remove: bool,
    /// Print what the counters of the table in the kernel have counted
    #[arg(long, conflicts_with_all = ["file", "open", "install", "remove"])]
    pub(crate) counters: bool,
}

#[derive(Args, Debug)]
pub(crate) struct ExplainFlags {
    /// Codes of diagnostics, as they stand in square brackets behind each
    #[arg(value_name = "CODE", required = true)]
    pub(crate) codes: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TestCommand {
    /// Show which class acts on a message, and what its sender would read
    Mail(TestMailFlags),
    /// Show whether a pattern is found in a text, as a policy looks for it
    Regex(TestRegexFlags),
}

#[derive(Args, Debug)]
pub(crate) struct TestMailFlags {
    /// Messages, header and body, with either kind of line end; `-` reads standard input
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Configuration with the policy to try; without one that of the running daemon, or if none runs
    /// /etc/mailwarden/mailwarden.conf
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Control socket of the daemon
    #[arg(
        long,
        value_name = "PATH",
        default_value = "/run/mailwarden/control.sock",
        conflicts_with = "config"
    )]
    pub(crate) socket: PathBuf,
    /// Proxy whose policy applies; by default the first of the configuration
    #[arg(long, value_name = "NAME")]
    pub(crate) proxy: Option<String>,
    /// Sender of the envelope; empty for a bounce
    #[arg(long, value_name = "ADDRESS", default_value = "sender@client.example")]
    pub(crate) from: String,
    /// Recipient of the envelope; may be repeated
    #[arg(long, value_name = "ADDRESS", default_value = "recipient@server.example")]
    pub(crate) to: Vec<String>,
    /// Name in the client's greeting
    #[arg(long, value_name = "NAME", default_value = "client.example")]
    pub(crate) helo: String,
    /// Output format; JSON is one object per file, each on one line
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

#[derive(Args, Debug)]
pub(crate) struct TestRegexFlags {
    /// Text to search: an address, a line of the header or of the body
    pub(crate) text: String,
    /// Pattern, in the dialect of IOS
    pub(crate) pattern: String,
    /// Output format; JSON is one object on one line
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
}
