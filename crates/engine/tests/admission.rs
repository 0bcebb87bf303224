//! Limits on the number of sessions, in virtual time: by tables, and beside a slow twin that counts everything anew.

#![allow(
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and its numbers are small"
)]

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use engine::admission::{
    Admission, Asked, DomainId, DomainView, HighLow, HostLimit, Limit, LoginLimit, Outcome, Pressure, Seat,
    Thresholds, Ticket, Transition, UNLIMITED,
};
use proto::Time;

const DOMAIN: DomainId = DomainId(0);

fn at(seconds: u64) -> Time {
    Time(0).plus_seconds(seconds)
}

fn server(number: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, number], 25))
}

fn client(number: u8) -> SocketAddr {
    SocketAddr::from(([198, 51, 100, number], 40000))
}

/// One domain, and what came of it.
struct World {
    admission: Admission,
    now: Time,
    told: Vec<Transition>,
    /// The places of those that had to go; each session has its number as its place.
    evicted: Vec<usize>,
    asked: usize,
}

impl World {
    fn of(thresholds: Thresholds) -> Self {
        let mut admission = Admission::default();
        admission.limit(DOMAIN, thresholds);
        Self { admission, now: at(0), told: Vec::new(), evicted: Vec::new(), asked: 0 }
    }

    fn accept(&mut self, from: u8, to: u8) -> Result<Ticket, Limit> {
        self.asked += 1;
        let seat = Seat { worker: 0, place: self.asked };
        let asked = Asked { client: client(from), server: server(to), attachment: 7, seat };
        let mut out = Outcome::default();
        let answer = self.admission.accept(self.now, DOMAIN, &asked, &mut out);
        self.keep(out);
        answer
    }

    /// A session that is opening.
    fn opening(&mut self) -> Ticket {
        self.accept(1, 1).unwrap()
    }

    fn open(&mut self) -> Ticket {
        let mut ticket = self.opening();
        assert!(self.admission.opened(&mut ticket, server(1)));
        ticket
    }

    fn wait(&mut self, seconds: u64) {
        self.now = self.now.plus_seconds(seconds);
        let mut out = Outcome::default();
        self.admission.expire(self.now, &mut out);
        self.keep(out);
    }

    fn keep(&mut self, out: Outcome) {
        self.told.extend(out.told.into_iter().map(|(domain, transition)| {
            assert_eq!(domain, DOMAIN);
            transition
        }));
        self.evicted.extend(out.evicted.into_iter().map(|(seat, _)| seat.place));
    }

    fn view(&mut self) -> DomainView {
        self.admission.view(self.now, DOMAIN)
    }

    /// What was told since it was last asked, in short.
    fn tells(&mut self) -> Vec<String> {
        let short = |told: Transition| match told {
            Transition::Aggressive(Pressure { limit, incomplete, threshold, rate, .. }) => {
                format!("aggressive by {}: {incomplete}/{threshold}, {rate}", limit.name())
            }
            Transition::Calm(Pressure { incomplete, threshold, rate, .. }) => {
                format!("calm: {incomplete}/{threshold}, {rate}")
            }
            Transition::HostExceeded { host, sessions } => format!("{host} has more than {sessions}"),
            Transition::HostBlocked { host, sessions, minutes } => {
                format!("{host} has more than {sessions}, blocked for {minutes}")
            }
            Transition::HostUnblocked { host } => format!("{host} unblocked"),
            Transition::Refused(of) => {
                assert_eq!(of.attachment, 7);
                format!("{} refused {}, {}/{}", of.limit.name(), of.times, of.count, of.threshold)
            }
            Transition::LoginsBlocked(of) => {
                format!("{} blocked {} for {}", of.limit.name(), of.times, of.minutes)
            }
            Transition::Evicted(of) => format!("{} evicted {}", of.limit.name(), of.times),
        };
        std::mem::take(&mut self.told).into_iter().map(short).collect()
    }
}

const fn high_low(high: u32, low: u32) -> HighLow {
    HighLow { high, low }
}

#[test]
fn above_max_incomplete_the_oldest_opening_session_goes_for_each_new_one_until_below_low() {
    let mut world = World::of(Thresholds { incomplete: high_low(3, 2), ..Thresholds::default() });
    // An open session is no opening one, however old it is.
    let _open = world.open();
    let mut tickets: Vec<Ticket> = (0..3).map(|_| world.opening()).collect();
    assert_eq!((world.tells(), world.evicted.len()), (vec![], 0));
    tickets.push(world.opening());
    assert_eq!(world.tells(), ["aggressive by max-incomplete: 4/3, 5", "max-incomplete evicted 1"]);
    assert_eq!(world.evicted, [2]);
    // One is gone; still each that comes costs another, although there are no more than `high`.
    assert!(world.admission.opened(&mut tickets[3], server(1)));
    tickets.push(world.opening());
    assert_eq!(world.view().incomplete, 2);
    assert_eq!(world.evicted, [2, 3]);
    // Below low.
    assert!(world.admission.opened(&mut tickets[4], server(1)));
    world.wait(1);
    assert_eq!(world.tells(), ["calm: 1/2, 6"]);
    tickets.extend([world.opening(), world.opening()]);
    assert_eq!((world.evicted.len(), world.view().is_aggressive), (2, false));
    world.wait(60);
    assert_eq!(world.tells(), ["max-incomplete evicted 1"]);
    // Who was evicted neither opens nor counts when it ends.
    assert!(!world.admission.opened(&mut tickets[0], server(1)));
    let before = world.view().sessions;
    world.admission.ended(tickets.remove(0));
    assert_eq!(world.view().sessions, before);
}

#[test]
fn above_one_minute_high_opening_sessions_go_until_the_rate_is_below_low() {
    let mut world = World::of(Thresholds { one_minute: high_low(3, 2), ..Thresholds::default() });
    for _ in 0..3 {
        let ticket = world.open();
        world.admission.ended(ticket);
    }
    let _first = world.opening();
    assert_eq!(world.tells(), [format!("aggressive by one-minute: 1/{UNLIMITED}, 4")]);
    let _second = world.opening();
    assert_eq!((world.tells(), world.evicted.len()), (vec!["one-minute evicted 1".to_owned()], 1));
    world.wait(59);
    assert_eq!(world.tells(), [""; 0]);
    world.wait(1);
    assert_eq!(world.tells(), [format!("calm: 1/{UNLIMITED}, 0")]);
    let _third = world.opening();
    assert_eq!(world.evicted.len(), 1);
}

#[test]
fn without_block_time_the_oldest_half_open_session_of_the_host_goes() {
    let host = Some(HostLimit { sessions: 2, block_minutes: 0 });
    let mut world = World::of(Thresholds { host, ..Thresholds::default() });
    for to in [2, 1, 1, 2, 1] {
        world.accept(1, to).unwrap();
    }
    assert_eq!(world.evicted, [2]);
    assert_eq!(world.tells(), ["192.0.2.1 has more than 2", "max-incomplete-host evicted 1"]);
    // A flood is told once a minute.
    (0..100).for_each(|_| assert!(world.accept(1, 1).is_ok()));
    assert_eq!((world.tells(), world.view().incomplete), (vec![], 4));
    world.wait(60);
    assert_eq!(world.tells(), ["max-incomplete-host evicted 100"]);
    world.accept(1, 1).unwrap();
    assert_eq!(world.tells(), ["192.0.2.1 has more than 2"]);
}

#[test]
fn a_limit_of_one_per_host_is_told_once_a_minute_too() {
    let host = Some(HostLimit { sessions: 1, block_minutes: 0 });
    let mut world = World::of(Thresholds { host, ..Thresholds::default() });
    (0..10).for_each(|_| assert!(world.accept(1, 1).is_ok()));
    assert_eq!(world.tells(), ["192.0.2.1 has more than 1", "max-incomplete-host evicted 1"]);
    assert_eq!(world.evicted, (1..10).collect::<Vec<_>>());
}

#[test]
fn with_block_time_all_half_open_sessions_of_the_host_go_and_nobody_gets_there_for_so_many_minutes() {
    let host = Some(HostLimit { sessions: 2, block_minutes: 3 });
    let mut world = World::of(Thresholds { host, ..Thresholds::default() });
    let _open = world.open();
    for to in [1, 2, 1] {
        world.accept(1, to).unwrap();
    }
    assert_eq!(world.accept(1, 1), Err(Limit::MaxIncompleteHost));
    assert_eq!(world.evicted, [2, 4]);
    assert_eq!(
        world.tells(),
        [
            "192.0.2.1 has more than 2, blocked for 3",
            "max-incomplete-host evicted 1",
            "max-incomplete-host refused 1, 2/2"
        ]
    );
    world.accept(1, 2).unwrap();
    world.wait(179);
    assert_eq!(world.accept(1, 1), Err(Limit::MaxIncompleteHost));
    let view = world.view();
    assert_eq!((view.blocked.len(), view.blocked[0].left), (1, Duration::from_secs(1)));
    assert_eq!((view.sessions, view.incomplete), (3, 2));
    world.tells();
    world.wait(1);
    assert_eq!(world.tells(), ["192.0.2.1 unblocked"]);
    world.opening();
}

#[test]
fn a_limit_that_refuses_counts_what_it_says() {
    let none = Thresholds::default();
    let one = Some(1);
    // A limit of one, a client that is already there, and who is refused beside it: as many as came after it.
    for (limit, thresholds, is_open, who, refused) in [
        (Limit::SessionsMaximum, Thresholds { sessions: one, ..none }, true, (2, 2), true),
        (Limit::ConnMax, Thresholds { connections: one, ..none }, true, (2, 1), true),
        (Limit::ConnMax, Thresholds { connections: one, ..none }, true, (1, 2), false),
        (Limit::EmbryonicConnMax, Thresholds { embryonic: one, ..none }, false, (2, 1), true),
        (Limit::EmbryonicConnMax, Thresholds { embryonic: one, ..none }, false, (1, 2), false),
        (Limit::EmbryonicConnMax, Thresholds { embryonic: one, ..none }, true, (1, 1), false),
        (Limit::PerClientMax, Thresholds { per_client: one, ..none }, true, (1, 2), true),
        (Limit::PerClientMax, Thresholds { per_client: one, ..none }, true, (2, 1), false),
        (Limit::PerClientEmbryonicMax, Thresholds { per_client_embryonic: one, ..none }, false, (1, 2), true),
        (
            Limit::PerClientEmbryonicMax,
            Thresholds { per_client_embryonic: one, ..none },
            false,
            (2, 1),
            false,
        ),
        (Limit::PerClientEmbryonicMax, Thresholds { per_client_embryonic: one, ..none }, true, (1, 1), false),
    ] {
        let mut world = World::of(thresholds);
        let first = if is_open { world.open() } else { world.opening() };
        let answer = world.accept(who.0, who.1);
        assert_eq!(answer.as_ref().err(), refused.then_some(&limit), "{limit:?}, open: {is_open}, {who:?}");
        // With its end there is room again.
        let others = [Some(first), answer.ok()];
        others.into_iter().flatten().for_each(|ticket| world.admission.ended(ticket));
        world.accept(who.0, who.1).unwrap();
    }
}

#[test]
fn refusals_are_told_once_and_summed_up_each_minute() {
    let mut world = World::of(Thresholds { sessions: Some(1), ..Thresholds::default() });
    let _open = world.open();
    (0..1000).for_each(|_| assert_eq!(world.accept(1, 1), Err(Limit::SessionsMaximum)));
    assert_eq!(world.tells(), ["sessions-maximum refused 1, 1/1"]);
    world.wait(59);
    assert_eq!(world.tells(), [""; 0]);
    world.wait(1);
    assert_eq!(world.tells(), ["sessions-maximum refused 999, 1/1"]);
    // A minute without any, and the next is told at once.
    world.wait(60);
    assert_eq!(world.tells(), [""; 0]);
    assert!(world.accept(1, 1).is_err());
    assert_eq!(world.tells(), ["sessions-maximum refused 1, 1/1"]);
    let [(limit, counted)] = world.view().counted[..] else { panic!("{:?}", world.view().counted) };
    assert_eq!((limit, counted.refused), (Limit::SessionsMaximum, 1001));
}

#[test]
fn new_limits_find_what_was_counted_before() {
    let mut world = World::of(Thresholds { sessions: Some(10), ..Thresholds::default() });
    let _open: Vec<_> = (0..5).map(|_| world.open()).collect();
    world.admission.limit(DOMAIN, Thresholds { sessions: Some(5), ..Thresholds::default() });
    assert_eq!(world.accept(1, 1), Err(Limit::SessionsMaximum));
    world.admission.limit(DOMAIN, Thresholds { sessions: Some(6), ..Thresholds::default() });
    world.opening();
    assert_eq!(world.accept(1, 1), Err(Limit::SessionsMaximum));
}

#[test]
fn a_session_is_counted_with_the_server_that_took_it() {
    let mut world = World::of(Thresholds { connections: Some(1), ..Thresholds::default() });
    let mut ticket = world.opening();
    assert!(world.admission.opened(&mut ticket, server(2)));
    assert_eq!(world.accept(1, 2), Err(Limit::ConnMax));
    world.opening();
}

#[test]
fn beyond_the_bound_of_hosts_a_new_client_is_refused() {
    let mut world = World::of(Thresholds { per_client: Some(10), ..Thresholds::default() });
    let mut out = Outcome::default();
    let mut ask = |number: u32| {
        let client = SocketAddr::from((number.to_be_bytes(), 40000));
        let asked = Asked { client, server: server(1), attachment: 7, seat: Seat::default() };
        world.admission.accept(at(0), DOMAIN, &asked, &mut out)
    };
    let most = u32::try_from(engine::admission::HOSTS_MAX).unwrap();
    let mut tickets: Vec<Ticket> = (0..most).map(|number| ask(number).unwrap()).collect();
    assert_eq!(ask(most), Err(Limit::Hosts));
    ask(0).unwrap();
    world.admission.ended(tickets.pop().unwrap());
    let asked = Asked { client: client(1), server: server(1), attachment: 7, seat: Seat::default() };
    world.admission.accept(at(0), DOMAIN, &asked, &mut out).unwrap();
}

#[test]
fn failed_logins_keep_a_client_and_an_account_out_for_a_time() {
    let logins = Some(LoginLimit { failures: 2, block_minutes: 5 });
    let mut world = World::of(Thresholds { logins, ..Thresholds::default() });
    let fails = |world: &mut World, from: u8, account: &[u8]| {
        let asked = Asked { client: client(from), server: server(1), attachment: 7, seat: Seat::default() };
        let mut out = Outcome::default();
        world.admission.login_failed(world.now, DOMAIN, Some(account), &asked, &mut out);
        world.keep(out);
    };
    fails(&mut world, 1, b"a");
    fails(&mut world, 1, b"b");
    assert_eq!(world.tells(), ["client-logins blocked 1 for 5"]);
    assert_eq!(world.accept(1, 1), Err(Limit::ClientLogins));
    world.accept(2, 1).unwrap();
    assert_eq!(world.tells(), ["client-logins refused 1, 2/2"]);
    // The second failure to the same account, of another client, which knows a password too.
    world.admission.login_succeeded(DOMAIN, client(2));
    fails(&mut world, 2, b"a");
    assert_eq!(world.tells(), ["account-logins blocked 1 for 5"]);
    let refuses = |world: &mut World, account: &[u8]| {
        let asked = Asked { client: client(3), server: server(1), attachment: 7, seat: Seat::default() };
        let mut out = Outcome::default();
        let refuses = world.admission.refuses_login(world.now, DOMAIN, account, &asked, &mut out);
        world.keep(out);
        refuses
    };
    assert!(refuses(&mut world, b"a") && !refuses(&mut world, b"b"));
    assert_eq!(world.tells(), ["account-logins refused 1, 2/2"]);
    world.wait(300);
    assert!(!refuses(&mut world, b"a"));
    world.accept(1, 1).unwrap();
}

/// The same by counting everything anew each time.
#[derive(Default)]
struct Twin {
    thresholds: Thresholds,
    sessions: Vec<TwinSession>,
    attempts: Vec<u64>,
    blocked: Vec<(IpAddr, u64)>,
    is_aggressive: bool,
}

#[derive(Clone, Copy)]
struct TwinSession {
    number: usize,
    client: IpAddr,
    server: IpAddr,
    is_open: bool,
}

impl Twin {
    fn count(&self, is_counted: impl Fn(&TwinSession) -> bool) -> u32 {
        self.sessions.iter().filter(|session| is_counted(session)).count() as u32
    }

    fn incomplete(&self) -> u32 {
        self.count(|session| !session.is_open)
    }

    fn rate(&self, now: u64) -> u32 {
        self.attempts.iter().filter(|&&second| second + 60 > now).count() as u32
    }

    fn calm(&mut self, now: u64) {
        let Thresholds { incomplete, one_minute, .. } = self.thresholds;
        if self.incomplete() < incomplete.low && self.rate(now) < one_minute.low {
            self.is_aggressive = false;
        }
    }

    fn unblock(&mut self, now: u64) {
        self.blocked.retain(|(_, until)| *until > now);
    }

    /// Whether the session begins, and who goes for it.
    fn accept(
        &mut self,
        now: u64,
        number: usize,
        client: IpAddr,
        server: IpAddr,
    ) -> (Option<Limit>, BTreeSet<usize>) {
        self.unblock(now);
        self.attempts.push(now);
        self.calm(now);
        let limits = self.thresholds;
        let reaches = |count: u32, limit: Option<u32>| limit.is_some_and(|limit| count >= limit);
        let to_server = |session: &TwinSession| session.server == server;
        let of_client = |session: &TwinSession| session.client == client;
        let refused = if reaches(self.count(|_| true), limits.sessions) {
            Some(Limit::SessionsMaximum)
        } else if reaches(self.count(to_server), limits.connections) {
            Some(Limit::ConnMax)
        } else if reaches(self.count(|it| to_server(it) && !it.is_open), limits.embryonic) {
            Some(Limit::EmbryonicConnMax)
        } else if reaches(self.count(of_client), limits.per_client) {
            Some(Limit::PerClientMax)
        } else if reaches(self.count(|it| of_client(it) && !it.is_open), limits.per_client_embryonic) {
            Some(Limit::PerClientEmbryonicMax)
        } else if self.blocked.iter().any(|(host, _)| *host == server) {
            Some(Limit::MaxIncompleteHost)
        } else {
            None
        };
        if refused.is_some() {
            return (refused, BTreeSet::new());
        }
        let mut gone = BTreeSet::new();
        if let Some(HostLimit { sessions, block_minutes }) = limits.host {
            let half_open = self.sessions.iter().filter(|it| to_server(it) && !it.is_open);
            let half_open: Vec<usize> = half_open.map(|session| session.number).collect();
            if half_open.len() as u32 >= sessions && block_minutes > 0 {
                self.blocked.push((server, now + 60 * u64::from(block_minutes)));
                self.sessions.retain(|session| !half_open.contains(&session.number));
                return (Some(Limit::MaxIncompleteHost), half_open.into_iter().collect());
            }
            if half_open.len() as u32 >= sessions {
                gone.insert(half_open[0]);
            }
        }
        self.sessions.retain(|session| !gone.contains(&session.number));
        let oldest = self.sessions.iter().find(|session| !session.is_open).map(|session| session.number);
        self.sessions.push(TwinSession { number, client, server, is_open: false });
        self.is_aggressive |=
            self.incomplete() > limits.incomplete.high || self.rate(now) > limits.one_minute.high;
        if self.is_aggressive {
            gone.extend(oldest);
        }
        self.sessions.retain(|session| !gone.contains(&session.number));
        (None, gone)
    }
}

/// Limits so low that something happens.
fn thresholds(random: &mut fastrand::Rng) -> Thresholds {
    let mut some = |most: u32| random.bool().then(|| random.u32(1..=most));
    let mut thresholds = Thresholds {
        sessions: some(12),
        connections: some(8),
        embryonic: some(6),
        per_client: some(6),
        per_client_embryonic: some(4),
        ..Thresholds::default()
    };
    if random.bool() {
        let high = random.u32(1..8);
        thresholds.incomplete = high_low(high, random.u32(1..=high));
    }
    if random.bool() {
        let high = random.u32(1..30);
        thresholds.one_minute = high_low(high, random.u32(1..=high));
    }
    if random.bool() {
        thresholds.host = Some(HostLimit { sessions: random.u32(1..5), block_minutes: random.u32(0..2) });
    }
    thresholds
}

#[test]
fn whatever_comes_it_counts_as_its_slow_twin_does() {
    for seed in 0..400 {
        let mut random = fastrand::Rng::with_seed(seed);
        let first = thresholds(&mut random);
        let mut world = World::of(first);
        let mut twin = Twin { thresholds: first, ..Twin::default() };
        let mut tickets: Vec<(usize, Ticket)> = Vec::new();
        let mut now = 0;
        for step in 0..300 {
            let at = || format!("seed {seed}, step {step}");
            match random.u32(0..10) {
                0..5 => {
                    let (from, to) = (random.u8(1..4), random.u8(1..4));
                    let (before, number) = (world.evicted.len(), world.asked + 1);
                    let answer = world.accept(from, to);
                    let gone: BTreeSet<usize> = world.evicted[before..].iter().copied().collect();
                    let wanted = twin.accept(now, number, client(from).ip(), server(to).ip());
                    assert_eq!((answer.as_ref().err().copied(), gone), wanted, "{}", at());
                    tickets.extend(answer.ok().map(|ticket| (number, ticket)));
                }
                5 | 6 if !tickets.is_empty() => {
                    let one = random.usize(..tickets.len());
                    let (number, ticket) = &mut tickets[one];
                    let to = server(random.u8(1..4));
                    let session = twin.sessions.iter_mut().find(|session| session.number == *number);
                    assert_eq!(world.admission.opened(ticket, to), session.is_some(), "{}", at());
                    if let Some(session) = session.filter(|session| !session.is_open) {
                        (session.is_open, session.server) = (true, to.ip());
                    }
                }
                7 | 8 if !tickets.is_empty() => {
                    let (number, ticket) = tickets.swap_remove(random.usize(..tickets.len()));
                    world.admission.ended(ticket);
                    twin.sessions.retain(|session| session.number != number);
                }
                9 => {
                    let seconds = random.u64(0..30);
                    now += seconds;
                    world.wait(seconds);
                    twin.unblock(now);
                    twin.calm(now);
                }
                _ if random.u32(0..20) == 0 => {
                    twin.thresholds = thresholds(&mut random);
                    world.admission.limit(DOMAIN, twin.thresholds);
                }
                _ => {}
            }
            let view = world.view();
            let blocked: BTreeSet<IpAddr> = view.blocked.iter().map(|blocked| blocked.host).collect();
            assert_eq!(
                (view.sessions, view.incomplete, view.rate, blocked),
                (
                    twin.count(|_| true),
                    twin.incomplete(),
                    twin.rate(now),
                    twin.blocked.iter().map(|(host, _)| *host).collect()
                ),
                "{}",
                at()
            );
        }
        // Nothing is left of anything.
        for (_, ticket) in tickets {
            world.admission.ended(ticket);
        }
        let view = world.view();
        assert_eq!((view.sessions, view.incomplete), (0, 0), "seed {seed}");
    }
}
