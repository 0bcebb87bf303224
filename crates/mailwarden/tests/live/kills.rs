//! Killing client, server or the firewall at any step of a dialogue: nothing is acknowledged to a sender that the
//! server did not acknowledge, and nothing is delivered that was refused.

use std::env;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::daemon::{Daemon, RULED};
use crate::server::Server;
use crate::wire::Wire;

const RUNS: u64 = 1000;
/// So many of a thousand runs kill the firewall, which is then started anew.
const DAEMON_KILLS: u64 = 60;
const BATCHES: u64 = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Party {
    Nobody,
    Client,
    Server,
    Daemon,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Clean,
    RefusedSender,
    RefusedHeader,
    RefusedBody,
}

/// What will happen in one run.
#[derive(Clone, Debug)]
struct Plan {
    seed: u64,
    messages: Vec<(Kind, String)>,
    /// Envelope in one write.
    pipelines: bool,
    dies: Party,
    /// Before which of its actions: for the client a write, for the server a write or a line it read.
    at: u32,
    /// By RST.
    abruptly: bool,
}

impl Plan {
    fn new(seed: u64, dies: Option<Party>) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let messages = (0..random.u32(1..=3)).map(|number| {
            let kind = match random.u8(..8) {
                0 => Kind::RefusedSender,
                1 => Kind::RefusedHeader,
                2 => Kind::RefusedBody,
                _ => Kind::Clean,
            };
            (kind, text(kind, &format!("{seed}.{number}"), &mut random))
        });
        let messages = messages.collect();
        let one_of = [Party::Client, Party::Client, Party::Server, Party::Server, Party::Nobody];
        Self {
            seed,
            messages,
            pipelines: random.bool(),
            dies: dies.unwrap_or_else(|| one_of[random.usize(..one_of.len())]),
            at: random.u32(..24),
            abruptly: random.bool(),
        }
    }
}

fn text(kind: Kind, id: &str, random: &mut fastrand::Rng) -> String {
    let header = if kind == Kind::RefusedHeader { "X-Word: refused-word\r\n" } else { "" };
    let lines = |random: &mut fastrand::Rng| "some more text\r\n".repeat(random.usize(..100));
    let (before, after) = (lines(random), lines(random));
    let body = if kind == Kind::RefusedBody { "a refused-word here\r\n" } else { "" };
    format!("Message-Id: <{id}>\r\nSubject: run\r\n{header}\r\n{before}{body}{after}")
}

/// What either end knows when it is over.
#[derive(Debug, Default)]
struct Ledger {
    /// Numbers of the messages whose end the client wrote.
    finished: Vec<usize>,
    /// Numbers of the messages that the client was told are taken.
    acknowledged: Vec<usize>,
}

#[derive(Debug, Default)]
struct Desk {
    plan: Option<Plan>,
    /// Whole messages, as the server took them, before it said so.
    taken: Vec<String>,
    /// The server's part of the run is over.
    over: bool,
}

type Shared = Arc<(Mutex<Desk>, Condvar)>;

#[test]
fn nothing_is_acknowledged_that_was_not_taken_and_nothing_taken_that_was_refused() {
    let runs = env::var("MAILWARDEN_KILL_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(RUNS);
    let of_daemons = runs * DAEMON_KILLS / RUNS;
    let others = runs - of_daemons;
    thread::scope(|scope| {
        for batch in 0..BATCHES {
            scope.spawn(move || {
                let bench = Bench::start();
                let daemon = Daemon::start(RULED, &[bench.server.address()]);
                for seed in (0..others).filter(|seed| seed % BATCHES == batch) {
                    bench.run(&daemon, &Plan::new(seed, None));
                }
                for seed in (others..runs).filter(|seed| seed % BATCHES == batch) {
                    let daemon = Daemon::start(RULED, &[bench.server.address()]);
                    bench.run(&daemon, &Plan::new(seed, Some(Party::Daemon)));
                }
            });
        }
    });
}

/// One server, for one run at a time.
struct Bench {
    server: Server,
    shared: Shared,
}

impl Bench {
    fn start() -> Self {
        let shared = Shared::default();
        let server = Server::start({
            let shared = Arc::clone(&shared);
            move |wire, _| {
                let plan = shared.0.lock().expect("a desk").plan.clone();
                if let Some(plan) = plan {
                    Host { wire: Some(wire), left: plan.at, plan, shared: &shared }.serve();
                }
                shared.0.lock().expect("a desk").over = true;
                shared.1.notify_all();
            }
        });
        Self { server, shared }
    }

    fn run(&self, daemon: &Daemon, plan: &Plan) {
        *self.shared.0.lock().expect("a desk") = Desk { plan: Some(plan.clone()), ..Desk::default() };
        let ledger = talk(daemon, plan);
        let taken = self.taken(plan);
        check(plan, &ledger, &taken);
    }

    /// What the server took, once its connection is over.
    fn taken(&self, plan: &Plan) -> Vec<String> {
        let deadline = Instant::now() + Duration::from_secs(10);
        let mut desk = self.shared.0.lock().expect("a desk");
        while !desk.over {
            assert!(Instant::now() < deadline, "the server's connection does not end: {plan:?}");
            desk = self.shared.1.wait_timeout(desk, Duration::from_millis(100)).expect("a desk").0;
        }
        std::mem::take(&mut desk.taken)
    }
}

fn check(plan: &Plan, ledger: &Ledger, taken: &[String]) {
    let id = |number: usize| format!("Message-Id: <{}.{number}>\r\n", plan.seed);
    let (seed, story) = (plan.seed, format!("{:?} at {}, {ledger:?}", plan.dies, plan.at));
    // What the server took are clean messages the client finished, whole and in order.
    let finished: Vec<&String> = ledger.finished.iter().map(|&number| &plan.messages[number].1).collect();
    assert!(taken.len() <= finished.len(), "seed {seed}: {story}, taken {}", taken.len());
    for (number, (taken, finished)) in taken.iter().zip(finished).enumerate() {
        assert_eq!(taken, finished, "seed {seed}: message {number}: {story}");
    }
    for message in taken {
        assert!(!message.contains("refused-word"), "seed {seed}: {story}");
    }
    // What the client was told is taken, is taken.
    for (place, &number) in ledger.acknowledged.iter().enumerate() {
        let taken = taken.get(place).is_some_and(|taken| taken.starts_with(&id(number)));
        assert!(taken, "seed {seed}: message {number} is lost: {story}");
    }
    if plan.dies == Party::Nobody {
        let clean = plan.messages.iter().take_while(|(kind, _)| *kind == Kind::Clean).count();
        assert_eq!((taken.len(), ledger.acknowledged.len()), (clean, clean), "seed {seed}: {story}");
    }
}

/// The client, until somebody dies or all is said.
struct Client<'r> {
    /// Gone once killed.
    wire: Option<Wire>,
    plan: &'r Plan,
    daemon: &'r Daemon,
    left: u32,
    sender: fastrand::Rng,
}

fn talk(daemon: &Daemon, plan: &Plan) -> Ledger {
    let mut ledger = Ledger::default();
    let sender = fastrand::Rng::with_seed(plan.seed);
    let mut client = Client { wire: Some(daemon.connect()), plan, daemon, left: plan.at, sender };
    let _ = client.talk(&mut ledger);
    if plan.dies == Party::Daemon {
        daemon.signal(Signal::KILL);
    }
    ledger
}

impl Client<'_> {
    fn talk(&mut self, ledger: &mut Ledger) -> Option<()> {
        self.reply("220")?;
        self.say("EHLO client.test\r\n")?;
        self.reply("250")?;
        for (number, (kind, text)) in self.plan.messages.iter().enumerate() {
            self.envelope(*kind)?;
            for piece in self.pieces(text) {
                self.say(piece)?;
            }
            ledger.finished.push(number);
            self.say(".\r\n").or_else(|| {
                ledger.finished.pop();
                None
            })?;
            self.reply("250")?;
            ledger.acknowledged.push(number);
        }
        self.say("QUIT\r\n")?;
        self.reply("221")
    }

    fn envelope(&mut self, kind: Kind) -> Option<()> {
        let word = if kind == Kind::RefusedSender { "refused-word" } else { "sender" };
        let lines =
            [&*format!("MAIL FROM:<{word}@example.test>\r\n"), "RCPT TO:<r@example.test>\r\n", "DATA\r\n"];
        if self.plan.pipelines {
            self.say(&lines.concat())?;
        }
        for (line, code) in lines.iter().zip(["250", "250", "354"]) {
            if !self.plan.pipelines {
                self.say(line)?;
            }
            self.reply(code)?;
        }
        Some(())
    }

    /// Cut anywhere.
    fn pieces<'t>(&mut self, text: &'t str) -> Vec<&'t str> {
        let (first, rest) = text.split_at(self.sender.usize(..=text.len()));
        let (second, third) = rest.split_at(self.sender.usize(..=rest.len()));
        vec![first, second, third]
    }

    /// Nothing once somebody is dead.
    fn say(&mut self, text: &str) -> Option<()> {
        if self.left == 0 {
            match self.plan.dies {
                Party::Client => {
                    let wire = self.wire.take()?;
                    if self.plan.abruptly {
                        wire.reset();
                    }
                    return None;
                }
                Party::Daemon => self.daemon.signal(Signal::KILL),
                Party::Nobody | Party::Server => {}
            }
        }
        self.left = self.left.wrapping_sub(1);
        self.wire.as_mut()?.send(text).then_some(())
    }

    fn reply(&mut self, code: &str) -> Option<()> {
        self.wire.as_mut()?.reply().starts_with(code).then_some(())
    }
}

/// The server, until somebody dies or all is said.
struct Host<'r> {
    /// Gone once killed.
    wire: Option<Wire>,
    plan: Plan,
    left: u32,
    shared: &'r Shared,
}

impl Host<'_> {
    fn serve(&mut self) -> Option<()> {
        self.say("220 server.test ESMTP\r\n")?;
        loop {
            let line = self.line()?;
            match line.split(' ').next()? {
                "EHLO" => self.say("250-server.test\r\n250 PIPELINING\r\n")?,
                "DATA" => self.data()?,
                "QUIT" => return self.say("221 2.0.0 bye\r\n"),
                _ => self.say("250 2.0.0 ok\r\n")?,
            }
        }
    }

    fn data(&mut self) -> Option<()> {
        self.say("354 go on\r\n")?;
        let mut message = String::new();
        loop {
            let line = self.wire.as_mut()?.line()?;
            if line == "." {
                break;
            }
            message.push_str(&line);
            message.push_str("\r\n");
        }
        self.step()?;
        self.shared.0.lock().expect("a desk").taken.push(message);
        self.say("250 2.0.0 stored\r\n")
    }

    fn line(&mut self) -> Option<String> {
        let line = self.wire.as_mut()?.line()?;
        self.step()?;
        Some(line)
    }

    fn say(&mut self, text: &str) -> Option<()> {
        self.step()?;
        self.wire.as_mut()?.send(text).then_some(())
    }

    /// Nothing once dead.
    fn step(&mut self) -> Option<()> {
        if self.left == 0 && self.plan.dies == Party::Server {
            let wire = self.wire.take()?;
            if self.plan.abruptly {
                wire.reset();
            }
            return None;
        }
        self.left = self.left.wrapping_sub(1);
        Some(())
    }
}
