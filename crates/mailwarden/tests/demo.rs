//! `mailwarden demo` from outside: it runs to the end, prints every session, and leaves no file.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The sessions and what each demonstrates, in the order in which they are printed.
const VERDICTS: [(&str, &str); 11] = [
    ("Clean mail", "a message that no rule matches is delivered unchanged"),
    ("A spammer's sender address", "refused at MAIL FROM; the server never receives the command"),
    ("Recipient harvesting", "the session ends at the third unknown recipient"),
    ("Too many recipients", "the fourth recipient is refused and not forwarded"),
    ("A forbidden attachment", "the server never receives the end of the message, so it stores none"),
    ("A forbidden subject", "refused at the header field, although it is folded over two lines"),
    (
        "An oversized header",
        "refused when it exceeds its limit; the rest is discarded, so that the client gets the reply",
    ),
    ("A masked command", "the server receives ten times `x` and rejects it; the session continues"),
    ("A masked EHLO keyword", "the client does not see ETRN, and the rest of the reply is unchanged"),
    ("Masked CHUNKING", "BDAT was not offered, so it is masked, and its chunk is not read as a command"),
    ("SMTP smuggling", "one message is delivered as one message, whatever the server accepts as its end"),
];

fn demo() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mailwarden"));
    command.arg("demo");
    command
}

#[test]
fn every_session_goes_as_expected_and_no_file_remains() {
    let folder = EmptyFolder::new();
    let output = demo().current_dir(&folder.0).env("TMPDIR", &folder.0).env("HOME", &folder.0).output();
    let output = output.expect("the program starts");
    let said = String::from_utf8(output.stdout).expect("text");
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!said.contains('\x1b'), "colour is for terminals");

    let mut lines = said.lines();
    for (number, (title, verdict)) in VERDICTS.iter().enumerate() {
        let heading = format!("{:2}. {title}", number + 1);
        assert!(lines.any(|line| line == heading), "`{heading}` is missing:\n{said}");
        let told = lines.find(|line| line.starts_with("    ok: ") || line.starts_with("    NOT OK: "));
        assert_eq!(told, Some(format!("    ok: {verdict}").as_str()), "{said}");
    }
    assert_eq!(said.lines().last(), Some("11 of 11 sessions went as expected"));
    assert_eq!(fs::read_dir(&folder.0).expect("the folder").count(), 0);
}

#[test]
fn with_keep_a_mail_client_is_served_until_ctrl_c() {
    let child = demo().arg("--keep").stdout(Stdio::piped()).spawn().expect("the program starts");
    let mut child = Ended(child);
    let mut said = BufReader::new(child.0.stdout.take().expect("its output"));
    let address = until(&mut said, "Point a mail client at ");
    let address = address.split(' ').next().expect("an address");

    let mut client = TcpStream::connect(address).expect("the firewall");
    client.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
    let mail = "EHLO me\r\nMAIL FROM:<me@here.example>\r\nRCPT TO:<bob@demo.example>\r\nDATA\r\n";
    client.write_all(mail.as_bytes()).expect("sent");
    let mut replies = BufReader::new(client.try_clone().expect("a handle"));
    until(&mut replies, "354 ");
    client.write_all(b"Subject: hello\r\n\r\nhello\r\n.\r\nQUIT\r\n").expect("sent");
    let mut rest = String::new();
    replies.read_to_string(&mut rest).expect("the rest");
    assert!(rest.starts_with("250 ") && rest.contains("\r\n221 "), "{rest}");
    let me = client.local_addr().expect("our address");
    assert_eq!(
        until(&mut said, &format!("{me} message from ")),
        "<me@here.example>, recipients: 1, reply 250"
    );

    let interrupted = Command::new("kill").args(["-s", "INT", &child.0.id().to_string()]).status();
    assert!(interrupted.expect("kill").success());
    assert_eq!(child.0.wait().expect("its end").code(), Some(0));
}

/// The rest of the first line that begins so.
fn until(lines: &mut impl BufRead, begin: &str) -> String {
    let mut before = String::new();
    loop {
        let mut line = String::new();
        assert!(lines.read_line(&mut line).expect("a line") > 0, "`{begin}` is missing:\n{before}");
        if let Some(rest) = line.strip_prefix(begin) {
            return rest.trim_end().to_owned();
        }
        before.push_str(&line);
    }
}

/// Does not outlive its test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct EmptyFolder(PathBuf);

impl EmptyFolder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("mailwarden-demo-{}", std::process::id()));
        fs::create_dir_all(&path).expect("a temporary folder");
        Self(path)
    }
}

impl Drop for EmptyFolder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
