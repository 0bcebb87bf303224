//! A client of POP3 before the session that keeps to the protocol.

use std::collections::VecDeque;

use crate::talk::{Client, Hearing, pick};

#[derive(Debug)]
pub(crate) struct Pop3Client {
    awaited: VecDeque<Awaited>,
    hearing: Hearing,
    /// It was asked for an answer.
    challenged: bool,
    /// It is logged in, encrypted, or has left.
    over: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Awaited {
    Greeting,
    Line,
    Listing,
    Lines,
    Password,
    Auth,
    Stls,
    Quit,
}

/// Commands that are sent in one group, at most.
const GROUP: usize = 3;

impl Pop3Client {
    pub(crate) fn new() -> Self {
        Self {
            awaited: VecDeque::from([Awaited::Greeting]),
            hearing: Hearing::default(),
            challenged: false,
            over: false,
        }
    }

    fn hears_line(&mut self, line: &[u8]) {
        let said = line.escape_ascii();
        if self.awaited.front() == Some(&Awaited::Lines) {
            if line == b"." {
                self.awaited.pop_front();
            }
            return;
        }
        let is = |status: &[u8]| line.get(..status.len()) == Some(status);
        let (ok, err) = (is(b"+OK"), is(b"-ERR"));
        assert!(ok || err || is(b"+"), "{said} is no reply");
        match self.awaited.front_mut() {
            Some(Awaited::Auth) if !ok && !err => self.challenged = true,
            Some(front @ Awaited::Listing) if ok => *front = Awaited::Lines,
            // The server may go on as after a challenge, or have taken it for a listing: no client knows.
            Some(Awaited::Auth) if ok => self.over = true,
            Some(front) => {
                assert!(ok || err, "{said} challenges {front:?}");
                self.over = match front {
                    Awaited::Password | Awaited::Stls => ok,
                    // A server that will not serve closes.
                    Awaited::Greeting => err,
                    Awaited::Quit => true,
                    _ => false,
                };
                self.challenged = false;
                self.awaited.pop_front();
            }
            // Whoever ends a session says so.
            None => assert!(err, "{said} answers nothing"),
        }
    }
}

impl Client for Pop3Client {
    fn awaits(&self) -> usize {
        if self.over || self.challenged { 0 } else { self.awaited.len() }
    }

    fn next(&mut self, choice: u8) -> Vec<u8> {
        if std::mem::take(&mut self.challenged) {
            return pick(&["czNjcjN0\r\n", "*\r\n", "\r\n", "s3cr3t\r\n"], choice);
        }
        let waits = !matches!(self.awaited.back(), None | Some(Awaited::Line | Awaited::Listing));
        if waits || self.over || self.awaited.len() >= GROUP {
            return Vec::new();
        }
        let said = pick(COMMANDS, choice);
        self.awaited.push_back(match said.get(..4) {
            Some(b"CAPA") => Awaited::Listing,
            Some(b"PASS" | b"APOP") => Awaited::Password,
            Some(b"AUTH") if said.len() > 6 => Awaited::Auth,
            Some(b"AUTH") => Awaited::Listing,
            Some(b"LANG") if said.len() == 6 => Awaited::Listing,
            Some(b"STLS") => Awaited::Stls,
            Some(b"QUIT") => Awaited::Quit,
            _ => Awaited::Line,
        });
        said
    }

    fn hears(&mut self, octets: &[u8]) {
        for line in self.hearing.lines(octets) {
            if self.over {
                return;
            }
            let Some(line) = line.strip_suffix(b"\r\n") else {
                panic!("{} ends in a bare LF", line.escape_ascii())
            };
            self.hears_line(line);
        }
    }
}

const COMMANDS: &[&str] = &[
    "CAPA\r\n",
    "USER alice\r\n",
    "PASS s3cr3t\r\n",
    "AUTH\r\n",
    "AUTH PLAIN\r\n",
    "AUTH PLAIN czNjcjN0\r\n",
    "AUTH CRAM-MD5\r\n",
    "APOP alice c4c9334bac560ecc979e58001b3e22fb\r\n",
    "NOOP\r\n",
    "RSET\r\n",
    "UTF8\r\n",
    "LANG\r\n",
    "LANG en\r\n",
    "STAT\r\n",
    "XYZZY\r\n",
    "RETR 1\r\n",
    "STLS\r\n",
    "NO\rOP\r\n",
    "USER 0123456789012345678901234567890123456789\r\n",
    "QUIT\r\n",
];
