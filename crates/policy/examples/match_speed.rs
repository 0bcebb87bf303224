//! How fast the matcher reads body text: `cargo run --release -p policy --example match_speed`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a measurement that fails says so by panicking")]

use std::time::Duration;

use fastrand::Rng;
use policy::compile::matcher::{Matcher, MatcherState};
use policy::pattern::{Pattern, parse};

fn main() {
    let english = lines(64 << 10, &mut english_words(&mut Rng::with_seed(1)));
    let base64 = lines(64 << 10, &mut base64_words(&mut Rng::with_seed(2)));
    let literals: Vec<String> = phrases(50).collect();
    let mixed: Vec<String> = phrases(50).chain(REGEXES.iter().map(|&regex| regex.to_owned())).collect();
    let unfindable = ["[a-f0-9]{32}", "\\x00\\x00\\x00.*MZ"];
    let found_by_prefilter: Vec<String> =
        mixed.iter().filter(|regex| !unfindable.contains(&regex.as_str())).cloned().collect();
    let many: Vec<String> = phrases(400).collect();
    let pairs: Vec<String> = (0..50).map(|index| format!("{}.*{}", word(index), word(index + 50))).collect();
    let sticky: Vec<String> =
        (0..50).map(|index| format!("{}[^>]*{}x", word(index), word(index + 50))).collect();
    let counted: Vec<String> =
        (0..20).map(|index| format!("{}.{{0,40}}{}x", word(index), word(index + 50))).collect();
    let own = backwards(64 << 10);
    let one_line: Vec<u8> = own.iter().copied().filter(|octet| !matches!(octet, b'\r' | b'\n')).collect();

    let seconds: Vec<u8> = (0..8 << 10).flat_map(|index| word(50 + index * 7 % 50).into_bytes()).collect();

    println!(
        "{:<52} {:>8} {:>8} {:>8} {:>8} {:>9}",
        "patterns, text", "GB/s 16K", "1460", "compile", "state", "hits/text"
    );
    measure("50 literals, English", &literals, &english);
    measure("50 literals and 50 regexes, English", &mixed, &english);
    measure("50 literals and 50 regexes, base64", &mixed, &base64);
    measure("400 literals, English", &many, &english);
    measure("all of these a prefilter can find, English", &found_by_prefilter, &english);
    measure("50 `A.*B`, their own words", &pairs, &own);
    measure("50 `A.*B`, one line in which all hold", &pairs, &one_line);
    measure("50 `A.*B`, one endless line of second parts", &pairs, &seconds);
    measure("50 `A.*B`, English", &pairs, &english);
    measure("50 `A[^>]*B`, their own words", &sticky, &own);
    measure("20 `A.{0,40}B`, their own words", &counted, &own);
}

/// Feeds the text again and again for a while, each time as a new message; the best of several rounds counts,
/// for other work on the machine only ever slows one down.
fn measure(name: &str, patterns: &[String], text: &[u8]) {
    let parsed: Vec<Pattern> = patterns.iter().map(|pattern| parse(pattern).unwrap()).collect();
    let started = cpu_time();
    let matcher =
        Matcher::new(&parsed.iter().collect::<Vec<_>>()).unwrap_or_else(|error| panic!("{name}: {error}"));
    let compiled = cpu_time() - started;
    let mut state = MatcherState::default();
    let (mut hits, mut size) = (0, 0);
    let [large, small] = [16 << 10, 1460].map(|chunk| {
        let rounds = (0..ROUNDS).map(|_| {
            let started = cpu_time();
            let mut octets = 0;
            let mut texts = 0;
            while texts % 32 != 0 || cpu_time() - started < Duration::from_millis(80) {
                hits = 0;
                state.reset();
                for run in text.chunks(chunk) {
                    matcher.feed(&mut state, run, &mut |_, _| hits += 1);
                    size = size.max(state.size());
                }
                matcher.finish(&mut state, &mut |_| hits += 1);
                octets += text.len();
                texts += 1;
            }
            octets as f64 / (cpu_time() - started).as_secs_f64() / 1e9
        });
        rounds.fold(0.0, f64::max)
    });
    println!("{name:<52} {large:>8.2} {small:>8.2} {:>6}ms {size:>8} {hits:>9}", compiled.as_millis());
}

/// Time this process was on a processor, so that a busy machine matters less.
fn cpu_time() -> Duration {
    let statistics = std::fs::read_to_string("/proc/self/schedstat").unwrap();
    Duration::from_nanos(statistics.split(' ').next().unwrap().parse().unwrap())
}

/// Words in lines of up to 76 columns, with CRLF.
fn lines(len: usize, words: &mut dyn FnMut() -> String) -> Vec<u8> {
    let (mut text, mut column) = (Vec::new(), 0);
    while text.len() < len {
        let word = words();
        if column + word.len() + 1 > 76 {
            text.extend(b"\r\n");
            column = 0;
        }
        text.extend(word.as_bytes());
        text.push(b' ');
        column += word.len() + 1;
    }
    text.extend(b"\r\n");
    text
}

/// Common words often and rare ones seldom, as in a language.
fn english_words(rng: &mut Rng) -> impl FnMut() -> String {
    let words: Vec<&str> = ENGLISH.split_whitespace().collect();
    let mut rng = rng.fork();
    move || {
        // Zipf's law, near enough: half of all words are from the first twentieth of the list.
        let most = 1 << rng.u32(..=words.len().ilog2());
        let word = words.get(rng.usize(..most)).copied().unwrap_or("the");
        match rng.u8(..24) {
            0 => format!("{word}."),
            1 => format!("{word},"),
            2 => format!("{}{}", word[..1].to_uppercase(), &word[1..]),
            3 => format!("{}", rng.u32(1..2100)),
            _ => word.to_owned(),
        }
    }
}

fn base64_words(rng: &mut Rng) -> impl FnMut() -> String {
    let mut rng = rng.fork();
    move || (0..75).map(|_| char::from(rng.choice(BASE64).copied().unwrap())).collect()
}

/// Lines in which every second part comes before every first part, so that nothing ever holds.
fn backwards(len: usize) -> Vec<u8> {
    let mut rng = Rng::with_seed(3);
    let mut text = Vec::new();
    while text.len() < len {
        let second: Vec<String> = (0..5).map(|_| word(rng.usize(50..100))).collect();
        let first: Vec<String> = (0..5).map(|_| word(rng.usize(..50))).collect();
        text.extend([second, first].concat().join(" ").as_bytes());
        text.extend(b"\r\n");
    }
    text
}

/// A made-up word, different for each number.
fn word(number: usize) -> String {
    let syllables = ["ra", "mo", "ti", "ske", "pla", "don", "fir", "gus", "ven", "lo"];
    let of = |digit: usize| syllables.get(digit % 10).copied().unwrap_or_default();
    format!("{}{}{}", of(number / 10), of(number), of(number * 7 + 3))
}

/// What filters look for: phrases of one to three words.
fn phrases(count: usize) -> impl Iterator<Item = String> {
    let first = "cheap free online urgent exclusive verified guaranteed instant secret limited".split(' ');
    let second = "viagra casino lottery inheritance prescription replica investment miracle mortgage bitcoin"
        .split(' ');
    let third = ["", " offer", " winner", " deal", " today", ".exe", "!!!"];
    let pairs = first.flat_map(move |first| second.clone().map(move |second| format!("{first} {second}")));
    let pairs: Vec<String> = pairs.collect();
    (0..count)
        .map(move |index| format!("{}{}", pairs.get(index % 100).unwrap(), third.get(index / 100).unwrap()))
}

const ROUNDS: usize = 6;

const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

const REGEXES: [&str; 50] = [
    "[vV][iI][aA][gG][rR][aA]",
    "[cC][aA][sS][iI][nN][oO] bonus",
    "https?://[a-z0-9.-]+\\.ru/",
    "http://[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}/",
    "[0-9]{4}-[0-9]{4}-[0-9]{4}-[0-9]{4}",
    "(cheap|discount|free).*(meds|pills|watches)",
    "wire.*transfer.*account",
    "^Dear (Sir|Madam|Friend|Beneficiary)",
    "act now!*$",
    "click (here|below|this link)",
    "<script[^>]*>",
    "<iframe[^>]*src=",
    "<a[^>]+href=\"[^\"]*\\.exe\"",
    "\\.(exe|scr|pif|bat|com)\"",
    "name=.*\\.(vbs|js|jar)",
    "[Pp]assw(or)?d *[:=]",
    "account.*suspend(ed)?",
    "verify your.*account",
    "unsubscribe.*[0-9]{6,}",
    "100% (free|guaranteed)",
    "\\$[0-9]{3,},[0-9]{3}",
    "USD *[0-9]+(,[0-9]{3})+",
    "bit\\.ly/[a-zA-Z0-9]{5,}",
    "begin [0-7]{3} .+\\.zip",
    "eval\\(unescape\\(",
    "document\\.write\\(.*%",
    "TVqQAAMAAAA.*AAAA",
    "UEsDBBQ[A-Za-z0-9+/]{10}",
    "(confidential|secret).*(transaction|transfer)",
    "[Nn]igeria.*(fund|bank)",
    "lottery.*(won|winner)",
    "r[o0]lex",
    "p[.-]h[.-]a[.-]r[.-]m",
    "weight.{1,20}loss",
    "increase.*your.*(size|length)",
    "stock.*symbol: [A-Z]{4}",
    "work (at|from) home",
    "make.*\\$.*(day|week|month)",
    "[^a-z]sex[^a-z]",
    "(hot|nude|naked) (girl|women)s?",
    "credit (card|score).*free",
    "no (credit )?check",
    "order.*viagra|cialis",
    "enlarge(ment)?",
    "\\.onion/",
    "xn--[a-z0-9]+\\.com",
    "data:text/html;base64",
    "javascript:.*\\(",
    "\\x00\\x00\\x00.*MZ",
    "[a-f0-9]{32}",
];

const ENGLISH: &str = "the of and to in that is was for it with as his on be at by had not are but from or have an they \
which one you were all her she there would their we him been has when who will no more if out so up said what its about \
than into them can only other time new some could these two may first then do any like my now over such our man me even \
most made after also did many off before must well back through years much where your way down should because long each \
just state those people too mister how little good world make very year still see own work men day get here old between \
both life being under three never know same last another while us might great go come since against right came take \
used himself few house American use place during high without again home around small however found missus thought went \
say part once general upon school every does got united left number course war until always away something fact water \
less public put thing almost hand enough far took head yet government system set told nothing night end called point \
better eyes find going look asked later knew next program city business group toward young days let room president side \
social present given order several national second possible rather face per among form important often things looked \
early white case large big need four within felt along children saw best church ever least power development seemed \
thing light family interest others want members mind country area door turned though name done line open service \
certain kind problem began different means whole matter information letter account question report company message \
please meeting attached office regards document project week schedule review update contract customer invoice";
