//! What must hold of every dialogue, looked for in dialogues nobody thought of.
//!
//! Peers are played from a grammar of legal and illegal commands, bodies, and replies sensible and mad, under random
//! small policies and at every level of conformance. Every test is seeded and prints the seed of a dialogue that fails.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test reports by panicking; clippy exempts only functions marked as tests"
)]

#[allow(dead_code, reason = "scripts are not read here, and records are looked at in part")]
mod dialogue;
mod grammar;

use std::sync::Arc;

use dialogue::driver::Driver;
use dialogue::play;
use dialogue::record::{Ending, Record};
use dialogue::world::World;
use engine::{End, SessionConfig};
use fastrand::Rng;
use grammar::{Step, act, client_words, said, server_word, told};
use proto::Side;

/// Policies in the short form of the dialogue scripts; the first is none.
const POLICIES: [&str; 9] = [
    "",
    "match cmd verb ETRN or match cmd verb VRFY → mask log",
    "match sender address regex \"bad\" → reset log · match recipient address regex \"decoy\" → reset",
    "match recipient count gt 2 → reset · match recipient invalid count gt 1 → reset log",
    "match header regex \"^Subject: .*spam\" → reset · match header length gt 60 → reset log",
    "match body regex \"evil|worse\" → reset · match mime content-type regex \"image/\" → log",
    "match mime encoding base64 and match mime content-type regex \"^image\" → reset · match data-length gt 120 → reset",
    "match not sender address regex \"@\" → log · match not header regex \"^Subject\" → reset · match not body regex \"text\" → log",
    "match reply ehlo SIZE or match reply ehlo PIPELINING → mask · match cmd line length gt 50 → log",
];

/// A random session configuration: a policy, a level, and now and then small bounds.
fn config(random: &mut Rng) -> Arc<SessionConfig> {
    let mut world = World::default();
    let policy = POLICIES[random.usize(..POLICIES.len())];
    if !policy.is_empty() {
        world.policy(policy).unwrap();
    }
    world.set("conformance", random.choice(["compat", "standard", "strict"]).unwrap());
    world.set("recipient-limit", random.choice(["device", "refuse"]).unwrap());
    world.set("starttls", random.choice(["pass", "mask"]).unwrap());
    let small =
        ["command-line 64", "auth-line 30", "reply-line 60", "reply-lines 3", "header 100", "outstanding 3"];
    let smaller = ["swallow 100", "skip 200", "surplus 1", "capability-lines 5", "capability-octets 90"];
    for bound in small.into_iter().chain(smaller) {
        if random.u8(..15) == 0 {
            world.set("bound", bound);
        }
    }
    world.config().unwrap()
}

/// Plays a random dialogue and writes down what was said.
fn converse(random: &mut Rng, config: &Arc<SessionConfig>) -> (Vec<Step>, Record) {
    let mut driver = Driver::connected(config);
    let mut server = grammar::Server::default();
    let mut steps = grammar::opening(random);
    steps.iter().for_each(|step| act(&mut driver, step, usize::MAX, random));
    server.greeted = !steps.is_empty();
    server.read = driver.record.stream(Side::Server).octets.len();
    server.in_data = steps.len() > 3;
    for _ in 0..random.usize(5..40) {
        server.hear(&driver.record.stream(Side::Server).octets);
        let step = match random.u8(..100) {
            0 => Step::End(Side::Client, if random.bool() { End::Fin } else { End::Reset }),
            1 => Step::End(Side::Server, if random.bool() { End::Fin } else { End::Reset }),
            2 => Step::Wait([5, 31, 700, 4000][random.usize(..4)]),
            3..60 => match server_word(&mut server, random) {
                Some(word) => Step::Say(Side::Server, word),
                None => Step::Say(Side::Client, client_words(server.in_data, random)),
            },
            _ => Step::Say(Side::Client, client_words(server.in_data, random)),
        };
        act(&mut driver, &step, usize::MAX, random);
        steps.push(step);
    }
    (steps, driver.record)
}

#[test]
fn any_cut_gives_the_same_dialogue_and_nothing_is_sent_behind_an_end() {
    for seed in 0..1500 {
        let mut random = Rng::with_seed(seed);
        let config = config(&mut random);
        let (steps, whole) = converse(&mut random, &config);
        assert_eq!(whole.offences, Vec::<String>::new(), "seed {seed}\n{}", told(&steps));
        for longest in [1, 3, 20, 200] {
            let mut driver = Driver::connected(&config);
            steps.iter().for_each(|step| act(&mut driver, step, longest, &mut random));
            assert_eq!(driver.record.offences, Vec::<String>::new(), "seed {seed}\n{}", told(&steps));
            if let Some(difference) = play::difference(&whole, &driver.record) {
                panic!(
                    "seed {seed}, cut {longest}, {:?}: {difference}\n{}",
                    config.conformance,
                    told(&steps)
                );
            }
        }
    }
}

#[test]
fn what_passes_was_said_once_and_in_this_order() {
    for seed in 0..1500 {
        let mut random = Rng::with_seed(seed);
        let config = config(&mut random);
        let (steps, record) = converse(&mut random, &config);
        for side in [Side::Client, Side::Server] {
            let mut said = said(&steps, side.other()).into_iter();
            let heard = &record.stream(side).passed;
            let lost = heard.iter().position(|octet| !said.any(|other| other == *octet));
            assert_eq!(lost, None, "seed {seed}: {side:?}\n{}", told(&steps));
        }
    }
}

#[test]
fn when_both_peers_have_ended_so_has_the_session() {
    for seed in 0..500 {
        let mut random = Rng::with_seed(seed);
        let config = config(&mut random);
        let (steps, _) = converse(&mut random, &config);
        let mut driver = Driver::connected(&config);
        steps.iter().for_each(|step| act(&mut driver, step, usize::MAX, &mut random));
        let first = if random.bool() { Side::Client } else { Side::Server };
        for side in [first, first.other()] {
            driver.end(side, if random.bool() { End::Fin } else { End::Reset });
        }
        driver.wait(100_000);
        assert!(driver.is_shut(), "seed {seed}\n{}", told(&steps));
        assert_eq!(driver.record.offences, Vec::<String>::new(), "seed {seed}\n{}", told(&steps));
    }
}

/// A client that keeps the rules and a server that answers each command with what it heard.
#[test]
fn every_command_gets_exactly_one_reply_in_order() {
    for seed in 0..600 {
        let mut random = Rng::with_seed(seed);
        let config = config(&mut random);
        let mut driver = Driver::connected(&config);
        let mut server = grammar::EchoServer::default();
        driver.say(Side::Server, b"220 mx ESMTP\r\n");
        let mut asked = vec!["220 mx".to_owned()];
        let mut waiting = 0;
        for number in 0..random.usize(3..40) {
            let (command, alone) = grammar::command(number, &mut random);
            asked.push(command.clone());
            driver.say(Side::Client, command.as_bytes());
            waiting += 1;
            if alone || waiting > random.usize(..6) {
                server.answer(&mut driver, &mut random);
                waiting = 0;
            }
            if alone && driver.record.stream(Side::Client).octets.ends_with(b"354 go on\r\n") {
                asked.push("end of data".to_owned());
                driver.say(Side::Client, &grammar::body(&mut random));
                server.answer(&mut driver, &mut random);
            }
        }
        server.answer(&mut driver, &mut random);
        driver.wait(100);
        check_replies(&asked, &driver.record, &format!("seed {seed} {:?}", config.conformance));
    }
}

fn check_replies(asked: &[String], record: &Record, seed: &str) {
    let client = record.stream(Side::Client);
    let text = String::from_utf8(client.octets.clone()).unwrap();
    let replies: Vec<&str> = text.lines().filter(|line| line.as_bytes().get(3) != Some(&b'-')).collect();
    let story = format!("{seed}\n{asked:#?}\n{replies:#?}");
    match client.ending {
        None => assert_eq!(replies.len(), asked.len(), "{story}"),
        Some(_) => {
            // To a client that does not leave after a refusal something is said that it did not ask for.
            let unasked = usize::from(replies.last().is_some_and(|last| last.starts_with("421 4.7.0")));
            assert!(replies.len() <= asked.len() + unasked, "{story}");
        }
    }
    for (reply, asked) in replies.iter().zip(asked) {
        if let Some((_, heard)) = reply.split_once(" re ") {
            let same = asked.trim_end() == heard || heard.bytes().all(|octet| octet == b'x');
            assert!(same, "`{reply}` for `{}`\n{story}", asked.trim_end());
        }
    }
}

#[test]
fn a_permissive_reader_of_our_data_sees_the_same_messages_as_a_strict_one() {
    const ALPHABET: [&[u8]; 12] = [
        b"\r\n",
        b"\r\n.",
        b"\r\n.\r\n",
        b"\n",
        b"\r",
        b".",
        b"\0",
        b"a",
        b"\n.\n",
        b"\r.\r",
        b"\n.\r\n",
        b"Subject: x",
    ];
    for seed in 0..6000 {
        let mut random = Rng::with_seed(seed);
        let mut world = World::default();
        world.set("conformance", random.choice(["compat", "standard", "strict"]).unwrap());
        if random.bool() {
            world.policy("match header regex \"none of it\" → reset").unwrap();
        }
        let mut driver = Driver::connected(&world.config().unwrap());
        grammar::open(&mut driver);
        let before = driver.record.stream(Side::Server).octets.len();
        let data: Vec<u8> =
            (0..random.usize(1..24)).flat_map(|_| ALPHABET[random.usize(..12)]).copied().collect();
        driver.say(Side::Client, &data);
        let heard = &driver.record.stream(Side::Server).octets[before..];
        let strict = grammar::end_of_data(heard, |line_end| line_end == b"\r\n", false);
        for reader in 0..8 {
            let ends = |line_end: &[u8]| match line_end {
                b"\r\n" => true,
                b"\n" => reader & 1 != 0,
                _ => reader & 2 != 0,
            };
            let permissive = grammar::end_of_data(heard, ends, reader & 4 != 0);
            assert_eq!(permissive, strict, "seed {seed}, reader {reader}: {}", heard.escape_ascii());
        }
    }
}

#[test]
fn whatever_the_octets_nothing_panics() {
    for seed in 0..400 {
        let mut random = Rng::with_seed(seed);
        let mut driver = Driver::connected(&config(&mut random));
        if random.bool() {
            grammar::open(&mut driver);
        }
        for _ in 0..20 {
            let octets: Vec<u8> = match random.bool() {
                true => (0..random.usize(..200)).map(|_| random.u8(..)).collect(),
                false => (0..random.usize(..60))
                    .map(|_| b"\r\n .0125-A<>:=\"\0\xff\t"[random.usize(..18)])
                    .collect(),
            };
            driver.say(if random.bool() { Side::Client } else { Side::Server }, &octets);
        }
        assert_eq!(driver.record.offences, Vec::<String>::new(), "seed {seed}");
    }
}

/// Ten megabytes that never come to an end, in every state: what is held stays within its bound,
/// or the session ends.
#[test]
fn what_is_held_stays_bounded() {
    const HOSTILE: [&[u8]; 12] = [
        b"a",
        b"\r",
        b"\0",
        b" ",
        b".",
        b"\xff",
        b"X: y\r\n ",
        b"Content-Type: multipart/mixed; boundary=\r\n\t",
        b"--b\r\n",
        b"=?utf-8?q?",
        b"NOOP\r\n",
        b"Subject: x\r\n\r\n",
    ];
    let states: [fn(&mut Driver); 5] =
        [|_| {}, grammar::greet, grammar::open, grammar::authenticate, grammar::ask];
    for policy in
        ["", "match header regex \"x\" or match body regex \"evil\" or match mime encoding base64 → log"]
    {
        for (state, hostile) in
            states.iter().flat_map(|state| HOSTILE.iter().map(move |hostile| (state, hostile)))
        {
            for side in [Side::Client, Side::Server] {
                let mut world = World::default();
                if !policy.is_empty() {
                    world.policy(policy).unwrap();
                }
                let mut driver = Driver::connected(&world.config().unwrap());
                state(&mut driver);
                grammar::flood(&mut driver, side, hostile, policy);
            }
        }
    }
}

#[test]
fn a_server_that_answers_nothing_gets_a_thousand_commands_and_no_more() {
    let mut driver = Driver::connected(&World::default().config().unwrap());
    grammar::greet(&mut driver);
    let before = driver.record.stream(Side::Server).octets.len();
    for _ in 0..1000 {
        driver.say(Side::Client, &b"NOOP\r\n".repeat(1700));
    }
    assert_eq!(driver.record.stream(Side::Server).octets.len() - before, 6 * 1000);
    assert!(driver.held_most() <= 80 << 10, "{}", driver.held_most());
}

#[test]
fn ten_megabytes_of_one_header_pass_a_session_that_keeps_none_of_it() {
    let mut world = World::default();
    world.set("bound", "header 100000000");
    world.policy("match header regex \"^X-Never\" → reset").unwrap();
    let mut driver = Driver::connected(&world.config().unwrap());
    grammar::open(&mut driver);
    let segment = b"X-Field: 0123456789012345678901234567890123456789\r\n".repeat(320);
    for _ in 0..640 {
        driver.say(Side::Client, &segment);
        driver.record.forget();
    }
    assert_eq!(driver.record.stream(Side::Server).ending, None::<Ending>);
    assert!(driver.held_most() <= segment.len() + 200, "{}", driver.held_most());
}

/// A folded field in tiny segments is looked at once, not once more with each of them: that took eleven seconds.
#[test]
#[allow(clippy::disallowed_methods, reason = "a bound of time is measured with a clock")]
fn a_long_field_in_small_segments_is_not_looked_at_again_and_again() {
    let mut world = World::default();
    world.policy("match header regex \"^X-Never\" → reset").unwrap();
    let mut driver = Driver::connected(&world.config().unwrap());
    grammar::open(&mut driver);
    let start = std::time::Instant::now();
    driver.say(Side::Client, b"X: y");
    (0..23_000).for_each(|_| driver.say(Side::Client, b"\r\n "));
    assert!(driver.held_most() > 69_000);
    assert!(start.elapsed().as_secs() < 4, "{:?}", start.elapsed());
}
