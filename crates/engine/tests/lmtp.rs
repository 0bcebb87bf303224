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
    /// One chunk, in the segment of the commands before it.
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

/// Says something in random segments.
fn say(driver: &mut Driver, side: Side, mut octets: &[u8], random: &mut Rng) {
    while !octets.is_empty() {
        let (segment, rest) = octets.split_at(random.usize(1..=octets.len()));
        driver.say(side, segment);
        octets = rest;
    }
}

/// The server answers RCPT commands; which of them it accepts.
fn recipients(driver: &mut Driver, count: usize, pipelined: bool, random: &mut Rng) -> usize {
    let mut accepted = 0;
    for number in 0..count {
        if !pipelined {
            say(driver, Side::Client, format!("RCPT TO:<{number}@y.example>\r\n").as_bytes(), random);
        }
        let code = *random.choice(&[250, 250, 251, 450, 503]).unwrap();
        accepted += usize::from(code < 300);
        say(driver, Side::Server, format!("{code} recipient\r\n").as_bytes(), random);
    }
    accepted
}

#[test]
fn a_message_has_one_reply_for_each_accepted_recipient() {
    let mut outcomes = std::collections::BTreeMap::<_, usize>::new();
    for seed in 0..4000 {
        let mut random = Rng::with_seed(seed);
        let random = &mut random;
        let with_policy = random.bool();
        // Policies of IOS mask BDAT.
        let via = match with_policy {
            true => Via::Data,
            false => *random.choice(&[Via::Data, Via::Chunks, Via::PipelinedChunk]).unwrap(),
        };
        let text: &[u8] = random.choice(&[&b"text\r\n"[..], b"evil\r\n", b"a\nb\r\n"]).unwrap();
        let mut driver = greeted(with_policy);
        let count = random.usize(0..6);
        let begins = b"MAIL FROM:<a@x.example>\r\n";
        let accepted = if via == Via::PipelinedChunk {
            let named: String =
                (0..count).map(|number| format!("RCPT TO:<{number}@y.example>\r\n")).collect();
            let chunk = format!("BDAT {} LAST\r\n", text.len());
            let group = [begins, named.as_bytes(), chunk.as_bytes(), text].concat();
            say(&mut driver, Side::Client, &group, random);
            say(&mut driver, Side::Server, b"250 ok\r\n", random);
            recipients(&mut driver, count, true, random)
        } else {
            say(&mut driver, Side::Client, begins, random);
            say(&mut driver, Side::Server, b"250 ok\r\n", random);
            recipients(&mut driver, count, false, random)
        };
        let mut since = read(&driver);
        match via {
            // Where no recipient was accepted a server refuses DATA.
            Via::Data if accepted == 0 => continue,
            Via::Data => {
                say(&mut driver, Side::Client, b"DATA\r\n", random);
                say(&mut driver, Side::Server, b"354 go on\r\n", random);
                since = read(&driver);
                say(&mut driver, Side::Client, &[b"\r\n", text, b".\r\n"].concat(), random);
            }
            Via::Chunks => {
                say(&mut driver, Side::Client, b"BDAT 2\r\n\r\n", random);
                say(&mut driver, Side::Server, b"250 ok\r\n", random);
                since = read(&driver);
                let last = [format!("BDAT {} LAST\r\n", text.len()).as_bytes(), text].concat();
                say(&mut driver, Side::Client, &last, random);
            }
            Via::PipelinedChunk => {}
        }
        // A refusal behind replies that were owed leaves with the last of them.
        let refused = driver.record.stream(Side::Server).ending.is_some();
        let expected = accepted.max(1);
        if !refused {
            let answered = random.usize(..=expected);
            for _ in 0..answered {
                let reply: &[u8] =
                    random.choice(&[&b"250 ok\r\n"[..], b"452 full\r\n", b"550-a\r\n550 b\r\n"]).unwrap();
                say(&mut driver, Side::Server, reply, random);
            }
            match random.u8(..5) {
                _ if answered == expected => {}
                0 => driver.end(Side::Server, End::Fin),
                1 => driver.end(Side::Server, End::Reset),
                2 => driver.wait(601),
                3 => say(&mut driver, Side::Server, b"no reply\r\n", random),
                _ => {
                    say(&mut driver, Side::Server, b"421 going down\r\n", random);
                    driver.end(Side::Server, End::Fin);
                }
            }
        }
        let told = match (via, refused) {
            // Its refusal came behind the replies to the recipients, with the last of which it was read.
            (Via::PipelinedChunk, true) => codes(&driver, 0).split_off(3 + count),
            _ => codes(&driver, since),
        };
        assert_eq!(told.len(), expected, "seed {seed}, {via:?}, {accepted} of {count} accepted: {told:?}");
        let transaction = driver.record.reports.iter().find(|report| report.kind == "transaction").unwrap();
        let value = |name| &transaction.values.iter().find(|(key, _)| *key == name).unwrap().1;
        // Reported when it was refused, before it was known who has that reply.
        if !(refused && via == Via::PipelinedChunk) {
            assert_eq!(value("replies"), &told.join(","), "seed {seed}");
            assert_eq!(value("reply"), told.iter().max().unwrap(), "seed {seed}");
        }
        *outcomes.entry((refused, told.contains(&"421".to_owned()))).or_default() += 1;
    }
    let refused = outcomes.iter().filter(|((refused, _), _)| *refused).map(|(_, times)| times).sum::<usize>();
    assert!(outcomes.len() == 3 && refused > 500, "not all was seen: {outcomes:?}");
}
