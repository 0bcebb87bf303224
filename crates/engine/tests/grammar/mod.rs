//! Words of clients and servers, sensible and mad, and readers of what came of them.

use engine::End;
use fastrand::Rng;
use proto::Side;

use crate::dialogue::driver::Driver;

#[derive(Debug)]
pub(crate) enum Step {
    Say(Side, Vec<u8>),
    End(Side, End),
    Wait(u64),
}

/// Does one step, in segments of at most `longest` octets.
pub(crate) fn act(driver: &mut Driver, step: &Step, longest: usize, random: &mut Rng) {
    match step {
        Step::Say(side, octets) => {
            let mut rest = &octets[..];
            while !rest.is_empty() {
                let len = if longest == usize::MAX { rest.len() } else { random.usize(1..=longest) };
                let (segment, left) = rest.split_at(len.min(rest.len()));
                driver.say(*side, segment);
                rest = left;
            }
        }
        Step::End(side, how) => driver.end(*side, *how),
        Step::Wait(seconds) => driver.wait(*seconds),
    }
}

/// 640 KiB of the same octets from one side: little of it is held, and the session keeps to its contract.
pub(crate) fn flood(driver: &mut Driver, side: Side, octets: &[u8], at: &str) {
    let segment = octets.repeat(16_384 / octets.len());
    for _ in 0..40 {
        driver.say(side, &segment);
    }
    let what = format!("{at} {side:?} {}", octets.escape_ascii());
    assert_eq!(driver.record.offences, Vec::<String>::new(), "{what}");
    assert!(driver.held_most() <= 80 << 10, "{what}: {}", driver.held_most());
}

/// All that one side says.
pub(crate) fn said(steps: &[Step], by: Side) -> Vec<u8> {
    let words = steps.iter().filter_map(|step| match step {
        Step::Say(side, octets) if *side == by => Some(&octets[..]),
        _ => None,
    });
    words.collect::<Vec<_>>().concat()
}

/// The steps, for whoever reads of a failure.
pub(crate) fn told(steps: &[Step]) -> String {
    let line = |step: &Step| match step {
        Step::Say(side, octets) => format!("{:?} {}\n", side, octets.escape_ascii()),
        other => format!("{other:?}\n"),
    };
    steps.iter().map(line).collect()
}

const COMMANDS: [&[u8]; 46] = [
    b"EHLO a.example\r\n",
    b"EHLO a.example\r\n",
    b"EHLO a.example\r\n",
    b"HELO a\r\n",
    b"LHLO a\r\n",
    b"MAIL FROM:<a@x.example>\r\n",
    b"MAIL FROM:<a@x.example>\r\n",
    b"MAIL FROM:<bad@x.example> SIZE=100\r\n",
    b"MAIL FROM:<>\r\n",
    b"mail from: a@x.example BODY=8BITMIME\r\n",
    b"MAIL FROM:<a@x.example> BODY=BINARYMIME\r\n",
    b"MAIL FROM:<a`b`@x.example>\r\n",
    b"MAIL what\r\n",
    b"MAIL FROM:<\xc3\xa9@x.example> SMTPUTF8\r\n",
    b"RCPT TO:<1@y.example>\r\n",
    b"RCPT TO:<2@y.example>\r\n",
    b"RCPT TO:<decoy@y.example>\r\n",
    b"RCPT TO:<${x}@y.example>\r\n",
    b"DATA\r\n",
    b"DATA\r\n",
    b"DATA\r\n",
    b"RSET\r\n",
    b"RSET\r\n",
    b"NOOP\r\n",
    b"NOOP \x01\r\n",
    b"NOOP\n",
    b"NOOP \xff\r\n",
    b"QUIT\r\n",
    b"VRFY x\r\n",
    b"ETRN x\r\n",
    b"AUTH LOGIN\r\n",
    b"YQ==\r\n",
    b"STARTTLS\r\n",
    b"\x16\x03\x01",
    b"XYZZY\r\n",
    b"NOOP 0123456789012345678901234567890123456789012345678901234567890123456789\r\n",
    b"BDAT 4\r\nab\r\n",
    b"BDAT 4 LAST\r\nab\r\n",
    b"BDAT 5\r\na\nb\0c",
    b"BDAT 3\r\nab\r",
    b"BDAT 6 LAST\r\n\nRSET\r",
    b"BDAT 0 LAST\r\n",
    b"BDAT -1\r\n",
    b"BDAT 2\r\nNOOP\r\n",
    b"GET / HTTP/1.1\r\n",
    b"\r\n",
];

const DATA: [&[u8]; 30] = [
    b"Subject: spam and more\r\n",
    b"Subject: fine\r\n",
    b"From: a\r\n folded\r\n",
    b"Content-Type: multipart/mixed; boundary=b\r\n",
    b"Content-Type: image/png\r\n",
    b"Content-Transfer-Encoding: base64\r\n",
    b"Content-Type: message/rfc822\r\n",
    b"\r\n",
    b"\r\n",
    b"\r\n",
    b"--b\r\n",
    b"--b--\r\n",
    b"text of it\r\n",
    b"something evil here\r\n",
    b"worse",
    b"..dot\r\n",
    b".dot\r\n",
    b". \r\n",
    b"\n",
    b"\r",
    b"\0",
    b"\n.\n",
    b"\r\n.\n",
    b"\r.\r",
    b".\r\n",
    b".\r\n",
    b".\r\n",
    b"\r\n.\r\n",
    b"\r\n.\r\n",
    b"0123456789012345678901234567890123456789012345678901234567890123456789\r\n",
];

/// How a dialogue begins: not yet, with a capable server, or in the midst of a message.
pub(crate) fn opening(random: &mut Rng) -> Vec<Step> {
    let hello: [(Side, &[u8]); 3] = [
        (Side::Server, b"220 mx ESMTP\r\n"),
        (Side::Client, b"EHLO a\r\n"),
        (Side::Server, b"250-mx\r\n250-SIZE 100\r\n250-CHUNKING\r\n250-BINARYMIME\r\n250 PIPELINING\r\n"),
    ];
    let message: [(Side, &[u8]); 6] = [
        (Side::Client, b"MAIL FROM:<a@x.example>\r\n"),
        (Side::Server, b"250 ok\r\n"),
        (Side::Client, b"RCPT TO:<1@y.example>\r\n"),
        (Side::Server, b"250 ok\r\n"),
        (Side::Client, b"DATA\r\n"),
        (Side::Server, b"354 go on\r\n"),
    ];
    let parts = match random.u8(..5) {
        0 => vec![],
        1 | 2 => hello.to_vec(),
        _ => [&hello[..], &message].concat(),
    };
    parts.into_iter().map(|(side, octets)| Step::Say(side, octets.to_vec())).collect()
}

/// A few commands, or stretches of a message, in one segment.
pub(crate) fn client_words(in_data: bool, random: &mut Rng) -> Vec<u8> {
    let words: &[&[u8]] = if in_data == (random.u8(..8) > 0) { &DATA } else { &COMMANDS };
    let mut said: Vec<u8> =
        (0..random.usize(1..5)).flat_map(|_| words[random.usize(..words.len())]).copied().collect();
    if random.u8(..10) == 0 {
        said.truncate(random.usize(..=said.len()).max(1));
    }
    said
}

/// A server's view of what it heard: what it owes.
#[derive(Debug, Default)]
pub(crate) struct Server {
    /// Octets of what it heard that it has read.
    pub(crate) read: usize,
    pub(crate) greeted: bool,
    pub(crate) in_data: bool,
    in_auth: bool,
    owes: std::collections::VecDeque<&'static [u8]>,
}

impl Server {
    pub(crate) fn hear(&mut self, octets: &[u8]) {
        while let Some(end) = octets[self.read..].windows(2).position(|pair| pair == b"\r\n") {
            let line = &octets[self.read..self.read + end];
            self.read += end + 2;
            let verb = line.get(..4).unwrap_or(line).to_ascii_uppercase();
            let reply: &[u8] = match &verb[..] {
                _ if self.in_data && line != b"." => continue,
                _ if self.in_data => b"250 queued\r\n",
                _ if std::mem::take(&mut self.in_auth) => b"235 welcome\r\n",
                b"EHLO" => b"250-mx\r\n250-SIZE 100\r\n250-CHUNKING\r\n250-PIPELINING\r\n250 STARTTLS\r\n",
                b"LHLO" => b"250-mx\r\n250 PIPELINING\r\n",
                b"DATA" => b"354 go on\r\n",
                b"AUTH" => b"334 a\r\n",
                b"STAR" => b"220 tls\r\n",
                b"QUIT" => b"221 bye\r\n",
                _ => b"250 ok\r\n",
            };
            self.in_data = reply == b"354 go on\r\n";
            self.in_auth = reply == b"334 a\r\n";
            self.owes.push_back(reply);
        }
    }
}

/// The server's next reply, most times what it owes; nothing if it owes nothing and is not mad.
pub(crate) fn server_word(server: &mut Server, random: &mut Rng) -> Option<Vec<u8>> {
    const MAD: [&[u8]; 14] = [
        b"250 unasked\r\n",
        b"421 bye\r\n",
        b"421-bye\r\n",
        b"what\r\n",
        b"250 ok\n",
        b"250-more\r\n",
        b"550 no\r\n",
        b"550 no\r\n",
        b"452-no\r\n452 room\r\n",
        b"999 x\r\n",
        b"354 go on\r\n",
        b"250 0123456789012345678901234567890123456789012345678901234567890123456789\r\n",
        b"250",
        b"\x16\x03",
    ];
    if !server.greeted && random.u8(..20) > 0 {
        server.greeted = true;
        return Some(b"220 mx ESMTP\r\n".to_vec());
    }
    if random.u8(..20) == 0 {
        return Some(MAD[random.usize(..MAD.len())].to_vec());
    }
    let owed = server.owes.pop_front()?;
    Some(if random.u8(..10) == 0 { b"550-no\r\n550 way\r\n".to_vec() } else { owed.to_vec() })
}

/// A legal command with its number in it, and whether the client waits for its answer.
pub(crate) fn command(number: usize, random: &mut Rng) -> (String, bool) {
    match random.u8(..14) {
        _ if number == 0 => ("EHLO client.example\r\n".to_owned(), true),
        0 => (format!("EHLO client{number}.example\r\n"), true),
        1 | 2 => (format!("MAIL FROM:<a{number}@x.example>\r\n"), false),
        3..=6 => (format!("RCPT TO:<b{number}@y.example>\r\n"), false),
        7 => (format!("RCPT TO:<decoy{number}@y.example>\r\n"), false),
        8 => (format!("RCPT TO:<`{number}`@y.example>\r\n"), false),
        9 => ("RSET\r\n".to_owned(), false),
        10 => (format!("VRFY v{number}\r\n"), false),
        11 => ("DATA\r\n".to_owned(), true),
        _ => (format!("NOOP n{number}\r\n"), false),
    }
}

/// A legal message with its end.
pub(crate) fn body(random: &mut Rng) -> Vec<u8> {
    let lines = ["Subject: fine", "X: y", "", "text", "..", "evil", "Subject: spam"];
    let mut text: String =
        (0..random.usize(..8)).map(|_| format!("{}\r\n", random.choice(lines).unwrap())).collect();
    text.push_str(".\r\n");
    text.into_bytes()
}

/// A server that answers each command by saying what it heard.
#[derive(Debug, Default)]
pub(crate) struct EchoServer {
    read: usize,
    in_data: bool,
}

impl EchoServer {
    /// Answers everything that was heard, one reply in a segment.
    pub(crate) fn answer(&mut self, driver: &mut Driver, random: &mut Rng) {
        loop {
            let octets = &driver.record.stream(Side::Server).octets;
            let Some(end) = octets[self.read..].windows(2).position(|pair| pair == b"\r\n") else { return };
            let line = String::from_utf8_lossy(&octets[self.read..self.read + end]).into_owned();
            self.read += end + 2;
            if self.in_data && line != "." {
                continue;
            }
            let reply = match line.get(..4).unwrap_or(&line) {
                _ if std::mem::take(&mut self.in_data) => "250 re end of data\r\n".to_owned(),
                "EHLO" => format!("250-mx\r\n250-PIPELINING\r\n250 SIZE re {line}\r\n"),
                "DATA" if random.u8(..4) > 0 => {
                    self.in_data = true;
                    "354 go on\r\n".to_owned()
                }
                _ if random.u8(..5) == 0 => format!("550-no\r\n550 5.1.1 re {line}\r\n"),
                _ => format!("250 re {line}\r\n"),
            };
            driver.say(Side::Server, reply.as_bytes());
        }
    }
}

/// Greeting and EHLO.
pub(crate) fn greet(driver: &mut Driver) {
    driver.say(Side::Server, b"220 mx ESMTP\r\n");
    driver.say(Side::Client, b"EHLO a\r\n");
    driver.say(Side::Server, b"250-mx\r\n250 PIPELINING\r\n");
}

/// Up to the 354 of a message.
pub(crate) fn open(driver: &mut Driver) {
    greet(driver);
    driver.say(Side::Client, b"MAIL FROM:<a@x.example>\r\nRCPT TO:<b@y.example>\r\nDATA\r\n");
    ["250 ok\r\n", "250 ok\r\n", "354 go on\r\n"]
        .iter()
        .for_each(|word| driver.say(Side::Server, word.as_bytes()));
}

/// Up to a 334.
pub(crate) fn authenticate(driver: &mut Driver) {
    greet(driver);
    driver.say(Side::Client, b"AUTH LOGIN\r\n");
    driver.say(Side::Server, b"334 a\r\n");
}

/// EHLO that is not answered yet.
pub(crate) fn ask(driver: &mut Driver) {
    greet(driver);
    driver.say(Side::Client, b"EHLO b\r\n");
}

/// Where a reader that takes `is_end` for line ends, and drops NULs or does not, finds the end of
/// the data: how many octets it has read then.
pub(crate) fn end_of_data(data: &[u8], is_end: impl Fn(&[u8]) -> bool, drops_nuls: bool) -> Option<usize> {
    let mut line: Vec<u8> = Vec::new();
    let mut at = 0;
    while at < data.len() {
        let rest = &data[at..];
        let end: &[u8] = match rest {
            [b'\r', b'\n', ..] => b"\r\n",
            [b'\n', ..] => b"\n",
            [b'\r', ..] => b"\r",
            _ => b"",
        };
        if !end.is_empty() && is_end(end) {
            at += end.len();
            if line == b"." {
                return Some(at);
            }
            line.clear();
        } else {
            if !(drops_nuls && rest[0] == 0) {
                line.push(rest[0]);
            }
            at += 1;
        }
    }
    None
}
