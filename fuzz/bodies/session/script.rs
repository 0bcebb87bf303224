//! What both sides do, as the octets of an input tell: one octet an act, from tables or as it comes.

use engine::End;
use proto::Side;

use crate::input::Input;

/// What happens, in this order.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) acts: Vec<Act>,
    /// The client says one thing at a time where the protocol wants it, and the server only answers.
    pub(crate) polite: bool,
}

#[derive(Debug)]
pub(crate) enum Act {
    /// Octets arrive, whoever waits for what.
    Says(Side, Vec<u8>),
    /// A client that keeps to the protocol says its next: a command, or what was asked of it.
    Next(u8),
    /// The server answers the oldest of what it was asked.
    Answer(u8),
    End(Side, End),
    Seconds(u64),
    Drain,
}

const ACTS_MAX: usize = 300;
const OCTETS_MAX: usize = 200_000;

impl Script {
    pub(crate) fn read(mut input: Input<'_>) -> Self {
        let polite = input.octet() % 2 == 1;
        let mut script = Self { acts: Vec::new(), polite };
        let mut octets = 0;
        while let Some(octet) = input.next()
            && script.acts.len() < ACTS_MAX
            && octets < OCTETS_MAX
        {
            let act = if polite { polite_act(octet, &mut input) } else { any_act(octet, &mut input) };
            octets += act.octets();
            script.push(act);
        }
        script
    }

    /// What one side says without anything between is one piece of the whole script.
    fn push(&mut self, act: Act) {
        match (self.acts.last_mut(), act) {
            (Some(Act::Says(side, said)), Act::Says(again, more)) if *side == again => said.extend(more),
            (_, act) => self.acts.push(act),
        }
    }

    pub(crate) fn octets(&self) -> usize {
        self.acts.iter().map(Act::octets).sum()
    }
}

/// Tells the script when the run of it panics.
impl Drop for Script {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("polite: {}", self.polite);
            for act in &self.acts {
                match act {
                    Act::Says(side, said) => {
                        let (front, rest) = said.split_at_checked(200).unwrap_or((said, b""));
                        eprintln!("{side:?}: {} and {} octets", front.escape_ascii(), rest.len());
                    }
                    act => eprintln!("{act:?}"),
                }
            }
        }
    }
}

impl Act {
    fn octets(&self) -> usize {
        if let Self::Says(_, said) = self { said.len() } else { 1 }
    }
}

fn any_act(octet: u8, input: &mut Input<'_>) -> Act {
    match octet {
        0..=119 => Act::Says(Side::Client, word(CLIENT, octet)),
        120..=135 => Act::Says(Side::Client, raw(input)),
        136..=199 => Act::Answer(octet - 136),
        200..=235 => Act::Says(Side::Server, word(SERVER, octet - 200)),
        236..=241 => Act::Says(Side::Server, raw(input)),
        242..=245 => {
            let (letter, count) = (input.octet(), u16::from_be_bytes([input.octet(), input.octet()]));
            Act::Says(Side::Client, vec![letter; usize::from(count)])
        }
        _ => event(octet, input),
    }
}

fn polite_act(octet: u8, input: &mut Input<'_>) -> Act {
    match octet {
        0..=127 => Act::Next(octet),
        128..=245 => Act::Answer(octet - 128),
        _ => event(octet, input),
    }
}

fn event(octet: u8, input: &mut Input<'_>) -> Act {
    match octet {
        246 => Act::End(Side::Client, End::Fin),
        247 => Act::End(Side::Server, End::Fin),
        248 => Act::End(Side::Client, End::Reset),
        249 => Act::End(Side::Server, End::Reset),
        250 => Act::Drain,
        _ => Act::Seconds(16 * u64::from(input.octet())),
    }
}

fn raw(input: &mut Input<'_>) -> Vec<u8> {
    let len = input.octet() % 64;
    input.take(usize::from(len)).to_vec()
}

fn word(words: &[&str], choice: u8) -> Vec<u8> {
    words.get(usize::from(choice) % words.len()).unwrap_or(&"").as_bytes().to_vec()
}

const CLIENT: &[&str] = &[
    "EHLO client.example\r\n",
    "HELO client.example\r\n",
    "LHLO client.example\r\n",
    "MAIL FROM:<a@good.example>\r\n",
    "MAIL FROM:<bad1@x.example> SIZE=100000\r\n",
    "MAIL FROM:<a@b.example> BODY=BINARYMIME\r\n",
    "MAIL FROM:<é@b.example> SMTPUTF8 BODY=8BITMIME\r\n",
    "RCPT TO:<b@good.example>\r\n",
    "RCPT TO:<bad2@good.example>\r\n",
    "RCPT TO:<|sh>\r\n",
    "RCPT TO:nobody NOTIFY=NEVER\r\n",
    "RCPT TO:<b@c>x\r\n",
    "DATA\r\n",
    "DATA\r\n",
    "RSET\r\n",
    "NOOP\r\n",
    "QUIT\r\n",
    "VRFY bad3\r\n",
    "ETRN example.org\r\n",
    "XEXCH50 1 2\r\n",
    "AUTH LOGIN\r\n",
    "AUTH PLAIN AGEAYg==\r\n",
    "dGVzdA==\r\n",
    "*\r\n",
    "STARTTLS\r\n",
    "\x16\x03\x01 hello",
    "BDAT 5\r\n",
    "BDAT 10 LAST\r\n",
    "BDAT 0 LAST\r\n",
    "BDAT x\r\n",
    "12345",
    "67\r\n901234\r",
    "NOOP\n",
    "NO\rOP\r\n",
    "\r\n",
    "\r\n",
    "\n",
    "\r",
    ".",
    ".\r\n",
    "\r\n.\r\n",
    "\n.\n",
    "\r.\r",
    "\0",
    "\r\n\0.\r\n",
    "..\r\n",
    "From: a\r\n",
    "Subject: bad1\r\n",
    "Subject: fine\r\n folded\r\n",
    "X-spam\r\n",
    "Content-Type: multipart/mixed; boundary=b\r\n",
    "Content-Type: text/bad4\r\n",
    "Content-Transfer-Encoding: base64\r\n",
    "Content-Transfer-Encoding: odd\r\n",
    "--b\r\n",
    "--b--\r\n",
    "some text\r\n",
    "bad5 text\r\n",
    "spam",
    "GET / HTTP/1.1\r\n",
    "MAIL FROM:<>\r\nRCPT TO:<c@d>\r\nDATA\r\n",
    "From: x\r\n\r\nbody\r\n.\r\n",
];

const SERVER: &[&str] = &[
    "220 mx ESMTP\r\n",
    "220-mx\r\n220 mx\r\n",
    "250 ok\r\n",
    "250-mx\r\n250-PIPELINING\r\n250-CHUNKING\r\n250 SIZE 100\r\n",
    "250-mx\r\n250-STARTTLS\r\n250-AUTH LOGIN\r\n250 DSN\r\n",
    "250-mx\r\n",
    "250-8BITMIME\r\n",
    "354 go\r\n",
    "334 VXNlcg==\r\n",
    "235 in\r\n",
    "220 go\r\n",
    "421 bye\r\n",
    "451 later\r\n",
    "550 no\r\n",
    "552 too big\r\n",
    "554 no\r\n",
    "250 ok\n",
    "250\r\n",
    "nonsense\r\n",
    "2",
    "250-",
    "\r\n",
    "251 other\r\n",
    "\x16\x03\x03 there",
];

#[cfg(test)]
pub(crate) fn generate(random: &mut fastrand::Rng) -> Vec<u8> {
    let mut input = vec![random.u8(..), random.u8(..), random.u8(..) & 0x5F];
    let count = random.u8(..4);
    input.push(count);
    input.extend((0..count).map(|_| random.u8(..8)));
    let polite = random.u8(..2);
    input.push(polite);
    for _ in 0..random.usize(1..60) {
        match random.u8(..20) {
            0 => input.extend([random.u8(120..), random.u8(..), random.u8(..)]),
            1..11 if polite == 0 => input.push(random.u8(..u8::try_from(CLIENT.len()).unwrap_or(u8::MAX))),
            1..11 => input.push(random.u8(..128)),
            // The answers that let things go on stand first.
            _ if random.u8(..4) > 0 => input.push(if polite == 0 { 136 } else { 128 }),
            _ => input.push(random.u8(136..200)),
        }
    }
    input
}
