//! Where the log goes beside standard error: syslog servers, the local socket, files; and what becomes of mail, and of
//! the log, where one of them is gone.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::UnixDatagram;

use rustix::process::Signal;

use crate::control::{ASKED, has_line, shown};
use crate::daemon::{Configuration, Daemon, free_address};
use crate::server::Mailbox;
use crate::wire::{PATIENCE, eventually};

/// A reload that is refused: a message of severity 3.
fn refused_reload(daemon: &Daemon) {
    daemon.write_text("nonsense\n");
    daemon.reload();
}

/// The next message of a server that counts octets (RFC 6587 §3.4.1).
fn counted(connection: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut length = Vec::new();
    connection.read_until(b' ', &mut length)?;
    let length = String::from_utf8_lossy(&length).trim_end().parse::<usize>().map_err(io::Error::other)?;
    let mut message = vec![0; length];
    connection.read_exact(&mut message)?;
    String::from_utf8(message).map_err(io::Error::other)
}

fn accept(listener: &TcpListener) -> BufReader<TcpStream> {
    let (connection, _) = listener.accept().expect("a connection");
    connection.set_read_timeout(Some(PATIENCE)).expect("a time limit");
    BufReader::new(connection)
}

fn said_once(daemon: &Daemon, what: &str) {
    let said = eventually(|| daemon.stderr().contains(what).then_some(()));
    assert!(said.is_some(), "no `{what}` in {}", daemon.stderr());
    assert_eq!(daemon.stderr().matches(what).count(), 1, "{}", daemon.stderr());
}

#[test]
fn each_server_and_the_local_socket_get_what_is_bad_enough_in_their_frames() {
    let mailbox = Mailbox::start();
    let datagrams = UdpSocket::bind("127.0.0.1:0").unwrap();
    datagrams.set_read_timeout(Some(PATIENCE)).unwrap();
    let connections = TcpListener::bind("127.0.0.1:0").unwrap();
    let path = std::env::temp_dir().join(format!("mailwarden-live-syslog-{}", std::process::id()));
    let local = UnixDatagram::bind(&path).unwrap();
    local.set_read_timeout(Some(PATIENCE)).unwrap();
    let maps = format!(
        "hostname edge\nlogging host 127.0.0.1 transport udp port {}\nlogging host ::ffff:127.0.0.1 transport tcp port \
         {}\nlogging local {}\nlogging trap errors\nlogging facility mail\n",
        datagrams.local_addr().unwrap().port(),
        connections.local_addr().unwrap().port(),
        path.display(),
    );
    let daemon = Daemon::start(Configuration { maps: &maps, ..ASKED_WITHOUT_RULES }, &[mailbox.address()]);
    refused_reload(&daemon);
    let mut datagram = [0; 4096];
    let of = |got: io::Result<usize>, datagram: &[u8]| {
        let len = got.expect("a message");
        String::from_utf8(datagram[..len].to_vec()).unwrap()
    };
    let got = datagrams.recv(&mut datagram);
    let by_udp = of(got, &datagram);
    let got = local.recv(&mut datagram);
    let locally = of(got, &datagram);
    let by_tcp = counted(&mut accept(&connections)).expect("a message");
    // Facility 2, severity 3: 19; the message about the start, of severity 5, was not sent.
    let (head, text) = by_udp.split_once(" edge ").unwrap_or_else(|| panic!("{by_udp}"));
    assert!(
        head.starts_with("<19>") && text.starts_with("%FW-3-MAILWARDEN: Not configured from "),
        "{by_udp}"
    );
    assert_eq!(by_tcp, by_udp);
    assert!(locally.starts_with("<19>") && locally.contains(" mailwarden["), "{locally}");
    assert!(locally.ends_with(&format!(": {text}")), "{locally}");
    let sent = eventually(|| {
        let screen = shown(&daemon, "show logging");
        let port = datagrams.local_addr().unwrap().port();
        let told = format!("Logging to 127.0.0.1 (udp port {port}, link up), 1 message logged, 0 lost");
        has_line(&screen, &told).then_some(screen)
    });
    let screen = sent.unwrap_or_else(|| panic!("{}", shown(&daemon, "show logging")));
    assert!(has_line(&screen, "Trap logging: level errors, facility mail, format rfc3164"), "{screen}");
    // The buffer has what standard error has.
    let (_, kept) = screen.split_once("bytes):\n\n").unwrap_or_else(|| panic!("{screen}"));
    assert_eq!(kept, daemon.stderr());
    fs::remove_file(path).unwrap();
}

const ASKED_WITHOUT_RULES: Configuration<'_> =
    Configuration { maps: "", proxy: "", settings: ASKED.settings };

#[test]
fn a_server_that_is_gone_costs_no_mail_is_reported_once_and_gets_what_waited() {
    let mailbox = Mailbox::start();
    let server = free_address();
    let maps = format!(
        "logging host {} transport tcp port {}\nlogging format rfc5424\n",
        server.ip(),
        server.port()
    );
    let daemon =
        Daemon::start(Configuration { maps: &maps, ..Configuration::default() }, &[mailbox.address()]);
    let gone = format!("cannot send to syslog server {server} (tcp): ");
    said_once(&daemon, &gone);
    daemon.passes_clean_mail();
    let listener = TcpListener::bind(server).unwrap();
    let mut connection = accept(&listener);
    let first = counted(&mut connection).unwrap();
    // PRI of local7 and a notification, the version, and the mnemonic for MSGID (RFC 5424 §6.2).
    assert!(
        first.starts_with("<189>1 20") && first.contains(" SYS-5-CONFIG_I - %SYS-5-CONFIG_I: "),
        "{first}"
    );
    said_once(&daemon, &format!("syslog server {server} (tcp) can be sent to again"));
    // It goes again, and comes again.
    drop((connection, listener));
    daemon.signal(Signal::HUP);
    let again = eventually(|| (daemon.stderr().matches(&gone).count() == 2).then_some(()));
    assert!(again.is_some(), "{}", daemon.stderr());
    daemon.passes_clean_mail();
    let listener = TcpListener::bind(server).unwrap();
    let mut connection = accept(&listener);
    let reloaded =
        eventually(|| Some(counted(&mut connection).unwrap()).filter(|it| it.contains("CONFIG_I")));
    assert!(reloaded.is_some());
}

#[test]
fn a_full_disk_costs_no_mail_and_is_reported_once() {
    let mailbox = Mailbox::start();
    let full = Configuration {
        maps: "logging file /dev/full\n",
        settings: " events json /dev/full\n control-socket FOLDER/control.sock\n",
        proxy: "",
    };
    let daemon = Daemon::start(full, &[mailbox.address()]);
    (0..3).for_each(|_| daemon.passes_clean_mail());
    said_once(&daemon, "mailwarden: cannot write to /dev/full: ");
    let told = eventually(|| {
        let screen = shown(&daemon, "show logging");
        // What was said of the events is kept in memory at least.
        screen.contains("-MAILWARDEN: cannot write to /dev/full: ").then_some(())
    });
    assert!(told.is_some(), "{}", shown(&daemon, "show logging"));
}

#[test]
fn after_sigusr1_files_that_were_moved_are_new_and_sessions_go_on() {
    let mailbox = Mailbox::start();
    let log = std::env::temp_dir().join(format!("mailwarden-live-rotated-{}", std::process::id()));
    let maps = format!("logging file {}\n", log.display());
    let daemon =
        Daemon::start(Configuration { maps: &maps, ..Configuration::default() }, &[mailbox.address()]);
    let mut client = daemon.greeted();
    let moved = |path: &std::path::Path| path.with_extension("1");
    let files = [daemon.file("events.jsonl"), log];
    for file in &files {
        fs::rename(file, moved(file)).unwrap();
    }
    daemon.signal(Signal::USR1);
    let new = eventually(|| files.iter().all(|file| file.exists()).then_some(()));
    assert!(new.is_some(), "{}", daemon.stderr());
    client.says("QUIT", "221");
    assert_eq!(daemon.ended(1).len(), 1);
    let before = fs::read_to_string(moved(&files[0])).unwrap();
    assert!(!before.contains("session_end"), "{before}");
    for file in &files {
        let _ = (fs::remove_file(moved(file)), fs::remove_file(file));
    }
}
