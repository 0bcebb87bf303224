//! `mailwarden demo`: a mail server and the firewall in one process, and example sessions through them.
//!
//! The firewall is that of `run`, with an ordinary configuration. Nothing is written to disk, and no message
//! leaves the machine.

mod judge;
mod scene;
mod sender;
mod server;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use policy::model::{EventsDetail, Server};
use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};

use crate::attachments::Attachments;
use crate::cli::DemoFlags;
use crate::proxy::names::Directory;
use crate::proxy::workers::WorkerPool;
use crate::report::{self, Reporter, Sinks, Writer};
use crate::terminal::{self, Paint};
use crate::{Exit, configuration};
use judge::Outcome;
use scene::Scene;
use server::Received;

/// The configuration that is shown.
const POLICY: &str = include_str!("demo/policy.conf");

/// How long a session may take to end and to be reported.
const PATIENCE: Duration = Duration::from_secs(10);

/// `mailwarden demo`.
pub(crate) fn run(flags: &DemoFlags) -> Exit {
    let played = Setup::build().and_then(|setup| {
        let all_well = play(&setup, Paint::of_stdout())?;
        if flags.keep {
            keep(&setup)?;
        }
        setup.take_down();
        Ok(all_well)
    });
    match played {
        Ok(true) => Exit::Done,
        Ok(false) => Exit::Finding,
        Err(error) => {
            terminal::complain(&format!("mailwarden: demo: {error}\n"));
            Exit::System
        }
    }
}

/// Runs every session and prints it; true if all went as expected.
fn play(setup: &Setup, paint: Paint) -> io::Result<bool> {
    terminal::print(&format!(
        "The mail server listens on {}, the firewall on {}.\n\
         Clients connect to the firewall, which enforces this policy:\n\n{}\n",
        setup.server,
        setup.firewall,
        indented(POLICY)
    ));
    let mut well = 0;
    for (number, scene) in scene::ALL.iter().enumerate() {
        let outcome = setup.perform(scene)?;
        terminal::print(&judge::tell(number + 1, scene, &outcome, paint));
        well += usize::from(judge::flaws(scene, &outcome).is_empty());
    }
    let sum = format!("{well} of {} sessions went as expected", scene::ALL.len());
    let all_well = well == scene::ALL.len();
    let sum = if all_well { paint.green(sum) } else { paint.red(sum) };
    terminal::print(&format!("{sum}\n"));
    Ok(all_well)
}

fn indented(policy: &str) -> String {
    let shown = policy.lines().filter(|line| !line.starts_with('!'));
    shown.map(|line| format!("    {line}\n")).collect()
}

/// The server, the firewall, and what both report.
struct Setup {
    server: SocketAddr,
    firewall: SocketAddr,
    received: Receiver<Received>,
    events: Receiver<Value>,
    workers: WorkerPool,
    reporter: Reporter,
    writer: Writer,
}

impl Setup {
    fn build() -> io::Result<Self> {
        let (server, received) = server::start()?;
        let read = configuration::read_bytes("policy.conf", POLICY.as_bytes());
        let Some(mut plan) = read.plan else { return Err(io::Error::other(read.complaints())) };
        let mut asked = None;
        for listener in &mut plan.listeners {
            listener.address.set_port(0);
            listener.servers = vec![Server::Address(server)];
            Arc::make_mut(&mut listener.config).detail = EventsDetail::Envelope;
            asked = Some(listener.address);
        }
        let (tell, events) = channel();
        let (reporter, writer) = report::start(Sinks::events_to(Events(tell)));
        let mut workers = WorkerPool::new(plan.workers, &reporter)?;
        workers
            .listen(plan.targets(&mut Directory::default(), &mut Attachments::default()))
            .map_err(io::Error::other)?;
        let firewall = asked.and_then(|asked| workers.bound(asked));
        let firewall = firewall.ok_or_else(|| io::Error::other("the policy has no proxy"))?;
        Ok(Self { server, firewall, received, events, workers, reporter, writer })
    }

    /// Runs a session, first without the firewall where the difference matters.
    fn perform(&self, scene: &Scene) -> io::Result<Outcome> {
        let without = match scene.messages_without {
            Some(_) => {
                sender::play(self.server, scene.steps)?;
                Some(self.received()?.messages.len())
            }
            None => None,
        };
        let seen = sender::play(self.firewall, scene.steps)?;
        let events = self.session_of(seen.me)?;
        Ok(Outcome { seen, received: self.received()?, events, messages_without: without })
    }

    fn received(&self) -> io::Result<Received> {
        self.received
            .recv_timeout(PATIENCE)
            .map_err(|_| too_late("the connection to the server is still open"))
    }

    /// The events of one client's session, after its end.
    fn session_of(&self, client: SocketAddr) -> io::Result<Vec<Value>> {
        let mut events = Vec::new();
        loop {
            let event = self.events.recv_timeout(PATIENCE);
            let event = event.map_err(|_| too_late("no session_end event"))?;
            if judge::client(&event) != client.to_string() {
                continue;
            }
            if event.get("event").and_then(Value::as_str) == Some("session_end") {
                return Ok(events);
            }
            events.push(event);
        }
    }

    fn take_down(self) {
        let _ = self.workers.stop();
        drop(self.reporter);
        self.writer.join();
    }
}

fn too_late(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, format!("{what} after {} seconds", PATIENCE.as_secs()))
}

/// Keeps running for a mail client and prints what the firewall reports, until a signal arrives.
fn keep(setup: &Setup) -> io::Result<()> {
    let users = server::USERS.map(|user| format!("{user}@demo.example")).join(" and ");
    terminal::print(&format!(
        "\nPoint a mail client at {} (SMTP, no encryption, no password) and write to {users}.\n\
         Messages are not forwarded. Press Ctrl-C to stop.\n\n",
        setup.firewall
    ));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut look = tokio::time::interval(Duration::from_millis(100));
        loop {
            tokio::select! {
                _ = interrupt.recv() => return Ok(()),
                _ = terminate.recv() => return Ok(()),
                _ = look.tick() => tell_news(setup)?,
            }
        }
    })
}

fn tell_news(setup: &Setup) -> io::Result<()> {
    // The firewall reported what the server received.
    while setup.received.try_recv().is_ok() {}
    loop {
        match setup.events.recv_timeout(Duration::ZERO) {
            Ok(event) => {
                terminal::print(&judge::news(&event));
            }
            Err(RecvTimeoutError::Timeout) => return Ok(()),
            Err(RecvTimeoutError::Disconnected) => return Err(io::Error::other("the firewall has stopped")),
        }
    }
}

/// Takes JSON lines and passes them on as values.
#[derive(Debug)]
struct Events(Sender<Value>);

impl Write for Events {
    /// The report writer passes complete lines.
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        for line in lines.split(|&byte| byte == b'\n') {
            if let Ok(event) = serde_json::from_slice(line) {
                let _ = self.0.send(event);
            }
        }
        Ok(lines.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_of_the_demo_has_no_diagnostics() {
        let read = configuration::read_bytes("policy.conf", POLICY.as_bytes());
        assert_eq!(read.complaints(), "");
        assert_eq!(read.plan.unwrap().workers, Some(1));
    }
}
