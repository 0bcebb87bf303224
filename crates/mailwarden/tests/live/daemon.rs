//! The program under test: one process, its configuration, and what it says.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::wire::{Wire, eventually};

/// Refuses a sender, a recipient, a header and a body by a word in it.
pub(crate) const RULES: &str = "\
parameter-map type regex words
 pattern refused-word
class-map type inspect smtp match-any refused
 match sender address regex words
 match recipient address regex words
 match header regex words
 match body regex words
policy-map type inspect smtp rules
 class type inspect smtp refused
  reset
";

/// What an operator writes: maps, settings of the `mailwarden` block, among them the platform if it is not IOS, and lines of
/// the proxy, among them the protocol if it is not SMTP. `FOLDER` in settings is the daemon's own.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Configuration<'c> {
    pub(crate) maps: &'c str,
    pub(crate) settings: &'c str,
    pub(crate) proxy: &'c str,
}

pub(crate) const RULED: Configuration<'_> =
    Configuration { maps: RULES, settings: "", proxy: " service-policy type inspect rules\n" };

#[derive(Debug)]
pub(crate) struct Daemon {
    child: Child,
    folder: PathBuf,
    address: SocketAddr,
    servers: Vec<SocketAddr>,
}

impl Daemon {
    pub(crate) fn start(configuration: Configuration<'_>, servers: &[SocketAddr]) -> Self {
        Self::start_limited("unlimited", configuration, servers)
    }

    /// With so many file descriptors; `unlimited` is as many as the tests have.
    pub(crate) fn start_limited(
        descriptors: &str,
        configuration: Configuration<'_>,
        servers: &[SocketAddr],
    ) -> Self {
        Self::start_by(&limited(descriptors), configuration, servers)
    }

    /// As systemd starts it, with the journal for standard error.
    pub(crate) fn start_for_journal(configuration: Configuration<'_>, servers: &[SocketAddr]) -> Self {
        // Descriptor 2 is a file here, which is known by the same two numbers as a socket of the journal.
        let by = "JOURNAL_STREAM=$(stat -L -c %d:%i /dev/fd/2) exec \"$0\" \"$@\"";
        Self::start_by(by, configuration, servers)
    }

    /// Through a shell that runs `by`, with the program and its arguments for parameters.
    pub(crate) fn start_by(by: &str, configuration: Configuration<'_>, servers: &[SocketAddr]) -> Self {
        let try_start = || Self::try_start(by, configuration, servers);
        // The port was free a moment ago; if somebody took it, another one will do.
        let started = try_start().or_else(|_| try_start());
        started.unwrap_or_else(|said| panic!("mailwarden does not start: {said}"))
    }

    fn try_start(by: &str, configuration: Configuration<'_>, servers: &[SocketAddr]) -> Result<Self, String> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("mailwarden-live-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).expect("a temporary folder");
        let address = free_address();
        let file = folder.join("mailwarden.conf");
        fs::write(&file, render(configuration, &folder, &[address], servers)).expect("a configuration");
        let stderr = File::create(folder.join("stderr")).expect("a file for stderr");
        let program = env!("CARGO_BIN_EXE_mailwarden");
        let mut command = Command::new("sh");
        command
            .args(["-c", by, program])
            .arg("run")
            .arg("--config")
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(stderr);
        let child = command.spawn().expect("the program");
        let mut daemon = Self { child, folder, address, servers: servers.to_vec() };
        // It says so when it listens, and not before.
        let elsewhere = configuration.settings.contains("events json");
        let unheard = configuration.maps.contains("logging file /dev/full");
        let listening = eventually(|| {
            if unheard {
                return (is_listening(address) || daemon.has_ended().is_some())
                    .then(|| is_listening(address));
            }
            let says = if elsewhere { daemon.configurations() } else { daemon.named("config").len() };
            match (says, daemon.has_ended()) {
                (_, Some(_)) => Some(false),
                (0, None) => None,
                (_, None) => Some(is_listening(address)),
            }
        });
        match listening {
            Some(true) => Ok(daemon),
            _ => Err(daemon.stderr()),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn connect(&self) -> Wire {
        Wire::connect(self.address)
    }

    /// A client that has been greeted and has said EHLO.
    pub(crate) fn greeted(&self) -> Wire {
        let mut client = self.connect();
        let greeting = client.reply();
        assert!(greeting.starts_with("220"), "greeted with `{greeting}`; {}", self.stderr());
        client.says("EHLO client.test", "250");
        client
    }

    /// A whole session with one message, as nobody could object to.
    pub(crate) fn passes_clean_mail(&self) {
        let mut client = self.greeted();
        let reply = client.message("clean@example.test", "Subject: clean\r\n\r\nclean");
        assert!(reply.starts_with("250"), "clean mail was answered `{reply}`; {}", self.stderr());
        client.says("QUIT", "221");
    }

    /// Writes another configuration; it is read when the daemon is told to.
    pub(crate) fn write(&self, configuration: Configuration<'_>, listens: &[SocketAddr]) {
        self.write_text(&render(configuration, &self.folder, listens, &self.servers));
    }

    pub(crate) fn write_text(&self, text: &str) {
        // Renamed into place, as an editor does it: a reload never sees half a file.
        let new = self.folder.join("new.conf");
        fs::write(&new, text).expect("a configuration");
        fs::rename(new, self.folder.join("mailwarden.conf")).expect("a configuration in place");
    }

    /// A file of the daemon's own folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("a signal");
    }

    /// Asks for a reload and waits until the daemon has said what came of it.
    pub(crate) fn reload(&self) -> String {
        let before = self.named("config").len();
        self.signal(Signal::HUP);
        let told = eventually(|| self.named("config").get(before).cloned());
        let told = told.unwrap_or_else(|| panic!("no config event; {}", self.stderr()));
        told["result"].as_str().unwrap_or_default().to_owned()
    }

    /// How often the log says what came of a configuration.
    pub(crate) fn configurations(&self) -> usize {
        self.stderr().matches("%SYS-5-CONFIG_I").count()
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).expect("a process id")).expect("a process")
    }

    pub(crate) fn has_ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child")
    }

    /// The exit status, once it has left.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let status = eventually(|| self.has_ended());
        status.unwrap_or_else(|| panic!("still running; {}", self.stderr()))
    }

    /// Resident memory in octets.
    pub(crate) fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("its status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
    }

    /// Time on the processor so far, in clock ticks of ten milliseconds.
    pub(crate) fn ticks(&self) -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("its stat");
        let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
        fields.skip(11).take(2).map(|ticks| ticks.parse::<u64>().expect("a number")).sum()
    }

    pub(crate) fn descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.child.id())).expect("its descriptors").count()
    }

    pub(crate) fn stderr(&self) -> String {
        fs::read(self.folder.join("stderr"))
            .map(|text| String::from_utf8_lossy(&text).into_owned())
            .unwrap_or_default()
    }

    /// The JSON events of one name so far.
    pub(crate) fn named(&self, name: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.folder.join("events.jsonl")).unwrap_or_default();
        let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        let events = whole.map(|line| serde_json::from_str::<Value>(line).expect("a JSON event"));
        events.filter(|event| event["event"] == name).collect()
    }

    /// Waits until this many sessions have ended, and says how.
    pub(crate) fn ended(&self, sessions: usize) -> Vec<String> {
        let reasons = || -> Vec<String> {
            let ends = self.named("session_end");
            ends.iter().map(|end| end["reason"].as_str().unwrap_or("?").to_owned()).collect()
        };
        let ended = eventually(|| Some(reasons()).filter(|reasons| reasons.len() >= sessions));
        ended.unwrap_or_else(|| panic!("{} of {sessions} sessions ended; {}", reasons().len(), self.stderr()))
    }

    /// Waits for an anomaly of this kind.
    pub(crate) fn tells_anomaly(&self, kind: &str) {
        let told =
            eventually(|| self.named("anomaly").iter().any(|event| event["kind"] == kind).then_some(()));
        assert!(told.is_some(), "no anomaly `{kind}` but {:?}; {}", self.named("anomaly"), self.stderr());
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the daemon said:\n{}", self.stderr());
        } else {
            assert!(!self.stderr().contains("panicked"), "{}", self.stderr());
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// What a shell runs for a program with so many descriptors.
fn limited(descriptors: &str) -> String {
    match descriptors {
        "unlimited" => "exec \"$0\" \"$@\"".to_owned(),
        few => format!("ulimit -n {few} && exec \"$0\" \"$@\""),
    }
}

fn render(
    Configuration { maps, settings, proxy }: Configuration<'_>,
    folder: &std::path::Path,
    listens: &[SocketAddr],
    servers: &[SocketAddr],
) -> String {
    let lines = |word: &str, addresses: &[SocketAddr]| -> String {
        addresses.iter().map(|address| format!(" {word} {address}\n")).collect()
    };
    let (listens, servers) = (lines("listen", listens), lines("server", servers));
    let folder = folder.display();
    let settings = settings.replace("FOLDER", &folder.to_string());
    let platform = if settings.contains(" platform ") { "" } else { " platform ios\n" };
    let protocol = if proxy.contains(" protocol ") { "" } else { " protocol smtp\n" };
    format!(
        "{maps}mailwarden\n{platform} events json {folder}/events.jsonl\n{settings}proxy tested\n{listens}\
         {servers}{protocol}{proxy}"
    )
}

/// An address nobody listens on.
///
/// All of 127/8 is loopback. An address per test process, and ports below those that the kernel gives to clients, each
/// asked for once, keep this look and the bind that follows from racing with other tests.
pub(crate) fn free_address() -> SocketAddr {
    static ASKED: AtomicU32 = AtomicU32::new(0);
    const FIRST: u32 = 10_000;
    const PORTS: u32 = 20_000;
    let process = std::process::id();
    let [_, high, middle, low] = process.to_be_bytes();
    let host = Ipv4Addr::new(127, 64 | high, middle, low);
    (0..PORTS)
        .find_map(|_| {
            let number = process.wrapping_mul(31).wrapping_add(ASKED.fetch_add(1, Ordering::Relaxed));
            let port = u16::try_from(FIRST + number % PORTS).ok()?;
            let address = SocketAddr::from((host, port));
            TcpListener::bind(address).is_ok().then_some(address)
        })
        .expect("a free port on loopback")
}

/// Asked without a connection, which would be a session.
pub(crate) fn is_listening(address: SocketAddr) -> bool {
    let SocketAddr::V4(address) = address else { return false };
    // The kernel prints the address as a number in host order, the state in the fourth column: 0A is LISTEN.
    let local = format!("{:08X}:{:04X}", u32::from_ne_bytes(address.ip().octets()), address.port());
    let table = fs::read_to_string("/proc/net/tcp").expect("the table of sockets");
    table.lines().any(|line| {
        let mut columns = line.split_whitespace().skip(1);
        columns.next() == Some(&local) && columns.nth(1) == Some("0A")
    })
}
