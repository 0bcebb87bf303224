//! The control socket: what is shown is what happened, and nobody who asks gets into the way of mail.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Output};

use rustix::process::Signal;

use crate::daemon::{Configuration, Daemon, RULED, RULES};
use crate::server::Mailbox;
use crate::wire::{PATIENCE, Wire, eventually};

/// A daemon that is asked in its own folder.
pub(crate) const ASKED: Configuration<'_> =
    Configuration { settings: " control-socket FOLDER/control.sock\n", ..RULED };

fn asked(daemon: &Daemon, command: &str) -> Output {
    asking(daemon, command).output().expect("the program")
}

fn asking(daemon: &Daemon, command: &str) -> Command {
    let mut words = command.split(' ');
    let program = env!("CARGO_BIN_EXE_mailwarden");
    let mut asking = Command::new(program);
    asking.arg(words.next().unwrap()).arg("--socket").arg(daemon.file("control.sock")).args(words);
    asking
}

/// What a command prints.
pub(crate) fn shown(daemon: &Daemon, command: &str) -> String {
    let output = asked(daemon, command);
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "`{command}`: {complaints}; {}", daemon.stderr());
    String::from_utf8(output.stdout).unwrap()
}

pub(crate) fn has_line(screen: &str, line: &str) -> bool {
    screen.lines().any(|of| of.trim() == line)
}

/// The line that names a session, and the one that says what it has carried, once they are so.
fn session_of(daemon: &Daemon, command: &str, client: &Wire, bytes: &str) -> String {
    let client = client.stream().local_addr().unwrap();
    let found = eventually(|| {
        let screen = shown(daemon, command);
        let line = screen.lines().find(|line| line.contains(&format!("({client})=>")))?.to_owned();
        has_line(&screen, &format!("Bytes sent (initiator:responder) [{bytes}]")).then_some(line)
    });
    found.unwrap_or_else(|| panic!("no {client} with {bytes} in {}", shown(daemon, command)))
}

#[test]
fn the_sessions_of_a_classic_rule_are_shown_as_they_are() {
    let mailbox = Mailbox::start();
    let rule = Configuration {
        maps: "ip inspect name MX smtp audit-trail off\n",
        proxy: " ip inspect MX\n",
        settings: ASKED.settings,
    };
    let daemon = Daemon::start(rule, &[mailbox.address()]);
    assert_eq!(shown(&daemon, "show ip inspect session"), "");
    let mut client = daemon.connect();
    let greeting = client.reply();
    let reply = client.command("HELO c.test");
    let said = "HELO c.test\r\n".len();
    let heard = greeting.len() + reply.len() + "\r\n\r\n".len();
    let line = session_of(&daemon, "show ip inspect session detail", &client, &format!("{said}:{heard}"));
    assert!(line.ends_with(&format!("=>({}) smtp SIS_OPEN", mailbox.address())), "{line}");
    let all = shown(&daemon, "show ip inspect all");
    assert!(has_line(&all, "Established Sessions") && has_line(&all, line.trim()), "{all}");
    client.says("QUIT", "221");
    let gone = eventually(|| shown(&daemon, "show ip inspect session").is_empty().then_some(()));
    assert!(gone.is_some());
    let statistics = shown(&daemon, "show ip inspect statistics");
    let creations = "Session creations since subsystem startup or last reset 1";
    assert!(has_line(&statistics, creations), "{statistics}");
}

#[test]
fn what_a_zone_based_policy_did_is_shown_as_it_was() {
    let mailbox = Mailbox::start();
    let daemon = Daemon::start(ASKED, &[mailbox.address()]);
    let text = fs::read_to_string(daemon.file("mailwarden.conf")).unwrap();
    let (listen, server) = (crate::daemon::free_address(), mailbox.address());
    daemon.write_text(&format!("{text}proxy other\n listen {listen}\n server {server}\n protocol smtp\n"));
    assert_eq!(daemon.reload(), "applied");
    daemon.passes_clean_mail();
    let mut refused = daemon.greeted();
    refused.says("MAIL FROM:<refused-word@example.test>", "550");
    refused.says("QUIT", "221");
    daemon.ended(2);
    let mut open = daemon.greeted();
    let command = "show policy-map type inspect zone-pair tested sessions";
    let screen = eventually(|| {
        let screen = shown(&daemon, command);
        has_line(&screen, "Current session counts (estab/half-open/terminating) [1:0:0]").then_some(screen)
    });
    let screen = screen.unwrap_or_else(|| panic!("{}", shown(&daemon, command)));
    let client = open.stream().local_addr().unwrap();
    let lines = [
        "Proxy: tested",
        "Service-policy inspect smtp : rules",
        "Class-map: refused (match-any)",
        "1 match",
        "Session creations since subsystem startup or last reset 3",
    ];
    assert!(lines.iter().all(|line| has_line(&screen, line)), "{screen}");
    assert!(screen.contains(&format!("({client})=>({}) smtp SIS_OPEN", mailbox.address())), "{screen}");

    let nobody = asked(&daemon, "clear zone-pair nobody counter");
    assert_eq!(nobody.status.code(), Some(1));
    shown(&daemon, "clear zone-pair other counter");
    assert!(has_line(&shown(&daemon, command), "1 match"), "another zone-pair's counters are left");
    shown(&daemon, "clear zone-pair tested counter");
    let screen = shown(&daemon, command);
    let creations = "Session creations since subsystem startup or last reset 0";
    assert!(has_line(&screen, "0 matches") && has_line(&screen, creations), "{screen}");
    open.says("QUIT", "221");
}

#[test]
fn what_a_map_of_the_asa_did_is_shown_as_it_was() {
    let mailbox = Mailbox::start();
    let daemon = Daemon::start(ASKED, &[mailbox.address()]);
    let (address, server) = (daemon.address(), mailbox.address());
    let folder = daemon.file("");
    daemon.write_text(&format!(
        "policy-map type inspect esmtp M\n match cmd verb VRFY\n  mask log\n match sender-address length gt 40\n  \
         reset\nmailwarden\n platform asa\n events json {0}events.jsonl\n control-socket {0}control.sock\nproxy tested\n \
         listen {address}\n server {server}\n inspect esmtp M\n",
        folder.display()
    ));
    assert_eq!(daemon.reload(), "applied");
    let mut client = daemon.greeted();
    client.command("VRFY somebody");
    let long = "x".repeat(50);
    client.command(&format!("MAIL FROM:<{long}@example.test>"));
    daemon.ended(1);
    let mut open = daemon.greeted();
    let service = shown(&daemon, "show service-policy inspect esmtp");
    let lines = ["Proxy tested:", "match cmd verb VRFY", "mask log, packet 1", "reset, packet 1"];
    assert!(lines.iter().all(|line| has_line(&service, line)), "{service}");
    assert!(
        service.contains("Inspect: esmtp M, packet ") && service.contains(", drop 1, reset-drop 1\n"),
        "{service}"
    );
    let client = open.stream().local_addr().unwrap();
    let connections = shown(&daemon, "show conn");
    assert!(connections.starts_with("1 in use, 1 most used\n"), "{connections}");
    let begins = format!("TCP tested {client} tested {server}, idle 0:00:0");
    assert!(connections.contains(&begins) && connections.ends_with(", flags UIOBM\n"), "{connections}");
    assert_eq!(shown(&daemon, "show conn count"), "1 in use, 1 most used\n");
    open.says("QUIT", "221");
}

#[test]
fn a_reload_says_what_came_of_it() {
    let mailbox = Mailbox::start();
    let daemon = Daemon::start(ASKED, &[mailbox.address()]);
    assert!(shown(&daemon, "reload").ends_with("mailwarden.conf: applied\n"));
    let good = fs::read_to_string(daemon.file("mailwarden.conf")).unwrap();
    daemon.write_text(&good.replace("type inspect rules", "type inspect undefined"));
    let refused = asked(&daemon, "reload");
    let complaints = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{complaints}");
    assert!(
        complaints.contains("undefined") && complaints.contains("^") && complaints.contains("not applied")
    );
    assert!(shown(&daemon, "show version").contains("The last reload, "));
    daemon.passes_clean_mail();
    daemon.write_text(&good);
    assert!(shown(&daemon, "reload").ends_with("applied\n"));
    assert!(!shown(&daemon, "show version").contains("refused"));
}

#[test]
fn who_may_look_may_not_change() {
    if !rustix::process::geteuid().is_root() {
        println!("SKIPPED: rights: only root can ask as somebody else");
        return;
    }
    let mailbox = Mailbox::start();
    let daemon = Daemon::start(ASKED, &[mailbox.address()]);
    let socket = daemon.file("control.sock");
    let mode = fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660, "others may not even look");
    // As if this user were in the group.
    fs::set_permissions(&socket, fs::Permissions::from_mode(0o666)).unwrap();
    let ask = |command: &str| asking(&daemon, command).uid(NOBODY).gid(NOBODY).output();
    let Ok(version) = ask("show version") else {
        println!("SKIPPED: rights: nobody may run the program where it is");
        return;
    };
    assert!(String::from_utf8_lossy(&version.stdout).contains("mailwarden, version"), "{version:?}");
    for command in ["reload", "clear counters", "clear conn all"] {
        let refused = ask(command).unwrap();
        let complaint = "% Only root and the user of the daemon may change something\n";
        assert_eq!(String::from_utf8_lossy(&refused.stderr), complaint);
        assert_eq!(refused.status.code(), Some(3));
    }
    daemon.passes_clean_mail();
}

/// A user and a group without rights.
const NOBODY: u32 = 65_534;

#[test]
fn a_command_that_is_none_is_pointed_at() {
    let mailbox = Mailbox::start();
    let daemon = Daemon::start(ASKED, &[mailbox.address()]);
    let unknown = asked(&daemon, "show nonsense");
    assert_eq!(unknown.status.code(), Some(2));
    let expected = "show nonsense\n     ^\n% Invalid input detected at '^' marker.\n";
    assert_eq!(String::from_utf8_lossy(&unknown.stderr), expected);
    let nowhere = Command::new(env!("CARGO_BIN_EXE_mailwarden"))
        .args(["show", "--socket"])
        .arg(daemon.file("nowhere.sock"))
        .arg("version")
        .output()
        .unwrap();
    assert_eq!(nowhere.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&nowhere.stderr).contains("control-socket"), "{nowhere:?}");
}

#[test]
fn a_socket_that_nobody_serves_is_replaced_and_another_is_left_alone() {
    let mailbox = Mailbox::start();
    let mut daemon = Daemon::start(ASKED, &[mailbox.address()]);
    let socket = daemon.file("control.sock");
    // Another daemon with the same socket.
    let second = daemon.file("second.conf");
    let text = fs::read_to_string(daemon.file("mailwarden.conf")).unwrap();
    let elsewhere = format!("listen {}", crate::daemon::free_address());
    fs::write(&second, text.replace(&format!("listen {}", daemon.address()), &elsewhere)).unwrap();
    let run = Command::new(env!("CARGO_BIN_EXE_mailwarden")).args(["run", "--config"]).arg(&second).output();
    let run = run.unwrap();
    assert_eq!(run.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&run.stderr).contains("another daemon"), "{run:?}");
    assert!(shown(&daemon, "show version").contains("mailwarden, version"));

    daemon.signal(Signal::KILL);
    daemon.wait();
    assert!(socket.exists());
    let text = fs::read_to_string(&second).unwrap();
    let replacing = Daemon::start(Configuration { proxy: "", maps: "", settings: "" }, &[mailbox.address()]);
    replacing.write_text(&text.replace(&elsewhere, &format!("listen {}", replacing.address())));
    assert!(eventually(|| (replacing.configurations() == 1).then_some(())).is_some());
    replacing.signal(Signal::HUP);
    let answers = eventually(|| asked_at(&socket, "show version").contains("mailwarden").then_some(()));
    assert!(answers.is_some(), "{}", replacing.stderr());
    drop(replacing);
}

#[test]
fn the_socket_goes_with_its_daemon() {
    let mailbox = Mailbox::start();
    let mut daemon = Daemon::start(ASKED, &[mailbox.address()]);
    let socket = daemon.file("control.sock");
    assert!(socket.exists());
    daemon.signal(Signal::TERM);
    assert!(daemon.wait().success());
    assert!(!socket.exists());

    // What somebody else has put in its place stays.
    let mut daemon = Daemon::start(ASKED, &[mailbox.address()]);
    let socket = daemon.file("control.sock");
    fs::remove_file(&socket).unwrap();
    fs::write(&socket, "precious").unwrap();
    daemon.signal(Signal::TERM);
    assert!(daemon.wait().success());
    assert_eq!(fs::read_to_string(&socket).unwrap(), "precious");
}

#[test]
fn a_file_in_place_of_the_socket_is_not_removed() {
    let mailbox = Mailbox::start();
    let daemon = Daemon::start(RULED, &[mailbox.address()]);
    let place = daemon.file("control.sock");
    fs::write(&place, "precious").unwrap();
    daemon.write(ASKED, &[daemon.address()]);
    assert!(daemon.reload().contains("there is a file that is no socket"));
    assert_eq!(fs::read_to_string(&place).unwrap(), "precious");
    daemon.passes_clean_mail();
}

/// What a peer that says anything gets from the socket.
fn asked_at(socket: &Path, command: &str) -> String {
    let Ok(mut stream) = UnixStream::connect(socket) else { return String::new() };
    let _ = stream.write_all(format!("exec {command}\n").as_bytes());
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn garbage_and_clients_that_stop_reading_delay_nobody() {
    let mailbox = Mailbox::start();
    let daemon = Daemon::start(ASKED, &[mailbox.address()]);
    let socket = daemon.file("control.sock");
    let garbage: [&[u8]; 5] =
        [b"GET / HTTP/1.1\r\n\r\n", b"\n", b"exec \xff\xfe\n", b"exec show\n", &[b'x'; 10_000]];
    for bytes in garbage {
        let mut stream = UnixStream::connect(&socket).unwrap();
        let _ = stream.write_all(bytes);
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut answer = Vec::new();
        // What is left unread resets the connection, which is an answer as well.
        let _ = stream.read_to_end(&mut answer);
        daemon.passes_clean_mail();
    }
    // Sessions whose screen does not fit into the buffers of a socket, and readers who take none of it.
    let sessions: Vec<Wire> = (0..300).map(|_| daemon.greeted()).collect();
    let stuck: Vec<UnixStream> = (0..20)
        .map(|_| {
            let mut stream = UnixStream::connect(&socket).unwrap();
            stream.write_all(b"exec show policy-firewall session\n").unwrap();
            stream
        })
        .collect();
    daemon.passes_clean_mail();
    let screen = shown(&daemon, "show policy-firewall session");
    assert_eq!(screen.matches(" SIS_OPEN").count(), sessions.len(), "{screen}");
    assert_eq!(screen.matches("Established Sessions").count(), 1);
    drop((stuck, sessions));
    daemon.passes_clean_mail();
}

#[test]
fn rules_without_a_socket_are_no_reason_to_have_one() {
    let mailbox = Mailbox::start();
    let daemon = Daemon::start(Configuration { maps: RULES, ..RULED }, &[mailbox.address()]);
    assert!(!daemon.file("control.sock").exists());
}

#[test]
fn a_message_is_tried_on_the_policy_that_is_in_force() {
    let mailbox = Mailbox::start();
    let daemon = Daemon::start(ASKED, &[mailbox.address()]);
    let message = daemon.file("message");
    fs::write(&message, "Subject: a refused-word\r\n\r\nhello\r\n").unwrap();
    let tried = || {
        let mut test = Command::new(env!("CARGO_BIN_EXE_mailwarden"));
        test.args(["test", "mail", "--socket"])
            .arg(daemon.file("control.sock"))
            .arg(&message)
            .output()
            .unwrap()
    };
    let found = tried();
    let told = String::from_utf8_lossy(&found.stdout);
    assert_eq!(found.status.code(), Some(1), "{told}{}", String::from_utf8_lossy(&found.stderr));
    assert!(told.contains("refused"), "{told}");
    let text = fs::read_to_string(daemon.file("mailwarden.conf")).unwrap();
    daemon.write_text(&text.replace("pattern refused-word", "pattern another"));
    assert_eq!(daemon.reload(), "applied");
    let clean = tried();
    assert_eq!(clean.status.code(), Some(0), "{clean:?}");
}

#[test]
fn an_operator_ends_sessions_by_number_host_and_place() {
    let mailbox = Mailbox::start();
    let daemon = Daemon::start(ASKED, &[mailbox.address()]);
    let mut numbered = daemon.greeted();
    let own = numbered.stream().local_addr().unwrap();
    let screen = shown(&daemon, "show policy-firewall session");
    let line = screen.lines().find(|line| line.contains(&format!("({own})=>"))).unwrap();
    let number = line.split_whitespace().nth(1).unwrap();
    let mut other = daemon.greeted();
    assert_eq!(shown(&daemon, &format!("clear ip inspect session {number}")), "1 session cleared\n");
    assert!(numbered.reply().starts_with("421 4.3.2"));
    other.says("NOOP", "250");

    // Within a message: its answer comes first.
    other.says("MAIL FROM:<a@example.test>", "250");
    other.says("RCPT TO:<r@example.test>", "250");
    other.says("DATA", "354");
    assert_eq!(shown(&daemon, "clear zone-pair tested inspect sessions"), "1 session cleared\n");
    other.says("Subject: s\r\n\r\nx\r\n.", "250");
    assert!(other.reply().starts_with("421 4.3.2"));

    let mut last = daemon.greeted();
    let nobody = asked(&daemon, "clear conn address 192.0.2.99");
    assert_eq!((nobody.status.code(), &nobody.stdout[..]), (Some(1), &b"0 sessions cleared\n"[..]));
    assert_eq!(asked(&daemon, "clear ip inspect session mx").status.code(), Some(1));
    assert!(shown(&daemon, &format!("clear conn address {}", own.ip())).ends_with(" cleared\n"));
    assert!(last.reply().starts_with("421 4.3.2"));
    daemon.passes_clean_mail();
    // What changes something is in the log, with the user.
    let logged = "%PARSER-5-CFGLOG_LOGGEDCMD: User:";
    let told = eventually(|| {
        let said = daemon.stderr();
        let mut lines = said.lines().filter(|line| line.contains(logged));
        lines
            .any(|line| line.ends_with("logged command:clear zone-pair tested inspect sessions"))
            .then_some(())
    });
    assert!(told.is_some(), "{}", daemon.stderr());
    assert!(!daemon.stderr().contains("logged command:show"), "{}", daemon.stderr());
}
