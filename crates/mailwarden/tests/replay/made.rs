//! Captures of any size, made while they are read: nothing of them is on a disk.

use std::io::{self, Write};

/// Writes the frames of a capture.
pub(crate) struct Made<W> {
    out: W,
    frames: u32,
    pub(crate) bytes: u64,
}

/// One TCP session between a client of our choice and port 25 of one server.
pub(crate) struct Session {
    client: u32,
    port: u16,
    /// What each side says next.
    sequence: [u32; 2],
}

#[derive(Clone, Copy)]
pub(crate) enum From {
    Client = 0,
    Server = 1,
}

const SERVER: u32 = u32::from_be_bytes([198, 51, 100, 25]);
const FIN: u8 = 1;
const SYN: u8 = 2;
const ACK: u8 = 16;

/// A transaction of one recipient, 13 segments; `number` is in its sender.
pub(crate) fn transaction(number: usize) -> [(From, String); 9] {
    let message = "From: a@example.com\r\nSubject: hello\r\n\r\nA line of text.\r\nAnd another one.\r\n.\r\n";
    [
        (From::Client, format!("MAIL FROM:<sender{number}@example.com>\r\n")),
        (From::Server, "250 2.1.0 Ok\r\n".into()),
        (From::Client, "RCPT TO:<recipient@example.net>\r\n".into()),
        (From::Server, "250 2.1.5 Ok\r\n".into()),
        (From::Client, "DATA\r\n".into()),
        (From::Server, "354 End data with <CR><LF>.<CR><LF>\r\n".into()),
        (From::Client, message.into()),
        (From::Server, "250 2.0.0 Ok: queued\r\n".into()),
        (From::Client, "NOOP\r\n".into()),
    ]
}

impl<W: Write> Made<W> {
    pub(crate) fn new(mut out: W) -> io::Result<Self> {
        // Microseconds, version 2.4, and raw IP.
        out.write_all(&0xa1b2_c3d4_u32.to_ne_bytes())?;
        out.write_all(&[2_u16.to_ne_bytes(), 4_u16.to_ne_bytes()].concat())?;
        out.write_all(&[0, 0, 65_535, 101_u32].map(u32::to_ne_bytes).concat())?;
        Ok(Self { out, frames: 0, bytes: 24 })
    }

    /// A session begins; each number has a client of its own.
    pub(crate) fn open(&mut self, number: u32) -> io::Result<Session> {
        let client = u32::from_be_bytes([10, 0, 0, 0]) + number / 40_000;
        let port = 20_000 + u16::try_from(number % 40_000).unwrap();
        let mut session = Session { client, port, sequence: [0, 0] };
        self.segment(&mut session, From::Client, SYN, b"")?;
        self.segment(&mut session, From::Server, SYN | ACK, b"")?;
        self.say(&mut session, From::Server, "220 mx.example.net ESMTP\r\n")?;
        self.say(&mut session, From::Client, "EHLO client.example.com\r\n")?;
        self.say(&mut session, From::Server, "250 mx.example.net\r\n")?;
        Ok(session)
    }

    pub(crate) fn say(&mut self, session: &mut Session, from: From, said: &str) -> io::Result<()> {
        self.segment(session, from, ACK, said.as_bytes())
    }

    /// A whole transaction, and a command behind it.
    pub(crate) fn transact(&mut self, session: &mut Session, number: usize) -> io::Result<()> {
        transaction(number).iter().try_for_each(|(from, said)| self.say(session, *from, said))?;
        self.say(session, From::Server, "250 2.0.0 Ok\r\n")
    }

    pub(crate) fn close(&mut self, mut session: Session) -> io::Result<()> {
        self.say(&mut session, From::Client, "QUIT\r\n")?;
        self.say(&mut session, From::Server, "221 2.0.0 Bye\r\n")?;
        self.segment(&mut session, From::Server, FIN | ACK, b"")?;
        self.segment(&mut session, From::Client, FIN | ACK, b"")
    }

    fn segment(&mut self, session: &mut Session, from: From, flags: u8, said: &[u8]) -> io::Result<()> {
        let [client, server] = session.sequence;
        let (ends, ports, numbers) = match from {
            From::Client => ([session.client, SERVER], [session.port, 25], [client, server]),
            From::Server => ([SERVER, session.client], [25, session.port], [server, client]),
        };
        let len = u16::try_from(40 + said.len()).unwrap();
        let mut packet = vec![0x45, 0];
        packet.extend(len.to_be_bytes());
        packet.extend([0, 0, 0, 0, 64, 6, 0, 0]);
        packet.extend(ends.map(u32::to_be_bytes).concat());
        packet.extend(ports.map(u16::to_be_bytes).concat());
        packet.extend(numbers.map(u32::to_be_bytes).concat());
        packet.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        packet.extend(said);
        let moves = u32::try_from(said.len()).unwrap() + u32::from(flags & (SYN | FIN) != 0);
        session.sequence[from as usize] = session.sequence[from as usize].wrapping_add(moves);
        self.frames += 1;
        let (seconds, length) = (1_780_000_000 + self.frames / 1000, u32::from(len));
        self.out.write_all(&[seconds, self.frames % 1000, length, length].map(u32::to_ne_bytes).concat())?;
        self.out.write_all(&packet)?;
        self.bytes += 16 + packet.len() as u64;
        Ok(())
    }
}
