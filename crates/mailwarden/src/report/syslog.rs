//! Which records become lines of the log, and the frame of a line: `*Nov 22 10:15:00.123: %…: text`.

use std::io::Write;

use engine::Event;
use engine::event::Treatment;
use policy::profile::LogForm;

use super::time::Stamps;
use super::{Record, Reported, cisco_ios};

/// Appends the line of a record that somebody asked to read: of a class with `log`, an alert, an audit trail, and
/// everything that concerns the daemon.
pub(super) fn append(out: &mut Vec<u8>, record: &Record<'_>, stamps: &mut Stamps) {
    if is_logged(&record.event) {
        // A Vec takes everything.
        let _ = write!(out, "*{}: ", stamps.ios(record.time));
        let _ = match form(&record.event) {
            LogForm::Ios => cisco_ios::message(out, &record.event),
        };
        out.push(b'\n');
    }
}

/// Whose words a message is in: those of the dialect a session is under, and IOS's for the daemon.
const fn form(event: &Reported<'_>) -> LogForm {
    match event {
        Reported::Event(origin, _) | Reported::SessionEnd(origin, _) => origin.config.profile.log,
        Reported::Configuration { .. }
        | Reported::Failure { .. }
        | Reported::Dropped { .. }
        | Reported::Stopped { .. } => LogForm::Ios,
    }
}

fn is_logged(event: &Reported<'_>) -> bool {
    match event {
        Reported::Event(origin, event) => match event {
            Event::SessionStart => origin.config.audit_trail,
            Event::Match(found) => found.log,
            Event::Anomaly(anomaly) => origin.config.alert && anomaly.treatment > Treatment::Silent,
            Event::Transaction(_) | Event::Tls { .. } | Event::Observed(_) => false,
        },
        Reported::SessionEnd(origin, _) => origin.config.audit_trail,
        Reported::Configuration { .. }
        | Reported::Failure { .. }
        | Reported::Dropped { .. }
        | Reported::Stopped { .. } => true,
    }
}
