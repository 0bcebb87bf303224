//! Which records become lines of the log, and the frame of a line: `*Nov 22 10:15:00.123: %…: text`, or for the
//! journal, which has a time of its own, `<4>%…: text`.

use std::io::{self, Write};

use engine::Event;
use engine::event::Treatment;
use policy::profile::LogForm;

use super::time::Stamps;
use super::{Record, Reported, cisco_asa, cisco_ios, limit};
use crate::terminal;

/// What a message has before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// Its time.
    Stamped,
    /// Its priority: sd-daemon(3).
    Journal,
}

impl Frame {
    pub(super) fn of_stderr() -> Self {
        if terminal::stderr_is_journal() { Self::Journal } else { Self::Stamped }
    }
}

/// Appends the lines of a record that somebody asked to read: of a class with `log`, an alert, an audit trail, and
/// everything that concerns the daemon.
pub(super) fn append(out: &mut Vec<u8>, record: &Record<'_>, stamps: &mut Stamps, frame: Frame) {
    let mut line = |write: &mut dyn FnMut(&mut Vec<u8>) -> io::Result<bool>| {
        let start = out.len();
        // A Vec takes everything.
        let _ = match frame {
            Frame::Stamped => write!(out, "*{}: ", stamps.ios(record.time)),
            Frame::Journal => write!(out, "<{UNKNOWN}>"),
        };
        let begin = out.len();
        if !write(out).unwrap_or(false) {
            return out.truncate(start);
        }
        if frame == Frame::Journal
            && let Some((before, message)) = out.split_at_mut_checked(begin)
            && let ([.., priority, _], Some(severity)) = (before, severity(message))
        {
            *priority = severity;
        }
        out.push(b'\n');
    };
    match (form(&record.event), record.event) {
        (LogForm::Asa, Reported::Event(origin, event)) => {
            if is_logged(&record.event) {
                line(&mut |out| cisco_asa::message(out, origin, event).map(|()| true));
            }
            line(&mut |out| cisco_asa::follow_up(out, origin, event));
        }
        (LogForm::Asa, Reported::SessionEnd(origin, end)) => {
            line(&mut |out| cisco_asa::session_end(out, origin, &end).map(|()| true));
        }
        (_, Reported::Limit(report)) => line(&mut |out| limit::message(out, report)),
        (LogForm::Ios | LogForm::Asa, event) => {
            if is_logged(&event) {
                line(&mut |out| cisco_ios::message(out, &event).map(|()| true));
            }
        }
    }
}

/// The priority of a message whose severity is not found.
const UNKNOWN: char = '6';

/// The digit of the severity in `%FACILITY-SEVERITY-MNEMONIC`; syslog's priorities are the same numbers (RFC 5424
/// §6.2.1).
fn severity(message: &[u8]) -> Option<u8> {
    let (name, _) = message.split_at_checked(memchr::memchr(b':', message)?)?;
    let digit = |part: &[u8]| match part {
        [digit @ b'0'..=b'7'] => Some(*digit),
        _ => None,
    };
    name.split(|octet| *octet == b'-').find_map(digit)
}

/// Whose words a message is in: those of the dialect a session is under, and IOS's for the daemon.
const fn form(event: &Reported<'_>) -> LogForm {
    match event {
        Reported::Event(origin, _) | Reported::SessionEnd(origin, _) => origin.config.profile.log,
        Reported::Configuration(_)
        | Reported::Complaint { .. }
        | Reported::Server { .. }
        | Reported::Limit(_)
        | Reported::Notice { .. }
        | Reported::Failure { .. }
        | Reported::Dropped { .. }
        | Reported::Stopped { .. } => LogForm::Ios,
    }
}

fn is_logged(event: &Reported<'_>) -> bool {
    match event {
        Reported::Event(origin, event) => match event {
            // An ASA says so of every connection.
            Event::SessionStart => origin.config.audit_trail || origin.config.profile.log == LogForm::Asa,
            Event::Match(found) => found.log,
            Event::Anomaly(anomaly) => origin.config.alert && anomaly.treatment > Treatment::Silent,
            Event::Tls { .. } => origin.config.profile.logs_tls,
            Event::Transaction(_) | Event::Login(_) | Event::Reply(_) | Event::Observed(_) => false,
        },
        Reported::SessionEnd(origin, _) => origin.config.audit_trail,
        Reported::Configuration(_)
        | Reported::Complaint { .. }
        | Reported::Server { .. }
        | Reported::Limit(_)
        | Reported::Notice { .. }
        | Reported::Failure { .. }
        | Reported::Dropped { .. }
        | Reported::Stopped { .. } => true,
    }
}
