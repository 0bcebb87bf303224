//! In LMTP a message has one reply for each recipient that was accepted (RFC 2033 §4.2), whatever becomes of the
//! message: the server takes it for some and not for others, goes away, or we refuse it.
//!
//! Every dialogue is random, and prints its seed if it fails.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test reports by panicking; clippy exempts only functions marked as tests"
)]

#[allow(dead_code, reason = "scripts are not read here, and records are looked at in part")]
mod dialogue;

use dialogue::driver::Driver;
use dialogue::play::difference;
use dialogue::world::World;
use engine::End;
use fastrand::Rng;
use proto::Side;

/// How the client sends the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Via {
    Data,
    /// Two chunks.
    Chunks,
    /// One chunk, said with the commands before it.
    PipelinedChunk,
}

/// A session whose server takes LHLO. Messages with `evil` in their body are refused by its policy, without one
/// those with a bare LF.
fn greeted(with_policy: bool) -> Driver {
    let mut world = World::default();
    if with_policy {
        world.policy("match body regex \"evil\" → reset").unwrap();
    }
    world.set("conformance", "strict");
    let mut driver = Driver::connected(&world.config().unwrap());
    driver.say(Side::Server, b"220 mx LMTP\r\n");
    driver.say(Side::Client, b"LHLO a\r\n");
    driver.say(Side::Server, b"250-mx\r\n250-CHUNKING\r\n250 PIPELINING\r\n");
    driver
}

/// The codes that the client has read since it had read this much, whole replies only.
fn codes(driver: &Driver, since: usize) -> Vec<String> {
    let read = String::from_utf8_lossy(&driver.record.stream(Side::Client).octets[since..]).into_owned();
    let lines = read.lines().filter(|line| line.as_bytes().get(3) == Some(&b' '));
    lines.map(|line| line[..3].to_owned()).collect()
}

fn read(driver: &Driver) -> usize {
    driver.record.stream(Side::Client).octets.len()
}

/// One random dialogue, and what is to be compared with what its client read.
struct Played {
    driver: Driver,
    via: Via,
    count: usize,
    accepted: usize,
    /// The codes that the client read for the message.
    told: Vec<String>,
    refused: bool,
}

/// The peers of a dialogue; what they say depends on its seed alone, and not on how it is cut.
struct Peers {
    driver: Driver,
    random: Rng,
    cuts: Option<Rng>,
}

impl Peers {
    fn say(&mut self, side: Side, mut octets: &[u8]) {
        while !octets.is_empty() {
            let len = self.cuts.as_mut().map_or(octets.len(), |cuts| cuts.usize(1..=octets.len()));
            let (segment, rest) = octets.split_at(len);
            self.driver.say(side, segment);
            octets = rest;
        }
    }

    fn client(&mut self, said: impl AsRef<[u8]>) {
        self.say(Side::Client, said.as_ref());
    }

    fn server(&mut self, said: impl AsRef<[u8]>) {
        self.say(Side::Server, said.as_ref());
    }

    /// The server answers RCPT commands; how many of them it accepts.
    fn recipients(&mut self, count: usize, pipelined: bool) -> usize {
        let mut accepted = 0;
        for number in 0..count {
            if !pipelined {
                self.client(rcpt(number));
            }
            let code = *self.random.choice(&[250, 250, 251, 450, 503]).unwrap();
            accepted += usize::from(code < 300);
            self.server(format!("{code} recipient\r\n"));
        }
        accepted
    }

    /// The server answers the message for some recipients, and may be lost before it has for all.
    fn replies(&mut self, owed: usize) {
        let answered = self.random.usize(..=owed);
        for _ in 0..answered {
            let replies = ["250 ok\r\n", "452 full\r\n", "550-a\r\n550 b\r\n"];
            let reply = *self.random.choice(&replies).unwrap();
            self.server(reply);
        }
        match self.random.u8(..5) {
            _ if answered == owed => {}
            0 => self.driver.end(Side::Server, End::Fin),
            1 => self.driver.end(Side::Server, End::Reset),
            2 => self.driver.wait(601),
            3 => self.server("no reply\r\n"),
            _ => {
                self.server("421 going down\r\n");
                self.driver.end(Side::Server, End::Fin);
            }
        }
    }
}

fn rcpt(number: usize) -> String {
    format!("RCPT TO:<{number}@y.example>\r\n")
}

/// Plays the dialogue of a seed in whole segments or in random ones; none where DATA would be refused.
fn play(seed: u64, cuts: Option<Rng>) -> Option<Played> {
    let mut random = Rng::with_seed(seed);
    let with_policy = random.bool();
    // Policies of IOS mask BDAT.
    let via = match with_policy {
        true => Via::Data,
        false => *random.choice(&[Via::Data, Via::Chunks, Via::PipelinedChunk]).unwrap(),
    };
    let text = *random.choice(&["text\r\n", "evil\r\n", "a\nb\r\n"]).unwrap();
    let count = random.usize(0..6);
    let mut peers = Peers { driver: greeted(with_policy), random, cuts };
    let chunk = format!("BDAT {} LAST\r\n{text}", text.len());
    let begins = "MAIL FROM:<a@x.example>\r\n";
    let pipelined = via == Via::PipelinedChunk;
    if pipelined {
        peers.client(begins.to_owned() + &(0..count).map(rcpt).collect::<String>() + &chunk);
    } else {
        peers.client(begins);
    }
    peers.server("250 ok\r\n");
    let accepted = peers.recipients(count, pipelined);
    let mut since = read(&peers.driver);
    match via {
        Via::Data if accepted == 0 => return None,
        Via::Data => {
            peers.client("DATA\r\n");
            peers.server("354 go on\r\n");
            since = read(&peers.driver);
            peers.client(format!("\r\n{text}.\r\n"));
        }
        Via::Chunks => {
            peers.client("BDAT 2\r\n\r\n");
            peers.server("250 ok\r\n");
            since = read(&peers.driver);
            peers.client(chunk);
        }
        Via::PipelinedChunk => {}
    }
    let refused = peers.driver.record.stream(Side::Server).ending.is_some();
    if !refused {
        peers.replies(accepted.max(1));
    }
    let told = match (pipelined, refused) {
        // The refusal came behind the replies to greeting, LHLO, MAIL and RCPT, with the last of which it was read.
        (true, true) => codes(&peers.driver, 0).split_off(3 + count),
        _ => codes(&peers.driver, since),
    };
    Some(Played { driver: peers.driver, via, count, accepted, told, refused })
}

#[test]
fn a_message_has_one_reply_for_each_accepted_recipient_however_it_is_cut() {
    let mut outcomes = std::collections::BTreeMap::<_, usize>::new();
    for seed in 0..4000 {
        let Some(Played { driver, via, count, accepted, told, refused }) = play(seed, None) else { continue };
        let expected = accepted.max(1);
        assert_eq!(told.len(), expected, "seed {seed}, {via:?}, {accepted} of {count} accepted: {told:?}");
        let transaction = driver.record.reports.iter().find(|report| report.kind == "transaction").unwrap();
        let value = |name| &transaction.values.iter().find(|(key, _)| *key == name).unwrap().1;
        // Reported when it was refused, before it was known who has that reply.
        if !(refused && via == Via::PipelinedChunk) {
            assert_eq!(value("replies"), &told.join(","), "seed {seed}");
            assert_eq!(value("reply"), told.iter().max().unwrap(), "seed {seed}");
        }
        *outcomes.entry((refused, told.contains(&"421".to_owned()))).or_default() += 1;
        let cut = play(seed, Some(Rng::with_seed(seed))).unwrap();
        assert_eq!(difference(&driver.record, &cut.driver.record), None, "seed {seed}, {via:?}");
    }
    let refused = outcomes.iter().filter(|((refused, _), _)| *refused).map(|(_, times)| times).sum::<usize>();
    assert!(outcomes.len() == 3 && refused > 500, "not all was seen: {outcomes:?}");
}
