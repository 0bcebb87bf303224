//! One domain: what is counted in it, and what its limits make of a client that comes.

use std::collections::BTreeMap;
use std::net::IpAddr;

use proto::Time;

use super::hosts::{Clients, Servers};
use super::logins::Logins;
use super::minute::Minute;
use super::thresholds::{HostLimit, Limit, LoginLimit, Thresholds};
use super::transition::{Instance, Pressure, Sums, Transition};
use super::view::{BlockedHost, Counted, DomainView};
use super::{Asked, Seat, Stage, Telling, Ticket, host};

/// How often it is told of one server that too many sessions are opening to it.
const HOST_TOLD_EVERY_SECONDS: u64 = 60;

#[derive(Debug, Default)]
pub(super) struct Domain {
    thresholds: Thresholds,
    /// By the numbers of their tickets, which is the order in which they came.
    opening: BTreeMap<u64, Opening>,
    sessions: u32,
    clients: Clients,
    servers: Servers,
    minute: Minute,
    /// The threshold that made opening sessions go, until both are below their lower ones.
    aggressive: Option<Limit>,
    /// What was told of that last. It is told that things have calmed down once a second at most.
    told_aggressive: Option<Limit>,
    logins: Logins,
    sums: Sums,
    counted: BTreeMap<Limit, Counted>,
    sessions_max: u32,
    incomplete_max: u32,
    rate_max: u32,
}

/// A session whose server is not connected yet.
#[derive(Clone, Copy, Debug)]
struct Opening {
    seat: Seat,
    client: Option<IpAddr>,
    server: IpAddr,
}

/// A limit with what it counts.
#[derive(Clone, Copy)]
struct Exceeded {
    limit: Limit,
    count: u32,
    threshold: u32,
}

impl Domain {
    pub(super) const fn limit(&mut self, thresholds: Thresholds) {
        self.thresholds = thresholds;
    }

    /// Admits a session with a number, or says why not. Its client, if it is counted.
    pub(super) fn accept(
        &mut self,
        now: Time,
        number: u64,
        asked: &Asked,
        out: &mut Telling<'_>,
    ) -> Result<Option<IpAddr>, Limit> {
        self.unblock(now, out);
        let rate = self.minute.count(now);
        self.rate_max = self.rate_max.max(rate);
        self.calm(now);
        let oldest = match self.check(now, asked).and_then(|()| self.check_host(now, asked, out)) {
            Ok(oldest) => oldest,
            Err(exceeded) => {
                self.refuse(now, exceeded, asked, out);
                return Err(exceeded.limit);
            }
        };
        let client = self.enter(number, asked);
        if let Some((oldest, exceeded)) = oldest {
            self.evict(now, oldest, exceeded, asked, out);
        }
        self.press(now, number, rate, asked, out);
        self.incomplete_max = self.incomplete_max.max(self.incomplete());
        self.sessions_max = self.sessions_max.max(self.sessions);
        Ok(client)
    }

    /// The server of an opening session is connected. False if the session was to go.
    pub(super) fn opened(&mut self, ticket: &Ticket, server: IpAddr) -> bool {
        if self.opening.remove(&ticket.number).is_none() {
            return false;
        }
        if let Some(client) = ticket.client {
            self.clients.opened(client);
        }
        self.servers.update(ticket.server, |entry| {
            entry.opening.remove(&ticket.number);
        });
        if server != ticket.server {
            // Another of the servers took it. It is counted where it is, although that one may be full.
            self.servers.update(ticket.server, |entry| entry.sessions = entry.sessions.saturating_sub(1));
            self.servers.entry(server).sessions += 1;
        }
        true
    }

    pub(super) fn ended(&mut self, ticket: &Ticket) {
        match ticket.stage {
            Stage::Opening => {
                if let Some(opening) = self.opening.remove(&ticket.number) {
                    self.forget(ticket.number, &opening, true);
                }
            }
            Stage::Open => {
                let Ticket { client, server, .. } = *ticket;
                self.forget(ticket.number, &Opening { seat: Seat::default(), client, server }, false);
            }
            Stage::Evicted => {}
        }
    }

    /// A login of a client has failed, to an account if its name is known.
    pub(super) fn login_failed(
        &mut self,
        now: Time,
        account: Option<&[u8]>,
        asked: &Asked,
        out: &mut Telling<'_>,
    ) {
        let Some(limit) = self.thresholds.logins else { return };
        let blocked = self.logins.failed(now, host(asked.client), account, limit);
        for (is_blocked, of) in
            [(blocked.client, Limit::ClientLogins), (blocked.account, Limit::AccountLogins)]
        {
            if is_blocked {
                self.counted.entry(of).or_default().blocked += 1;
                let exceeded = Exceeded { limit: of, count: limit.failures, threshold: limit.failures };
                let instance = Instance { minutes: limit.block_minutes, ..instance(exceeded, asked) };
                self.tell(now, Transition::LoginsBlocked, instance, out);
            }
        }
    }

    pub(super) fn login_succeeded(&mut self, client: IpAddr) {
        self.logins.succeeded(client);
    }

    /// Whether a login is refused because of its account.
    pub(super) fn refuses_login(
        &mut self,
        now: Time,
        account: &[u8],
        asked: &Asked,
        out: &mut Telling<'_>,
    ) -> bool {
        let Some(LoginLimit { failures, .. }) = self.thresholds.logins else { return false };
        let is_blocked = self.logins.is_account_blocked(now, account);
        if is_blocked {
            let exceeded = Exceeded { limit: Limit::AccountLogins, count: failures, threshold: failures };
            self.refuse(now, exceeded, asked, out);
        }
        is_blocked
    }

    pub(super) fn expire(&mut self, now: Time, out: &mut Telling<'_>) {
        self.unblock(now, out);
        self.calm(now);
        if self.aggressive.is_none()
            && let Some(limit) = self.told_aggressive.take()
        {
            let rate = self.minute.rate(now);
            let Thresholds { incomplete, one_minute, .. } = self.thresholds;
            out.tell(Transition::Calm(Pressure {
                limit,
                incomplete: self.incomplete(),
                threshold: incomplete.low,
                rate,
                rate_threshold: one_minute.low,
            }));
        }
        self.sums.expire(now).into_iter().for_each(|transition| out.tell(transition));
    }

    pub(super) fn view(&mut self, now: Time) -> DomainView {
        let left = |(host, until): (IpAddr, Time)| BlockedHost { host, left: until.since(now) };
        DomainView {
            thresholds: self.thresholds,
            sessions: self.sessions,
            incomplete: self.incomplete(),
            rate: self.minute.rate(now),
            sessions_max: self.sessions_max,
            incomplete_max: self.incomplete_max,
            rate_max: self.rate_max,
            is_aggressive: self.aggressive.is_some(),
            blocked: self.servers.blocked().map(left).collect(),
            counted: self.counted.iter().map(|(&limit, &counted)| (limit, counted)).collect(),
        }
    }

    fn incomplete(&self) -> u32 {
        u32::try_from(self.opening.len()).unwrap_or(u32::MAX)
    }

    /// The limits by which a client is refused, and nothing else happens.
    fn check(&self, now: Time, asked: &Asked) -> Result<(), Exceeded> {
        let (client, server) = (host(asked.client), host(asked.server));
        let of_client = self.clients.count(client);
        let (with_server, opening) = match self.servers.get(server) {
            Some(entry) => (entry.sessions, u32::try_from(entry.opening.len()).unwrap_or(u32::MAX)),
            None => (0, 0),
        };
        let limits = &self.thresholds;
        if let Some(LoginLimit { failures, .. }) = limits.logins
            && self.logins.is_client_blocked(now, client)
        {
            return Err(Exceeded { limit: Limit::ClientLogins, count: failures, threshold: failures });
        }
        for (limit, count, threshold) in [
            (Limit::SessionsMaximum, self.sessions, limits.sessions),
            (Limit::ConnMax, with_server, limits.connections),
            (Limit::EmbryonicConnMax, opening, limits.embryonic),
            (Limit::PerClientMax, of_client.sessions, limits.per_client),
            (Limit::PerClientEmbryonicMax, of_client.opening, limits.per_client_embryonic),
        ] {
            if let Some(threshold) = threshold.filter(|&threshold| count >= threshold) {
                return Err(Exceeded { limit, count, threshold });
            }
        }
        let clients = if limits.are_of_clients() { self.clients.has_room(client) } else { Ok(()) };
        clients.and_then(|()| self.servers.has_room(server)).map_err(|limit| {
            let most = u32::try_from(super::HOSTS_MAX).unwrap_or(u32::MAX);
            Exceeded { limit, count: most, threshold: most }
        })
    }

    /// What is opening to the server of a client: it may keep the client out, or the oldest of it goes.
    fn check_host(
        &mut self,
        now: Time,
        asked: &Asked,
        out: &mut Telling<'_>,
    ) -> Result<Option<(u64, Exceeded)>, Exceeded> {
        let server = host(asked.server);
        let opening = self.servers.get(server).map(|entry| &entry.opening);
        let count = opening.map_or(0, |opening| u32::try_from(opening.len()).unwrap_or(u32::MAX));
        let limit = Limit::MaxIncompleteHost;
        if self.servers.is_blocked(server) {
            let threshold = self.thresholds.host.map_or(0, |of| of.sessions);
            return Err(Exceeded { limit, count, threshold });
        }
        let Some(HostLimit { sessions, block_minutes }) = self.thresholds.host else { return Ok(None) };
        let Some(opening) = opening.filter(|_| count >= sessions) else { return Ok(None) };
        let exceeded = Exceeded { limit, count, threshold: sessions };
        if block_minutes == 0 {
            let oldest = opening.first().map(|&oldest| (oldest, exceeded));
            let entry = self.servers.entry(server);
            if entry.told.is_none_or(|told| now >= told.plus_seconds(HOST_TOLD_EVERY_SECONDS)) {
                entry.told = Some(now);
                out.tell(Transition::HostExceeded { host: server, sessions });
            }
            return Ok(oldest);
        }
        let opening: Vec<u64> = opening.iter().copied().collect();
        self.servers.block(server, now.plus_seconds(60 * u64::from(block_minutes)));
        self.counted.entry(limit).or_default().blocked += 1;
        out.tell(Transition::HostBlocked { host: server, sessions, minutes: block_minutes });
        for number in opening {
            self.evict(now, number, exceeded, asked, out);
        }
        Err(exceeded)
    }

    /// The oldest opening session goes for a new one while there is too much of either.
    fn press(&mut self, now: Time, number: u64, rate: u32, asked: &Asked, out: &mut Telling<'_>) {
        let Thresholds { incomplete, one_minute, .. } = self.thresholds;
        let count = self.incomplete();
        if self.aggressive.is_none() {
            self.aggressive = if count > incomplete.high {
                Some(Limit::MaxIncomplete)
            } else {
                (rate > one_minute.high).then_some(Limit::OneMinute)
            };
        }
        let Some(limit) = self.aggressive else { return };
        if self.told_aggressive.is_none() {
            self.told_aggressive = Some(limit);
            out.tell(Transition::Aggressive(Pressure {
                limit,
                incomplete: count,
                threshold: incomplete.high,
                rate,
                rate_threshold: one_minute.high,
            }));
        }
        let exceeded = match limit {
            Limit::OneMinute => Exceeded { limit, count: rate, threshold: one_minute.high },
            limit => Exceeded { limit, count, threshold: incomplete.high },
        };
        if let Some((&oldest, _)) = self.opening.first_key_value().filter(|(oldest, _)| **oldest != number) {
            self.evict(now, oldest, exceeded, asked, out);
        }
    }

    /// Things have calmed down when there is less of both than their lower thresholds.
    fn calm(&mut self, now: Time) {
        let Thresholds { incomplete, one_minute, .. } = self.thresholds;
        if self.aggressive.is_some()
            && self.incomplete() < incomplete.low
            && self.minute.rate(now) < one_minute.low
        {
            self.aggressive = None;
        }
    }

    fn unblock(&mut self, now: Time, out: &mut Telling<'_>) {
        self.servers.unblock(now).for_each(|host| out.tell(Transition::HostUnblocked { host }));
    }

    fn enter(&mut self, number: u64, asked: &Asked) -> Option<IpAddr> {
        let client = Some(host(asked.client)).filter(|&client| self.clients.has_room(client).is_ok());
        let server = host(asked.server);
        self.opening.insert(number, Opening { seat: asked.seat, client, server });
        self.sessions += 1;
        if let Some(client) = client {
            self.clients.opening(client);
        }
        let entry = self.servers.entry(server);
        entry.sessions += 1;
        entry.opening.insert(number);
        client
    }

    /// An opening session goes for the client that asks.
    fn evict(&mut self, now: Time, number: u64, exceeded: Exceeded, asked: &Asked, out: &mut Telling<'_>) {
        let Some(opening) = self.opening.remove(&number) else { return };
        self.forget(number, &opening, true);
        out.evict(opening.seat, number);
        self.counted.entry(exceeded.limit).or_default().evicted += 1;
        self.tell(now, Transition::Evicted, instance(exceeded, asked), out);
    }

    fn refuse(&mut self, now: Time, exceeded: Exceeded, asked: &Asked, out: &mut Telling<'_>) {
        self.counted.entry(exceeded.limit).or_default().refused += 1;
        self.tell(now, Transition::Refused, instance(exceeded, asked), out);
    }

    /// A session is counted no more.
    fn forget(&mut self, number: u64, session: &Opening, was_opening: bool) {
        self.sessions = self.sessions.saturating_sub(1);
        if let Some(client) = session.client {
            self.clients.ended(client, was_opening);
        }
        self.servers.update(session.server, |entry| {
            entry.sessions = entry.sessions.saturating_sub(1);
            entry.opening.remove(&number);
        });
    }

    fn tell(
        &mut self,
        now: Time,
        tell: fn(Instance) -> Transition,
        instance: Instance,
        out: &mut Telling<'_>,
    ) {
        if let Some(transition) = self.sums.add(now, tell, instance) {
            out.tell(transition);
        }
    }
}

fn instance(Exceeded { limit, count, threshold }: Exceeded, asked: &Asked) -> Instance {
    let Asked { client, server, attachment, .. } = *asked;
    Instance { limit, count, threshold, client, server, attachment, times: 1, minutes: 0 }
}
