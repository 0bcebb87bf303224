//! Mail as a client sends it, by swaks, curl or Python's smtplib, and what the client was answered.

use std::io::Write;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::process::{Failure, Folder};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Client {
    Swaks,
    Curl,
    /// The only one that can send commands of the row's own.
    Smtplib,
}

/// One message and its envelope.
#[derive(Debug, Clone)]
pub(crate) struct Mail {
    client: Client,
    from: String,
    to: Vec<String>,
    /// Fields beyond those every message has, each with its line end.
    headers: String,
    body: String,
    /// Commands sent before MAIL.
    first: Vec<String>,
    /// Parameters of MAIL.
    options: Vec<String>,
    starttls: bool,
}

pub(crate) fn swaks() -> Mail {
    Mail::by(Client::Swaks)
}

pub(crate) fn curl() -> Mail {
    Mail::by(Client::Curl)
}

pub(crate) fn smtplib() -> Mail {
    Mail::by(Client::Smtplib)
}

impl Mail {
    fn by(client: Client) -> Self {
        Self {
            client,
            from: "carol@client.test".to_owned(),
            to: Vec::new(),
            headers: String::new(),
            body: "Good day.\r\n".to_owned(),
            first: Vec::new(),
            options: Vec::new(),
            starttls: false,
        }
    }

    pub(crate) fn from(mut self, sender: impl Into<String>) -> Self {
        self.from = sender.into();
        self
    }

    pub(crate) fn to(mut self, recipient: impl Into<String>) -> Self {
        self.to.push(recipient.into());
        self
    }

    /// To `r00@example.test` and so on, this many, who all exist.
    pub(crate) fn recipients_known(mut self, count: usize) -> Self {
        self.to.extend((0..count).map(|number| format!("r{number:02}@example.test")));
        self
    }

    /// To `x00@example.test` and so on, none of whom exists.
    pub(crate) fn recipients_unknown(mut self, count: usize) -> Self {
        self.to.extend((0..count).map(|number| format!("x{number:02}@example.test")));
        self
    }

    pub(crate) fn header(mut self, field: impl AsRef<str>) -> Self {
        self.headers.push_str(field.as_ref());
        self.headers.push_str("\r\n");
        self
    }

    /// Lines end with LF here and with CRLF on the wire.
    pub(crate) fn body(mut self, text: impl AsRef<str>) -> Self {
        self.body = text.as_ref().replace('\n', "\r\n") + "\r\n";
        self
    }

    pub(crate) fn first(mut self, command: impl Into<String>) -> Self {
        assert_eq!(self.client, Client::Smtplib, "only smtplib sends commands of the row's own");
        self.first.push(command.into());
        self
    }

    pub(crate) fn option(mut self, parameter: impl Into<String>) -> Self {
        assert_eq!(self.client, Client::Smtplib, "only smtplib is told the parameters of MAIL");
        self.options.push(parameter.into());
        self
    }

    /// Uses STARTTLS where it is offered.
    pub(crate) fn starttls(mut self) -> Self {
        self.starttls = true;
        self
    }

    /// Plays the dialogue to its end.
    pub(crate) fn send(&self, message_id: &str, server: SocketAddr) -> Result<Transcript, Failure> {
        let message = self.message(message_id);
        match self.client {
            Client::Swaks => self.by_swaks(&message, server),
            Client::Curl => self.by_curl(&message, server),
            Client::Smtplib => self.by_smtplib(&message, server),
        }
    }

    fn message(&self, message_id: &str) -> String {
        let Self { headers, body, .. } = self;
        let subject = if headers.contains("Subject:") { "" } else { "Subject: a test\r\n" };
        format!(
            "From: carol@client.test\r\nTo: bob@example.test\r\nDate: Mon, 02 Mar 2026 10:00:00 +0000\r\n\
             Message-ID: <{message_id}@client.test>\r\n{subject}{headers}\r\n{body}"
        )
    }

    fn recipients(&self) -> Vec<String> {
        if self.to.is_empty() { vec!["bob@example.test".to_owned()] } else { self.to.clone() }
    }

    fn by_swaks(&self, message: &str, server: SocketAddr) -> Result<Transcript, Failure> {
        let folder = Folder::new("swaks");
        let data = format!("@{}", folder.write("message", message).display());
        let mut swaks = Command::new("swaks");
        swaks.args(["--server", &server.ip().to_string(), "--port", &server.port().to_string()]);
        swaks.args(["--ehlo", "client.test", "--timeout", "10", "--data", &data, "--from", &self.from]);
        swaks.args(["--to", &self.recipients().join(",")]);
        if self.starttls {
            swaks.arg("--tls-optional");
        }
        Ok(Transcript::of_swaks(&output(swaks, "")?))
    }

    fn by_curl(&self, message: &str, server: SocketAddr) -> Result<Transcript, Failure> {
        let folder = Folder::new("curl");
        let file = folder.write("message", message);
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--verbose", "--max-time", "10", "--mail-from", &self.from]);
        for recipient in self.recipients() {
            curl.args(["--mail-rcpt", &recipient]);
        }
        if self.starttls {
            curl.args(["--ssl", "--insecure"]);
        }
        curl.arg("--upload-file").arg(file).arg(format!("smtp://{server}/client.test"));
        Ok(Transcript::of_curl(&output(curl, "")?))
    }

    fn by_smtplib(&self, message: &str, server: SocketAddr) -> Result<Transcript, Failure> {
        let play = json!({
            "host": server.ip().to_string(), "port": server.port(), "tls": self.starttls, "first": self.first,
            "from": self.from, "to": self.recipients(), "options": self.options, "message": message,
        });
        let mut python = Command::new("python3");
        python.args(["-c", include_str!("smtplib_client.py")]);
        let printed = output(python, &play.to_string())?;
        let exchanges: Vec<(String, String)> =
            serde_json::from_str(&printed).map_err(|error| format!("smtplib: {error}: {printed}"))?;
        let exchanges = exchanges.into_iter().map(|(command, reply)| Exchange { command, reply });
        Ok(Transcript(exchanges.collect()))
    }
}

/// Standard output and standard error; the exit status is not asked, because a refusal is one too.
fn output(mut command: Command, stdin: &str) -> Result<String, Failure> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| format!("{command:?}: {error}"))?;
    if let Some(mut pipe) = child.stdin.take() {
        // A client that needs no input may have ended already.
        let _ = pipe.write_all(stdin.as_bytes());
    }
    let output = child.wait_with_output().map_err(|error| format!("{command:?}: {error}"))?;
    Ok(String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

/// A command and its whole reply, whose lines are joined with `\n` and carry the code once, at the front. The greeting
/// answers no command; the end of data is the command `.`; no reply means the connection ended instead.
#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    pub(crate) command: String,
    pub(crate) reply: String,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Transcript(pub(crate) Vec<Exchange>);

impl Transcript {
    /// The last exchange whose command starts so, whatever the case, and what came after it.
    pub(crate) fn last(&self, command: &str) -> Option<(&Exchange, &[Exchange])> {
        let starts = |exchange: &Exchange| {
            let start = exchange.command.get(..command.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(command))
        };
        let position = self.0.iter().rposition(starts)?;
        let (upto, after) = self.0.split_at(position + 1);
        Some((upto.last()?, after))
    }

    /// The lines of the first reply to EHLO, the server's name left out.
    pub(crate) fn keywords(&self) -> Vec<&str> {
        let hello = self.0.iter().find(|exchange| exchange.command.to_ascii_uppercase().starts_with("EHLO"));
        hello.map(|hello| hello.reply.lines().skip(1).collect()).unwrap_or_default()
    }

    fn of_swaks(printed: &str) -> Self {
        let mut transcript = Self(vec![Exchange { command: String::new(), reply: String::new() }]);
        for line in printed.lines() {
            let (mark, text) = line.split_at_checked(4).unwrap_or_default();
            match mark {
                " -> " | " ~> " => transcript.command(text),
                // With asterisks: a reply swaks had not hoped for. With `~`: in TLS.
                "<-  " | "<** " | "<~  " | "<~* " => transcript.reply(text),
                _ => {}
            }
        }
        transcript
    }

    fn of_curl(printed: &str) -> Self {
        let mut transcript = Self(vec![Exchange { command: String::new(), reply: String::new() }]);
        for line in printed.lines() {
            if let Some(command) = line.strip_prefix("> ") {
                transcript.command(command);
            } else if let Some(reply) = line.strip_prefix("< ") {
                // The message itself is not shown: the reply behind 354 is that to the end of data.
                if transcript.in_data() && !reply.starts_with("354") {
                    transcript.0.push(Exchange { command: ".".to_owned(), reply: String::new() });
                }
                transcript.reply(reply);
            }
        }
        transcript
    }

    fn in_data(&self) -> bool {
        self.0.last().is_some_and(|last| last.reply.starts_with("354"))
    }

    /// Lines of the message are not commands, its end is.
    fn command(&mut self, command: &str) {
        if !self.in_data() || command == "." {
            self.0.push(Exchange { command: command.to_owned(), reply: String::new() });
        }
    }

    fn reply(&mut self, line: &str) {
        let Some(last) = self.0.last_mut() else { return };
        if last.reply.is_empty() {
            last.reply = line.replacen('-', " ", usize::from(line.as_bytes().get(3) == Some(&b'-')));
        } else {
            last.reply.push('\n');
            last.reply.push_str(line.get(4..).unwrap_or_default());
        }
    }
}
