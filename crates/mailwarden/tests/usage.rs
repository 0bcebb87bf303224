//! Whatever is done wrong on the command line is answered by a clear line and the right exit code, never
//! by a panic or a debug dump.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

const USAGE: i32 = 2;
const SYSTEM: i32 = 3;

#[test]
fn wrong_usage_is_answered_by_one_clear_line() {
    let folder = Folder::new("usage");
    folder.write("empty.conf", b"");
    folder.write("binary.conf", &(0..=255).cycle().take(4096).collect::<Vec<u8>>());
    folder.write(
        "utf-16.conf",
        &"hostname edge\n".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>(),
    );
    folder.write("no-port.conf", b"proxy mx\n listen 127.0.0.1:0\n server 192.0.2.1\n");
    folder.write("no-name.conf", b"proxy mx\n listen 127.0.0.1:0\n server mail..example.com:25\n");
    folder.write(
        "no-log.conf",
        b"logging file /nowhere/log\nproxy mx\n listen 127.0.0.1:0\n server 127.0.0.1:25\n no inspect esmtp\n",
    );
    folder
        .write("not-ours.conf", b"proxy mx\n listen 192.0.2.1:25\n server 127.0.0.1:25\n no inspect esmtp\n");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let taken = taken.local_addr().expect("its address").to_string();

    // What is typed, the exit code, and what a line must begin with; several words stand for several arguments.
    let table: &[(&str, i32, &str)] = &[
        ("", USAGE, ""),
        ("fly", USAGE, "error: unrecognized subcommand 'fly'"),
        ("run --fly", USAGE, "error: unexpected argument '--fly'"),
        ("run --config", USAGE, "error: a value is required for '--config"),
        ("run --config missing.conf", SYSTEM, "mailwarden: missing.conf: No such file"),
        ("run --config .", SYSTEM, "mailwarden: .: Is a directory"),
        ("run --config empty.conf", USAGE, "mailwarden: empty.conf: no `proxy` block"),
        ("run --config binary.conf", USAGE, "binary.conf:1:1: error: the file is not a text file"),
        ("run --config utf-16.conf", USAGE, "utf-16.conf:1:1: error: the file is in UTF-16"),
        ("run --config no-port.conf", USAGE, "no-port.conf:3:9: error: "),
        ("run --config no-name.conf", USAGE, "no-name.conf:3:9: error: "),
        ("run --config no-log.conf", SYSTEM, "mailwarden: /nowhere/log: No such file"),
        (
            "run --config not-ours.conf",
            SYSTEM,
            "mailwarden: cannot listen on 192.0.2.1:25: Cannot assign requested address (os error 99); this machine \
             does not have the address: `ip address` lists those it has",
        ),
        ("run --listen 127.0.0.1:0", USAGE, "error: the following required arguments"),
        (
            "run --listen 127.0.0.1 --server 127.0.0.1:25",
            USAGE,
            "error: invalid value '127.0.0.1' for '--listen",
        ),
        ("run --listen 127.0.0.1:0 --server mail", USAGE, "error: invalid value 'mail' for '--server"),
        (
            "run --listen 127.0.0.1:0 --server 127.0.0.1:99999",
            USAGE,
            "error: invalid value '127.0.0.1:99999'",
        ),
        (&format!("run --listen {taken} --server 127.0.0.1:25"), SYSTEM, "mailwarden: cannot listen on "),
        ("check", USAGE, "error: the following required arguments"),
        ("check --format xml empty.conf", USAGE, "error: invalid value 'xml' for '--format"),
        ("check missing.conf", SYSTEM, "mailwarden: missing.conf: No such file"),
        ("check .", SYSTEM, "mailwarden: .: Is a directory"),
        ("check binary.conf", USAGE, "binary.conf:1:1: error: the file is not a text file"),
        ("check utf-16.conf", USAGE, "utf-16.conf:1:1: error: the file is in UTF-16"),
        ("explain", USAGE, "error: the following required arguments"),
        (
            "explain dangling-sart [pinhole]",
            USAGE,
            "mailwarden: explain: no diagnostic has the code `dangling-sart`, did you mean `dangling-star`?",
        ),
        ("explain dangling-sart [pinhole]", USAGE, "pinhole (warning)"),
        ("replay", USAGE, "error: the following required arguments"),
        ("replay missing.pcap", SYSTEM, "mailwarden: missing.pcap: cannot read: No such file"),
        ("replay .", SYSTEM, "mailwarden: .: cannot read at byte 0: Is a directory"),
        ("demo --fly", USAGE, "error: unexpected argument '--fly'"),
        ("completions", USAGE, "error: the following required arguments"),
        ("completions cmd.exe", USAGE, "error: invalid value 'cmd.exe'"),
        ("man page", USAGE, "error: invalid value 'page' for '[PAGE]'"),
    ];
    for (typed, exit, begin) in table {
        let said = Said::of(program(&folder.0, typed));
        assert_eq!(said.exit, Some(*exit), "`{typed}`: {said:?}");
        let line = said.lines().find(|line| line.starts_with(begin));
        assert!(line.is_some(), "`{typed}`: no line begins with `{begin}`: {said:?}");
        said.assert_is_no_dump(typed);
    }
}

#[test]
fn a_privileged_port_is_refused_by_the_system() {
    let first = fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start").unwrap_or_default();
    if first.trim().parse::<u16>().unwrap_or(0) <= 25 {
        println!("skipped: anybody may listen on port 25 here");
        return;
    }
    let listen = "run --listen 127.0.0.1:25 --server 127.0.0.1:2525";
    let nobody =
        ["--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all"];
    let may_change =
        Command::new("setpriv").args(nobody).arg(env!("CARGO_BIN_EXE_mailwarden")).arg("-V").output();
    let command = if may_change.is_ok_and(|output| output.status.success()) {
        let mut command = Command::new("setpriv");
        command.args(nobody).arg(env!("CARGO_BIN_EXE_mailwarden")).args(listen.split(' '));
        command
    } else if fs::metadata("/proc/self").is_ok_and(|me| std::os::unix::fs::MetadataExt::uid(&me) != 0) {
        program(&std::env::temp_dir(), listen)
    } else {
        println!("skipped: we are root and cannot become somebody else");
        return;
    };
    let said = Said::of(command);
    assert_eq!(said.exit, Some(SYSTEM), "{said:?}");
    let help = "a port below 1024 requires CAP_NET_BIND_SERVICE: `AmbientCapabilities=CAP_NET_BIND_SERVICE` in the unit of \
                systemd, or `setcap cap_net_bind_service=+ep` on the program";
    let wanted =
        format!("mailwarden: cannot listen on 127.0.0.1:25: Permission denied (os error 13); {help}\n");
    assert_eq!(said.stderr, wanted);
}

#[test]
fn a_port_that_is_taken_is_refused_with_the_way_to_find_its_owner() {
    let owner = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let address = owner.local_addr().expect("its address");
    let run = format!("run --listen {address} --server 127.0.0.1:2525");
    let said = Said::of(program(&std::env::temp_dir(), &run));
    let help =
        format!("`ss -ltnp sport = :{}`, as root, shows the program that listens there", address.port());
    let wanted =
        format!("mailwarden: cannot listen on {address}: Address already in use (os error 98); {help}\n");
    assert_eq!((said.exit, said.stderr), (Some(SYSTEM), wanted));
}

#[test]
fn readers_that_went_away_are_no_reason_to_panic() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/check");
    for typed in [
        "check -v warned.conf",
        "check --format json warned.conf",
        "man",
        "completions bash",
        "demo",
        "--help",
    ] {
        let mut child =
            program(&golden, typed).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
        // Like `| head -0`: closed before anything is written.
        drop(child.stdout.take());
        let output = wait(child);
        assert_eq!(output.status.code(), Some(0), "`{typed}`: {output:?}");
        assert!(output.stderr.is_empty(), "`{typed}`: {output:?}");
    }
    for (typed, exit) in [
        ("check missing.conf", SYSTEM),
        ("run --config missing.conf", SYSTEM),
        ("run --fly", USAGE),
        ("replay missing.pcap", SYSTEM),
    ] {
        let mut child =
            program(&golden, typed).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("starts");
        drop(child.stderr.take());
        assert_eq!(wait(child).status.code(), Some(exit), "`{typed}`");
    }
}

#[test]
fn what_cannot_be_printed_is_told() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/check");
    for typed in ["check clean.conf", "check --format json clean.conf", "man", "completions bash"] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("a full disk");
        let output = program(&golden, typed).stdout(full).output().expect("starts");
        assert_eq!(output.status.code(), Some(SYSTEM), "`{typed}`: {output:?}");
        assert!(output.stderr.starts_with(b"mailwarden: cannot write: "), "`{typed}`: {output:?}");
    }
}

#[test]
fn a_list_that_is_a_pipe_or_a_device_is_an_error_and_not_waited_for() {
    let folder = Folder::new("pipe");
    let made = Command::new("mkfifo").arg(folder.0.join("list")).status().expect("mkfifo");
    assert!(made.success());
    for list in ["list", "/dev/zero"] {
        let conf = format!("parameter-map type regex r\n pattern file {list}\n");
        folder.write("edge.conf", conf.as_bytes());
        let output = program(&folder.0, "check edge.conf").output().expect("starts");
        let told = format!("error: cannot read `{list}`: it is not a regular file [list-unreadable]");
        assert!(String::from_utf8_lossy(&output.stdout).contains(&told), "{output:?}");
    }
}

#[test]
fn a_reload_of_a_daemon_that_is_still_starting_does_not_end_it() {
    let folder = Folder::new("early");
    let made = Command::new("mkfifo").arg(folder.0.join("edge.conf")).status().expect("mkfifo");
    assert!(made.success());
    let conf = "proxy mx\n listen 127.0.0.1:0\n server 127.0.0.1:25\n no inspect esmtp\n";
    folder.write("new.conf", conf.as_bytes());
    let mut command = program(&folder.0, "run --config edge.conf");
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("starts");
    let pid = Pid::from_raw(i32::try_from(child.id()).expect("a process id")).expect("a process");
    // Opens when the daemon has come to reading it.
    let mut first = fs::OpenOptions::new().write(true).open(folder.0.join("edge.conf")).expect("a reader");
    kill_process(pid, Signal::HUP).expect("a signal");
    fs::rename(folder.0.join("new.conf"), folder.0.join("edge.conf")).expect("a file in its place");
    first.write_all(conf.as_bytes()).expect("written");
    drop(first);
    let stderr = BufReader::new(child.stderr.take().expect("its stderr"));
    let lines = stderr.lines().map(|line| line.expect("text"));
    let mut told = lines.filter(|line| line.ends_with("Configured from edge.conf: applied"));
    assert!(told.next().is_some() && told.next().is_some(), "at the start and by the signal");
    kill_process(pid, Signal::TERM).expect("a signal");
    assert_eq!(wait(child).status.code(), Some(0));
}

fn program(folder: &Path, typed: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mailwarden"));
    command.current_dir(folder).args(typed.split_ascii_whitespace());
    command
}

#[derive(Debug)]
struct Said {
    exit: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Said {
    fn of(mut command: Command) -> Self {
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let output = wait(child.expect("the program starts"));
        let text = |octets: &[u8]| String::from_utf8(octets.to_vec()).expect("text");
        Self { exit: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    fn lines(&self) -> impl Iterator<Item = &str> {
        self.stdout.lines().chain(self.stderr.lines())
    }

    fn assert_is_no_dump(&self, typed: &str) {
        for dump in
            ["panicked", "RUST_BACKTRACE", "thread '", "Err(", "Some(", "Os {", "kind: ", "\x1b", "\0"]
        {
            assert!(self.lines().all(|line| !line.contains(dump)), "`{typed}`: {self:?}");
        }
        // What the program itself says is one line; clap and complaints about a file add how to do it right.
        if self.stderr.starts_with("mailwarden: ") {
            assert_eq!(self.stderr.lines().count(), 1, "`{typed}`: {self:?}");
        }
    }
}

/// A program that should have ended is stopped after a while, so that a mistake is a failure and no hang.
fn wait(mut child: Child) -> Output {
    let deadline = Instant::now() + Duration::from_secs(20);
    while child.try_wait().expect("a child").is_none() {
        if Instant::now() > deadline {
            let _ = child.kill();
        }
        thread::sleep(Duration::from_millis(2));
    }
    child.wait_with_output().expect("its output")
}

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("mailwarden-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("a temporary folder");
        Self(path)
    }

    fn write(&self, name: &str, octets: &[u8]) {
        fs::write(self.0.join(name), octets).expect("written");
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
