//! A server behind the session, which reads what it gets as the standards say and nothing more kindly.

use std::collections::VecDeque;

use proto::smtp::command::Command;
use proto::smtp::reply::ReplyLine;
use proto::smtp::verb::Verb;

use crate::permissive::ends_of_data;
use crate::talk::Server;

#[derive(Debug)]
pub(crate) struct MailServer {
    /// Octets that make no whole line or message yet.
    unread: Vec<u8>,
    /// So much of a message has no end in it.
    searched: usize,
    reads: Reads,
    asked: VecDeque<Asked>,
    /// What it has said of a line of its own.
    saying: Vec<u8>,
    /// Its own dialogue makes no sense any more, or is encrypted: it can say nothing of what it gets.
    lost: bool,
    lmtp: bool,
    answers: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reads {
    Commands,
    AuthLine,
    Data,
    Chunk(u64),
}

/// What it owes a reply to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Greeting,
    Hello,
    Data,
    EndOfData,
    Chunk,
    Auth,
    StartTls,
    Xclient,
    Other,
}

impl MailServer {
    pub(crate) fn new() -> Self {
        Self {
            unread: Vec::new(),
            searched: 0,
            reads: Reads::Commands,
            asked: VecDeque::from([Asked::Greeting]),
            saying: Vec::new(),
            lost: false,
            lmtp: false,
            answers: 0,
        }
    }

    fn replied(&mut self, code: u16) {
        let Some(asked) = self.asked.pop_front() else {
            self.lost |= !self.lmtp && code != 421 || self.reads == Reads::Data;
            return;
        };
        match (asked, code) {
            (Asked::Data, 300..=399) => self.reads = Reads::Data,
            (Asked::Auth, 300..=399) => self.reads = Reads::AuthLine,
            // What a client makes of a 3xx that it did not ask for, it alone knows.
            (Asked::StartTls, 220) | (_, 300..=399) => self.lost = true,
            _ => {}
        }
        self.read();
    }

    fn read(&mut self) {
        while !self.lost && !self.unread.is_empty() {
            let taken = match self.reads {
                Reads::Data => self.message(),
                Reads::Chunk(left) => {
                    let len = self.unread.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                    let left = left - len as u64;
                    self.reads = if left == 0 { Reads::Commands } else { Reads::Chunk(left) };
                    len
                }
                Reads::Commands | Reads::AuthLine => self.line(),
            };
            if taken == 0 {
                break;
            }
            self.unread.drain(..taken);
        }
    }

    fn message(&mut self) -> usize {
        let searched = std::mem::replace(&mut self.searched, self.unread.len());
        let rest = self.unread.get(searched.saturating_sub(4)..).unwrap_or_default();
        let end = match self.unread.starts_with(b".\r\n") {
            true => Some(0),
            false => rest
                .windows(5)
                .position(|five| five == b"\r\n.\r\n")
                .map(|at| at + searched.saturating_sub(4) + 2),
        };
        let Some(end) = end else { return 0 };
        check_message(self.unread.get(..end).unwrap_or_default());
        (self.reads, self.searched) = (Reads::Commands, 0);
        self.asked.push_back(Asked::EndOfData);
        end + 3
    }

    fn line(&mut self) -> usize {
        let Some(lf) = self.unread.iter().position(|&octet| octet == b'\n') else { return 0 };
        let text = self.unread.get(..lf).unwrap_or_default();
        let Some(text) = text.strip_suffix(b"\r") else {
            panic!("{} ends in a bare LF", text.escape_ascii())
        };
        assert!(!text.contains(&b'\r'), "a bare CR in {}", text.escape_ascii());
        let command = Command::read(text);
        let asked = match (self.reads, command.verb) {
            (Reads::AuthLine, _) | (_, Verb::Auth) => Asked::Auth,
            (_, Verb::Ehlo | Verb::Lhlo | Verb::Helo) => {
                self.lmtp = command.verb == Verb::Lhlo;
                Asked::Hello
            }
            (_, Verb::Data) => Asked::Data,
            (_, Verb::Starttls) => Asked::StartTls,
            (_, Verb::Xclient) => Asked::Xclient,
            (_, Verb::Bdat) if command.chunk().is_some() => Asked::Chunk,
            _ => Asked::Other,
        };
        self.reads = match command.chunk() {
            Some(chunk) if asked == Asked::Chunk && chunk.size > 0 => Reads::Chunk(chunk.size),
            _ => Reads::Commands,
        };
        self.asked.push_back(asked);
        lf + 1
    }
}

impl Server for MailServer {
    fn owes(&self) -> bool {
        !self.lost && !self.asked.is_empty()
    }

    fn answer(&mut self, choice: u8) -> Vec<u8> {
        const AFTER_ONE: &[&str] = &["250 2.0.0 ok"];
        let words: &[&str] = match self.asked.front() {
            _ if self.lost => return Vec::new(),
            None if self.lmtp => AFTER_ONE,
            None => return Vec::new(),
            Some(Asked::Greeting) => &["220 mx ESMTP", "220-mx\r\n220 here", "554 no", "421 busy"],
            Some(Asked::Hello) => &[
                "250-mx\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250-8BITMIME\r\n250-STARTTLS\r\n250 CHUNKING",
                "250 mx",
                "250-mx\r\n250-AUTH PLAIN LOGIN\r\n250-BINARYMIME\r\n250-CHUNKING\r\n250 DSN",
                "502 what",
                "250-mx\r\n250-ETRN\r\n250 SMTPUTF8",
                "250-mx\r\n250-PIPELINING\r\n250 XCLIENT NAME ADDR PORT",
            ],
            Some(Asked::Data) => &["354 go", "354-go\r\n354 on", "451 later", "554 no", "250 what"],
            Some(Asked::Auth) => &["334 VXNlcg==", "235 in", "535 no"],
            Some(Asked::StartTls) => &["454 no", "220 go"],
            Some(Asked::Xclient) => &["220 mx again", "550 no", "250 what"],
            Some(Asked::EndOfData | Asked::Chunk | Asked::Other) => &[
                "250 2.0.0 ok",
                "250-a\r\n250 b",
                "550 5.1.1 no",
                "451 4.0.0 later",
                "250",
                "421 bye",
                "552 no",
            ],
        };
        self.answers += 1;
        let words = words.get(usize::from(choice) % words.len()).copied().unwrap_or_default();
        match words.len() > 3 {
            true => format!("{words} #{}\r\n", self.answers).into_bytes(),
            false => format!("{words}\r\n").into_bytes(),
        }
    }

    fn says(&mut self, octets: &[u8]) {
        for &octet in octets {
            self.saying.push(octet);
            if octet != b'\n' {
                continue;
            }
            let line = std::mem::take(&mut self.saying);
            match ReplyLine::read(line.trim_ascii_end()) {
                Some(reply) if reply.last => self.replied(reply.code),
                Some(_) => {}
                None => self.lost = true,
            }
        }
    }

    fn receives(&mut self, octets: &[u8]) {
        assert!(
            self.lost || !matches!(self.asked.back(), Some(Asked::Data | Asked::EndOfData | Asked::StartTls)),
            "{} came although nothing may come before the reply",
            octets.escape_ascii()
        );
        self.unread.extend_from_slice(octets);
        self.read();
    }

    fn conclude(&self) {
        if self.reads == Reads::Data && !self.lost {
            check_message(&self.unread);
        }
    }
}

/// What a strict reader takes for one message is one to every reader.
fn check_message(message: &[u8]) {
    assert_eq!(ends_of_data(message), 0, "a reader sees an end in {}", message.escape_ascii());
}
