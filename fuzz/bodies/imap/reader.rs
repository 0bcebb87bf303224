//! A server of IMAP behind the session, which follows the dialogue by the standards and by what the most lenient
//! server would make of a line.

use std::collections::VecDeque;

use proto::sasl;

use crate::mailbox::{Forbidden, has_secret};
use crate::talk::{Server, pick};

#[derive(Debug)]
pub(crate) struct ImapServer {
    forbidden: Forbidden,
    /// Octets that make no whole line yet.
    unread: Vec<u8>,
    /// So many of them have no end of a line in them.
    searched: usize,
    /// What it has said of a line of its own.
    saying: Vec<u8>,
    reads: Reads,
    greeted: bool,
    asked: VecDeque<(String, Asked)>,
    /// It reads literals of this length at once.
    literals: usize,
    /// The client has begun to log in.
    attempted: bool,
    /// The client has said LOGOUT.
    left: bool,
}

/// What comes next of the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reads {
    Commands,
    /// A literal that it has to ask for first.
    Announced(usize),
    Literal(usize),
    /// The rest of a command behind a literal.
    Rest,
    /// The answer to a challenge.
    Answer,
    Tls,
    /// Nothing at all.
    Nothing,
    /// The client is logged in or encrypted, or its own dialogue makes no sense any more: it can say nothing of what
    /// it gets.
    Lost,
}

/// What it owes the end of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Command,
    Login,
    Authenticate,
    StartTls,
    Compress,
    Logout,
}

/// What a client may say before it is logged in.
const VALID: [&str; 8] =
    ["AUTHENTICATE", "CAPABILITY", "ENABLE", "ID", "LOGIN", "LOGOUT", "NOOP", "STARTTLS"];

/// By what a client that has left comes back.
const RETURN: [&str; 4] = ["AUTHENTICATE", "CAPABILITY", "LOGIN", "STARTTLS"];

/// The longest literal that LITERAL- lets follow at once.
const SHORT: usize = 4096;

/// The longest that may come before the login.
const LITERAL_MAX: usize = 65_536;

impl ImapServer {
    pub(crate) fn new(forbidden: Forbidden) -> Self {
        Self {
            forbidden,
            unread: Vec::new(),
            searched: 0,
            saying: Vec::new(),
            reads: Reads::Nothing,
            greeted: false,
            asked: VecDeque::new(),
            literals: 0,
            attempted: false,
            left: false,
        }
    }

    fn read(&mut self) {
        loop {
            if let Reads::Literal(left) = self.reads {
                let len = left.min(self.unread.len());
                self.unread.drain(..len);
                self.searched = 0;
                self.reads = if left == len { Reads::Rest } else { Reads::Literal(left - len) };
            }
            let Some(lf) = self.line_end() else { return };
            if matches!(self.reads, Reads::Literal(_)) {
                return;
            }
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
        match self.reads {
            Reads::Announced(_) | Reads::Nothing => panic!("{} came unasked", line.escape_ascii()),
            Reads::Tls | Reads::Literal(_) | Reads::Lost => {}
            Reads::Answer => self.reads = Reads::Commands,
            Reads::Rest => self.announced(line),
            Reads::Commands => {
                self.command(line);
                self.announced(line);
            }
        }
    }

    /// What the end of a line announces.
    fn announced(&mut self, line: &[u8]) {
        let line = String::from_utf8_lossy(line);
        let inner = line.strip_suffix('}').and_then(|front| front.rsplit_once('{')).map(|(_, inner)| inner);
        let (digits, at_once) = match inner.and_then(|inner| inner.strip_suffix('+')) {
            Some(digits) => (Some(digits), true),
            None => (inner, false),
        };
        let digits =
            digits.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()) && !digits.is_empty());
        self.reads = match digits {
            None => Reads::Commands,
            Some(digits) => {
                let len = digits.parse().unwrap_or(usize::MAX);
                assert!(len <= LITERAL_MAX, "{line} announces too much");
                assert!(!at_once || len <= self.literals, "{line} is no literal to this server");
                if at_once { Reads::Literal(len) } else { Reads::Announced(len) }
            }
        };
    }

    fn command(&mut self, line: &[u8]) {
        let said = line.escape_ascii();
        let mut words = words(line);
        let tag = words.next().unwrap_or_default();
        let verb = words.next().unwrap_or_else(|| tag.clone());
        let (verb, mechanism) = (verb.to_ascii_uppercase(), words.next().unwrap_or_default());
        let shows_mechanism =
            verb == "AUTHENTICATE" && sasl::is_clear_text(mechanism.trim_matches('"').as_bytes());
        let clear_text = verb == "LOGIN" || shows_mechanism;
        assert!(!(clear_text && self.forbidden.clear_text), "{said} shows a password");
        assert!(!matches!(&*tag, "+" | "*"), "{said} has a hostile tag");
        let plain = line.get(tag.len()..).is_some_and(|rest| {
            rest.first() == Some(&b' ')
                && rest.get(1..=verb.len()).is_some_and(|of| of.eq_ignore_ascii_case(verb.as_bytes()))
                && matches!(rest.get(verb.len() + 1..), Some([] | [b' ', ..]))
        });
        let valid = plain && VALID.contains(&&*verb);
        assert!(valid || !self.forbidden.invalid_commands, "{said} is invalid");
        assert!(!std::mem::take(&mut self.left) || RETURN.contains(&&*verb), "{said} came after LOGOUT");
        self.attempted |= matches!(&*verb, "LOGIN" | "AUTHENTICATE");
        self.left = verb == "LOGOUT";
        let asked = match &*verb {
            "LOGIN" => Asked::Login,
            "AUTHENTICATE" => Asked::Authenticate,
            "STARTTLS" => Asked::StartTls,
            "COMPRESS" => Asked::Compress,
            "LOGOUT" => Asked::Logout,
            _ => Asked::Command,
        };
        self.asked.push_back((tag, asked));
    }

    fn said(&mut self, line: &[u8]) {
        if line.ends_with(b"}") {
            // Whether a literal follows its client has to find out.
            self.reads = Reads::Lost;
        }
        let mut words = words(line);
        let (tag, status) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let status = status.to_ascii_uppercase();
        if line.starts_with(b" ") || self.reads == Reads::Lost {
            return;
        }
        self.offers(line);
        match (&*tag, &*status) {
            ("*", "PREAUTH") => self.reads = Reads::Lost,
            ("*", "OK") if !self.greeted => (self.greeted, self.reads) = (true, Reads::Commands),
            ("*", _) => {}
            ("+", _) => match self.reads {
                Reads::Announced(len) => self.reads = Reads::Literal(len),
                Reads::Commands
                    if self.asked.front().is_some_and(|(_, asked)| *asked == Asked::Authenticate) =>
                {
                    self.reads = Reads::Answer;
                }
                _ => {}
            },
            (tag, "OK" | "NO" | "BAD") => self.ended(tag, status == "OK"),
            _ => {}
        }
    }

    /// Capabilities of a list of its own, or of a code in brackets.
    fn offers(&mut self, line: &[u8]) {
        let text = String::from_utf8_lossy(line).to_ascii_uppercase();
        let list = match text.strip_prefix("* CAPABILITY") {
            Some(list) => Some(list),
            None => {
                text.split_once("[CAPABILITY").map(|(_, list)| list.split(']').next().unwrap_or_default())
            }
        };
        let Some(list) = list else { return };
        let has = |name| list.split(' ').any(|word| word == name);
        self.literals = match (has("LITERAL+"), has("LITERAL-") || has("IMAP4REV2")) {
            (true, _) => LITERAL_MAX,
            (false, true) => SHORT,
            (false, false) => 0,
        };
    }

    fn ended(&mut self, tag: &str, ok: bool) {
        let Some(at) = self.asked.iter().position(|(of, _)| of == tag) else { return };
        let Some((_, asked)) = self.asked.remove(at) else { return };
        if matches!(self.reads, Reads::Announced(_)) && self.asked.is_empty() {
            self.reads = Reads::Commands;
        }
        match asked {
            Asked::Login | Asked::Authenticate | Asked::Compress if ok => self.reads = Reads::Lost,
            Asked::StartTls if ok => self.reads = Reads::Tls,
            Asked::Authenticate if self.reads == Reads::Answer => self.reads = Reads::Commands,
            // The rest of a literal, or what follows it, nobody reads any more.
            _ if matches!(self.reads, Reads::Literal(_) | Reads::Rest) && self.asked.is_empty() => {
                self.reads = Reads::Lost;
            }
            _ => {}
        }
    }
}

impl Server for ImapServer {
    fn owes(&self) -> bool {
        self.reads != Reads::Lost && (!self.asked.is_empty() || !self.greeted)
    }

    fn answer(&mut self, choice: u8) -> Vec<u8> {
        if self.reads == Reads::Lost {
            return Vec::new();
        }
        let Some((tag, asked)) = self.asked.front() else {
            let of: &[&str] = &[
                "* OK [CAPABILITY IMAP4rev1 LITERAL+ SASL-IR] ready\r\n",
                "* OK ready\r\n",
                "* OK [CAPABILITY IMAP4rev1 LITERAL-] ready\r\n",
                "* PREAUTH in\r\n",
                "* BYE busy\r\n",
            ];
            return if self.greeted { Vec::new() } else { pick(of, choice) };
        };
        let announced = self.asked.len() == 1 && matches!(self.reads, Reads::Announced(_));
        if self.asked.len() == 1 && matches!(self.reads, Reads::Literal(_) | Reads::Rest) {
            return Vec::new();
        }
        let of: &[&str] = match asked {
            _ if announced => &["+ go ahead\r\n", "+\r\n", "TAG BAD no literals\r\n"],
            Asked::Command => &[
                "TAG OK done\r\n",
                "TAG NO no\r\n",
                "* CAPABILITY IMAP4rev1 LITERAL+\r\nTAG OK done\r\n",
                "* BAD [ALERT] what\r\nTAG BAD what\r\n",
            ],
            Asked::Login => &["TAG NO [AUTHENTICATIONFAILED] no\r\n", "TAG OK in\r\n"],
            Asked::Authenticate if self.reads == Reads::Answer => return Vec::new(),
            Asked::Authenticate => &["+ \r\n", "TAG NO no\r\n", "+ dj1l\r\n", "TAG OK in\r\n"],
            Asked::StartTls => &["TAG BAD no\r\n", "TAG OK go\r\n"],
            Asked::Compress => &["TAG BAD no\r\n"],
            Asked::Logout => &["* BYE bye\r\nTAG OK done\r\n"],
        };
        String::from_utf8_lossy(&pick(of, choice)).replace("TAG", tag).into_bytes()
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
        let waits = matches!(self.asked.back(), Some((_, asked)) if *asked != Asked::Command);
        assert!(
            !waits || self.reads != Reads::Commands,
            "{said} came although nothing may come before the reply"
        );
        let waits = matches!(self.reads, Reads::Announced(_) | Reads::Nothing);
        assert!(!waits, "{said} came although it was not asked for");
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

/// The words of a line.
fn words(line: &[u8]) -> impl Iterator<Item = String> {
    let words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    words.map(|word| String::from_utf8_lossy(word).into_owned())
}
