//! Readers of mail that others wrote: what they see in a message is what a rule must have seen.
//!
//! Python's `email` package, with both of its policies, and the crate `mail-parser`.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use mail_parser::{Encoding, Message, MessageParser, MimeHeaders, PartType};
use serde_json::Value;

/// Anomalies that say: this has more than one reading.
pub(crate) const NAMES_A_READING: &[&str] = &[
    "mime-readings",
    "mime-depth",
    "mime-parts",
    "repeated-mime-field",
    "ambiguous-mime-field",
    "ambiguous-boundary",
    "ambiguous-header",
];

/// What one reader sees in one message.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) reader: &'static str,
    /// Media types of all parts, in lower case.
    pub(crate) types: Vec<String>,
    /// Transfer encodings of all parts, in lower case.
    pub(crate) encodings: Vec<String>,
    /// Texts that are shown as they stand, each behind the encoding that its part declares.
    pub(crate) texts: Vec<(String, String)>,
}

impl Seen {
    pub(crate) fn has_type(&self, wanted: &str) -> bool {
        self.types.iter().any(|name| name == wanted)
    }

    pub(crate) fn has_encoding(&self, wanted: &str) -> bool {
        self.encodings.iter().any(|name| name == wanted)
    }

    pub(crate) fn shows(&self, wanted: &str) -> bool {
        self.texts.iter().any(|(_, text)| text.contains(wanted))
    }
}

/// All readers.
#[derive(Debug)]
pub(crate) struct Readers {
    python: Python,
}

impl Readers {
    /// Nothing where there is no Python.
    pub(crate) fn start() -> Option<Self> {
        Some(Self { python: Python::start()? })
    }

    /// What each of them sees in a message as a server stored it.
    pub(crate) fn read(&mut self, message: &[u8]) -> Vec<Seen> {
        let mut seen = self.python.read(message);
        seen.push(by_mail_parser(message));
        seen
    }
}

/// An interpreter that reads one message after the other.
#[derive(Debug)]
struct Python {
    process: Child,
    messages: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Python {
    fn start() -> Option<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../engine/tests/readers/reader.py");
        let mut command = Command::new("python3");
        command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().ok()?;
        let (messages, answers) = (process.stdin.take()?, process.stdout.take()?);
        Some(Self { process, messages, answers: BufReader::new(answers) })
    }

    fn read(&mut self, message: &[u8]) -> Vec<Seen> {
        let length = u32::try_from(message.len()).unwrap().to_be_bytes();
        self.messages.write_all(&[&length, message].concat()).unwrap();
        self.messages.flush().unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        let names = ["Python's email, compat32", "Python's email, default"];
        names.into_iter().zip(answer.as_array().unwrap()).map(|(name, seen)| from_json(name, seen)).collect()
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn from_json(reader: &'static str, seen: &Value) -> Seen {
    let list = |key: &str| {
        let texts = seen[key].as_array().unwrap().iter();
        texts.map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    let text = |pair: &Value| (pair[0].as_str().unwrap().to_owned(), pair[1].as_str().unwrap().to_owned());
    let texts = seen["texts"].as_array().unwrap().iter().map(text).collect();
    Seen { reader, types: list("types"), encodings: list("encodings"), texts }
}

fn by_mail_parser(message: &[u8]) -> Seen {
    let mut seen = Seen { reader: "mail-parser", ..Seen::default() };
    if let Some(message) = MessageParser::default().parse(message) {
        look_into(&message, &mut seen);
    }
    seen
}

fn look_into(message: &Message<'_>, seen: &mut Seen) {
    for part in &message.parts {
        if let Some(of) = part.content_type() {
            seen.types.push(format!("{}/{}", of.ctype(), of.subtype().unwrap_or_default()).to_lowercase());
        }
        seen.encodings.push(
            match part.encoding {
                Encoding::None => "7bit",
                Encoding::QuotedPrintable => "quoted-printable",
                Encoding::Base64 => "base64",
            }
            .to_owned(),
        );
        match &part.body {
            PartType::Text(text) | PartType::Html(text) if part.encoding == Encoding::None => {
                seen.texts.push(("7bit".to_owned(), text.to_string()));
            }
            PartType::Message(inner) => look_into(inner, seen),
            _ => {}
        }
    }
}
