//! Screens of sessions: `show ip inspect session`, `show policy-firewall session` and `show conn`.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::time::Duration;

use engine::config::Inspect;

use super::{ConnForm, Part, Seen};
use crate::attachments::AttachmentId;
use crate::proxy::sessions::{Stage, View};

/// Sessions of one part of a screen.
#[derive(Clone, Debug)]
pub(in crate::control) struct SessionList {
    /// Printed before the first, and not without one.
    heading: Option<&'static str>,
    /// Of these attachments; all without.
    of: Option<Vec<AttachmentId>>,
    stage: Option<Stage>,
    /// Of this host, at either end.
    host: Option<IpAddr>,
    form: Form,
}

/// What is printed of a session.
#[derive(Clone, Copy, Debug)]
enum Form {
    /// As IOS prints it, this much to the right.
    Ios { detail: bool, indent: usize },
    /// As the ASA prints it.
    Asa { detail: bool },
}

/// The stages in the order of IOS's screens.
const STAGES: [(Stage, &str); 3] = [
    (Stage::Open, "Established Sessions"),
    (Stage::Opening, "Half-open Sessions"),
    (Stage::Closing, "Terminating Sessions"),
];

impl SessionList {
    /// Appends those of a batch that belong here. `is_first` is so before the first of all.
    pub(in crate::control) fn append(&self, out: &mut String, views: &[View], is_first: &mut bool) {
        for view in views.iter().filter(|view| self.has(view)) {
            if std::mem::take(is_first)
                && let Some(heading) = self.heading
            {
                let indent = match self.form {
                    Form::Ios { indent, .. } => indent,
                    Form::Asa { .. } => 0,
                };
                put(out, format_args!("{:indent$}{heading}\n", ""));
            }
            match self.form {
                Form::Ios { detail, indent } => ios(out, view, detail, indent),
                Form::Asa { detail } => asa(out, view, detail),
            }
        }
    }

    fn has(&self, view: &View) -> bool {
        let ends = [view.info.client.ip(), view.info.server.ip()];
        self.of.as_ref().is_none_or(|of| of.contains(&view.info.attachment))
            && self.stage.is_none_or(|stage| stage == view.stage)
            && self.host.is_none_or(|host| ends.contains(&host))
    }
}

/// Sessions of some attachments, by stage.
fn by_stage(of: &Option<Vec<AttachmentId>>, detail: bool, indent: usize) -> Vec<Part> {
    let list = |(stage, heading)| {
        Part::Sessions(SessionList {
            heading: Some(heading),
            of: of.clone(),
            stage: Some(stage),
            host: None,
            form: Form::Ios { detail, indent },
        })
    };
    STAGES.map(list).into()
}

/// `show ip inspect session`: those under a classic rule.
pub(super) fn classic(seen: &Seen, detail: bool) -> Vec<Part> {
    by_stage(&Some(seen.in_force.attachments_where(|attachment| attachment.rule.is_some())), detail, 0)
}

/// The sessions of a zone-pair or proxy within another screen.
pub(super) fn within(of: Vec<AttachmentId>, indent: usize) -> Vec<Part> {
    by_stage(&Some(of), true, indent)
}

/// `show policy-firewall session`.
pub(super) fn by_policy(seen: &Seen, of: Option<&str>) -> Result<Vec<Part>, String> {
    let of = of.map(|name| seen.in_force.attachments_named(name)).transpose()?;
    Ok(by_stage(&of, true, 0))
}

/// `show conn`.
pub(super) fn conn(seen: &Seen, form: ConnForm, address: Option<&str>) -> Result<Vec<Part>, String> {
    let host = address.map(|address| address.parse().map_err(|_| format!("{address} is no address")));
    let list = SessionList {
        heading: None,
        of: None,
        stage: None,
        host: host.transpose()?,
        form: Form::Asa { detail: form == ConnForm::Detail },
    };
    Ok(vec![Part::Text(conn_count(seen)), Part::Sessions(list)])
}

/// `show conn count`.
pub(super) fn conn_count(seen: &Seen) -> String {
    let all = seen.in_force.total.population(seen.now);
    format!("{} in use, {} most used\n", all.all, all.all_most)
}

fn ios(out: &mut String, view: &View, detail: bool, indent: usize) {
    let (info, state) = (&view.info, state(view.stage));
    let protocol = view.config.inspection_name();
    put(
        out,
        format_args!(
            "{:indent$} Session {:X} ({})=>({}) {protocol} {state}\n",
            "",
            info.id.reference(),
            info.client,
            info.server
        ),
    );
    if detail {
        let (age, quiet) = (Clock(view.age), Clock(view.quiet));
        put(out, format_args!("{:indent$}  Created {age}, Last heard {quiet}\n", ""));
        let (sent, received) = (view.bytes_to_server, view.bytes_to_client);
        put(out, format_args!("{:indent$}  Bytes sent (initiator:responder) [{sent}:{received}]\n", ""));
    }
}

const fn state(stage: Stage) -> &'static str {
    match stage {
        Stage::Opening => "SIS_OPENING",
        Stage::Open => "SIS_OPEN",
        Stage::Closing => "SIS_CLOSING",
    }
}

fn asa(out: &mut String, view: &View, detail: bool) {
    let (client, server, place) = (view.info.client, view.info.server, &view.config.name);
    let bytes = view.bytes_to_client + view.bytes_to_server;
    let flags = flags(view);
    if detail {
        let timeout = Short(Duration::from_secs(view.config.timers.idle));
        let (quiet, age) = (Short(view.quiet), Short(view.age));
        let [client, server] = [client, server].map(|end| format!("{place}:{}/{}", end.ip(), end.port()));
        put(
            out,
            format_args!(
                "TCP {client} {server},\n    flags {flags}, idle {quiet}, uptime {age}, timeout {timeout}, \
                 bytes {bytes}\n"
            ),
        );
    } else {
        let idle = view.quiet.as_secs();
        let (hours, minutes, seconds) = (idle / 3600, idle / 60 % 60, idle % 60);
        put(
            out,
            format_args!(
                "TCP {place} {client} {place} {server}, idle {hours}:{minutes:02}:{seconds:02}, bytes {bytes}, \
                 flags {flags}\n"
            ),
        );
    }
}

/// The flags of a connection that came from outside, as the ASA's legend has them.
fn flags(view: &View) -> String {
    if view.stage == Stage::Opening {
        return "SaAB".to_owned();
    }
    let is_mail = view.config.inspect == Inspect::Smtp;
    let flags = [
        ('U', true),
        ('I', view.bytes_to_server > 0),
        ('O', view.bytes_to_client > 0),
        ('B', true),
        ('M', is_mail),
        ('F', view.stage == Stage::Closing),
        ('f', view.stage == Stage::Closing),
    ];
    flags.iter().filter(|(_, holds)| *holds).map(|(flag, _)| flag).collect()
}

/// `HH:MM:SS`, and more digits for more hours.
pub(super) struct Clock(pub(super) Duration);

impl std::fmt::Display for Clock {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let seconds = self.0.as_secs();
        write!(out, "{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
    }
}

/// The two largest units of a duration: `1D19h`, `1h0m`, `39s`.
struct Short(Duration);

impl std::fmt::Display for Short {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let seconds = self.0.as_secs();
        match seconds {
            0..60 => write!(out, "{seconds}s"),
            60..3600 => write!(out, "{}m{}s", seconds / 60, seconds % 60),
            3600..86_400 => write!(out, "{}h{}m", seconds / 3600, seconds / 60 % 60),
            _ => write!(out, "{}D{}h", seconds / 86_400, seconds / 3600 % 24),
        }
    }
}

fn put(out: &mut String, text: std::fmt::Arguments<'_>) {
    // A String takes everything.
    let _ = out.write_fmt(text);
}
