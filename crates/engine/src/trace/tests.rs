use std::fmt::Write as _;
use std::path::Path;

use super::*;
use crate::event::Login;

/// The lines of a dialogue of segments.
fn traced(protocol: Protocol, segments: &[(Side, &str)]) -> String {
    let mut trace = Trace::of(protocol).unwrap();
    let mut out = String::new();
    for (side, segment) in segments {
        trace.segment(*side, segment.as_bytes(), &mut |line| writeln!(out, "{line}").unwrap());
    }
    out
}

/// Compares with `tests/traces`; `UPDATE_GOLDEN=1` rewrites it.
fn golden(name: &str, got: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/traces").join(name);
    let path = path.with_extension("expected");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, got).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(got == expected, "{} differs: run scripts/golden\n{got}", path.display());
}

/// A line of so many bytes.
fn line(begin: &str, len: usize) -> String {
    format!("{begin}{}\r\n", "x".repeat(len - begin.len() - 2))
}

#[test]
fn the_session_of_the_guide_is_traced_as_in_the_guide() {
    let typed = |text: &str, cuts: &[usize]| -> Vec<(Side, String)> {
        let mut rest = text;
        cuts.iter()
            .map(|len| {
                let (segment, behind) = rest.split_at(*len);
                rest = behind;
                (Side::Client, segment.to_owned())
            })
            .collect()
    };
    let said = |text: String| vec![(Side::Server, text)];
    let help: String = [54, 15, 15, 6, 19, 17, 6, 6, 6].map(|len| line("", len)).concat() + ".\r\n";
    let segments = [
        said(line("220 ", 64)),
        typed("HELO xxxxx\r\n", &[1, 1, 1, 1, 1, 1, 1, 2, 1, 2]),
        said(line("250 ", 11)),
        typed("VRFY xxxx\r\n", &[1, 1, 1, 1, 1, 1, 1, 1, 1, 2]),
        said(line("502 ", 19)),
        typed("VRFY xxxxx\r\n", &[1, 1, 1, 1, 1, 1, 1, 2, 1, 2]),
        said(line("502 ", 19)),
        typed("HELP\r\n", &[1, 1, 1, 1, 2]),
        said(help),
        typed("QUIT\r\n", &[1, 2, 1, 2]),
        said(line("221 ", 21)),
    ];
    let segments = segments.concat();
    let segments: Vec<_> = segments.iter().map(|(side, text)| (*side, text.as_str())).collect();
    golden("seed-001", &traced(Protocol::Smtp, &segments));
}

#[test]
fn messages_and_answers_to_challenges_are_not_told() {
    use Side::{Client, Server};
    let lines = traced(
        Protocol::Smtp,
        &[
            (Client, "EHLO c\r\n"),
            (Server, "250-mx\r\n250 AUTH LOGIN\r\n"),
            (Client, "AUTH LOGIN\r\n"),
            (Server, "334 VXNlcm5hbWU6\r\n"),
            (Client, "c2VjcmV0\r\n"),
            (Server, "235 ok\r\n"),
            (Client, "DATA\r\n"),
            (Server, "354 go on\r\n"),
            (Client, "Subject: secret\r\n\r\nQUIT\r\n.x\r\n."),
            (Client, "\r"),
            (Client, "\nXYZZ\r\nBDAT 10"),
            (Client, " LAST\r\nQUIT\r\nse"),
            (Client, "crNOOP"),
            (Client, "\r\n"),
        ],
    );
    golden("smtp", &lines);
}

#[test]
fn mailboxes_are_traced_up_to_the_login_without_what_is_secret() {
    use Side::{Client, Server};
    let mut out = traced(
        Protocol::Pop3,
        &[
            (Server, "+OK ready\r\n"),
            (Client, "USER some"),
            (Client, "body\r\nPASS secret\r\n"),
            (Server, "+OK\r\n-ERR no\r\n"),
            (Client, "XYZZ\r\n"),
        ],
    );
    out += &traced(
        Protocol::Imap,
        &[
            (Server, "* OK ready\r\n"),
            (Client, "a LOGIN somebody secret\r\n"),
            (Server, "a NO no\r\n"),
            (Client, "b AUTHENTICATE PLAIN\r\n"),
            (Server, "+ \r\n"),
            (Client, "AHNlY3JldA==\r\n"),
        ],
    );
    golden("mailboxes", &out);
}

#[test]
fn nothing_is_told_after_a_login() {
    let mut trace = Trace::of(Protocol::Pop3).unwrap();
    let mut out = Vec::new();
    let mut put = |line: Arguments<'_>| out.push(line.to_string());
    let login =
        |outcome| Event::Login(Login { mechanism: b"USER", account: None, is_clear_text: true, outcome });
    trace.event(&login(LoginOutcome::RefusedByServer), &mut put);
    trace.event(&login(LoginOutcome::Accepted), &mut put);
    trace.segment(Side::Client, b"RETR 1\r\n", &mut put);
    assert_eq!(out, ["CBAC POP3: LOGIN - refused_by_server", "CBAC POP3: LOGIN - accepted"]);
}

#[test]
fn any_cut_of_any_bytes_is_traced() {
    let mut random = fastrand::Rng::with_seed(7);
    for protocol in [Protocol::Smtp, Protocol::Pop3, Protocol::Imap] {
        let mut trace = Trace::of(protocol).unwrap();
        for _ in 0..20_000 {
            let side = if random.bool() { Side::Client } else { Side::Server };
            let alphabet = b"HELODATABDAT354 250-\r\n.\xff\0";
            let segment: Vec<u8> =
                (0..random.usize(..12)).map(|_| *random.choice(alphabet).unwrap()).collect();
            trace.segment(side, &segment, &mut |_| {});
        }
    }
}
