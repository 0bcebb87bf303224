//! The client of the demo: sends what the steps say and records the replies.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

/// How long a reply may take; on one machine a second is long.
const PATIENCE: Duration = Duration::from_secs(10);

/// Limit: bytes of a reply line, and of what may follow the reply to QUIT.
const REST_MAX: u64 = 1 << 20;

/// A step of the client.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// A command, and its reply.
    Say(&'static str),
    /// The same, not printed.
    Greet(&'static str),
    /// A message with its end of data, and the reply to it.
    Send(&'static str),
    /// A header line, repeated; no reply is expected.
    Repeat(&'static str, usize),
}

/// What the client received.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) me: SocketAddr,
    pub(super) exchanges: Vec<Exchange>,
}

#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) said: String,
    pub(super) reply: Vec<String>,
}

/// Connects, plays the steps until the peer closes the connection, and sends QUIT.
pub(super) fn play(address: SocketAddr, steps: &[Step]) -> io::Result<Seen> {
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut seen = Seen { me: stream.local_addr()?, exchanges: Vec::new() };
    let mut lines = BufReader::new(stream);
    reply(&mut lines)?;
    let mut repeated = 0;
    for step in steps {
        let (said, shown) = match step {
            Step::Say(command) => (format!("{command}\r\n"), Some((*command).to_owned())),
            Step::Greet(command) => (format!("{command}\r\n"), None),
            Step::Send(message) => {
                let len = repeated + message.len();
                ((*message).to_owned(), Some(format!("(a message, {len} bytes)")))
            }
            Step::Repeat(line, times) => (line.repeat(*times), None),
        };
        lines.get_mut().write_all(said.as_bytes())?;
        if let Step::Repeat(..) = step {
            repeated += said.len();
            continue;
        }
        let reply = reply(&mut lines)?;
        let was_closed = reply.is_empty();
        if let Some(said) = shown {
            seen.exchanges.push(Exchange { said, reply });
        }
        if was_closed {
            return Ok(seen);
        }
    }
    leave(lines)?;
    Ok(seen)
}

/// Sends QUIT and waits for the end.
fn leave(mut lines: BufReader<TcpStream>) -> io::Result<()> {
    // The peer may have closed the connection already.
    let _ = lines.get_mut().write_all(b"QUIT\r\n");
    reply(&mut lines)?;
    let _ = lines.get_mut().shutdown(Shutdown::Write);
    let _ = io::copy(&mut lines.take(REST_MAX), &mut io::sink());
    Ok(())
}

/// A whole reply, without line ends; nothing if the connection ends instead.
fn reply(lines: &mut BufReader<TcpStream>) -> io::Result<Vec<String>> {
    let mut reply = Vec::new();
    loop {
        let mut line = Vec::new();
        match lines.take(REST_MAX).read_until(b'\n', &mut line) {
            Ok(0) => return Ok(reply),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(reply),
            Err(error) => return Err(error),
        }
        let goes_on = line.get(3) == Some(&b'-');
        reply.push(String::from_utf8_lossy(&line).trim_end().to_owned());
        if !goes_on {
            return Ok(reply);
        }
    }
}
