//! Events to a pipe with a name: nobody who does not read them stops the daemon.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::Signal;
use serde_json::Value;

use crate::daemon::{Configuration, Daemon, RULED};
use crate::server::Mailbox;
use crate::wire::eventually;

/// A pipe with a name of its own, which goes with it.
struct Fifo(PathBuf);

impl Fifo {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("mailwarden-live-{name}-{}", std::process::id()));
        let _ = fs::remove_file(&path);
        mknodat(CWD, &path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).expect("a pipe");
        Self(path)
    }

    fn statement(&self) -> String {
        format!(" events json {}\n", self.0.display())
    }
}

impl Drop for Fifo {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[test]
fn events_that_nobody_reads_are_dropped_and_counted_and_signals_are_obeyed() {
    let (mailbox, fifo) = (Mailbox::start(), Fifo::new("unread"));
    let statement = fifo.statement();
    let configuration = Configuration { settings: &statement, ..RULED };
    let mut daemon = Daemon::start(configuration, &[mailbox.address()]);
    // A page, so that a few sessions fill it. Whoever opens it to read and write waits for nobody.
    let pipe = OpenOptions::new().read(true).write(true).open(&fifo.0).expect("the pipe");
    rustix::pipe::fcntl_setpipe_size(&pipe, 4096).expect("a short pipe");
    drop(pipe);
    let full = eventually(|| {
        daemon.passes_clean_mail();
        daemon
            .stderr()
            .contains(&format!("cannot write to {}: nobody reads it", fifo.0.display()))
            .then_some(())
    });
    assert!(full.is_some(), "{}", daemon.stderr());

    let before = daemon.configurations();
    daemon.signal(Signal::HUP);
    let reloaded = eventually(|| (daemon.configurations() > before).then_some(()));
    assert!(reloaded.is_some(), "{}", daemon.stderr());
    daemon.passes_clean_mail();
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.wait().code(), Some(0));
    let said = daemon.stderr();
    // Whether the last of them were lost too, when it stopped, depends on what the pipe still took.
    let fifo = fifo.0.display();
    let counted = [format!("lines for {fifo} were lost"), format!("{fifo} can be written again, ")];
    assert!(counted.iter().any(|counted| said.contains(counted)), "{said}");
}

#[test]
fn a_standard_error_output_that_nobody_reads_stops_neither_reload_nor_end() {
    let (mailbox, fifo) = (Mailbox::start(), Fifo::new("stderr"));
    let pipe = OpenOptions::new().read(true).write(true).open(&fifo.0).expect("the pipe");
    rustix::pipe::fcntl_setpipe_size(&pipe, 4096).expect("a short pipe");
    let by = format!("exec \"$0\" \"$@\" 2<>{}", fifo.0.display());
    let mut daemon = Daemon::start_by(&by, Configuration::default(), &[mailbox.address()]);
    daemon.write_text(&"proxy tested\n protocol none\n".repeat(100));
    let full = eventually(|| {
        daemon.signal(Signal::HUP);
        let mut room = [PollFd::new(&pipe, PollFlags::OUT)];
        poll(&mut room, Some(&Timespec::default())).is_ok_and(|ready| ready == 0).then_some(())
    });
    assert!(full.is_some(), "the daemon has nothing to say");

    daemon.write(RULED, &[daemon.address()]);
    daemon.signal(Signal::HUP);
    let refuses = || daemon.greeted().command("MAIL FROM:<refused-word@example.test>").starts_with("550");
    assert!(eventually(|| refuses().then_some(())).is_some(), "the reload waits");
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.wait().code(), Some(0));
}

#[test]
fn a_pipe_that_nobody_reads_may_come_with_a_reload() {
    let (mailbox, fifo) = (Mailbox::start(), Fifo::new("later"));
    let mut daemon = Daemon::start(RULED, &[mailbox.address()]);
    let statement = fifo.statement();
    daemon.write(Configuration { settings: &statement, ..RULED }, &[daemon.address()]);
    let before = daemon.configurations();
    daemon.signal(Signal::HUP);
    let reloaded = eventually(|| (daemon.configurations() > before).then_some(()));
    assert!(reloaded.is_some(), "{}", daemon.stderr());
    daemon.passes_clean_mail();
    // Who reads later gets what was kept.
    let mut events = BufReader::new(File::open(&fifo.0).expect("the pipe")).lines();
    let first = events.next().expect("an event").expect("text");
    let first: Value = serde_json::from_str(&first).expect("a JSON event");
    assert_eq!(first["event"], "config", "{first}");
    drop(events);
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.wait().code(), Some(0));
}
