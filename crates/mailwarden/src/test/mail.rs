//! `mailwarden test mail`: which class acts on a message, and what its sender would read.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use engine::SessionConfig;
use engine::event::Treatment;

use super::delivery::{self, Envelope, Finding, Outcome, Step};
use super::json;
use crate::cli::{CONFIGURATION, Format, TestMailFlags};
use crate::terminal::{self, Paint};
use crate::text::{counted, escaped, escaped_bytes};
use crate::{Exit, configuration, control};

/// Sends each message through a session of its own.
pub(super) fn run(flags: &TestMailFlags) -> Exit {
    let config = match session_config(flags) {
        Ok(config) => config,
        Err(exit) => return exit,
    };
    if !config.inspect.is_parsed() {
        terminal::complain(&format!("mailwarden: proxy `{}` inspects no mail\n", config.name));
        return Exit::Usage;
    }
    let envelope = Envelope { helo: &flags.helo, from: &flags.from, to: &flags.to };
    let mut exit = Exit::Done;
    for path in &flags.files {
        let name = path.display().to_string();
        let delivered = open(path).and_then(|message| delivery::deliver(&config, &envelope, message));
        exit = exit.max(match delivered {
            Ok(outcome) => {
                let told = match flags.format {
                    Format::Text => tell(&name, &outcome, Paint::of_stdout()),
                    Format::Json => json::mail(&name, &outcome, acts(&outcome)),
                };
                terminal::print(&told).max(judge(&outcome))
            }
            Err(error) => {
                terminal::complain(&format!("mailwarden: {name}: {error}\n"));
                Exit::System
            }
        });
    }
    exit
}

/// What the message's session is held to: by a file, else as the running daemon has it, else by the usual file.
fn session_config(flags: &TestMailFlags) -> Result<Arc<SessionConfig>, Exit> {
    let proxy = flags.proxy.as_deref();
    let usual = Path::new(CONFIGURATION);
    match &flags.config {
        Some(file) => configuration::session_config(file, proxy),
        None => match control::client::text_of("show running-config", &flags.socket) {
            Ok(text) => {
                // Lists of patterns are looked for where the daemon's file usually is.
                let folder = usual.parent().unwrap_or(usual);
                let read = configuration::read_in(folder, "running-config", text.as_bytes());
                configuration::session_config_of(read, proxy)
            }
            Err(_) if usual.exists() => configuration::session_config(usual, proxy),
            Err(why) => {
                terminal::complain(&format!(
                    "mailwarden: {why}\nmailwarden: and there is no {CONFIGURATION}; `--config FILE` names a configuration\n"
                ));
                Err(Exit::System)
            }
        },
    }
}

fn open(path: &Path) -> io::Result<Box<dyn Read>> {
    if path.as_os_str() == "-" { Ok(Box::new(io::stdin().lock())) } else { Ok(Box::new(File::open(path)?)) }
}

/// A message that no class acts on and that is delivered is clean.
fn judge(outcome: &Outcome) -> Exit {
    if acts(outcome) || !outcome.is_delivered { Exit::Finding } else { Exit::Done }
}

/// Whether a class acts on the message. What is done to the greeting, such as a keyword that is masked, is done to every
/// session and is none of the message.
fn acts(outcome: &Outcome) -> bool {
    let is_class = |finding: &Finding| matches!(finding, Finding::Class { .. });
    let of_message = outcome.steps.iter().skip_while(|step| !step.said.starts_with("MAIL"));
    of_message.flat_map(|step| &step.findings).any(is_class)
}

/// What happened, step by step; steps at which nothing happened are left out.
fn tell(name: &str, outcome: &Outcome, paint: Paint) -> String {
    let recipients = outcome.steps.iter().filter(|step| step.said.starts_with("RCPT")).count();
    let result = match (outcome.is_delivered, judge(outcome)) {
        (false, _) => paint.red("refused"),
        (true, _) if outcome.accepted < recipients => paint.yellow(format!(
            "delivered to {} of {}",
            outcome.accepted,
            counted(recipients as u64, "recipient")
        )),
        (true, Exit::Done) => paint.green("delivered, no class acts"),
        (true, _) => paint.yellow("delivered"),
    };
    let mut out = format!("{}: {result}\n", paint.bold(escaped(name)));
    for step in &outcome.steps {
        tell_step(step, &mut out);
    }
    out
}

fn tell_step(step: &Step, out: &mut String) {
    let is_told =
        |finding: &&Finding| !matches!(finding, Finding::Anomaly { treatment: Treatment::Silent, .. });
    let findings: Vec<&Finding> = step.findings.iter().filter(is_told).collect();
    // The reply to the message is what its sender waits for.
    let is_read = !step.reply.is_empty() && (!step.is_positive() || step.said == "end of message");
    if findings.is_empty() && !is_read {
        return;
    }
    out.push_str(&format!("  {}\n", escaped(&step.said)));
    for finding in findings {
        out.push_str(&format!("    {}\n", told(finding)));
    }
    if is_read {
        step.reply
            .iter()
            .for_each(|line| out.push_str(&format!("    the sender reads: {}\n", escaped(line))));
    }
}

fn told(finding: &Finding) -> String {
    let on = |value: &[u8]| {
        if value.is_empty() { String::new() } else { format!(", on `{}`", escaped_bytes(value)) }
    };
    match finding {
        Finding::Class { policy, class, criterion, value, action, log } => {
            let log = if *log && *action != "log" { "log, " } else { "" };
            format!("class {class} of {policy}: {log}{action}, because of {criterion}{}", on(value))
        }
        Finding::Anomaly { kind, value, treatment } => {
            format!("conformance: {kind}, {}{}", treatment.name(), on(value))
        }
    }
}
