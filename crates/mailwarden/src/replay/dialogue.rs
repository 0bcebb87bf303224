//! A recorded dialogue, offered to an engine session in the order in which it was spoken.
//!
//! As the proxy does, this holds what the engine did not take and offers it again. Unlike the proxy it
//! follows what is over: replies, octets or a whole side may be missing. Replies are offered one by one,
//! because here the answer to a command may be at hand before the command was read.

use std::collections::VecDeque;
use std::sync::Arc;

use engine::{End, Session, SessionConfig, Wants};
use proto::{Side, Time};

use super::conversation::Piece;
use super::smtp;
use super::spoken::Spoken;
use super::transcript::Transcript;

#[derive(Debug)]
pub(super) struct Dialogue {
    spoken: Spoken,
    session: Session,
    transcript: Transcript,
    now: Time,
    client: Waiting,
    /// The beginning of a reply.
    server: Vec<u8>,
    /// The client spoke since the server did.
    client_went_on: bool,
    /// Octets of the server are missing since the client spoke.
    server_gap: bool,
    /// The client's next line may be the rest of one that was lost.
    torn: bool,
}

/// What the client said and the engine has not taken.
#[derive(Debug, Default)]
struct Waiting {
    octets: Vec<u8>,
    /// Of `octets`, those that were taken.
    taken: usize,
    /// What comes behind `octets`; begins with a gap.
    behind: VecDeque<Piece>,
    /// What `behind` costs.
    size: usize,
}

impl Dialogue {
    pub(super) fn new(at: &Arc<SessionConfig>, spoken: Spoken, now: Time) -> Self {
        Self {
            spoken,
            session: Session::new(Arc::clone(at), now),
            transcript: Transcript::of(spoken),
            now,
            client: Waiting::default(),
            server: Vec::new(),
            client_went_on: false,
            server_gap: false,
            torn: false,
        }
    }

    /// The beginning was not recorded, or the server was not: there is no greeting to wait for.
    pub(super) fn join(&mut self) {
        self.assume();
        self.torn = true;
    }

    pub(super) fn data(&mut self, from: Side, time: Time, octets: &[u8]) {
        self.now = time;
        match from {
            Side::Client => self.client_says(octets),
            Side::Server => self.server_says(octets),
        }
    }

    pub(super) fn gap(&mut self, from: Side, time: Time, octets: u64) {
        self.now = time;
        match from {
            Side::Client => {
                self.client.push_gap(octets);
                while !self.read_client() && self.client.len() > WAITING_MAX && self.assume() {}
            }
            Side::Server => self.server_gap = true,
        }
    }

    /// Bytes that it takes, roughly.
    pub(super) fn size(&self) -> usize {
        SESSION_SIZE + self.transcript.size() + self.client.len() + self.server.len()
    }

    /// The capture has no more of it: what waits for replies goes on without them.
    pub(super) fn close(mut self) -> Transcript {
        self.break_off_reply();
        while !self.read_client() && self.assume() {}
        for side in [Side::Client, Side::Server] {
            self.session.ended(self.now, side, End::Fin, &mut self.transcript);
        }
        self.transcript.close();
        self.transcript
    }

    fn client_says(&mut self, octets: &[u8]) {
        // Who goes on behind a hole in the replies has heard what we have not.
        if std::mem::take(&mut self.server_gap) {
            while self.assume_before(octets) {}
        }
        self.client_went_on = true;
        let mut octets = octets;
        if self.client.is_empty() && !self.torn {
            let took = self.session.offer(self.now, Side::Client, octets, &mut self.transcript);
            octets = octets.get(took.bytes..).unwrap_or_default();
        }
        if octets.is_empty() {
            return;
        }
        self.client.push(octets);
        while !self.read_client() && self.client.len() > WAITING_MAX && self.assume() {}
    }

    fn server_says(&mut self, octets: &[u8]) {
        if std::mem::take(&mut self.client_went_on) && self.spoken.is_broken_off(&self.server, octets) {
            self.break_off_reply();
        }
        self.server.extend_from_slice(octets);
        self.read_server();
    }

    fn assume(&mut self) -> bool {
        self.assume_before(b"")
    }

    /// The client went on with what waits of it, or with this.
    fn assume_before(&mut self, octets: &[u8]) -> bool {
        let next = if self.client.is_empty() { octets } else { self.client.front() };
        self.session.assume(self.now, next, &mut self.transcript)
    }

    /// Offers what waits of the client. Whether all of it was read: what is left needs more behind it.
    fn read_client(&mut self) -> bool {
        loop {
            self.pass_over_torn_lines();
            let took = self.session.offer(self.now, Side::Client, self.client.front(), &mut self.transcript);
            self.client.take(took.bytes);
            match took.wants {
                Wants::Nothing => self.client = Waiting::default(),
                Wants::Peer | Wants::At(_) if !self.client.is_empty() => return false,
                Wants::Peer | Wants::At(_) | Wants::More => {}
            }
            match self.client.behind.pop_front() {
                None => return true,
                Some(Piece::Octets(octets)) => self.client.advance(&octets),
                Some(Piece::Gap(lost)) => self.stand_in(lost),
            }
        }
    }

    /// Lost octets: of a message they are counted, of commands we know nothing.
    fn stand_in(&mut self, lost: u64) {
        if self.session.data_awaited() == 0 || lost == 0 {
            self.client.advance(b"");
            self.client.take(usize::MAX);
            self.session.lose();
            self.torn = true;
            return;
        }
        let counted = match self.client.front() {
            [] => self.session.pass_over(self.now, lost, &mut self.transcript),
            _ => 0,
        };
        if counted == 0 {
            self.client.octets.push(smtp::likely_next(self.client.front()));
        }
        match lost - counted.max(1) {
            0 => self.client.size = self.client.size.saturating_sub(GAP_SIZE),
            rest => self.client.behind.push_front(Piece::Gap(rest)),
        }
    }

    /// Behind lost commands the first line that is one again is where we go on.
    fn pass_over_torn_lines(&mut self) {
        while self.torn && self.session.data_awaited() == 0 && !self.transcript.is_relayed() {
            let front = self.client.front();
            let Some(lf) = memchr::memchr(b'\n', front) else {
                // The end of such a line need not be kept until it comes.
                let surplus = if front.len() > TORN_LINE_MAX { front.len() } else { 0 };
                return self.client.take(surplus);
            };
            self.torn = !self.spoken.begins_command(front);
            if self.torn {
                self.client.take(lf + 1);
            }
        }
    }

    /// Offers the replies that are complete, one by one, and after each what the client was waiting to say.
    fn read_server(&mut self) {
        let held = std::mem::take(&mut self.server);
        let mut taken = 0;
        loop {
            self.read_client();
            let rest = held.get(taken..).unwrap_or_default();
            match self.offer_reply(rest) {
                0 => break,
                len => taken += len,
            }
        }
        self.server = held;
        self.server.drain(..taken);
    }

    /// Offers the reply at the front; how many octets of it were taken.
    fn offer_reply(&mut self, replies: &[u8]) -> usize {
        let mut len = 0;
        loop {
            let rest = replies.get(len..).unwrap_or_default();
            let over = self.transcript.is_relayed() || rest.len() > REPLY_MAX;
            let Some(reply) = self.spoken.reply_len(rest).or_else(|| over.then_some(rest.len())) else {
                return 0;
            };
            len += if over { rest.len() } else { reply };
            let reply = replies.get(..len).unwrap_or_default();
            let took = self.session.offer(self.now, Side::Server, reply, &mut self.transcript);
            if took.bytes > 0 || over {
                return took.bytes;
            }
        }
    }

    fn break_off_reply(&mut self) {
        if self.server.is_empty() || self.transcript.is_relayed() {
            return;
        }
        self.spoken.complete_reply(&mut self.server);
        self.read_server();
    }
}

impl Waiting {
    fn push(&mut self, octets: &[u8]) {
        match self.behind.back_mut() {
            None => self.octets.extend_from_slice(octets),
            Some(Piece::Octets(last)) => {
                self.size += octets.len();
                last.extend_from_slice(octets);
            }
            Some(Piece::Gap(_)) => {
                self.size += octets.len();
                self.behind.push_back(Piece::Octets(octets.to_vec()));
            }
        }
    }

    fn push_gap(&mut self, octets: u64) {
        self.size += GAP_SIZE;
        self.behind.push_back(Piece::Gap(octets));
    }

    fn front(&self) -> &[u8] {
        self.octets.get(self.taken..).unwrap_or_default()
    }

    fn take(&mut self, len: usize) {
        self.taken = self.taken.saturating_add(len).min(self.octets.len());
        // Moving the rest only when it is the smaller part moves each octet once.
        if self.taken * 2 >= self.octets.len() {
            self.octets.drain(..self.taken);
            self.taken = 0;
        }
    }

    /// What came off `behind` is at the front now.
    fn advance(&mut self, octets: &[u8]) {
        self.size = self.size.saturating_sub(if octets.is_empty() { GAP_SIZE } else { octets.len() });
        self.octets.extend_from_slice(octets);
    }

    fn is_empty(&self) -> bool {
        self.front().is_empty() && self.behind.is_empty()
    }

    fn len(&self) -> usize {
        self.front().len() + self.size
    }
}

// Limit: what a client may have said ahead of the replies; beyond it they are taken to be lost.
const WAITING_MAX: usize = 256 << 10;

/// What a gap that waits costs.
const GAP_SIZE: usize = 64;

/// What the engine keeps of a session, roughly.
const SESSION_SIZE: usize = 4 << 10;

// Limit: octets of the rest of a lost line that are looked through for its end.
const TORN_LINE_MAX: usize = 64 << 10;

// Limit: octets of one reply; what is longer is offered as it is, and the engine says what it is.
const REPLY_MAX: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use engine::config::Watch;

    use super::super::transcript::Reply;
    use super::*;

    /// Who says what; an empty text is a gap.
    type Recorded<'r> = &'r [(Side, &'r str)];

    fn follow(joined: bool, recorded: Recorded<'_>) -> Vec<String> {
        let at = SessionConfig { watch: Watch::Observe, ..SessionConfig::default() };
        let mut dialogue = Dialogue::new(&Arc::new(at), Spoken::Smtp, Time(0));
        if joined {
            dialogue.join();
        }
        for &(from, said) in recorded {
            match said {
                "" => dialogue.gap(from, Time(0), 10),
                said => dialogue.data(from, Time(0), said.as_bytes()),
            }
        }
        let transcript = dialogue.close();
        let commands = transcript.commands.first().iter().map(|command| {
            let code = if let Some(Reply::Code(code)) = command.reply { Some(code) } else { None };
            format!("{} {code:?}", command.verb)
        });
        let messages = transcript.transactions.first().iter().filter_map(|transaction| transaction.message);
        commands
            .chain(messages.map(|message| format!("{} {}", message.size.body_bytes, message.complete)))
            .collect()
    }

    const C: Side = Side::Client;
    const S: Side = Side::Server;

    #[test]
    fn what_was_said_is_paired_whatever_is_missing() {
        let message = "A: b\r\n\r\nx\r\n.\r\n";
        let table: &[(&str, bool, Recorded<'_>, &[&str])] = &[
            (
                "replies at hand before their commands are read",
                false,
                &[(C, "HELO a\r\nNOOP\r\nQUIT\r\n"), (S, "220 mx\r\n250 a\r\n251 b\r\n221 c\r\n")],
                &["HELO Some(250)", "NOOP Some(251)", "QUIT Some(221)"],
            ),
            (
                "a PROXY header, which nobody answers",
                false,
                &[
                    (C, "PROXY TCP4 192.0.2.1 192.0.2.2 1 25\r\n"),
                    (S, "220 mx\r\n"),
                    (C, "HELO a\r\n"),
                    (S, "250 a\r\n"),
                    (C, "SEND FROM:<a@x>\r\n"),
                    (S, "250 b\r\n"),
                ],
                &["HELO Some(250)", "SEND Some(250)"],
            ),
            (
                "one side only",
                true,
                &[(C, "HELO a\r\nMAIL FROM:<a@x>\r\nDATA\r\n"), (C, message)],
                &["HELO None", "MAIL None", "DATA None", "3 true"],
            ),
            (
                "a greeting and a reply that never end",
                false,
                &[(S, "220 mx"), (C, "EHLO a\r\n"), (S, "250-mx\r\n"), (C, "NOOP\r\n"), (S, "251 ok\r\n")],
                &["EHLO Some(250)", "NOOP Some(251)"],
            ),
            (
                "a reply that is split while the client goes on",
                false,
                &[
                    (S, "220 mx\r\n"),
                    (C, "NOOP\r\n"),
                    (S, "250-a\r\n25"),
                    (C, "QUIT\r\n"),
                    (S, "0 b\r\n221 c\r\n"),
                ],
                &["NOOP Some(250)", "QUIT Some(221)"],
            ),
            (
                "a line of the greeting ahead of the rest",
                false,
                &[(S, "220-mx\r\n"), (C, "HELO a\r\n"), (S, "220 mx\r\n"), (S, "250 a\r\n")],
                &["HELO Some(250)"],
            ),
            (
                "a reply is lost",
                false,
                &[
                    (S, "220 mx\r\n"),
                    (C, "DATA\r\n"),
                    (S, ""),
                    (C, message),
                    (S, "250 ok\r\n"),
                    (C, "QUIT\r\n"),
                ],
                &["DATA None", "QUIT None", "3 true"],
            ),
            (
                "octets of a message are lost",
                false,
                &[
                    (S, "220 mx\r\n"),
                    (C, "DATA\r\n"),
                    (S, "354 go\r\n"),
                    (C, "A: b\r\n\r\nx"),
                    (C, ""),
                    (C, "\r\n.\r\n"),
                ],
                &["DATA Some(354)", "13 true"],
            ),
            (
                "commands are lost, and half of one",
                false,
                &[
                    (S, "220 mx\r\n"),
                    (C, "HELO a\r\nMA"),
                    (S, "250 a\r\n"),
                    (C, ""),
                    (C, "b>\r\nQUIT\r\n"),
                    (S, "221 c\r\n"),
                ],
                &["HELO Some(250)", "QUIT Some(221)"],
            ),
        ];
        for (what, joined, recorded, expected) in table {
            assert_eq!(follow(*joined, recorded), *expected, "{what}");
        }
    }

    /// A session up to and with the command that announces message data, of which `before` came, then a hole,
    /// then `behind`: header, body, whether it is complete, and what was found.
    fn with_hole(
        announced: &str,
        before: &str,
        lost: u64,
        behind: &str,
    ) -> (u64, u64, bool, Vec<&'static str>) {
        let at = SessionConfig { watch: Watch::Observe, ..SessionConfig::default() };
        let mut dialogue = Dialogue::new(&Arc::new(at), Spoken::Smtp, Time(0));
        let opening = [
            (S, "220 mx\r\n"),
            (C, "EHLO a\r\n"),
            (S, "250-mx\r\n250 CHUNKING\r\n"),
            (C, "MAIL FROM:<a@x>\r\n"),
            (S, "250 ok\r\n"),
            (C, "RCPT TO:<b@y>\r\n"),
            (S, "250 ok\r\n"),
            (C, announced),
            (S, "354 go\r\n"),
            (C, before),
        ];
        let spoken = opening
            .iter()
            .filter(|(from, said)| !(said.starts_with("354") && announced.starts_with("BDAT")) || *from == C);
        for &(from, said) in spoken {
            dialogue.data(from, Time(0), said.as_bytes());
        }
        dialogue.gap(C, Time(0), lost);
        dialogue.data(C, Time(0), behind.as_bytes());
        let transcript = dialogue.close();
        let [transaction] = transcript.transactions.first() else { panic!("{transcript:?}") };
        let Some(message) = transaction.message else { panic!("{announced:?} {lost}: {transcript:?}") };
        let found = transcript.anomalies.iter().map(|(kind, _)| kind.name()).collect();
        (message.size.header_bytes, message.size.body_bytes, message.complete, found)
    }

    #[test]
    fn a_hole_of_any_size_is_counted_and_not_played() {
        // A tebibyte takes no time, and none of it is in the length of a line.
        let tib = 1 << 40;
        let end = "x\r\n.\r\n";
        let none = Vec::new;
        let table = [
            (("DATA\r\n", "A: b\r\n\r\nx", tib, end), (6, 1 + tib + 3, true, none())),
            (("DATA\r\n", "A: b", tib, "\r\n\r\nx\r\n.\r\n"), (4 + tib + 2, 3, true, vec!["long-header"])),
            // What waits for the bytes behind it is none of the things that would be remarked.
            (("DATA\r\n", "A: b\r\n\r\nx\r", tib, end), (6, 2 + tib + 3, true, none())),
            (("DATA\r\n", "A: b\r\n\r\n.", tib, end), (6, tib + 3, true, none())),
            (("DATA\r\n", "A: b\r\n\r\nx\r", 1, end), (6, 3 + 3, true, none())),
            (("BDAT 1000000000 LAST\r\n", "A: b\r\n\r\nx", 999_999_991, ""), (6, 999_999_992, true, none())),
            (
                ("BDAT 1000000000 LAST\r\n", "A: b\r\n\r\nx", 999_999_989, "y"),
                (6, 999_999_991, false, none()),
            ),
        ];
        for ((announced, before, lost, behind), expected) in table {
            let found = with_hole(announced, before, lost, behind);
            assert_eq!(found, expected, "{announced:?} {before:?} {lost}");
        }
    }
}
