//! Lines, replies, commands and paths: a reader says what is there, within it, and does not change
//! its mind when more arrives.

use proto::Progress;
use proto::line::{self, Line, LineEnd};
use proto::smtp::address::Path;
use proto::smtp::command::Command;
use proto::smtp::extension::{Extensions, keyword_of};
use proto::smtp::reply::{self, BlockBounds, ReplyLine};
use proto::smtp::verb::Verb;

use crate::input::Input;

/// Every prefix of the content is looked at, so it is short.
const CONTENT_MAX: usize = 600;

pub(crate) fn run(input: &[u8]) {
    let mut input = Input::new(input);
    let max = 1 + usize::from(input.octet());
    let lines = 1 + usize::from(input.octet() % 8);
    let octets = 1 + 2 * usize::from(input.octet());
    let content = input.take(CONTENT_MAX);
    check_lines(content, max);
    check_blocks(content, BlockBounds { lines, octets, line: max, lenient: lines % 2 == 0 });
    for text in content.split(|&octet| octet == b'\n') {
        check_reply(text);
        check_command(text);
    }
}

fn check_lines(content: &[u8], max: usize) {
    let found = line::decode(content, max);
    for len in 0..=content.len() {
        check_line(&content[..len], max, found);
    }
}

/// What is found in a prefix, beside what is found in the whole.
fn check_line(prefix: &[u8], max: usize, in_the_whole: Progress<Line<'_>>) {
    match line::decode(prefix, max) {
        Progress::NeedMore => {
            assert!(prefix.len() < max && !prefix.contains(&b'\n'));
        }
        Progress::Oversize { len, ends } => {
            assert!(len >= max && len <= prefix.len());
            assert_eq!(ends, prefix[..len].ends_with(b"\n"));
            assert!(matches!(in_the_whole, Progress::Oversize { len: longer, .. } if longer >= len));
        }
        Progress::Unit { unit, len } => {
            assert_eq!(in_the_whole, Progress::Unit { unit, len });
            assert!(len <= max && unit.wire_len() == len);
            let end: &[u8] = if unit.end == LineEnd::Crlf { b"\r\n" } else { b"\n" };
            assert_eq!([unit.text, end].concat(), prefix[..len]);
            assert_eq!(unit.flaws.eight_bit, !unit.text.is_ascii());
            let control = |octet: &u8| octet.is_ascii_control() && *octet != b'\t';
            assert_eq!(unit.flaws.control, unit.text.iter().any(control));
        }
    }
}

fn check_blocks(content: &[u8], bounds: BlockBounds) {
    let found = reply::block(content, bounds);
    for len in 0..=content.len() {
        let prefix = &content[..len];
        match reply::block(prefix, bounds) {
            Progress::NeedMore => assert!(len < bounds.octets),
            Progress::Oversize { len, ends } => {
                assert!(len == prefix.len() && !ends);
                assert!(matches!(found, Progress::Oversize { .. }), "{bounds:?} {}", content.escape_ascii());
            }
            Progress::Unit { unit, len } => {
                assert_eq!(found, Progress::Unit { unit, len }, "{bounds:?} {}", content.escape_ascii());
                assert!(unit == &prefix[..len] && len <= bounds.octets);
                let lines: Vec<&[u8]> = unit.split_inclusive(|&octet| octet == b'\n').collect();
                assert!(lines.len() <= bounds.lines && unit.ends_with(b"\n"));
                let goes_on = |line: &&[u8]| {
                    let Progress::Unit { unit, .. } = line::decode(line, bounds.line) else { return false };
                    let first = std::ptr::eq(unit.text.as_ptr(), prefix.as_ptr());
                    let malformed = || ReplyLine::read_malformed(unit.text, first).filter(|_| bounds.lenient);
                    let reply = ReplyLine::read(unit.text).or_else(malformed);
                    reply.map_or(bounds.lenient, |reply| !reply.last)
                };
                assert_eq!(lines.iter().filter(|line| goes_on(line)).count(), lines.len() - 1);
            }
        }
    }
}

fn check_reply(text: &[u8]) {
    let Some(reply) = ReplyLine::read(text) else { return };
    assert!((200..600).contains(&reply.code));
    assert!(text.starts_with(reply.code.to_string().as_bytes()) && text.ends_with(reply.text));
    let keyword = keyword_of(reply.text);
    let mut set = Extensions::default();
    set.insert(keyword);
    set.unlock_verb(Verb::Bdat);
    assert!(reply.text.starts_with(keyword));
}

fn check_command(text: &[u8]) {
    let command = Command::read(text);
    assert!(text.starts_with(command.token));
    assert!(!command.token.contains(&b' ') && !command.token.contains(&b'\t'));
    assert_eq!(command.argument, text[command.token.len()..].trim_ascii());
    if let Some(chunk) = command.chunk() {
        let mut words = command.argument.split(|&octet| octet == b' ').filter(|word| !word.is_empty());
        let digits = std::str::from_utf8(words.next().unwrap()).unwrap();
        assert_eq!(digits.parse::<u64>(), Ok(chunk.size));
        assert_eq!(words.count(), usize::from(chunk.last));
    }
    check_path(Path::read(command.argument, "FROM:"), command.argument);
    check_path(Path::read(command.argument, "TO:"), command.argument);
}

fn check_path(path: Path<'_>, argument: &[u8]) {
    path.is_hostile();
    let mut readings = 0;
    path.each_reading(&mut |reading| {
        assert!(reading.len() <= argument.len() + 1);
        readings += 1;
    });
    assert!(readings <= 2 * 16 + 2);
    if !path.readable {
        assert_eq!((path.text, path.parameters), (argument, argument));
        return;
    }
    assert!(argument.ends_with(path.parameters));
    // Without brackets a path may end in an octet that is trimmed like a blank: a CR, which is hostile.
    let front = argument[..argument.len() - path.parameters.len()].trim_ascii_end();
    let bracketed = [b"<", path.text, b">"].concat();
    let bare = front.ends_with(path.text.trim_ascii_end()) && !path.text.contains(&b'<');
    assert!(front.ends_with(&bracketed) || bare);
    for (keyword, value) in path.parameters() {
        assert!(!keyword.contains(&b'=') && !keyword.contains(&b' ') && !value.contains(&b' '));
    }
}

#[cfg(test)]
pub(crate) fn generate(random: &mut fastrand::Rng) -> Vec<u8> {
    const WORDS: &[&str] = &[
        "MAIL",
        "RCPT",
        "BDAT",
        "DATA",
        "EHLO",
        "AUTH",
        " ",
        " ",
        "\t",
        "FROM:",
        "TO:",
        "<",
        ">",
        "\"",
        "\\",
        "a@b.example",
        "@r:",
        "|",
        "${",
        "SIZE=10",
        "BODY=8BITMIME",
        "1000",
        "0",
        "999999999999999999",
        "LAST",
        "250",
        "250-",
        "220 ",
        "421",
        "354",
        "PIPELINING",
        "AUTH=LOGIN",
        "\r\n",
        "\r\n",
        "\n",
        "\r",
        "\0",
        "é",
    ];
    let mut input = vec![random.u8(..), random.u8(..), random.u8(..)];
    for _ in 0..random.usize(1..40) {
        input.extend_from_slice(random.choice(WORDS).unwrap_or(&"").as_bytes());
    }
    input
}
