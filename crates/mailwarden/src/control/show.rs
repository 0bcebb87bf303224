//! What the commands of `show` print: pure text from what was seen of the daemon.
//!
//! A screen is a list of parts. Sessions are a part of their own: there may be a hundred thousand, so that they are asked
//! for and printed batch by batch.

mod daemon;
mod ip_inspect;
mod limits;
mod logging;
mod objects;
mod policies;
mod service_policy;
mod sessions;
mod statistics;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use engine::admission::{DomainView, UNLIMITED};
use policy::model::Configuration;
use proto::Time;

pub(super) use super::commands::Show;
use super::commands::{ConnForm, IpInspect, ServicePolicyWhere, ShowObject};
use crate::attachments::AttachmentId;
use crate::report::{Counters, LogView};
use crate::running::{Carried, Cleared, InForce, Rates, Reloaded, Running};
pub(super) use sessions::SessionList;

/// A part of a screen.
#[derive(Debug)]
pub(super) enum Part {
    Text(String),
    Sessions(SessionList),
}

/// What was seen of the daemon when a screen was asked for.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) in_force: Arc<InForce>,
    pub(super) last_reload: Reloaded,
    /// Since the daemon started or `clear` set them to zero.
    pub(super) counters: Counters,
    pub(super) cleared: Cleared,
    /// What the sessions that have not ended have carried, where the screen wants it.
    pub(super) carried: HashMap<AttachmentId, Carried>,
    /// What limits sessions: the name of each domain, and how it is.
    pub(super) limits: Vec<(String, DomainView)>,
    /// What sessions have carried of late.
    pub(super) rates: Rates,
    /// The log, where the screen wants it.
    pub(super) log: Option<LogView>,
    /// The workers' time.
    pub(super) now: Time,
}

impl Seen {
    /// Looks at what a screen wants to know.
    pub(super) async fn look(running: &Running, what: &Show) -> Self {
        let carried = match wants_carried(what) {
            true => running.carried_by_open().await,
            false => HashMap::new(),
        };
        let cleared = running.cleared();
        Self {
            in_force: running.in_force(),
            last_reload: running.last_reload(),
            counters: running.mailboxes().counters().await.since(&cleared.counters),
            cleared,
            carried,
            limits: running.limits(),
            rates: running.rates(),
            log: matches!(what, Show::Logging).then(|| running.log().view()),
            now: running.now(),
        }
    }

    /// What the sessions of an attachment have carried, ended or not.
    pub(super) fn carried(&self, attachment: AttachmentId) -> Carried {
        let mut carried = self.carried.get(&attachment).copied().unwrap_or_default();
        if let Some(ended) = self.counters.of(attachment) {
            carried.add(ended.reads, ended.bytes);
        }
        carried
    }

    /// The configuration in force; nothing where the daemon runs without a file.
    pub(super) fn configuration(&self) -> Option<&Configuration> {
        self.in_force.plan.configuration.as_deref()
    }
}

/// Whether a screen shows what open sessions have carried.
const fn wants_carried(what: &Show) -> bool {
    match what {
        Show::IpInspect(IpInspect::Statistics)
        | Show::ZonePairPolicies { .. }
        | Show::PolicyFirewallStatistics
        | Show::ServicePolicy { .. } => true,
        Show::Version
        | Show::Proxies
        | Show::Servers
        | Show::Limits
        | Show::Logging
        | Show::RunningConfig { .. }
        | Show::IpInspect(_)
        | Show::Object(_)
        | Show::PolicyFirewallSessions { .. }
        | Show::PolicyFirewallConfig { .. }
        | Show::Conn { .. } => false,
    }
}

/// A screen, or why there is none.
pub(super) fn screen(what: &Show, seen: &Seen) -> Result<Vec<Part>, String> {
    Ok(match what {
        Show::Version => text(daemon::version(seen)),
        Show::Proxies => text(daemon::proxies(seen)),
        Show::Servers => text(daemon::servers(seen)),
        Show::Limits => text(limits::screen(seen)),
        Show::Logging => text(seen.log.as_ref().map(logging::screen).unwrap_or_default()),
        Show::RunningConfig { all, section } => text(daemon::running_config(seen, *all, section.as_deref())?),
        Show::IpInspect(what) => ip_inspect::screen(what, seen)?,
        Show::ZonePairPolicies { name, sessions } => policies::zone_pairs(seen, name.as_deref(), *sessions)?,
        Show::PolicyFirewallConfig { name } => text(policies::configured(seen, name.as_deref())?),
        Show::PolicyFirewallStatistics => text(policies::statistics(seen)),
        Show::ServicePolicy { place, only_esmtp } => text(service_policy::screen(seen, place, *only_esmtp)?),
        Show::Object(what) => text(object(what, seen)?),
        Show::PolicyFirewallSessions { of } => sessions::by_policy(seen, of.as_deref())?,
        Show::Conn { form: ConnForm::Count, .. } => text(sessions::conn_count(seen)),
        Show::Conn { form, address } => sessions::conn(seen, *form, address.as_deref())?,
    })
}

fn object(what: &ShowObject, seen: &Seen) -> Result<String, String> {
    let configuration = seen.configuration().ok_or("The daemon runs without a configuration file")?;
    match what {
        ShowObject::ClassMaps(protocol, name) => {
            objects::class_maps(configuration, *protocol, name.as_deref())
        }
        ShowObject::PolicyMaps(protocol, name) => {
            objects::policy_maps(configuration, *protocol, name.as_deref())
        }
        ShowObject::EsmtpMaps(name) => objects::esmtp_maps(configuration, name.as_deref()),
        ShowObject::RegexMaps(name) => objects::regex_maps(configuration, name.as_deref()),
        ShowObject::InspectMaps(name) => objects::inspect_maps(configuration, name.as_deref()),
        ShowObject::Zones(name) => objects::zones(configuration, name.as_deref()),
        ShowObject::ZonePairs(between) => {
            let between = between.as_ref().map(|(from, to)| (&**from, &**to));
            Ok(objects::zone_pairs(configuration, between))
        }
        ShowObject::PortMap { application, port } => {
            Ok(objects::port_map(configuration, application.as_deref(), *port))
        }
        ShowObject::AccessLists(name) => objects::access_lists(configuration, name.as_deref()),
    }
}

/// A threshold; later releases have a word for the largest numbers.
fn threshold(of: Option<u32>) -> String {
    of.filter(|of| *of < UNLIMITED).map_or_else(|| "unlimited".to_owned(), |of| of.to_string())
}

/// A line of a configuration with a capital first.
fn capitalized(line: &str) -> String {
    let (first, rest) = line.split_at_checked(1).unwrap_or_default();
    first.to_uppercase() + rest
}

fn text(text: String) -> Vec<Part> {
    vec![Part::Text(text)]
}
