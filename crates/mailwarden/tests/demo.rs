//! `mailwarden demo` from outside: it plays to the end, says what it saw, and leaves nothing behind.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The conversations and what each must show, in the order in which they are told.
const VERDICTS: [(&str, &str); 11] = [
    ("Clean mail", "mail that breaks no rule arrives as it was sent"),
    ("A spammer's sender", "refused at its name; the server never heard it"),
    ("A harvest of recipients", "the third wrong guess is the last one"),
    ("Too many recipients", "the fourth recipient is refused and never reaches the server"),
    ("A forbidden attachment", "the server is never told that the message has ended, so it keeps none"),
    ("A lottery in the subject", "refused at the header, even though its field is folded over two lines"),
    (
        "A header without end",
        "refused when it passes its limit; the rest is read and thrown away, so that the sender sees why",
    ),
    ("An illegal verb", "the server got ten times x and refused it; the session goes on"),
    ("A masked keyword of EHLO", "the sender is never offered ETRN, and nothing else of the reply has moved"),
    ("Masked CHUNKING", "a BDAT that was not offered is x-ed, and the chunk behind it is no command"),
    ("A smuggling attempt", "one message arrives as one message, whatever the server takes for its end"),
];

fn demo() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mailwarden"));
    command.arg("demo");
    command
}

#[test]
fn every_conversation_goes_as_expected_and_no_file_stays() {
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
    assert_eq!(said.lines().last(), Some("11 of 11 conversations went as expected"));
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
        "<me@here.example>, recipients: 1, answered 250"
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
