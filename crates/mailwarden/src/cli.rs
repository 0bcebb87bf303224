//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

/// An e-mail application firewall: SMTP inspected by Cisco policies, inline on Linux.
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
    /// Play clean and hostile conversations through the firewall and tell what each side saw
    Demo(DemoFlags),
    /// Read configurations and say everything that is wrong or doubtful in them
    Check(CheckFlags),
    /// Show what captured sessions said, and what a policy would have made of them
    Replay(ReplayFlags),
    /// Print the manual page
    Man,
    /// Print a shell's completions
    Completions {
        /// Whose
        shell: Shell,
    },
}

#[derive(Args, Debug)]
pub(crate) struct RunFlags {
    /// The configuration
    #[arg(
        long,
        value_name = "FILE",
        default_value = "/etc/mailwarden/mailwarden.conf",
        conflicts_with = "listen"
    )]
    pub(crate) config: PathBuf,
    /// Listen here and need no configuration: conformance standard, no rules
    #[arg(long, value_name = "ADDRESS:PORT", requires = "server")]
    pub(crate) listen: Option<SocketAddr>,
    /// The mail server behind, with --listen; several are tried in order
    #[arg(long, value_name = "ADDRESS:PORT", requires = "listen")]
    pub(crate) server: Vec<SocketAddr>,
    /// What is spoken on --listen
    #[arg(long, value_enum, default_value_t = Spoken::Smtp, requires = "listen")]
    pub(crate) protocol: Spoken,
}

#[derive(Args, Debug)]
pub(crate) struct ReplayFlags {
    /// Captures in pcap or pcapng format; `-` reads the standard input
    #[arg(value_name = "PCAP", required = true)]
    pub(crate) captures: Vec<PathBuf>,
    /// Judge by this configuration; without one: conformance standard, no rules
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The proxy of the configuration whose policy judges, by default the first
    #[arg(long, value_name = "NAME", requires = "config")]
    pub(crate) proxy: Option<String>,
    /// One JSON object per session, instead of text
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Spoken {
    Smtp,
    Esmtp,
    /// Anything: relayed unseen
    Tcp,
}

#[derive(Args, Debug)]
pub(crate) struct DemoFlags {
    /// Stay up afterwards, so that a mail client can be pointed at it, until Ctrl-C
    #[arg(long)]
    pub(crate) keep: bool,
}

#[derive(Args, Debug)]
pub(crate) struct CheckFlags {
    /// The configurations
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Exit with 1 if there are warnings
    #[arg(long)]
    pub(crate) strict: bool,
    /// How to say it; JSON is one object per file and line
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
    /// Also list the statements that are not used here, by their first word
    #[arg(short, long)]
    pub(crate) verbose: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
}
