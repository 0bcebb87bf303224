//! What reports say of limits on sessions.

use std::io::{self, Write};
use std::sync::Arc;

use engine::admission::{Instance, Limit, Pressure, Transition};
use policy::attach::LimitDomain;
use policy::profile::LogForm;

use super::cisco_ios::PlainAddress;

/// A domain that has limits.
#[derive(Clone, Debug)]
pub(crate) struct Limited {
    pub(crate) domain: Arc<LimitDomain>,
    /// Whether the log tells of it.
    pub(crate) alert: bool,
    pub(crate) form: LogForm,
}

/// Something that a limit did.
#[derive(Clone, Debug)]
pub(crate) struct LimitReport {
    pub(crate) limited: Limited,
    /// The proxy of the client, where one is concerned.
    pub(crate) proxy: Option<Arc<str>>,
    pub(crate) transition: Transition,
}

/// Writes its message, in the words of the device that has such a limit; false if there is none.
pub(super) fn message(out: &mut Vec<u8>, report: &LimitReport) -> io::Result<bool> {
    if !report.limited.alert {
        return Ok(false);
    }
    match report.transition {
        Transition::Refused(of) if report.limited.form == LogForm::Asa && asa_message(of.limit).is_some() => {
            asa(out, report, &of)?;
        }
        _ => return ios(out, report),
    }
    Ok(true)
}

/// IOS has no words for a client that it refuses, nor for failed logins: those messages are ours. Of who went for others, it is said that things got
/// aggressive.
fn ios(out: &mut Vec<u8>, report: &LimitReport) -> io::Result<bool> {
    let target = match &*report.limited.domain {
        LimitDomain::Class { attachment, class: Some(class) } => {
            format!("(target:class)-({attachment}:{class}):")
        }
        LimitDomain::Class { class: None, .. } | LimitDomain::Classic | LimitDomain::Traffic { .. } => {
            String::new()
        }
    };
    match report.transition {
        Transition::Aggressive(Pressure { incomplete, threshold, rate, .. }) => write!(
            out,
            "%FW-4-ALERT_ON: {target}getting aggressive, count ({incomplete}/{threshold}) current 1-min rate: {rate}"
        ),
        Transition::Calm(Pressure { incomplete, threshold, rate, .. }) => write!(
            out,
            "%FW-4-ALERT_OFF: {target}calming down, count ({incomplete}/{threshold}) current 1-min rate: {rate}"
        ),
        Transition::HostExceeded { host, sessions } => write!(
            out,
            "%FW-4-HOST_TCP_ALERT_ON: {target}Max tcp half-open connections ({sessions}) exceeded for host {host}."
        ),
        Transition::HostBlocked { host, sessions, minutes } => write!(
            out,
            "%FW-4-BLOCK_HOST: {target}Blocking new TCP connections to host {host} for {minutes} minutes (half-open \
             count {sessions} exceeded)"
        ),
        Transition::HostUnblocked { host } => {
            write!(out, "%FW-4-UNBLOCK_HOST: {target}New TCP connections to host {host} no longer blocked")
        }
        Transition::LoginsBlocked(Instance { limit, count, client, times, minutes, .. }) => write!(
            out,
            "%FW-4-MAILWARDEN: {target}Blocking logins {} for {minutes} minutes ({count} have failed): initiator ({}){}",
            if limit == Limit::ClientLogins { "of a client" } else { "to an account" },
            PlainAddress(client),
            repeated(times)
        ),
        Transition::Refused(of) => {
            let Instance { limit, count, threshold, client, server, times, .. } = of;
            let sessions = match (limit, times) {
                (Limit::AccountLogins, 1) => "Login",
                (Limit::AccountLogins, _) => "Logins",
                (_, 1) => "Session",
                _ => "Sessions",
            };
            write!(
                out,
                "%FW-4-MAILWARDEN: {target}{sessions} refused by {} ({count}/{threshold}): initiator ({}) -- responder \
                 ({}){}",
                limit.name(),
                PlainAddress(client),
                PlainAddress(server),
                repeated(times)
            )
        }
        Transition::Evicted(_) => return Ok(false),
    }?;
    Ok(true)
}

/// The severity, the number and the beginning of the ASA's message.
const fn asa_message(limit: Limit) -> Option<&'static str> {
    match limit {
        Limit::EmbryonicConnMax => Some("6-201010: Embryonic connection"),
        Limit::ConnMax => Some("3-201011: Connection"),
        Limit::PerClientEmbryonicMax => Some("6-201012: Per-client embryonic connection"),
        Limit::PerClientMax => Some("3-201013: Per-client connection"),
        Limit::MaxIncomplete
        | Limit::OneMinute
        | Limit::MaxIncompleteHost
        | Limit::SessionsMaximum
        | Limit::ClientLogins
        | Limit::AccountLogins
        | Limit::Hosts => None,
    }
}

/// The name of the proxy stands where a device has the name of an interface.
fn asa(out: &mut Vec<u8>, report: &LimitReport, of: &Instance) -> io::Result<()> {
    let Instance { limit, count, threshold, client, server, times, .. } = *of;
    write!(
        out,
        "%ASA-{} limit exceeded {count}/{threshold} for input packet from {}/{} to {}/{} on interface {}{}",
        asa_message(limit).unwrap_or_default(),
        client.ip(),
        client.port(),
        server.ip(),
        server.port(),
        report.proxy.as_deref().unwrap_or_default(),
        repeated(times)
    )
}

fn repeated(times: u32) -> String {
    if times > 1 { format!(" ({times} times)") } else { String::new() }
}
