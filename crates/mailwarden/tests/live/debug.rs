//! `debug`: the lines come while they happen, to whoever listens, and to nobody's cost.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use crate::daemon::{Configuration, Daemon, RULED};
use crate::server::Mailbox;
use crate::wire::PATIENCE;

/// Somebody who listens to a daemon.
struct Listener {
    child: Child,
    lines: Receiver<String>,
}

impl Listener {
    fn start(daemon: &Daemon, words: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_mailwarden"))
            .args(["debug", "--socket"])
            .arg(daemon.file("control.sock"))
            .args(words.split(' '))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (told, lines) = channel();
        let out: BufReader<ChildStdout> = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if told.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines }
    }

    fn line(&self) -> String {
        self.lines.recv_timeout(PATIENCE).expect("a line")
    }

    /// The next line without its time.
    fn told(&self) -> String {
        let line = self.line();
        assert!(line.starts_with('*'), "{line}");
        line.split_once(": ").unwrap().1.to_owned()
    }

    /// The next lines up to one that begins so.
    fn until(&self, begin: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            lines.push(self.told());
            if lines.last().is_some_and(|line| line.starts_with(begin)) {
                return lines;
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn asked() -> (Mailbox, Daemon) {
    let mailbox = Mailbox::start();
    let asked = Configuration { settings: " control-socket FOLDER/control.sock\n", ..RULED };
    let daemon = Daemon::start(asked, &[mailbox.address()]);
    (mailbox, daemon)
}

#[test]
fn segments_are_traced_as_they_come() {
    let (_mailbox, daemon) = asked();
    let listener = Listener::start(&daemon, "ip inspect smtp");
    assert_eq!(listener.line(), "INSPECT SMTP Inspection debugging is on");
    let mut client = daemon.connect();
    let greeting = client.reply();
    let banner = listener.until("CBAC SMTP: End Of Reply Line");
    assert_eq!(
        banner.last().unwrap(),
        &format!("CBAC SMTP: End Of Reply Line - index:0 ,len:{}", greeting.len() + 2)
    );
    for (typed, state) in [("H", 9), ("E", 24), ("L", 40), ("O", 56)] {
        client.send(typed);
        let line = listener.told();
        assert!(
            line.starts_with("CBAC SMTP: VERB - Cmd len:") && line.ends_with(&format!(":{state}")),
            "{line}"
        );
    }
    assert_eq!(listener.told(), "CBAC SMTP: VERB - match id:5");
    client.says(" c", "250");
    let rest = listener.until("CBAC SMTP: End Of Command Line");
    assert_eq!(rest.last().unwrap(), "CBAC SMTP: End Of Command Line - index:1, len:8");
    assert_eq!(listener.told(), "CBAC SMTP: reply_type OTHERS");
    client.says("QUIT", "221");
}

#[test]
fn what_acts_and_who_comes_and_goes_is_told() {
    let (_mailbox, daemon) = asked();
    let [events, creation, deletion] = ["events", "object-creation", "object-deletion"]
        .map(|what| Listener::start(&daemon, &format!("policy-firewall {what}")));
    for listener in [&events, &creation, &deletion] {
        listener.line();
    }
    let mut client = daemon.greeted();
    assert!(creation.told().starts_with("CBAC OBJ_CREATE: create sis "));
    client.says("MAIL FROM:<refused-word@example.test>", "550");
    let matched = events.told();
    assert!(
        matched.ends_with("policy rules class refused matched sender address regex words, reset"),
        "{matched}"
    );
    client.says("QUIT", "221");
    let client = client.stream().local_addr().unwrap();
    let gone = deletion.told();
    assert!(gone.contains(&format!("({client})=>")) && gone.ends_with(" smtp"), "{gone}");
}

#[test]
fn a_listener_that_stops_reading_or_leaves_delays_nobody() {
    let (_mailbox, daemon) = asked();
    let stopped = Listener::start(&daemon, "ip inspect smtp");
    stopped.line();
    let pid = i32::try_from(stopped.child.id()).unwrap();
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
    for _ in 0..200 {
        daemon.passes_clean_mail();
    }
    drop(stopped);
    let next = Listener::start(&daemon, "esmtp");
    assert_eq!(next.line(), "debug esmtp enabled at level 1");
    daemon.passes_clean_mail();
    assert!(next.told().starts_with("CBAC SMTP: "));
}
