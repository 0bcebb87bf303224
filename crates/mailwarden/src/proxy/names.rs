//! What is known of servers: the addresses behind their names, and each address once, whoever uses it.
//!
//! Pure: who looks a name up, and when a session learns of it, is `proxy/watch.rs`'s affair.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Weak};

use policy::model::Server;
use proto::Time;

use super::upstream::Upstream;

/// Limit: addresses of a name. A list that is longer was not meant for mail; large providers have some dozen.
const ADDRESSES_MAX: usize = 32;

/// Seconds after which a name is looked up again, and after which one without any address is: a machine that
/// starts may have no network yet.
const LOOK_UP_AGAIN: u64 = 60;
const LOOK_UP_SOON: u64 = 10;

/// The servers of a configuration, as far as they are known.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    names: BTreeMap<String, Name>,
    /// Addresses that somebody uses keep what is known of them when a configuration changes.
    upstreams: BTreeMap<SocketAddr, Weak<Upstream>>,
}

#[derive(Debug)]
struct Name {
    addresses: Vec<IpAddr>,
    /// No look-up of it has ended yet.
    new: bool,
    /// The last look-up failed, which was said.
    fails: bool,
    /// When it is looked up; nothing while it is.
    due: Option<Time>,
}

/// What a look-up found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Learned {
    Nothing,
    /// Other addresses: sessions are to use them.
    Changed(String),
    /// It fails, as it did not before: what was known stays.
    Failed(String),
    /// It works again, with the same addresses.
    Back(String),
}

impl Directory {
    /// Names that are used from now on; others are forgotten. New ones are to be looked up at once.
    pub(crate) fn keep<'s>(&mut self, servers: impl Iterator<Item = &'s Server>) {
        let mut names: BTreeMap<String, Name> = BTreeMap::new();
        for server in servers {
            if let Server::Name { host, .. } = server {
                let known = self.names.remove(host);
                let known = known.or_else(|| names.remove(host));
                names.insert(host.clone(), known.unwrap_or_else(Name::new));
            }
        }
        self.names = names;
    }

    /// The names to look up now; each is somebody's until [`Self::learned`].
    pub(super) fn due(&mut self, now: Time) -> Vec<String> {
        let due = self.names.iter_mut().filter(|(_, name)| name.due.is_some_and(|due| due <= now));
        due.map(|(host, name)| {
            name.due = None;
            host.clone()
        })
        .collect()
    }

    /// Whether nothing is known yet of some name.
    pub(super) fn has_new(&self) -> bool {
        self.names.values().any(|name| name.new)
    }

    /// A look-up has ended.
    pub(crate) fn learned(&mut self, host: &str, found: Result<Vec<IpAddr>, String>, now: Time) -> Learned {
        // A name that no configuration has any more.
        let Some(name) = self.names.get_mut(host) else { return Learned::Nothing };
        let found = found.and_then(|found| match distinct(found) {
            found if found.is_empty() => Err("it has no address".to_owned()),
            found => Ok(found),
        });
        let learned = name.learned(host, found);
        name.new = false;
        let wait = if name.addresses.is_empty() { LOOK_UP_SOON } else { LOOK_UP_AGAIN };
        name.due = Some(now.plus_seconds(wait));
        learned
    }

    /// The addresses of servers, in their order and each once.
    pub(crate) fn upstreams(&mut self, servers: &[Server]) -> Arc<[Arc<Upstream>]> {
        self.upstreams.retain(|_, upstream| upstream.strong_count() > 0);
        let mut seen = BTreeSet::new();
        let addresses = servers.iter().flat_map(|server| self.addresses(server));
        let addresses: Vec<SocketAddr> = addresses.filter(|address| seen.insert(*address)).collect();
        addresses.into_iter().map(|address| self.upstream(address)).collect()
    }

    /// The addresses of one server; none of a name that could not be looked up yet.
    pub(crate) fn addresses(&self, server: &Server) -> Vec<SocketAddr> {
        match server {
            Server::Address(address) => vec![*address],
            Server::Name { host, port } => {
                let addresses = self.names.get(host).map_or(&[][..], |name| &name.addresses);
                addresses.iter().map(|address| SocketAddr::new(*address, *port)).collect()
            }
        }
    }

    /// Every address that somebody uses.
    pub(super) fn in_use(&self) -> impl Iterator<Item = Arc<Upstream>> {
        self.upstreams.values().filter_map(Weak::upgrade)
    }

    fn upstream(&mut self, address: SocketAddr) -> Arc<Upstream> {
        let known = self.upstreams.entry(address).or_default();
        known.upgrade().unwrap_or_else(|| {
            let upstream = Arc::new(Upstream::new(address));
            *known = Arc::downgrade(&upstream);
            upstream
        })
    }
}

impl Name {
    /// A name that is to be looked up at once.
    fn new() -> Self {
        Self { addresses: Vec::new(), new: true, fails: false, due: Some(Time(0)) }
    }

    fn learned(&mut self, host: &str, found: Result<Vec<IpAddr>, String>) -> Learned {
        match found {
            Ok(found) => {
                let failed = std::mem::take(&mut self.fails);
                // Name servers turn their lists round: the order that is known stays.
                let same =
                    found.len() == self.addresses.len() && found.iter().all(|it| self.addresses.contains(it));
                if !same {
                    self.addresses = found;
                    return Learned::Changed(format!(
                        "name {host} has the addresses {}",
                        listed(&self.addresses)
                    ));
                }
                match failed {
                    true => Learned::Back(format!("name {host} can be resolved again")),
                    false => Learned::Nothing,
                }
            }
            Err(error) => {
                if std::mem::replace(&mut self.fails, true) {
                    return Learned::Nothing;
                }
                let meanwhile = match &*self.addresses {
                    [] => "it has no addresses until then".to_owned(),
                    known => format!("{} stay in use", listed(known)),
                };
                Learned::Failed(format!(
                    "name {host} cannot be resolved, which is tried again: {error}; {meanwhile}"
                ))
            }
        }
    }
}

fn distinct(addresses: Vec<IpAddr>) -> Vec<IpAddr> {
    let mut seen = BTreeSet::new();
    addresses.into_iter().filter(|address| seen.insert(*address)).take(ADDRESSES_MAX).collect()
}

fn listed(addresses: &[IpAddr]) -> String {
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Time {
        Time(0).plus_seconds(seconds)
    }

    fn servers(texts: &[&str]) -> Vec<Server> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn found(texts: &[&str]) -> Result<Vec<IpAddr>, String> {
        Ok(texts.iter().map(|text| text.parse().unwrap()).collect())
    }

    fn nothing() -> Result<Vec<IpAddr>, String> {
        Err("no such name".to_owned())
    }

    fn directory(texts: &[&str]) -> (Directory, Vec<Server>) {
        let (mut directory, servers) = (Directory::default(), servers(texts));
        directory.keep(servers.iter());
        (directory, servers)
    }

    fn shown(directory: &mut Directory, servers: &[Server]) -> Vec<String> {
        directory.upstreams(servers).iter().map(|upstream| upstream.address().to_string()).collect()
    }

    #[test]
    fn a_name_stands_for_all_its_addresses_in_its_place() {
        let (mut directory, servers) =
            directory(&["192.0.2.9:25", "mx.test:2525", "192.0.2.1:25", "mx.test:25"]);
        assert_eq!(directory.due(at(0)), ["mx.test"]);
        assert_eq!(shown(&mut directory, &servers), ["192.0.2.9:25", "192.0.2.1:25"]);
        let learned = directory.learned("mx.test", found(&["192.0.2.1", "2001:db8::1", "192.0.2.1"]), at(0));
        assert_eq!(
            learned,
            Learned::Changed("name mx.test has the addresses 192.0.2.1, 2001:db8::1".to_owned())
        );
        let wanted =
            ["192.0.2.9:25", "192.0.2.1:2525", "[2001:db8::1]:2525", "192.0.2.1:25", "[2001:db8::1]:25"];
        assert_eq!(shown(&mut directory, &servers), wanted);
    }

    #[test]
    fn a_name_is_looked_up_every_minute_and_by_one_at_a_time() {
        let (mut directory, _) = directory(&["mx.test:25"]);
        assert_eq!(directory.due(at(5)), ["mx.test"]);
        assert!(directory.due(at(500)).is_empty());
        directory.learned("mx.test", found(&["192.0.2.1"]), at(500));
        assert!(directory.due(at(559)).is_empty());
        assert_eq!(directory.due(at(560)), ["mx.test"]);
    }

    #[test]
    fn a_name_without_addresses_is_looked_up_sooner_and_complained_of_once() {
        let (mut directory, servers) = directory(&["mx.test:25"]);
        directory.due(at(0));
        let complaint = "name mx.test cannot be resolved, which is tried again: no such name; it has no addresses until then";
        assert_eq!(directory.learned("mx.test", nothing(), at(0)), Learned::Failed(complaint.to_owned()));
        assert_eq!(directory.due(at(10)), ["mx.test"]);
        assert_eq!(directory.learned("mx.test", nothing(), at(10)), Learned::Nothing);
        assert!(directory.upstreams(&servers).is_empty());
        assert!(matches!(directory.learned("mx.test", found(&["192.0.2.1"]), at(20)), Learned::Changed(_)));
        assert_eq!(shown(&mut directory, &servers), ["192.0.2.1:25"]);
    }

    #[test]
    fn addresses_stay_while_a_name_cannot_be_resolved_or_has_none() {
        let (mut directory, servers) = directory(&["mx.test:25"]);
        directory.learned("mx.test", found(&["192.0.2.1", "192.0.2.2"]), at(0));
        let Learned::Failed(said) = directory.learned("mx.test", found(&[]), at(60)) else {
            panic!("no failure")
        };
        assert!(said.ends_with("it has no address; 192.0.2.1, 192.0.2.2 stay in use"), "{said}");
        assert_eq!(directory.learned("mx.test", nothing(), at(120)), Learned::Nothing);
        assert_eq!(shown(&mut directory, &servers), ["192.0.2.1:25", "192.0.2.2:25"]);
        let back = Learned::Back("name mx.test can be resolved again".to_owned());
        assert_eq!(directory.learned("mx.test", found(&["192.0.2.1", "192.0.2.2"]), at(180)), back);
    }

    #[test]
    fn a_list_that_is_turned_round_is_no_change() {
        let (mut directory, servers) = directory(&["mx.test:25"]);
        directory.learned("mx.test", found(&["192.0.2.1", "192.0.2.2"]), at(0));
        assert_eq!(
            directory.learned("mx.test", found(&["192.0.2.2", "192.0.2.1"]), at(60)),
            Learned::Nothing
        );
        assert_eq!(shown(&mut directory, &servers), ["192.0.2.1:25", "192.0.2.2:25"]);
        let other = found(&["192.0.2.2", "192.0.2.3"]);
        assert!(matches!(directory.learned("mx.test", other, at(120)), Learned::Changed(_)));
    }

    #[test]
    fn a_list_without_end_is_cut() {
        let (mut directory, servers) = directory(&["mx.test:25"]);
        let addresses = (0..1000u32).map(|number| IpAddr::from(number.to_be_bytes())).collect();
        directory.learned("mx.test", Ok(addresses), at(0));
        assert_eq!(directory.upstreams(&servers).len(), ADDRESSES_MAX);
    }

    #[test]
    fn what_is_known_of_an_address_outlives_a_reload_and_is_shared_by_proxies() {
        let (mut directory, servers) = directory(&["192.0.2.1:25", "mx.test:25"]);
        directory.learned("mx.test", found(&["192.0.2.1"]), at(0));
        let before = directory.upstreams(&servers);
        assert_eq!(before.len(), 1);
        before.iter().for_each(|upstream| assert!(upstream.failed(at(1)).is_some()));
        directory.keep(servers.iter());
        let after = directory.upstreams(&servers);
        drop(before);
        assert!(after.iter().all(|upstream| !upstream.is_up()));
        assert_eq!(directory.in_use().count(), 1);
        drop(after);
        assert_eq!(directory.in_use().count(), 0);
        assert!(directory.upstreams(&servers).iter().all(|upstream| upstream.is_up()));
    }

    #[test]
    fn a_name_that_no_configuration_has_any_more_is_forgotten() {
        let (mut directory, _) = directory(&["mx.test:25"]);
        directory.due(at(0));
        directory.keep([].iter());
        assert_eq!(directory.learned("mx.test", found(&["192.0.2.1"]), at(1)), Learned::Nothing);
        assert!(directory.due(at(1000)).is_empty());
    }
}
