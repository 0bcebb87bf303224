//! A client before the session that keeps to the protocol: every command it says gets one reply.

use std::collections::VecDeque;

use proto::smtp::reply::ReplyLine;

use crate::talk::{Client, Hearing, pick};

#[derive(Debug)]
pub(crate) struct MailClient {
    awaited: VecDeque<Awaited>,
    hearing: Hearing,
    says: Says,
    pipelining: bool,
    lmtp: bool,
    over: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Awaited {
    Greeting,
    Hello,
    Data,
    Auth,
    StartTls,
    Other,
    EndOfData,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Says {
    Commands,
    Message,
    AuthLine,
}

impl MailClient {
    pub(crate) fn new() -> Self {
        Self {
            awaited: VecDeque::from([Awaited::Greeting]),
            hearing: Hearing::default(),
            says: Says::Commands,
            pipelining: false,
            lmtp: false,
            over: false,
        }
    }
}

impl Client for MailClient {
    fn awaits(&self) -> usize {
        if self.over { 0 } else { self.awaited.len() }
    }

    fn next(&mut self, choice: u8) -> Vec<u8> {
        let waits = match self.awaited.back() {
            None => false,
            Some(Awaited::Other) => !self.pipelining,
            Some(_) => true,
        };
        if waits || self.over {
            return Vec::new();
        }
        match std::mem::replace(&mut self.says, Says::Commands) {
            Says::Message => {
                self.awaited.push_back(Awaited::EndOfData);
                pick(MESSAGES, choice)
            }
            Says::AuthLine => {
                self.awaited.push_back(Awaited::Auth);
                b"dGVzdA==\r\n".to_vec()
            }
            Says::Commands => {
                let said = pick(COMMANDS, choice);
                self.awaited.push_back(match said.get(..4) {
                    Some(b"EHLO" | b"HELO" | b"LHLO") => Awaited::Hello,
                    Some(b"DATA") => Awaited::Data,
                    Some(b"AUTH") => Awaited::Auth,
                    Some(b"STAR") => Awaited::StartTls,
                    _ => Awaited::Other,
                });
                said
            }
        }
    }

    fn hears(&mut self, octets: &[u8]) {
        for line in self.hearing.lines(octets) {
            if self.over {
                return;
            }
            let text = line.strip_suffix(b"\r\n").unwrap_or_default();
            let Some(reply) = ReplyLine::read(text) else { panic!("{} is no reply", line.escape_ascii()) };
            self.pipelining |= reply.text.starts_with(b"PIPELINING");
            if reply.last {
                self.replied(reply.code);
            }
        }
    }
}

impl MailClient {
    fn replied(&mut self, code: u16) {
        match (self.awaited.pop_front(), code) {
            (Some(Awaited::Data), 300..=399) => self.says = Says::Message,
            (Some(Awaited::Auth), 300..=399) => self.says = Says::AuthLine,
            // What follows is encrypted.
            (Some(Awaited::StartTls), 220) => self.over = true,
            (Some(_), _) => {}
            // A server may say that it goes whenever it likes.
            (None, 421) => {}
            (None, _) => assert!(self.lmtp, "{code} answers nothing"),
        }
    }
}

const COMMANDS: &[&str] = &[
    "EHLO client.example\r\n",
    "MAIL FROM:<a@good.example>\r\n",
    "RCPT TO:<b@good.example>\r\n",
    "DATA\r\n",
    "RSET\r\n",
    "NOOP\r\n",
    "RCPT TO:<bad2@good.example>\r\n",
    "MAIL FROM:<bad1@x.example> SIZE=100000\r\n",
    "MAIL FROM:<a@b.example> BODY=BINARYMIME\r\n",
    "RCPT TO:<|sh>\r\n",
    "VRFY someone\r\n",
    "ETRN example.org\r\n",
    "XEXCH50 1 2\r\n",
    "AUTH LOGIN\r\n",
    "STARTTLS\r\n",
    "BDAT 5\r\n12345",
    "BDAT 7 LAST\r\nabc\r\nde",
    "BDAT 0 LAST\r\n",
    "NO\rOP\r\n",
    "HELO client.example\r\n",
    "MAIL FROM:<a@good.example> NOTIFY=NEVER ENVID=0123456789012345678901234567890123456789\r\n",
    "QUIT\r\n",
];

const MESSAGES: &[&str] = &[
    "From: a\r\n\r\ntext\r\n.\r\n",
    "Subject: bad1\r\nFrom: a\r\n\r\ntext\r\n.\r\n",
    "From: a\r\n\r\nbad5 text and more of it\r\nand more\r\n.\r\n",
    ".\r\n",
    "\r\n.\r\n",
    "X: y\r\n z\r\n\r\n..\r\nspam\r\n.\r\n",
    "no header at all\r\nno\n.\nend\r\n.\r\n",
    "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Transfer-Encoding: base64\r\n\r\nYQ==\r\n--b--\r\n.\r\n",
];
