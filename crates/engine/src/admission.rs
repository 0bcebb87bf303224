//! Whether a client may have a session, by the limits on how many there are; and whether it may log in.
//!
//! A limit holds for a domain: the sessions that a device counts together. What is counted in it is told here three
//! times in a session: a client was accepted, its server is connected, the session has ended. Out come the answer,
//! opening sessions that must go for it, and what there is to report. There is no clock and no lock: whoever has many
//! threads shares one of these.

mod domain;
mod hosts;
mod logins;
mod minute;
mod thresholds;
mod transition;
mod turned_away;
mod view;

use std::net::{IpAddr, SocketAddr};

use proto::Time;

use domain::Domain;
pub use hosts::HOSTS_MAX;
pub use thresholds::{HighLow, HostLimit, Limit, LoginLimit, Thresholds, UNLIMITED};
pub use transition::{Instance, Pressure, Transition};
pub use turned_away::turned_away;
pub use view::{BlockedHost, Counted, DomainView};

/// Which sessions are counted together. The caller numbers domains from 0, and over reloads alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DomainId(pub u32);

/// Where a session is, so that it can be found when it must go. Nothing here looks at it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seat {
    /// The worker that has it.
    pub worker: u16,
    /// Its place in the worker's table.
    pub place: usize,
}

/// A client that asks for a session.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    pub client: SocketAddr,
    /// The server that is tried first.
    pub server: SocketAddr,
    /// What the caller knows the attachment of the session by; it comes back in reports.
    pub attachment: u32,
    pub seat: Seat,
}

/// What a session that was admitted is counted under, until it ends.
#[derive(Debug, PartialEq, Eq)]
pub struct Ticket {
    domain: DomainId,
    number: u64,
    /// Absent if it came when the table of clients was full and none was limited.
    client: Option<IpAddr>,
    server: IpAddr,
    stage: Stage,
}

impl Ticket {
    /// Unlike that of every other session.
    pub const fn number(&self) -> u64 {
        self.number
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Opening,
    Open,
    /// It is counted no more, and must end.
    Evicted,
}

/// What follows from a call beside its answer.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Opening sessions that go, by their places and the numbers of their tickets. They are counted no more.
    pub evicted: Vec<(Seat, u64)>,
    /// What there is to report, each with its domain.
    pub told: Vec<(DomainId, Transition)>,
}

/// All domains with their limits.
#[derive(Debug, Default)]
pub struct Admission {
    domains: Vec<Domain>,
    tickets: u64,
}

impl Admission {
    /// From the next session on these limits hold in a domain; what is counted in it stays.
    pub fn limit(&mut self, domain: DomainId, thresholds: Thresholds) {
        self.domain(domain).limit(thresholds);
    }

    /// A client was accepted. The ticket of its session, or the limit by which it is refused.
    pub fn accept(
        &mut self,
        now: Time,
        domain: DomainId,
        asked: &Asked,
        out: &mut Outcome,
    ) -> Result<Ticket, Limit> {
        self.tickets += 1;
        let number = self.tickets;
        let client = self.domain(domain).accept(now, number, asked, &mut Telling { domain, out })?;
        let server = host(asked.server);
        Ok(Ticket { domain, number, client, server, stage: Stage::Opening })
    }

    /// A server is connected for a session. False if the session had to go before: then it ends, and is not counted.
    pub fn opened(&mut self, ticket: &mut Ticket, server: SocketAddr) -> bool {
        if ticket.stage == Stage::Opening {
            let goes_on = self.domain(ticket.domain).opened(ticket, host(server));
            ticket.stage = if goes_on { Stage::Open } else { Stage::Evicted };
            ticket.server = host(server);
        }
        ticket.stage == Stage::Open
    }

    /// A session has ended, however far it had come.
    pub fn ended(&mut self, ticket: Ticket) {
        self.domain(ticket.domain).ended(&ticket);
    }

    /// A login of a session has failed, to an account if its name is known.
    pub fn login_failed(
        &mut self,
        now: Time,
        domain: DomainId,
        account: Option<&[u8]>,
        asked: &Asked,
        out: &mut Outcome,
    ) {
        self.domain(domain).login_failed(now, account, asked, &mut Telling { domain, out });
    }

    /// A login of a client has succeeded.
    pub fn login_succeeded(&mut self, domain: DomainId, client: SocketAddr) {
        self.domain(domain).login_succeeded(host(client));
    }

    /// Whether a session may not log in to an account, because too many logins to it have failed.
    pub fn refuses_login(
        &mut self,
        now: Time,
        domain: DomainId,
        account: &[u8],
        asked: &Asked,
        out: &mut Outcome,
    ) -> bool {
        self.domain(domain).refuses_login(now, account, asked, &mut Telling { domain, out })
    }

    /// What time alone brings: hosts are no longer blocked, domains calm down, and what happened often is summed up.
    /// To be called about once a second.
    pub fn expire(&mut self, now: Time, out: &mut Outcome) {
        for (number, domain) in (0..).zip(&mut self.domains) {
            domain.expire(now, &mut Telling { domain: DomainId(number), out });
        }
    }

    /// What is counted in a domain, and how close that is to its limits.
    pub fn view(&mut self, now: Time, domain: DomainId) -> DomainView {
        self.domain(domain).view(now)
    }

    fn domain(&mut self, DomainId(number): DomainId) -> &mut Domain {
        let at = number as usize;
        if at >= self.domains.len() {
            self.domains.resize_with(at + 1, Domain::default);
        }
        // It is there, so that the other is never made.
        #[expect(clippy::indexing_slicing, reason = "the lines before make room for it")]
        &mut self.domains[at]
    }
}

/// Where a domain says what follows from a call.
struct Telling<'o> {
    domain: DomainId,
    out: &'o mut Outcome,
}

impl Telling<'_> {
    fn tell(&mut self, transition: Transition) {
        self.out.told.push((self.domain, transition));
    }

    fn evict(&mut self, seat: Seat, number: u64) {
        self.out.evicted.push((seat, number));
    }
}

/// The host of an address; an IPv4 address is the same in either family.
fn host(address: SocketAddr) -> IpAddr {
    address.ip().to_canonical()
}
