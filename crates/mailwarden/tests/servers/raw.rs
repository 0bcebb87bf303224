//! A client that sends exactly the octets it is told to, for what no well-behaved program would send.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use crate::process::Failure;

#[derive(Debug)]
pub(crate) struct Raw(BufReader<TcpStream>);

impl Raw {
    /// Connects and reads the greeting.
    pub(crate) fn connect(server: SocketAddr) -> Result<Self, Failure> {
        Self::connect_and_say(server, "")
    }

    /// The same; says something before it is greeted.
    pub(crate) fn connect_and_say(server: SocketAddr, first: &str) -> Result<Self, Failure> {
        let stream = TcpStream::connect(server).map_err(|error| format!("{server}: {error}"))?;
        Self::greeted(stream, first)
    }

    /// The same from an address of this host that is nobody else's.
    pub(crate) fn connect_from(client: IpAddr, server: SocketAddr) -> Result<Self, Failure> {
        let socket = Socket::new(Domain::for_address(server), Type::STREAM, None).map_err(told)?;
        socket.bind(&SocketAddr::new(client, 0).into()).map_err(told)?;
        socket.connect(&server.into()).map_err(|error| format!("{server}: {error}"))?;
        Self::greeted(socket.into(), "")
    }

    fn greeted(stream: TcpStream, first: &str) -> Result<Self, Failure> {
        let timeout = Some(Duration::from_secs(10));
        // What is sent in pieces leaves in pieces.
        stream.set_nodelay(true).map_err(told)?;
        stream.set_read_timeout(timeout).and_then(|()| stream.set_write_timeout(timeout)).map_err(told)?;
        let mut raw = Self(BufReader::new(stream));
        raw.send(first)?;
        raw.expect("2").map(|_| raw)
    }

    pub(crate) fn send(&mut self, octets: impl AsRef<[u8]>) -> Result<(), Failure> {
        self.0.get_mut().write_all(octets.as_ref()).map_err(told)
    }

    /// Sends a line with its end and reads a reply that must start so.
    pub(crate) fn command(&mut self, line: impl AsRef<[u8]>, reply: &str) -> Result<String, Failure> {
        self.send(line.as_ref())?;
        self.expect(reply).map_err(|why| format!("{}: {why}", line.as_ref().escape_ascii()))
    }

    /// A whole reply.
    pub(crate) fn expect(&mut self, start: &str) -> Result<String, Failure> {
        let mut reply = String::new();
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).map_err(told)?;
            reply.push_str(&line);
            if line.as_bytes().get(3) != Some(&b'-') {
                break;
            }
        }
        if reply.starts_with(start) { Ok(reply) } else { Err(format!("`{reply}` instead of `{start}`")) }
    }

    /// How many lines of replies are there already.
    pub(crate) fn lines_so_far(&mut self) -> Result<usize, Failure> {
        self.0.get_ref().set_nonblocking(true).map_err(told)?;
        let mut there = Vec::new();
        match self.0.read_to_end(&mut there) {
            Ok(_) => Err("the session has ended".to_owned()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                Ok(there.iter().filter(|octet| **octet == b'\n').count())
            }
            Err(error) => Err(told(error)),
        }
    }

    /// Says that nothing more comes, and reads what the other side still has to say. That it resets the connection
    /// is an answer too.
    pub(crate) fn finish(mut self) -> String {
        let _ = self.0.get_ref().shutdown(Shutdown::Write);
        let mut rest = Vec::new();
        let _ = self.0.read_to_end(&mut rest);
        String::from_utf8_lossy(&rest).into_owned()
    }
}

fn told(error: std::io::Error) -> Failure {
    error.to_string()
}
