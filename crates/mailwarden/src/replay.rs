//! `mailwarden replay`: captures through the same engine, offline.
//!
//! `pcap` reads frames, `segments` makes the two streams of each TCP session of them, `conversation` tells
//! mail from the rest and `dialogue` offers it to an engine session that only observes, with `spoken` for what
//! differs by protocol; `transcript` keeps what the engine reports, as much as is `listed`, `json` and `text`
//! show it, and `spool` keeps that until its turn. Nothing here judges: that is the engine's and the policy's
//! business. Sessions in TLS from the start are left out.

mod conversation;
mod dialogue;
mod json;
mod listed;
mod mailbox;
pub(crate) mod pcap;
mod recognise;
mod smtp;
mod spoken;
mod spool;
pub(crate) mod tcp;
mod text;
mod transcript;

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::SessionConfig;

use crate::cli::ReplayFlags;
use crate::text::counted;
use crate::{Exit, configuration, terminal};
use conversation::Conversation;
use pcap::{Capture, Damage, Problem};
use spoken::Configs;
use spool::Spool;
use tcp::{Flow, FlowId, Reassembler};

/// `mailwarden replay`.
pub(crate) fn run(flags: &ReplayFlags) -> Exit {
    let configs = match session_config(flags) {
        Ok(config) => Arc::new(Configs::new(&config)),
        Err(exit) => return exit,
    };
    let mut exit = Exit::Done;
    for path in &flags.captures {
        let name = path.display().to_string();
        let heading = (flags.captures.len() > 1).then_some(name.as_str());
        let show = |conversation: &Conversation, transcript: &transcript::Transcript| match flags.json {
            true => json::line(heading, conversation, transcript),
            false => text::session(heading, conversation, transcript),
        };
        let out = BufWriter::new(io::stdout().lock());
        let outcome = open(path).map_err(Trouble::Read).and_then(|(reader, size)| {
            Replay::new(&name, Arc::clone(&configs), out, &show).run(reader, size)
        });
        exit = exit.max(match outcome {
            Ok(damage) => damage,
            // Whoever read us has seen enough.
            Err(Trouble::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => return exit,
            Err(Trouble::Read(error)) => complain(&name, &format!("cannot read: {error}"), Exit::System),
            Err(Trouble::Write(error)) => complain(&name, &format!("cannot write: {error}"), Exit::System),
        });
    }
    exit
}

/// The system would not let us.
enum Trouble {
    Read(io::Error),
    Write(io::Error),
}

/// What judges: the policy of a proxy, or conformance alone.
fn session_config(flags: &ReplayFlags) -> Result<Arc<SessionConfig>, Exit> {
    match &flags.config {
        Some(path) => configuration::session_config(path, flags.proxy.as_deref()),
        None => Ok(Arc::default()),
    }
}

/// A capture and its size, where there is one.
fn open(path: &Path) -> io::Result<(Box<dyn Read>, Option<u64>)> {
    if path.as_os_str() == "-" {
        return Ok((Box::new(io::stdin().lock()), None));
    }
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    Ok((Box::new(file), Some(size)))
}

fn complain(name: &str, what: &str, exit: Exit) -> Exit {
    terminal::complain(&format!("mailwarden: {name}: {what}\n"));
    exit
}

/// One capture on its way.
struct Replay<'r, W> {
    name: &'r str,
    configs: Arc<Configs>,
    out: W,
    show: &'r dyn Fn(&Conversation, &transcript::Transcript) -> String,
    open: HashMap<FlowId, Open>,
    /// What all of them take, roughly.
    open_size: usize,
    /// How often something was said, by which the silent ones are known.
    said: u64,
    /// Sessions that were closed before their end, to make room.
    cut_short: u64,
    /// Sessions that are over and wait for one that began before them; nothing of those that are no mail.
    done: Spool,
    /// The first session that is not over, and the first that has not begun.
    next: FlowId,
    unopened: FlowId,
    /// What a session came to that could not be kept until its turn.
    lost: Option<io::Error>,
}

struct Open {
    conversation: Conversation,
    ended: [bool; 2],
    size: usize,
    last_said: u64,
}

impl<'r, W: Write> Replay<'r, W> {
    fn new(
        name: &'r str,
        configs: Arc<Configs>,
        out: W,
        show: &'r dyn Fn(&Conversation, &transcript::Transcript) -> String,
    ) -> Self {
        Self {
            name,
            configs,
            out,
            show,
            open: HashMap::new(),
            open_size: 0,
            said: 0,
            cut_short: 0,
            done: Spool::default(),
            next: FlowId(0),
            unopened: FlowId(0),
            lost: None,
        }
    }

    fn run(mut self, reader: impl Read, size: Option<u64>) -> Result<Exit, Trouble> {
        let mut capture = match Capture::open(reader) {
            Ok(capture) => capture,
            Err(problem) => return Ok(self.problem(&problem)),
        };
        let mut progress = Progress::new(self.name, size);
        let mut reassembler = Reassembler::default();
        let mut exit = Exit::Done;
        while let Some(frame) = capture.next_frame() {
            match frame {
                Ok(frame) => reassembler.push(&frame, &mut |flow| self.flow(flow)),
                Err(problem) => exit = exit.max(self.problem(&problem)),
            }
            self.flush().map_err(Trouble::Write)?;
            progress.show(capture.position());
        }
        reassembler.finish(&mut |flow| self.flow(flow));
        self.flush().and_then(|()| self.out.flush()).map_err(Trouble::Write)?;
        progress.clear();
        if self.cut_short > 0 {
            let sessions = counted(self.cut_short, "session");
            complain(self.name, &format!("{sessions} cut short: too many at once"), Exit::Done);
        }
        let counts = reassembler.counts();
        if counts.unknown_link > 0 && counts.unknown_link == counts.frames {
            exit = exit.max(complain(self.name, "unsupported link type", Exit::Finding));
        }
        Ok(exit)
    }

    fn problem(&self, problem: &Problem) -> Exit {
        let exit = match problem.what {
            Damage::NotACapture(_) => Exit::Usage,
            Damage::Io(_) => Exit::System,
            Damage::Cut { .. } | Damage::Broken { .. } | Damage::Lost => Exit::Finding,
        };
        complain(self.name, &problem.to_string(), exit)
    }

    fn flow(&mut self, flow: Flow<'_>) {
        match flow {
            Flow::Opened { id, client, server, syn_seen, .. } => {
                let conversation = Conversation::new(client, server, syn_seen);
                let open = Open { conversation, ended: [false; 2], size: 0, last_said: self.said };
                self.open.insert(id, open);
                self.unopened = FlowId(id.0.wrapping_add(1));
            }
            Flow::Data { id, from, time, bytes } => {
                let Some(open) = self.open.get_mut(&id) else { return };
                open.conversation.data(from, time, bytes, &self.configs);
                // Else it would hold up all that began behind it, to its end.
                if open.conversation.is_left_out() {
                    return self.close(id);
                }
                self.said += 1;
                let before = std::mem::replace(&mut open.size, open.conversation.size());
                self.open_size = self.open_size - before + open.size;
                open.last_said = self.said;
                self.make_room();
            }
            Flow::Gap { id, from, time, octets } => {
                if let Some(open) = self.open.get_mut(&id) {
                    open.conversation.gap(from, time, octets);
                }
            }
            // The first copy stands, whichever of the two the receiver took.
            Flow::Conflict { .. } => {}
            Flow::Ended { id, from, .. } => {
                let Some(open) = self.open.get_mut(&id) else { return };
                if let Some(ended) = open.ended.get_mut(from as usize) {
                    *ended = true;
                }
                if open.ended == [true; 2] {
                    self.close(id);
                }
            }
            Flow::Forgotten { id } => self.close(id),
        }
    }

    fn close(&mut self, id: FlowId) {
        let Some(mut open) = self.open.remove(&id) else { return };
        self.open_size -= open.size;
        let transcript = open.conversation.close(&self.configs);
        let shown = transcript.map(|transcript| (self.show)(&open.conversation, &transcript));
        if let Err(error) = self.done.put(id, shown.unwrap_or_default()) {
            self.lost.get_or_insert(error);
        }
    }

    /// Closes sessions, those that were silent longest, when all together take too much.
    fn make_room(&mut self) {
        if self.open_size <= OPEN_MAX {
            return;
        }
        // Some room at once: to find the silent ones, all are looked at.
        while self.open_size > OPEN_MAX / 4 * 3 && self.open.len() > 1 {
            self.close_silent_half();
        }
    }

    fn close_silent_half(&mut self) {
        let mut ages: Vec<u64> = self.open.values().map(|open| open.last_said).collect();
        let middle = (ages.len() - 1) / 2;
        let (_, &mut median, _) = ages.select_nth_unstable(middle);
        let silent = self.open.iter().filter(|(_, open)| open.last_said <= median);
        let silent: Vec<FlowId> = silent.map(|(&id, _)| id).collect();
        for id in silent {
            self.cut_short += 1;
            self.close(id);
        }
    }

    /// Writes the sessions before which none is open.
    fn flush(&mut self) -> io::Result<()> {
        if let Some(error) = self.lost.take() {
            return Err(error);
        }
        while self.next != self.unopened && !self.open.contains_key(&self.next) {
            self.out.write_all(self.done.take(self.next)?.as_bytes())?;
            self.next = FlowId(self.next.0.wrapping_add(1));
        }
        Ok(())
    }
}

/// How far we have come, for whoever waits at a terminal.
struct Progress<'r> {
    name: &'r str,
    size: Option<u64>,
    due: Option<Instant>,
    shown: bool,
}

impl<'r> Progress<'r> {
    const PAUSE: Duration = Duration::from_millis(250);

    fn new(name: &'r str, size: Option<u64>) -> Self {
        // Sessions that scroll by on the same terminal are progress enough.
        let wanted = io::stderr().is_terminal() && !io::stdout().is_terminal();
        Self { name, size, due: wanted.then(|| Instant::now() + Self::PAUSE), shown: false }
    }

    fn show(&mut self, position: u64) {
        let Some(due) = self.due else { return };
        let now = Instant::now();
        if now < due {
            return;
        }
        self.due = Some(now + Self::PAUSE);
        self.shown = true;
        let done = match self.size.filter(|&size| size > 0) {
            Some(size) => format!("{} %", position.saturating_mul(100) / size),
            None => format!("{} MiB", position >> 20),
        };
        terminal::progress(&format!("{}: {done}", self.name));
    }

    fn clear(&self) {
        if self.shown {
            terminal::progress("");
        }
    }
}

// Limit: bytes that the sessions which are open at once may take together; the silent ones make room.
const OPEN_MAX: usize = 24 << 20;
