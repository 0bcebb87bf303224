//! How fast a message body passes through a session: cargo run --release -p engine --example body_speed
//!
//! Ratios to a plain copy of the same bytes, in one run; by the CPU time of the thread, so that other work on the machine weighs little.

#![allow(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    clippy::panic,
    reason = "a benchmark reads the clock, stops at the first surprise, and rounds its figures"
)]

use std::fmt::Write;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use engine::{Effect, Session, SessionConfig};
use policy::CompiledPolicy;
use policy::profile::Profile;
use proto::{Side, Time};
use rustix::time::{ClockId, clock_gettime};

const CHUNK: usize = 32 << 10;
const BODY: usize = 32 << 20;

fn main() {
    let bodies = [("English text", text()), ("base64", base64()), ("dot-stuffed lines", dots())];
    let flawed = [
        ("lines with a bare LF", replaced(&text(), "\r\n", "\n")),
        ("empty lines with a bare LF", b"\n".repeat(BODY)),
        ("lines of one byte with a bare LF", b"a\n".repeat(BODY / 2)),
        ("a bare CR in each word", replaced(&text(), "e", "\r")),
        ("NUL", vec![0; BODY]),
        ("dots behind bare LF", b"\n.\n.a".repeat(BODY / 5)),
    ];
    let rules = [
        ("no rules", String::new()),
        ("counts and lengths", counts()),
        ("header, type and encoding", content()),
        ("100 body patterns", patterns()),
    ];
    println!("| body | rules | GB/s | of a copy |\n|---|---|---:|---:|");
    let bodies =
        bodies.iter().map(|body| (body, &rules[..])).chain(flawed.iter().map(|body| (body, &rules[..1])));
    for ((body_name, body), rules) in bodies {
        let copy = best(|| copy(body));
        for (rules_name, configuration) in rules {
            let config = config(configuration);
            let speed = best(|| pass(&config, body));
            println!("| {body_name} | {rules_name} | {speed:.2} | {:.2} |", speed / copy);
        }
    }
}

/// GB/s, the best of five.
fn best(mut run: impl FnMut() -> Duration) -> f64 {
    let fastest = (0..5).map(|_| run()).min().unwrap();
    BODY as f64 / fastest.as_secs_f64() / 1e9
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap(), time.tv_nsec.try_into().unwrap())
}

fn copy(body: &[u8]) -> Duration {
    let mut sink = vec![0; CHUNK];
    let start = cpu_time();
    for chunk in body.chunks(CHUNK) {
        sink.get_mut(..chunk.len()).unwrap().copy_from_slice(chunk);
        black_box(&sink);
    }
    cpu_time() - start
}

fn config(configuration: &str) -> Arc<SessionConfig> {
    let policy = (!configuration.is_empty()).then(|| {
        let loaded = policy::load("bench.conf", configuration.as_bytes());
        let model = loaded.configuration.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics));
        Arc::new(CompiledPolicy::compile(&model, "p1", &Profile::C3PL).unwrap())
    });
    let profile = policy.as_deref().map_or(Profile::NONE, CompiledPolicy::profile);
    Arc::new(SessionConfig { policy, profile, ..SessionConfig::default() })
}

fn pass(config: &Arc<SessionConfig>, body: &[u8]) -> Duration {
    let now = Time(0);
    let mut session = Session::new(Arc::clone(config), now);
    let mut sent = 0;
    let mut out = |effect: Effect<'_>| {
        if let Effect::Send { to: Side::Server, bytes, .. } = effect {
            sent += black_box(bytes).len();
        }
    };
    let dialogue: [(Side, &[u8]); 9] = [
        (Side::Server, b"220 mx\r\n"),
        (Side::Client, b"EHLO a\r\n"),
        (Side::Server, b"250-mx\r\n250 PIPELINING\r\n"),
        (Side::Client, b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"),
        (Side::Server, b"250 ok\r\n250 ok\r\n354 go\r\n"),
        (Side::Client, b"From: a@b\r\nSubject: speed\r\nMIME-Version: 1.0\r\n"),
        (Side::Client, b"Content-Type: multipart/mixed; boundary=\"=_b\"\r\n\r\n--=_b\r\n"),
        (Side::Client, b"Content-Type: text/plain\r\n\r\n"),
        (Side::Client, b"first line\r\n"),
    ];
    for (side, bytes) in dialogue {
        let mut rest = bytes;
        while !rest.is_empty() {
            let took = session.offer(now, side, rest, &mut out);
            if took.bytes == 0 {
                break;
            }
            rest = rest.get(took.bytes..).unwrap();
        }
    }
    let start = cpu_time();
    let mut held: Vec<u8> = Vec::new();
    for chunk in body.chunks(CHUNK) {
        if held.is_empty() {
            let took = session.offer(now, Side::Client, chunk, &mut out);
            held.extend_from_slice(chunk.get(took.bytes..).unwrap());
        } else {
            held.extend_from_slice(chunk);
            let took = session.offer(now, Side::Client, &held, &mut out);
            held.drain(..took.bytes);
        }
    }
    let elapsed = cpu_time() - start;
    // The last bytes may wait for what follows them.
    assert!(sent >= body.len() - 2, "{sent} of {} passed", body.len());
    elapsed
}

fn words() -> Vec<String> {
    let mut random = fastrand::Rng::with_seed(5);
    let letters: Vec<char> = "etaoinshrdlucmfwypvbgkqjxz".chars().collect();
    let word = |random: &mut fastrand::Rng| {
        (0..random.usize(2..10)).map(|_| *random.choice(&letters).unwrap()).collect()
    };
    (0..3000).map(|_| word(&mut random)).collect()
}

fn text() -> Vec<u8> {
    let words = words();
    lines(|random, line| {
        while line.len() < 68 {
            line.push_str(random.choice(&words).unwrap());
            line.push(' ');
        }
    })
}

fn base64() -> Vec<u8> {
    let alphabet: Vec<char> = ('A'..='Z').chain('a'..='z').chain('0'..='9').chain(['+', '/']).collect();
    lines(|random, line| line.extend((0..76).map(|_| *random.choice(&alphabet).unwrap())))
}

fn dots() -> Vec<u8> {
    lines(|_, line| line.push_str("..a line that begins with a dot"))
}

fn replaced(text: &[u8], from: &str, to: &str) -> Vec<u8> {
    str::from_utf8(text).unwrap().replace(from, to).into_bytes()
}

fn lines(mut fill: impl FnMut(&mut fastrand::Rng, &mut String)) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(6);
    let mut pool = Vec::new();
    for _ in 0..4096 {
        let mut line = String::new();
        fill(&mut random, &mut line);
        line.push_str("\r\n");
        pool.push(line);
    }
    let mut body = Vec::with_capacity(BODY + 100);
    while body.len() < BODY {
        body.extend_from_slice(random.choice(&pool).unwrap().as_bytes());
    }
    body
}

fn counts() -> String {
    "class-map type inspect smtp match-any c1\n match header length gt 60000\n match recipient count gt 1000\n \
     match cmd line length gt 1000\n match data-length gt 4000000000\n\
     policy-map type inspect smtp p1\n class type inspect smtp c1\n  reset\n"
        .to_owned()
}

fn content() -> String {
    "parameter-map type regex m1\n pattern \"Subject:.*lottery\"\nparameter-map type regex m2\n pattern \"video/\"\n\
     class-map type inspect smtp match-any c1\n match header regex m1\n match mime content-type regex m2\n \
     match mime encoding x-uuencode\npolicy-map type inspect smtp p1\n class type inspect smtp c1\n  reset\n"
        .to_owned()
}

/// Half literals, half expressions; none of them holds.
fn patterns() -> String {
    let words = words();
    let mut text = String::from("parameter-map type regex m1\n");
    for (number, pair) in words.chunks(2).take(50).enumerate() {
        let [first, second] = pair else { break };
        writeln!(text, " pattern \"{first}{number}{second}\"").unwrap();
    }
    text.push_str("parameter-map type regex m2\n");
    for (number, pair) in words.chunks(2).skip(100).take(50).enumerate() {
        let [first, second] = pair else { break };
        match number % 4 {
            0 => writeln!(text, " pattern \"[vV]{first}[0-9]+{second}\"").unwrap(),
            1 => writeln!(text, " pattern \"{first}{number}.*{second}\"").unwrap(),
            2 => writeln!(text, " pattern \"({first}|{second}) {number}[a-z]*x\"").unwrap(),
            _ => writeln!(text, " pattern \"^{first}:.*{second}{number}\"").unwrap(),
        }
    }
    text.push_str(
        "class-map type inspect smtp match-any c1\n match body regex m1\n match body regex m2\n\
         policy-map type inspect smtp p1\n class type inspect smtp c1\n  reset\n",
    );
    text
}
