//! What every server of these tests stands on: a folder of its own, a free port, a process that ends with its owner.
//!
//! It knows no mail.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// What went wrong, for the person who reads the test's output.
pub(crate) type Failure = String;

/// A temporary folder, removed with everything in it; `MAILWARDEN_TESTS_KEEP=1` leaves it for a look.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        // Short, because Postfix keeps unix sockets below it and their paths end at 107 octets.
        let path = std::env::temp_dir().join(format!("mw-{name}-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).expect("a temporary folder");
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.join(name);
        fs::write(&path, content).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        path
    }

    /// A file's text, lossy, or nothing while it does not exist.
    pub(crate) fn read(&self, name: &str) -> String {
        fs::read(self.join(name))
            .map(|octets| String::from_utf8_lossy(&octets).into_owned())
            .unwrap_or_default()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if std::env::var_os("MAILWARDEN_TESTS_KEEP").is_some() {
            println!("kept: {}", self.0.display());
        } else {
            // A server's last child may still be writing into it, and then it is not empty when it should be.
            let _ = eventually(2, || fs::remove_dir_all(&self.0).is_ok().then_some(()));
        }
    }
}

/// A child process and its process group, ended in `Drop`.
#[derive(Debug)]
pub(crate) struct Process(Child);

impl Process {
    /// The command must become the leader of a process group (Postfix's master does so by itself).
    pub(crate) fn spawn(command: &mut Command) -> Result<Self, Failure> {
        command.stdin(Stdio::null()).spawn().map(Self).map_err(|error| format!("{command:?}: {error}"))
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        !matches!(self.0.try_wait(), Ok(None))
    }

    /// Asks it to end, and insists after two seconds.
    pub(crate) fn end(&mut self) {
        if self.has_ended() {
            return;
        }
        self.signal("TERM");
        if eventually(2, || self.has_ended().then_some(())).is_none() {
            self.signal("KILL");
            let _ = self.0.wait();
        }
    }

    fn signal(&self, name: &str) {
        let group =
            format!("kill -s {name} -- -{0} 2>/dev/null || kill -s {name} {0} 2>/dev/null", self.0.id());
        let _ = Command::new("sh").args(["-c", &group]).status();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

/// Runs a program to its end.
pub(crate) fn run(command: &mut Command) -> Result<Output, Failure> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(output);
    }
    let said = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    Err(format!("{command:?}: {}: {}", output.status, String::from_utf8_lossy(&said)))
}

/// Asks until there is an answer or the time is over.
pub(crate) fn eventually<T>(seconds: u64, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if Instant::now() > deadline {
            return None;
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// An address nobody listens on.
///
/// All of 127/8 is loopback. An address per test process keeps tests that run side by side from racing for a port
/// between this look and the server's bind.
pub(crate) fn free_address() -> SocketAddr {
    let [_, high, middle, low] = std::process::id().to_be_bytes();
    let host = Ipv4Addr::new(127, 64 | high, middle, low);
    let listener = TcpListener::bind((host, 0)).expect("a free port on loopback");
    listener.local_addr().expect("the port's number")
}

/// Waits until `process` listens, without connecting: a connection would be a session to the firewall under test.
pub(crate) fn wait_until_listening(process: &mut Process, address: SocketAddr) -> Result<(), Failure> {
    let ended = eventually(10, || match (is_listening(address), process.has_ended()) {
        (_, true) => Some(Err("ended instead of listening".to_owned())),
        (Ok(true), false) => Some(Ok(())),
        (Ok(false), false) => None,
        (Err(error), false) => Some(Err(format!("/proc/net/tcp: {error}"))),
    });
    ended.unwrap_or_else(|| Err(format!("nothing listens on {address} after 10 s")))
}

fn is_listening(address: SocketAddr) -> io::Result<bool> {
    let SocketAddr::V4(address) = address else { return Ok(false) };
    // The kernel prints the address as a number in host order, the state in the fourth column: 0A is LISTEN.
    let local = format!("{:08X}:{:04X}", u32::from_ne_bytes(address.ip().octets()), address.port());
    let table = fs::read_to_string("/proc/net/tcp")?;
    Ok(table.lines().any(|line| {
        let mut columns = line.split_whitespace().skip(1);
        columns.next() == Some(&local) && columns.nth(1) == Some("0A")
    }))
}
