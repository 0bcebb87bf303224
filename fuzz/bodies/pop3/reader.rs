//! A server of POP3 behind the session, which follows the dialogue by the standards and by what the most lenient
//! server would make of a line.

use std::collections::VecDeque;

use proto::sasl;

use crate::mailbox::{Forbidden, has_secret};
use crate::talk::{Server, pick};

#[derive(Debug)]
pub(crate) struct Pop3Server {
    forbidden: Forbidden,
    /// Octets that make no whole line yet.
    unread: Vec<u8>,
    /// So many of them have no end of a line in them.
    searched: usize,
    /// What it has said of a line of its own.
    saying: Vec<u8>,
    reads: Reads,
    asked: VecDeque<Asked>,
    /// The client has begun to log in.
    attempted: bool,
}

/// What comes next of the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reads {
    Commands,
    /// The answer to a challenge.
    Answer,
    /// The same, behind an `+OK` that may have ended the command; then it is a command.
    EarlyAnswer,
    /// Whatever a client says that is logged in.
    Anything,
    /// A command of a client that had left.
    Return,
    Tls,
    /// Nothing at all.
    Nothing,
    /// Its own dialogue makes no sense any more, or is encrypted: it can say nothing of what it gets.
    Lost,
}

/// What it owes a reply to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Greeting,
    Line,
    Listing,
    /// The rest of a listing.
    Lines,
    Password,
    /// Whether there was a challenge, or none is needed; whether no server takes it for a listing.
    Auth {
        open: bool,
        plain: bool,
    },
    Stls,
    Quit,
}

/// What a client may say before it is logged in.
const VALID: [&str; 11] =
    ["APOP", "AUTH", "CAPA", "LANG", "NOOP", "PASS", "QUIT", "RSET", "STLS", "USER", "UTF8"];

/// What else the protocol has.
const KNOWN: [&str; 9] = ["DELE", "LAST", "LIST", "RETR", "STAT", "TOP", "UIDL", "XCLIENT", "XOIP"];

/// By what a client that has left comes back.
const RETURN: [&str; 6] = ["APOP", "AUTH", "CAPA", "PASS", "STLS", "USER"];

impl Pop3Server {
    pub(crate) fn new(forbidden: Forbidden) -> Self {
        Self {
            forbidden,
            unread: Vec::new(),
            searched: 0,
            saying: Vec::new(),
            reads: Reads::Commands,
            asked: VecDeque::from([Asked::Greeting]),
            attempted: false,
        }
    }

    fn read(&mut self) {
        while let Some(lf) = self.line_end() {
            let line: Vec<u8> = self.unread.drain(..=lf).collect();
            let line = line.strip_suffix(b"\n").unwrap_or(&line);
            self.line(line.strip_suffix(b"\r").unwrap_or(line));
        }
    }

    /// Where the first line ends.
    fn line_end(&mut self) -> Option<usize> {
        let from = std::mem::replace(&mut self.searched, self.unread.len());
        let found = self.unread.iter().skip(from).position(|&octet| octet == b'\n');
        self.searched = if found.is_some() { 0 } else { self.searched };
        found.map(|at| from + at)
    }

    fn line(&mut self, line: &[u8]) {
        let verb = words(line).next().unwrap_or_default();
        match self.reads {
            Reads::Tls | Reads::Nothing | Reads::Lost => {}
            Reads::Answer => self.reads = Reads::Commands,
            Reads::EarlyAnswer if !VALID.iter().chain(&KNOWN).any(|known| *known == verb) => {
                self.reads = Reads::Commands;
            }
            Reads::EarlyAnswer => {
                self.asked.clear();
                self.command(line, &verb);
            }
            Reads::Anything => {
                let quits = line.trim_ascii_end().eq_ignore_ascii_case(b"QUIT");
                self.reads = if quits { Reads::Return } else { Reads::Anything };
            }
            Reads::Return => {
                assert!(RETURN.contains(&&*verb), "{} came after QUIT", line.escape_ascii());
                self.command(line, &verb);
            }
            Reads::Commands => self.command(line, &verb),
        }
    }

    fn command(&mut self, line: &[u8], verb: &str) {
        let said = line.escape_ascii();
        let mechanism = words(line).nth(1).filter(|_| verb == "AUTH");
        let shows_mechanism =
            mechanism.as_ref().is_some_and(|of| sasl::is_clear_text(of.trim_matches('"').as_bytes()));
        let clear_text = matches!(verb, "USER" | "PASS") || shows_mechanism;
        assert!(!(clear_text && self.forbidden.clear_text), "{said} shows a password");
        let plain = line.get(..verb.len()).is_some_and(|of| of.eq_ignore_ascii_case(verb.as_bytes()))
            && matches!(line.get(verb.len()..), Some([] | [b' ', ..]));
        let plain_auth = plain && line.get(5).is_some_and(|first| !first.is_ascii_whitespace());
        let valid = plain && VALID.contains(&verb) && (mechanism.is_none() || plain_auth);
        assert!(valid || !self.forbidden.invalid_commands, "{said} is invalid");
        self.attempted |= clear_text || matches!(verb, "APOP" | "AUTH");
        self.reads = Reads::Commands;
        let argument = words(line).nth(1).is_some();
        self.asked.push_back(match verb {
            "PASS" | "APOP" => Asked::Password,
            "AUTH" if mechanism.is_none() => Asked::Listing,
            "AUTH" => Asked::Auth { open: plain_auth && words(line).nth(2).is_some(), plain: plain_auth },
            "CAPA" => Asked::Listing,
            "LANG" if !argument => Asked::Listing,
            "STLS" => Asked::Stls,
            "QUIT" => Asked::Quit,
            _ => Asked::Line,
        });
    }

    fn said(&mut self, line: &[u8]) {
        let status = line.split(|octet| matches!(octet, b' ' | b'\t')).next().unwrap_or_default();
        let status = String::from_utf8_lossy(status).to_ascii_uppercase();
        if self.asked.front() == Some(&Asked::Lines) {
            if line == b"." {
                self.asked.pop_front();
            }
            return;
        }
        let (Some(front), "+OK" | "-ERR" | "+") = (self.asked.front_mut(), &*status) else { return };
        match (*front, &*status) {
            (Asked::Auth { plain, .. }, "+") => {
                *front = Asked::Auth { open: true, plain };
                self.reads = Reads::Answer;
                return;
            }
            (_, "+") => return,
            (Asked::Auth { open: false, plain: true }, "+OK") => {
                *front = Asked::Auth { open: true, plain: true };
                self.reads = Reads::EarlyAnswer;
                return;
            }
            (Asked::Listing | Asked::Auth { open: false, plain: false }, "+OK") => {
                *front = Asked::Lines;
                return;
            }
            (Asked::Password | Asked::Auth { plain: true, .. }, "+OK") => self.reads = Reads::Anything,
            (Asked::Auth { .. }, _) => self.reads = Reads::Commands,
            (Asked::Stls, "+OK") => self.reads = Reads::Tls,
            (Asked::Greeting, "-ERR") => self.reads = Reads::Nothing,
            (Asked::Quit, _) => self.reads = Reads::Return,
            _ => {}
        }
        self.asked.pop_front();
    }
}

impl Server for Pop3Server {
    fn owes(&self) -> bool {
        self.reads != Reads::Lost && !self.asked.is_empty()
    }

    fn answer(&mut self, choice: u8) -> Vec<u8> {
        let of: &[&str] = match self.asked.front() {
            None => return Vec::new(),
            _ if self.reads == Reads::Lost => return Vec::new(),
            Some(Asked::Greeting) => &["+OK ready <1.2@mx.example>\r\n", "+OK\r\n", "-ERR busy\r\n"],
            Some(Asked::Line | Asked::Quit) => &["+OK\r\n", "-ERR no\r\n", "+OK and more\r\n"],
            Some(Asked::Listing) => &["+OK\r\nUSER\r\nSASL PLAIN\r\n.\r\n", "-ERR\r\n", "+OK list\r\n.\r\n"],
            Some(Asked::Lines) => &["UIDL\r\n.\r\n", ".\r\n"],
            Some(Asked::Password) => &["-ERR no\r\n", "+OK in\r\n"],
            Some(Asked::Auth { open: false, .. }) => {
                &["+ \r\n", "+ dj1l\r\n", "+\r\n", "-ERR no\r\n", "+OK\r\n"]
            }
            Some(Asked::Auth { open: true, .. }) => &["-ERR no\r\n", "+ more\r\n", "+OK in\r\n"],
            Some(Asked::Stls) => &["-ERR no\r\n", "+OK go\r\n"],
        };
        pick(of, choice)
    }

    fn says(&mut self, octets: &[u8]) {
        for &octet in octets {
            self.saying.push(octet);
            if octet == b'\n' {
                let line = std::mem::take(&mut self.saying);
                let line = line.strip_suffix(b"\n").unwrap_or(&line);
                self.said(line.strip_suffix(b"\r").unwrap_or(line));
            }
        }
    }

    fn receives(&mut self, octets: &[u8]) {
        let said = octets.escape_ascii();
        let waits = matches!(
            self.asked.back(),
            Some(Asked::Greeting | Asked::Password | Asked::Auth { .. } | Asked::Stls | Asked::Quit)
        );
        assert!(
            !waits || self.reads != Reads::Commands,
            "{said} came although nothing may come before the reply"
        );
        assert_ne!(self.reads, Reads::Nothing, "{said}");
        self.unread.extend_from_slice(octets);
        if self.reads == Reads::Tls {
            assert!(self.unread.starts_with(b"\x16\x03"), "{said} begins no TLS");
            self.reads = Reads::Lost;
        }
        self.read();
    }

    fn reported(&mut self, value: &[u8]) {
        assert!(!(self.attempted && has_secret(value)), "{} is reported", value.escape_ascii());
    }
}

/// The words of a line, in upper case.
fn words(line: &[u8]) -> impl Iterator<Item = String> {
    let words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    words.map(|word| String::from_utf8_lossy(word).to_ascii_uppercase())
}
