//! What must hold of every dialogue of POP3 and IMAP, looked for in dialogues nobody thought of.
//!
//! Peers say sensible and mad words under random small policies, demands and bounds. Every test is seeded and prints the
//! seed of a dialogue that fails.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test reports by panicking; clippy exempts only functions marked as tests"
)]

#[allow(dead_code, reason = "scripts are not read here, and records are looked at in part")]
mod dialogue;
#[allow(dead_code, reason = "words of SMTP are not said here")]
mod grammar;

use std::sync::Arc;

use dialogue::driver::Driver;
use dialogue::play;
use dialogue::record::{Ending, Record};
use dialogue::world::World;
use engine::{End, SessionConfig};
use fastrand::Rng;
use grammar::{Step, act, said, told};
use proto::Side;

const C: Side = Side::Client;
const S: Side = Side::Server;

const PROTOCOLS: [&str; 2] = ["pop3", "imap"];

/// Policies in the short form of the dialogue scripts; the first is none.
const POLICIES: [&str; 5] = [
    "",
    "match invalid-command → log",
    "match invalid-command → reset log",
    "match login clear-text → reset",
    "match login clear-text → allow · match invalid-command → reset",
];

/// A random session configuration: a policy or demands, a level, and now and then small bounds.
fn config(protocol: &str, random: &mut Rng) -> Arc<SessionConfig> {
    let mut world = World::default();
    world.set("inspect", protocol);
    let policy = POLICIES[random.usize(..POLICIES.len())];
    if !policy.is_empty() {
        world.policy(policy).unwrap();
    } else if random.bool() {
        for demand in ["valid", "secure", "reset"].into_iter().filter(|_| random.bool()) {
            world.set("login", demand);
        }
    }
    world.set("conformance", random.choice(["compat", "standard", "strict"]).unwrap());
    if random.bool() {
        world.set("imap-preauth", "pass");
    }
    for bound in ["command-line 40", "auth-line 60", "reply-line 60", "outstanding 3"] {
        if random.u8(..15) == 0 {
            world.set("bound", bound);
        }
    }
    world.config().unwrap()
}

const POP3: (&[&str], &[&str]) = (
    &[
        "CAPA\r\n",
        "USER alice\r\n",
        "USER alice\r\n",
        "PASS x\r\n",
        "PASS x\r\n",
        "APOP alice x\r\n",
        "AUTH\r\n",
        "AUTH PLAIN\r\n",
        "AUTH PLAIN AGEAYg==\r\n",
        "AUTH  CRAM-MD5\r\n",
        "AUTH NTLM\r\n",
        "AGEAYg==\r\n",
        "*\r\n",
        "\r\n",
        "STLS\r\n",
        "\x16\x03\x01",
        "QUIT\r\n",
        "RSET\r\n",
        "LANG\r\n",
        "STAT\r\n",
        " USER a\r\n",
        "NOOP\n",
        "NO\rOP\r\n",
        "XYZZY 0123456789012345678901234567890123456789\r\n",
        "RETR 1\r\n",
    ],
    &[
        "+OK\r\n",
        "+OK\r\n",
        "+OK\r\n",
        "+OK ready\r\n",
        "-ERR no\r\n",
        "-ERR\r\n",
        "+ \r\n",
        "+ abc\r\n",
        "+OK\r\nUSER\r\n.\r\n",
        ".\r\n",
        "line\r\n",
        "+OK in\n",
        "+OK 0123456789012345678901234567890123456789012345678901234567890\r\n",
        "\x16\x03\x03",
        "+O",
    ],
);

const IMAP: (&[&str], &[&str]) = (
    &[
        "a CAPABILITY\r\n",
        "a NOOP\r\n",
        "b NOOP\r\n",
        "a LOGIN alice x\r\n",
        "a LOGIN alice x\r\n",
        "a LOGIN {3}\r\n",
        "a LOGIN {3+}\r\nabc {2+}\r\nxy\r\n",
        "abc x\r\n",
        "abc {99999}\r\n",
        "a AUTHENTICATE PLAIN\r\n",
        "a AUTHENTICATE CRAM-MD5 \r\n",
        "AGEAYg==\r\n",
        "*\r\n",
        "\r\n",
        "a STARTTLS\r\n",
        "\x16\x03\x01",
        "a LOGOUT\r\n",
        "a ID NIL\r\n",
        "a UNAUTHENTICATE\r\n",
        "a COMPRESS DEFLATE\r\n",
        "a APPEND x {4}\r\n",
        "a SELECT INBOX\r\n",
        " a LOGIN alice x\r\n",
        "+ NOOP\r\n",
        "a NOOP\n",
        "a NO\rOP\r\n",
        "a XYZZY 0123456789012345678901234567890123456789\r\n",
    ],
    &[
        "* OK ready\r\n",
        "* OK [CAPABILITY LITERAL+] ready\r\n",
        "* PREAUTH in\r\n",
        "* BYE\r\n",
        "a OK done\r\n",
        "a OK done\r\n",
        "a OK done\r\n",
        "a NO no\r\n",
        "b OK done\r\n",
        "a BAD what\r\n",
        "+ \r\n",
        "+ go\r\n",
        "* CAPABILITY LITERAL-\r\n",
        "* 1 EXISTS\r\n",
        "a OK in\n",
        "* OK 0123456789012345678901234567890123456789012345678901234567890\r\n",
        "* ID {3}\r\nabc\r\n",
        "\x16\x03\x03",
        "a O",
    ],
);

fn words(protocol: &str) -> (&'static [&'static str], &'static [&'static str]) {
    if protocol == "pop3" { POP3 } else { IMAP }
}

/// What happens in a dialogue: mostly the client says a few words, then the server does.
fn steps(protocol: &str, random: &mut Rng) -> Vec<Step> {
    let (client, server) = words(protocol);
    let some = |from: &[&str], most: usize, random: &mut Rng| {
        let mut said: Vec<u8> =
            (0..random.usize(1..=most)).flat_map(|_| from[random.usize(..from.len())].bytes()).collect();
        if random.u8(..12) == 0 {
            said.truncate(random.usize(1..=said.len()));
        }
        said
    };
    let mut steps = Vec::new();
    if random.u8(..10) > 0 {
        steps.push(Step::Say(S, server[0].as_bytes().to_vec()));
    }
    for _ in 0..random.usize(3..30) {
        steps.push(match random.u8(..60) {
            0 => Step::End(C, if random.bool() { End::Fin } else { End::Reset }),
            1 => Step::End(S, if random.bool() { End::Fin } else { End::Reset }),
            2 => Step::Wait([5, 31, 700, 4000][random.usize(..4)]),
            3..33 => Step::Say(C, some(client, 4, random)),
            _ => Step::Say(S, some(server, 2, random)),
        });
    }
    steps
}

/// A random dialogue: where it was held, what was done, and what came of it. The lines of the server arrive one by one,
/// because what the client was waiting to say comes between them.
fn converse(protocol: &str, seed: u64) -> (Arc<SessionConfig>, Vec<Step>, Record, Rng) {
    let mut random = Rng::with_seed(seed);
    let config = config(protocol, &mut random);
    let lines = |step| match step {
        Step::Say(S, said) => said
            .split_inclusive(|octet| *octet == b'\n')
            .map(|line| Step::Say(S, line.to_vec()))
            .collect::<Vec<_>>(),
        other => vec![other],
    };
    let steps: Vec<Step> = steps(protocol, &mut random).into_iter().flat_map(lines).collect();
    let mut driver = Driver::connected(&config);
    steps.iter().for_each(|step| act(&mut driver, step, usize::MAX, &mut random));
    (config, steps, driver.record, random)
}

#[test]
fn any_cut_gives_the_same_dialogue_and_nothing_is_sent_behind_an_end() {
    for (protocol, seed) in PROTOCOLS.iter().flat_map(|protocol| (0..1500).map(move |seed| (protocol, seed)))
    {
        let (config, steps, whole, mut random) = converse(protocol, seed);
        let story = format!("{protocol}, seed {seed}, {:?}\n{}", config.conformance, told(&steps));
        assert_eq!(whole.offences, Vec::<String>::new(), "{story}");
        for longest in [1, 3, 20] {
            let mut driver = Driver::connected(&config);
            steps.iter().for_each(|step| act(&mut driver, step, longest, &mut random));
            assert_eq!(driver.record.offences, Vec::<String>::new(), "{story}");
            if let Some(difference) = play::difference(&whole, &driver.record) {
                panic!("cut {longest}: {difference}\n{story}");
            }
        }
    }
}

#[test]
fn what_passes_was_said_once_and_in_this_order() {
    for (protocol, seed) in PROTOCOLS.iter().flat_map(|protocol| (0..1500).map(move |seed| (protocol, seed)))
    {
        let (_, steps, record, _) = converse(protocol, seed);
        for side in [C, S] {
            let mut said = said(&steps, side.other()).into_iter();
            let lost = record.stream(side).passed.iter().find(|octet| !said.any(|other| other == **octet));
            assert_eq!(lost, None, "{protocol}, seed {seed}: {side:?}\n{}", told(&steps));
        }
    }
}

#[test]
fn when_both_peers_have_ended_so_has_the_session() {
    for (protocol, seed) in PROTOCOLS.iter().flat_map(|protocol| (0..500).map(move |seed| (protocol, seed))) {
        let (config, steps, _, mut random) = converse(protocol, seed);
        let mut driver = Driver::connected(&config);
        steps.iter().for_each(|step| act(&mut driver, step, usize::MAX, &mut random));
        for side in if random.bool() { [C, S] } else { [S, C] } {
            driver.end(side, if random.bool() { End::Fin } else { End::Reset });
        }
        driver.wait(100_000);
        assert!(driver.is_shut(), "{protocol}, seed {seed}\n{}", told(&steps));
        assert_eq!(driver.record.offences, Vec::<String>::new(), "{protocol}, seed {seed}");
    }
}

/// A client that keeps the rules, and a server that answers each command by what it heard.
#[test]
fn every_command_gets_exactly_one_reply_in_order() {
    for (protocol, seed) in PROTOCOLS.iter().flat_map(|protocol| (0..600).map(move |seed| (protocol, seed))) {
        let mut random = Rng::with_seed(seed);
        let config = config(protocol, &mut random);
        let mut driver = Driver::connected(&config);
        let greeting: &[u8] = if *protocol == "pop3" { b"+OK ready\r\n" } else { b"* OK ready\r\n" };
        driver.say(S, greeting);
        let mut asked = Vec::new();
        let mut answered = 0;
        for number in 0..random.usize(3..30) {
            let command = command(protocol, number, &mut random);
            driver.say(C, format!("{command}\r\n").as_bytes());
            asked.push(command);
            if random.bool() {
                answered = answer(protocol, &mut driver, answered, &mut random);
            }
        }
        answer(protocol, &mut driver, answered, &mut random);
        driver.wait(100);
        check_replies(protocol, &asked, &driver.record, &format!("{protocol}, seed {seed}"));
    }
}

/// A command with its number in it, legal before the login or not.
fn command(protocol: &str, number: usize, random: &mut Rng) -> String {
    let pop3 = ["NOOP", "USER u", "PASS p", "RSET", "UTF8", "APOP a", "STAT", "XYZZY"];
    let imap = ["NOOP", "LOGIN u", "ID", "CAPABILITY", "STARTTLS", "AUTHENTICATE X", "SELECT", "XYZZY"];
    // Most of them are what changes nothing.
    let at = if random.bool() { 0 } else { random.usize(..8) };
    match protocol {
        "pop3" => format!("{} {number}", pop3[at]),
        _ => format!("t{number} {} {number}", imap[at]),
    }
}

/// The server answers every line that it has heard from `from` on, most times no. How much it has heard.
fn answer(protocol: &str, driver: &mut Driver, from: usize, random: &mut Rng) -> usize {
    let mut at = from;
    loop {
        let heard = &driver.record.stream(S).octets;
        let Some(end) = heard[at..].windows(2).position(|pair| pair == b"\r\n") else { return at };
        let line = String::from_utf8_lossy(&heard[at..at + end]).into_owned();
        at += end + 2;
        // Whoever is logged in, or encrypted, is not looked at any more.
        let good = random.u8(..4) == 0
            && !["PASS", "APOP", "LOGIN", "AUTH", "STARTTLS"].iter().any(|verb| line.contains(verb));
        let (tag, word) = match (protocol, good) {
            ("pop3", true) => ("", "+OK"),
            ("pop3", false) => ("", "-ERR"),
            (_, true) => (line.split(' ').next().unwrap_or_default(), "OK"),
            (_, false) => (line.split(' ').next().unwrap_or_default(), "NO"),
        };
        let blank = if tag.is_empty() { "" } else { " " };
        driver.say(S, format!("{tag}{blank}{word} re {line}\r\n").as_bytes());
    }
}

fn check_replies(protocol: &str, asked: &[String], record: &Record, seed: &str) {
    let client = record.stream(C);
    let text = String::from_utf8(client.octets.clone()).unwrap();
    let replies: Vec<&str> = text.lines().skip(1).collect();
    let story = format!("{seed}\n{asked:#?}\n{replies:#?}");
    match client.ending {
        None => assert_eq!(replies.len(), asked.len(), "{story}"),
        // Nothing is said behind a refusal, and with RST not even that.
        Some(_) => assert!(replies.len() <= asked.len(), "{story}"),
    }
    for (reply, asked) in replies.iter().zip(asked) {
        match reply.split_once(" re ") {
            Some((_, heard)) => assert_eq!(heard, asked, "{story}"),
            None if protocol == "imap" => {
                let tag = asked.split(' ').next().unwrap();
                assert!(reply.starts_with(&format!("{tag} BAD ")) || reply.starts_with("* BYE "), "{story}");
            }
            None => assert!(reply.starts_with("-ERR "), "{story}"),
        }
    }
}

#[test]
fn whatever_the_octets_nothing_panics() {
    for (protocol, seed) in PROTOCOLS.iter().flat_map(|protocol| (0..400).map(move |seed| (protocol, seed))) {
        let mut random = Rng::with_seed(seed);
        let mut driver = Driver::connected(&config(protocol, &mut random));
        for _ in 0..20 {
            let octets: Vec<u8> = match random.bool() {
                true => (0..random.usize(..200)).map(|_| random.u8(..)).collect(),
                false => {
                    (0..random.usize(..60)).map(|_| b"\r\n {}+*.-01a\"\0\xff\t"[random.usize(..16)]).collect()
                }
            };
            driver.say(if random.bool() { C } else { S }, &octets);
        }
        assert_eq!(driver.record.offences, Vec::<String>::new(), "{protocol}, seed {seed}");
    }
}

/// Megabytes that never come to an end, in every state: what is held stays within its bound, or the session ends.
#[test]
fn what_is_held_stays_bounded() {
    const HOSTILE: [&[u8]; 10] =
        [b"a", b"\r", b"\0", b" ", b"\xff", b"(", b"NOOP\r\n", b"a NOOP\r\n", b"* x\r\n", b"{1}\r\n"];
    let states: [&[(Side, &str)]; 8] = [
        &[],
        &[(S, "+OK\r\n* OK [CAPABILITY LITERAL+]\r\n")],
        &[(S, "+OK\r\n"), (C, "AUTH PLAIN\r\n"), (S, "+ \r\n")],
        &[(S, "+OK\r\n"), (C, "USER a\r\nPASS b\r\n"), (S, "+OK\r\n"), (S, "+OK\r\n")],
        &[(S, "* OK\r\n"), (C, "a AUTHENTICATE PLAIN\r\n"), (S, "+ \r\n")],
        &[(S, "* OK\r\n"), (C, "a LOGIN {5}\r\n")],
        &[(S, "* OK\r\n"), (C, "a LOGIN b c\r\n"), (S, "a OK\r\n")],
        &[(S, "* OK\r\n"), (C, "a LOGIN b c\r\n"), (S, "a OK\r\n"), (C, "b APPEND x {5}\r\n")],
    ];
    for protocol in PROTOCOLS {
        for (state, hostile) in
            states.iter().flat_map(|state| HOSTILE.iter().map(move |hostile| (state, hostile)))
        {
            for side in [C, S] {
                let mut world = World::default();
                world.set("inspect", protocol);
                let mut driver = Driver::connected(&world.config().unwrap());
                state.iter().for_each(|(side, said)| driver.say(*side, said.as_bytes()));
                grammar::flood(&mut driver, side, hostile, &format!("{protocol} {state:?}"));
            }
        }
    }
}

#[test]
fn a_server_that_answers_nothing_gets_a_thousand_commands_and_no_more() {
    for (protocol, greeting, command) in [("pop3", "+OK\r\n", "NOOP\r\n"), ("imap", "* OK\r\n", "a NOOP\r\n")]
    {
        let mut world = World::default();
        world.set("inspect", protocol);
        let mut driver = Driver::connected(&world.config().unwrap());
        driver.say(S, greeting.as_bytes());
        for _ in 0..200 {
            driver.say(C, command.repeat(1000).as_bytes());
        }
        assert_eq!(driver.record.stream(S).octets.len(), command.len() * 1000, "{protocol}");
        assert!(driver.held_most() <= 80 << 10, "{protocol}: {}", driver.held_most());
    }
}

/// A session that is logged in keeps nothing of what goes through it.
#[test]
fn megabytes_behind_the_login_are_not_kept() {
    let states: [(&str, &[(Side, &str)]); 2] = [
        ("pop3", &[(S, "+OK\r\n"), (C, "USER a\r\nPASS b\r\n"), (S, "+OK\r\n"), (S, "+OK\r\n")]),
        ("imap", &[(S, "* OK\r\n"), (C, "a LOGIN b c\r\n"), (S, "a OK\r\n")]),
    ];
    for (protocol, state) in states {
        let mut world = World::default();
        world.set("inspect", protocol);
        let mut driver = Driver::connected(&world.config().unwrap());
        state.iter().for_each(|(side, said)| driver.say(*side, said.as_bytes()));
        let segment = [b'x'; 16_384];
        for _ in 0..640 {
            driver.say(C, &segment);
            driver.say(S, &segment);
            driver.record.forget();
        }
        assert_eq!(driver.record.stream(S).ending, None::<Ending>, "{protocol}");
        assert!(driver.held_most() <= segment.len(), "{protocol}: {}", driver.held_most());
    }
}
