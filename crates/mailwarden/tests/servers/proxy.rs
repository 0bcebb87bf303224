//! The firewall under test: one process with one explicit proxy, and the JSON events it wrote.

use std::fs::File;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::process::{Failure, Folder, Process, eventually, free_address, wait_until_listening};

#[derive(Debug)]
pub(crate) struct Proxy {
    // Before the folder: the process goes first.
    _process: Process,
    folder: Folder,
    address: SocketAddr,
}

/// What an operator writes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Configuration<'a> {
    /// Maps, in front.
    pub(crate) policy: &'a str,
    /// Lines of the `mailwarden` block, one per line.
    pub(crate) settings: &'a str,
    /// A line of the `proxy` block that names the policy.
    pub(crate) attachment: &'a str,
}

/// One `match` event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Acted {
    pub(crate) class: String,
    pub(crate) criterion: String,
    pub(crate) action: String,
}

impl Proxy {
    pub(crate) fn start(configuration: Configuration<'_>, server: SocketAddr) -> Result<Self, Failure> {
        Self::try_twice(|folder, address| {
            let file = folder.write("mailwarden.conf", configuration.render(folder, address, server));
            vec!["--config".to_owned(), file.display().to_string()]
        })
    }

    /// From the command line alone: everything is followed, nothing is forbidden, and no events are written.
    pub(crate) fn start_without_file(server: SocketAddr, protocol: &str) -> Result<Self, Failure> {
        Self::try_twice(|_, address| {
            let words =
                ["--listen", &address.to_string(), "--server", &server.to_string(), "--protocol", protocol];
            words.map(str::to_owned).to_vec()
        })
    }

    /// The port was free a moment ago; if somebody took it, another one will do.
    fn try_twice(arguments: impl Fn(&Folder, SocketAddr) -> Vec<String>) -> Result<Self, Failure> {
        Self::try_start(&arguments).or_else(|_| Self::try_start(&arguments))
    }

    fn try_start(arguments: impl Fn(&Folder, SocketAddr) -> Vec<String>) -> Result<Self, Failure> {
        let folder = Folder::new("mailwarden");
        let address = free_address();
        let mut command = Command::new(program());
        let stderr = File::create(folder.join("stderr")).map_err(|error| error.to_string())?;
        command.arg("run").args(arguments(&folder, address)).stdout(Stdio::null()).stderr(stderr);
        let mut process = Process::spawn(&mut command)?;
        wait_until_listening(&mut process, address).map_err(|why| {
            let (said, configuration) = (folder.read("stderr"), folder.read("mailwarden.conf"));
            format!("mailwarden {why}: {said}\n{configuration}")
        })?;
        Ok(Self { _process: process, folder, address })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The `match` events, once this many sessions have ended and so have been told whole.
    pub(crate) fn acted_in(&self, sessions: usize) -> Result<Vec<Acted>, Failure> {
        let ended = eventually(5, || {
            let events = self.events();
            let ended = events.iter().filter(|event| event["event"] == "session_end").count();
            (ended >= sessions).then_some(events)
        });
        let events = ended.ok_or_else(|| {
            format!("no {sessions} session_end events after 5 s; stderr: {}", self.folder.read("stderr"))
        })?;
        Ok(events.iter().filter(|event| event["event"] == "match").map(Acted::from_event).collect())
    }

    /// The lines for people, which go to stderr where nothing is said of logging.
    pub(crate) fn log(&self) -> String {
        self.folder.read("stderr")
    }

    /// Every whole line; a line that is no JSON becomes an event that says so.
    pub(crate) fn events(&self) -> Vec<Value> {
        let text = self.folder.read("events.jsonl");
        let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        whole
            .map(|line| serde_json::from_str(line).unwrap_or_else(|_| serde_json::json!({"damaged": line})))
            .collect()
    }
}

impl Configuration<'_> {
    fn render(&self, folder: &Folder, listen: SocketAddr, server: SocketAddr) -> String {
        let settings: String = self.settings.lines().map(|line| format!(" {}\n", line.trim())).collect();
        let folder = folder.path().display();
        let Self { policy, attachment, .. } = self;
        let platform = if policy.starts_with("ASA Version") { "asa" } else { "ios" };
        format!(
            "{policy}mailwarden\n platform {platform}\n workers 1\n control-socket {folder}/control.sock\n events json \
             {folder}/events.jsonl\n{settings}proxy tested\n listen {listen}\n server {server}\n protocol smtp\n \
             {attachment}\n"
        )
    }
}

impl Acted {
    fn from_event(event: &Value) -> Self {
        let text = |key: &str| event[key].as_str().unwrap_or("?").to_owned();
        Self { class: text("class"), criterion: text("criterion"), action: text("action") }
    }
}

/// The binary of this build; `MAILWARDEN_BINARY` names another one, for example an installed package's.
fn program() -> String {
    std::env::var("MAILWARDEN_BINARY").unwrap_or_else(|_| env!("CARGO_BIN_EXE_mailwarden").to_owned())
}
