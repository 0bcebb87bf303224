//! The mail server of the demo: keeps messages in memory, knows two users, and believes too much.
//!
//! It takes any lone dot for the end of a message, however the lines around it end. That is the fault
//! SMTP smuggling lives on, and here it is on purpose. It sends nothing anywhere.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// Who has a mailbox, at any domain.
pub(super) const USERS: [&str; 2] = ["alice", "bob"];

const EHLO: &str =
    "250-demo\r\n250-SIZE 10485760\r\n250-PIPELINING\r\n250-ETRN\r\n250-CHUNKING\r\n250 8BITMIME\r\n";

/// Limit: what EHLO promises; octets of a message beyond it are not kept.
const MESSAGE_MAX: usize = 10_485_760;

/// Limit: octets of a line that are looked at together; a longer one is read in pieces.
const LINE_MAX: u64 = 64 * 1024;

/// How long a client may think; the firewall in front is no quicker to give up.
const PATIENCE: Duration = Duration::from_secs(600);

/// What one connection brought, told when it ends.
#[derive(Debug, Default)]
pub(super) struct Received {
    pub(super) commands: Vec<String>,
    pub(super) messages: Vec<Vec<u8>>,
}

/// Starts the server; it runs until the process ends.
pub(super) fn start() -> io::Result<(SocketAddr, Receiver<Received>)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let (tell, received) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let tell = tell.clone();
            std::thread::spawn(move || serve(stream, &tell));
        }
    });
    Ok((address, received))
}

fn serve(stream: TcpStream, tell: &Sender<Received>) {
    let _ = stream.set_read_timeout(Some(PATIENCE));
    let mut received = Received::default();
    if let Ok(out) = stream.try_clone() {
        // A connection that breaks counts as far as it went.
        let _ = ServerSession { lines: BufReader::new(stream), out, recipients: None }.hold(&mut received);
    }
    let _ = tell.send(received);
}

struct ServerSession {
    lines: BufReader<TcpStream>,
    out: TcpStream,
    /// How many recipients were accepted since MAIL.
    recipients: Option<usize>,
}

impl ServerSession {
    fn hold(&mut self, received: &mut Received) -> io::Result<()> {
        self.reply("220 demo ESMTP\r\n")?;
        let mut chunks = Vec::new();
        while let Some(line) = self.line()? {
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            received.commands.push(line.clone());
            let (verb, argument) = line.split_once(' ').unwrap_or((&line, ""));
            match verb.to_ascii_uppercase().as_str() {
                "EHLO" => self.reply(EHLO)?,
                "QUIT" => return self.reply("221 2.0.0 Bye\r\n"),
                "DATA" if self.recipients.is_none_or(|count| count == 0) => {
                    self.reply("503 5.5.1 No valid recipients\r\n")?;
                }
                "DATA" => {
                    self.reply("354 End with a dot\r\n")?;
                    let message = self.message()?;
                    self.store(message, received)?;
                }
                "BDAT" => self.chunk(argument, &mut chunks, received)?,
                verb => {
                    let reply = self.answer(verb, argument);
                    self.reply(reply)?;
                }
            }
        }
        Ok(())
    }

    /// Commands that carry no message.
    fn answer(&mut self, verb: &str, argument: &str) -> &'static str {
        match verb {
            "HELO" => "250 demo\r\n",
            "MAIL" => {
                self.recipients = Some(0);
                "250 2.1.0 Sender OK\r\n"
            }
            "RCPT" => match &mut self.recipients {
                Some(count) if is_known(argument) => {
                    *count += 1;
                    "250 2.1.5 Recipient OK\r\n"
                }
                Some(_) => "550 5.1.1 No such user\r\n",
                None => "503 5.5.1 MAIL first\r\n",
            },
            "RSET" => {
                self.recipients = None;
                "250 2.0.0 Reset\r\n"
            }
            "VRFY" if is_known(argument) => "250 2.1.5 User exists\r\n",
            "VRFY" => "550 5.1.1 No such user\r\n",
            "ETRN" | "NOOP" => "250 2.0.0 OK\r\n",
            _ => "500 5.5.1 Unknown command\r\n",
        }
    }

    /// A message up to a line with nothing but a dot.
    fn message(&mut self) -> io::Result<Vec<u8>> {
        let mut message = Vec::new();
        let mut at_start = true;
        while let Some(line) = self.line()? {
            if at_start && line.trim_ascii_end() == b"." {
                return Ok(message);
            }
            let content = line.strip_prefix(b".").filter(|_| at_start).unwrap_or(&line);
            keep(&mut message, content);
            at_start = line.ends_with(b"\n");
        }
        Err(io::ErrorKind::UnexpectedEof.into())
    }

    /// `BDAT octets [LAST]`.
    fn chunk(&mut self, argument: &str, chunks: &mut Vec<u8>, received: &mut Received) -> io::Result<()> {
        let (size, last) = argument.split_once(' ').unwrap_or((argument, ""));
        let Ok(size) = size.parse::<u64>() else { return self.reply("501 5.5.4 Invalid size\r\n") };
        let mut left = size;
        while left > 0 {
            let piece = self.lines.fill_buf()?;
            let len = piece.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let Some(piece) = piece.get(..len).filter(|piece| !piece.is_empty()) else {
                return Err(io::ErrorKind::UnexpectedEof.into());
            };
            keep(chunks, piece);
            self.lines.consume(len);
            left -= len as u64;
        }
        match last.trim().eq_ignore_ascii_case("LAST") {
            true => self.store(std::mem::take(chunks), received),
            false => self.reply("250 2.0.0 Chunk received\r\n"),
        }
    }

    fn store(&mut self, message: Vec<u8>, received: &mut Received) -> io::Result<()> {
        self.recipients = None;
        received.messages.push(message);
        self.reply("250 2.0.0 Message stored\r\n")
    }

    /// The next line with its end, or a piece of a long one; nothing at the end of the connection.
    fn line(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        let len = (&mut self.lines).take(LINE_MAX).read_until(b'\n', &mut line)?;
        Ok((len > 0).then_some(line))
    }

    fn reply(&mut self, reply: &str) -> io::Result<()> {
        self.out.write_all(reply.as_bytes())
    }
}

fn keep(message: &mut Vec<u8>, octets: &[u8]) {
    let room = MESSAGE_MAX.saturating_sub(message.len());
    message.extend_from_slice(octets.get(..room.min(octets.len())).unwrap_or_default());
}

/// `alice`, `TO:<Bob@anywhere>`, `TO:<alice+list@anywhere>`.
fn is_known(argument: &str) -> bool {
    let address = argument.split_once('<').map_or(argument, |(_, path)| path);
    let user = address.split(['@', '+', '>', ' ']).next().unwrap_or("");
    USERS.iter().any(|known| known.eq_ignore_ascii_case(user))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_users_are_known_at_any_domain() {
        for known in ["alice", "TO:<Bob@x.example>", "TO:<alice+list@y.example> NOTIFY=NEVER"] {
            assert!(is_known(known), "{known}");
        }
        for unknown in ["", "TO:<>", "TO:<carol@x.example>", "TO:<alices@x.example>"] {
            assert!(!is_known(unknown), "{unknown}");
        }
    }
}
