//! Which records become messages of the log.

use std::io;

use engine::Event;
use engine::event::Treatment;
use policy::profile::LogForm;

use super::{Record, Reported, cisco_asa, cisco_ios, entry, limit};

/// Appends the messages of a record that somebody asked to read: of a class with `log`, an alert, an audit trail, and
/// everything that concerns the daemon.
pub(super) fn append(out: &mut Vec<u8>, record: &Record<'_>) {
    let mut message = |write: &mut dyn FnMut(&mut Vec<u8>) -> io::Result<bool>| {
        entry::push(out, record.time, write);
    };
    match (form(&record.event), record.event) {
        (LogForm::Asa, Reported::Event(origin, event)) => {
            if is_logged(&record.event) {
                message(&mut |out| cisco_asa::message(out, origin, event).map(|()| true));
            }
            message(&mut |out| cisco_asa::follow_up(out, origin, event));
        }
        (LogForm::Asa, Reported::SessionEnd(origin, end)) => {
            message(&mut |out| cisco_asa::session_end(out, origin, &end).map(|()| true));
        }
        (LogForm::Asa, Reported::Command { user, command, .. }) => {
            message(&mut |out| cisco_asa::command(out, user, command).map(|()| true));
        }
        (_, Reported::Limit(report)) => message(&mut |out| limit::message(out, report)),
        (LogForm::Ios | LogForm::Asa, event) => {
            if is_logged(&event) {
                message(&mut |out| cisco_ios::message(out, &event).map(|()| true));
            }
            message(&mut |out| cisco_ios::follow_up(out, &event));
        }
    }
}

/// Whose words a message is in: those of the dialect a session is under, and IOS's for the daemon.
const fn form(event: &Reported<'_>) -> LogForm {
    match event {
        Reported::Event(origin, _) | Reported::SessionEnd(origin, _) | Reported::SessionDropped(origin) => {
            origin.config.profile.log
        }
        Reported::Command { form, .. } => *form,
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
        Reported::SessionDropped(origin) => origin.config.logs_handling,
        Reported::Configuration(_)
        | Reported::Complaint { .. }
        | Reported::Server { .. }
        | Reported::Limit(_)
        | Reported::Command { .. }
        | Reported::Notice { .. }
        | Reported::Failure { .. }
        | Reported::Dropped { .. }
        | Reported::Stopped { .. } => true,
    }
}
