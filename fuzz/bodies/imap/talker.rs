//! A client of IMAP before the session that keeps to the protocol.

use std::collections::VecDeque;

use crate::talk::{Client, Hearing, pick};

#[derive(Debug)]
pub(crate) struct ImapClient {
    /// Tags whose end it waits for, and whether it waits with everything else.
    awaited: VecDeque<(String, bool)>,
    commands: u32,
    hearing: Hearing,
    greeted: bool,
    /// The literals of the newest command that have not gone on.
    literals: VecDeque<&'static str>,
    /// What it was asked for.
    says: Says,
    /// It is logged in, encrypted, or has left.
    over: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Says {
    Commands,
    Literal,
    Answer,
}

/// Commands that are sent in one group, at most.
const GROUP: usize = 3;

impl ImapClient {
    pub(crate) fn new() -> Self {
        Self {
            awaited: VecDeque::new(),
            commands: 0,
            hearing: Hearing::default(),
            greeted: false,
            literals: VecDeque::new(),
            says: Says::Commands,
            over: false,
        }
    }

    fn hears_line(&mut self, line: &str) {
        let (tag, rest) = line.split_once(' ').unwrap_or((line, ""));
        let word = rest.split(' ').next().unwrap_or_default();
        match (tag, word) {
            ("*", "BYE" | "PREAUTH") => self.over = true,
            ("*", _) => self.greeted = true,
            ("+", _) => {
                self.says = if self.literals.is_empty() { Says::Answer } else { Says::Literal };
            }
            // A refusal is the last thing said; it comes out of turn when the server has kept silent for too long.
            (_, "BAD") if rest.contains("(ref ") => self.over = true,
            (_, "OK" | "NO" | "BAD") => {
                let oldest = self.awaited.pop_front();
                let Some((of, waits)) = oldest else { panic!("{line} answers nothing") };
                assert_eq!(of, tag, "{line} is out of order");
                self.over = waits && word == "OK";
                if self.awaited.is_empty() {
                    self.literals.clear();
                    self.says = Says::Commands;
                }
            }
            _ => panic!("{line} is no response"),
        }
    }
}

impl Client for ImapClient {
    fn awaits(&self) -> usize {
        let greeting = usize::from(!self.greeted);
        if self.over || self.says != Says::Commands { 0 } else { self.awaited.len() + greeting }
    }

    fn next(&mut self, choice: u8) -> Vec<u8> {
        match std::mem::replace(&mut self.says, Says::Commands) {
            Says::Answer => return pick(&["czNjcjN0\r\n", "*\r\n", "\r\n", "s3cr3t\r\n"], choice),
            Says::Literal => return self.literals.pop_front().unwrap_or_default().into(),
            Says::Commands => {}
        }
        let waits = self.awaited.back().is_some_and(|(_, waits)| *waits) || !self.literals.is_empty();
        if waits || self.over || !self.greeted || self.awaited.len() >= GROUP {
            return Vec::new();
        }
        self.commands += 1;
        let tag = format!("t{}", self.commands);
        let said = String::from_utf8_lossy(&pick(COMMANDS, choice)).into_owned();
        if said.ends_with("{5}\r\n") {
            self.literals = if said.starts_with("LOGIN") {
                VecDeque::from(["alice {6}\r\n", "s3cr3t\r\n"])
            } else {
                VecDeque::from(["a b\r\n\r\n"])
            };
        }
        let waits = ["LOGIN", "AUTH", "STARTTLS", "LOGOUT"].iter().any(|verb| said.starts_with(verb));
        self.awaited.push_back((tag.clone(), waits));
        format!("{tag} {said}").into_bytes()
    }

    fn hears(&mut self, octets: &[u8]) {
        for line in self.hearing.lines(octets) {
            if self.over {
                return;
            }
            let Some(line) = line.strip_suffix(b"\r\n") else {
                panic!("{} ends in a bare LF", line.escape_ascii())
            };
            self.hears_line(&String::from_utf8_lossy(line));
        }
    }
}

const COMMANDS: &[&str] = &[
    "CAPABILITY\r\n",
    "NOOP\r\n",
    "LOGIN alice s3cr3t\r\n",
    "LOGIN {5}\r\n",
    "ID {5}\r\n",
    "ID NIL\r\n",
    "ID {5+}\r\na b\r\n\r\n",
    "AUTHENTICATE PLAIN\r\n",
    "AUTHENTICATE PLAIN czNjcjN0\r\n",
    "AUTHENTICATE CRAM-MD5\r\n",
    "ENABLE UTF8=ACCEPT\r\n",
    "SELECT INBOX\r\n",
    "XYZZY\r\n",
    "COMPRESS DEFLATE\r\n",
    "NO\rOP\r\n",
    "LOGIN alice 012345678901234567890123456789012345678901234567890\r\n",
    "STARTTLS\r\n",
    "LOGOUT\r\n",
];
