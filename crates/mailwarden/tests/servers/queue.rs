//! Mail transfer agents as clients: a queue of two hundred messages of every kind goes from one to the other, without
//! the firewall, through it without rules, through it under a policy that looks at everything and forbids nothing
//! of it, under classic inspection, and under the map that every ASA has. What is delivered and what is refused must be
//! the same each time.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::SocketAddr;

use crate::maildir::{self, Delivery, REPORTS};
use crate::process::Failure;
use crate::proxy::{Configuration, Proxy};
use crate::raw::Raw;
use crate::requirements;
use crate::server::{self, DOMAIN, Kind, MailServer, ORIGIN_DOMAIN, Role, TLS_DOMAIN};

const LETTERS: usize = 200;

/// Everything is looked at, nothing of it forbidden; CHUNKING is masked, as under every policy.
const POLICY: &str = r"parameter-map type regex nowhere
 pattern no-mail-of-these-tests-says-this
class-map type inspect smtp match-any c1
 match sender address regex nowhere
 match recipient address regex nowhere
 match recipient count gt 100
 match recipient invalid count gt 100
 match header regex nowhere
 match header length gt 60000
 match body regex nowhere
 match mime content-type regex nowhere
 match mime encoding X-nowhere
 match cmd line length gt 2000
policy-map type inspect smtp p1
 class type inspect smtp c1
  reset
";

/// By default a session may carry less than one of these messages.
const CLASSIC: &str = "ip inspect name OUT-IN esmtp max-data 4294967295\n";

#[derive(Debug, Clone, Copy)]
enum Route {
    Direct,
    WithoutRules,
    UnderAPolicy,
    /// Under a rule of classic inspection.
    Classic,
    /// Under the built-in map of the ASA.
    DefaultMap,
}

/// What one run of the queue came to.
#[derive(Debug)]
struct Outcome {
    deliveries: Vec<Delivery>,
    refused: BTreeSet<String>,
    receiver_log: String,
}

/// `chunks`: whether this sender uses BDAT where it is offered.
pub(crate) fn same_with_and_without_us(sender: Kind, receiver: Kind, chunks: bool) {
    if !requirements::servers_can_run() {
        return;
    }
    println!("{sender:?} to {receiver:?}");
    // Every run takes its deliveries out of the mailboxes, so one receiver serves them all. The sender's
    // configuration names the next hop, so each run needs its own.
    let receiver = server::start(receiver, Role::Receiver);
    let receiver = receiver.as_ref();
    let run = |route| run(sender, receiver, route).unwrap_or_else(|failure| panic!("{route:?}: {failure}"));
    let control = run(Route::Direct);
    shows_all_kinds(&control, sender);
    // Only Postfix tells in its log by which command the mail came.
    let chunks_seen = |outcome: &Outcome| outcome.receiver_log.contains(" bdat=");
    assert_eq!(chunks_seen(&control), chunks, "control: BDAT in the receiver's log");
    if requirements::control_only() {
        return;
    }
    for (route, chunks) in [
        (Route::WithoutRules, chunks),
        (Route::UnderAPolicy, false),
        (Route::Classic, false),
        (Route::DefaultMap, false),
    ] {
        let through = run(route);
        let differences = maildir::differences(&control.deliveries, &through.deliveries);
        assert!(differences.is_empty(), "{route:?}: deliveries differ:\n{}", differences.join("\n"));
        assert_eq!(through.refused, control.refused, "{route:?}: refused recipients");
        // BDAT may still be used inside TLS, which nobody masks.
        assert!(chunks_seen(&through) || !chunks, "{route:?}: BDAT was offered and not used");
    }
}

/// The senders that only the matrix has, each to both receivers.
pub(crate) fn matrix() {
    for (sender, name) in [(Kind::OpenSmtpd, "opensmtpd"), (Kind::Sendmail, "sendmail")] {
        if requirements::unpacked_for_matrix(name).is_some() {
            same_with_and_without_us(sender, Kind::Postfix, false);
            same_with_and_without_us(sender, Kind::Exim, false);
        }
    }
}

fn run(kind: Kind, receiver: &dyn MailServer, route: Route) -> Result<Outcome, Failure> {
    let log_before = receiver.log().len();
    let mut sender = server::start(kind, Role::Sender);
    let proxy = firewall(route, receiver.address())?;
    post(sender.address(), kind)?;
    sender.run_queue(proxy.as_ref().map_or_else(|| receiver.address(), Proxy::address))?;
    sender.wait_until_idle(90)?;
    let deliveries = receiver.delivered()?;
    let receiver_log = receiver.log().get(log_before..).unwrap_or_default().to_owned();
    Ok(Outcome { deliveries, refused: sender.refused_recipients(), receiver_log })
}

fn firewall(route: Route, server: SocketAddr) -> Result<Option<Proxy>, Failure> {
    let attachment = "service-policy type inspect smtp p1";
    let start = |configuration| Proxy::start(configuration, server).map(Some);
    match route {
        Route::Direct => Ok(None),
        Route::WithoutRules => Proxy::start_without_file(server, "smtp").map(Some),
        Route::UnderAPolicy => start(Configuration { policy: POLICY, settings: "", attachment }),
        Route::Classic => {
            start(Configuration { policy: CLASSIC, settings: "", attachment: "ip inspect OUT-IN" })
        }
        Route::DefaultMap => start(Configuration { policy: "", settings: "", attachment: "inspect esmtp" }),
    }
}

/// The control run must have what the comparison is about.
fn shows_all_kinds(control: &Outcome, sender: Kind) {
    let says = |text: &[u8]| {
        let contains =
            |delivery: &&Delivery| delivery.octets.windows(text.len()).any(|window| window == text);
        control.deliveries.iter().filter(contains).count()
    };
    let (reports, letters): (Vec<_>, Vec<_>) =
        control.deliveries.iter().partition(|delivery| delivery.mailbox == REPORTS);
    let mut copies: Vec<_> =
        letters.iter().map(|copy| (copy.mailbox.clone(), copy.message_id.clone())).collect();
    for expected in (0..LETTERS).flat_map(|number| Letter::new(number, sender).copies()) {
        let found = copies.iter().position(|copy| *copy == expected);
        copies.swap_remove(found.unwrap_or_else(|| panic!("control: {expected:?} was not delivered")));
    }
    assert!(copies.is_empty(), "control: delivered too often: {copies:?}");
    assert!(!reports.is_empty(), "control: no delivery report came back");
    assert_eq!(control.refused.len(), REFUSED, "control: {:?}", control.refused);
    assert!(says(b"Received: in TLS\n") > 0, "control: no TLS");
    assert!(says(b"Subject: gr\xc3\xbc\xc3\x9fe\n") > 0 || !knows_utf8(sender), "control: no UTF-8 header");
    assert!(says(b"\nContent-Disposition: attachment") > 0, "control: no attachment");
    assert!(
        control.deliveries.iter().any(|delivery| delivery.octets.len() > 10_000_000),
        "control: no large mail"
    );
}

/// Of [`fifty_recipients`].
const REFUSED: usize = 16;

/// Hands the letters to the sender, in one connection.
fn post(sender: SocketAddr, kind: Kind) -> Result<(), Failure> {
    let mut client = Raw::connect(sender)?;
    client.command("EHLO client.test\r\n", "250")?;
    for number in 0..LETTERS {
        let letter = Letter::new(number, kind);
        client.command(format!("MAIL FROM:{}\r\n", letter.from), "250")?;
        for recipient in &letter.to {
            client.command(format!("RCPT TO:{recipient}\r\n"), "25")?;
        }
        client.command("DATA\r\n", "354")?;
        client.command(letter.wire(), "250")?;
    }
    client.command("QUIT\r\n", "221")?;
    client.finish();
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    Plain,
    /// Fifty recipients, every third unknown to the receiver.
    Many,
    /// Octets that are no UTF-8.
    EightBit,
    /// Addresses that need SMTPUTF8.
    Utf8,
    Attachment,
    /// Asks for a delivery report.
    Notify,
    Tls,
    TenMebibytes,
}

impl Content {
    fn of(number: usize, sender: Kind) -> Self {
        match number {
            100 => Self::TenMebibytes,
            _ if number % 40 == 7 => Self::Many,
            _ => match number % 8 {
                0 => Self::EightBit,
                1 if knows_utf8(sender) => Self::Utf8,
                2 => Self::Notify,
                3 => Self::Tls,
                5 => Self::Attachment,
                _ => Self::Plain,
            },
        }
    }
}

/// Whether it relays mail that needs SMTPUTF8: sendmail does where it is built with ICU, and Debian's is not.
fn knows_utf8(sender: Kind) -> bool {
    match sender {
        Kind::Postfix | Kind::Exim => true,
        Kind::OpenSmtpd | Kind::Sendmail => false,
    }
}

/// One message as it is handed to the sender.
#[derive(Debug)]
struct Letter {
    /// Path and parameters of MAIL.
    from: String,
    /// Paths and parameters of RCPT.
    to: Vec<String>,
    subject: &'static str,
    number: usize,
    /// Lines of the header that only some have.
    mime: &'static str,
    body: Vec<u8>,
}

impl Letter {
    fn new(number: usize, sender: Kind) -> Self {
        let plain = Self {
            from: format!("<carol@{ORIGIN_DOMAIN}>"),
            to: vec![format!("<bob@{DOMAIN}>")],
            subject: "a letter",
            number,
            mime: "",
            body: text(number),
        };
        match Content::of(number, sender) {
            Content::Plain => plain,
            Content::Many => Self { to: fifty_recipients(), ..plain },
            Content::EightBit => Self {
                from: format!("<carol@{ORIGIN_DOMAIN}> BODY=8BITMIME"),
                body: [plain.body, (0x80..=0xff).chain(*b"\r\n").collect()].concat(),
                ..plain
            },
            Content::Utf8 => Self {
                from: format!("<jörg@{ORIGIN_DOMAIN}> BODY=8BITMIME SMTPUTF8"),
                to: vec![format!("<rené@{DOMAIN}>")],
                subject: "grüße",
                ..plain
            },
            Content::Attachment => Self { mime: MULTIPART, body: attachment(number), ..plain },
            Content::Notify => Self {
                from: format!("<{REPORTS}@{DOMAIN}> RET=HDRS ENVID=letter-{number}"),
                to: vec![format!(
                    "<bob@{DOMAIN}> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;bob+2B{number}@old.example"
                )],
                ..plain
            },
            Content::Tls => Self { to: vec![format!("<alice@{TLS_DOMAIN}>")], ..plain },
            Content::TenMebibytes => Self { body: ten_mebibytes(), ..plain },
        }
    }

    /// Mailbox and message id of each copy that must arrive.
    fn copies(&self) -> Vec<(String, String)> {
        let mailboxes = self.to.iter().filter_map(|path| path.strip_prefix('<')?.split_once('@'));
        let known = mailboxes.filter(|(mailbox, _)| !mailbox.starts_with('x'));
        known.map(|(mailbox, _)| (mailbox.to_owned(), format!("letter-{}", self.number))).collect()
    }

    /// Header and body with dots doubled, and the end of data.
    fn wire(&self) -> Vec<u8> {
        let Self { subject, number, mime, .. } = self;
        let mut wire = format!(
            "From: carol@{ORIGIN_DOMAIN}\r\nTo: friends:;\r\nDate: Mon, 02 Mar 2026 10:00:00 +0000\r\n\
             Message-ID: <letter-{number}@{ORIGIN_DOMAIN}>\r\nSubject: {subject}\r\nX-Folded: one\r\n\t two\r\n  three\r\n{mime}\r\n"
        )
        .into_bytes();
        for line in self.body.split_inclusive(|octet| *octet == b'\n') {
            if line.starts_with(b".") {
                wire.push(b'.');
            }
            wire.extend_from_slice(line);
        }
        wire.extend_from_slice(b".\r\n");
        wire
    }
}

/// `r00`, `r01`, `x02`, `r03` …: mailboxes, and between them guesses.
fn fifty_recipients() -> Vec<String> {
    let recipient = |number| {
        let who = if number % 3 == 2 { 'x' } else { 'r' };
        format!("<{who}{number:02}@{DOMAIN}>")
    };
    (0..50).map(recipient).collect()
}

/// Lines that a careless relay would damage: dots, blanks at the end, empty ones, and nearly a thousand octets.
fn text(number: usize) -> Vec<u8> {
    let mut text =
        format!("Letter {number}.\r\n.\r\n..\r\n. \r\n.x\r\n\r\nblanks \t \r\n\r\n\r\nFrom here\r\n");
    for line in 0..number {
        let _ = write!(text, "{line} {}\r\n", "abcdefghij".repeat(line % 97));
    }
    text.into_bytes()
}

const MULTIPART: &str = "MIME-Version: 1.0\r\nContent-Type: multipart/mixed;\r\n\tboundary=\"=_part\"\r\n";

/// A text, and a file in Base64 with short lines at its end.
fn attachment(number: usize) -> Vec<u8> {
    let mut body = b"No part.\r\n--=_part\r\n\r\n".to_vec();
    body.extend_from_slice(&text(number));
    body.extend_from_slice(
        b"--=_part\r\nContent-Type: application/octet-stream; name=\"a b.bin\"\r\n\
          Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=\"a b.bin\"\r\n\r\n",
    );
    for _ in 0..number * 10 {
        body.extend_from_slice(
            b"TWFpbCBmaWxlcyBvZiBtYW55IHBhcnRzLCBlYWNoIG9mIHdoaWNoIGlzIGVuY29kZWQuIEEg\r\n",
        );
    }
    body.extend_from_slice(b"Zg\r\n==\r\n--=_part--\r\nNo part either.\r\n");
    body
}

fn ten_mebibytes() -> Vec<u8> {
    let mut body = Vec::with_capacity(11 << 20);
    while body.len() < 10 << 20 {
        let line = format!(".{} {}\r\n", body.len(), "0123456789".repeat(6));
        body.extend_from_slice(line.as_bytes());
    }
    body
}
