//! Messages that some reader takes in another way than most: a rule must see what that reader sees.
//!
//! Each row is one oddity that hides a type, an encoding or a text. At every level of conformance the rule matches,
//! or what is odd about the message is named, and refused where the level says so. Where `MAILWARDEN_CORPUS` names a
//! corpus, the cases beside it are judged in the same way, and its mails must not be refused.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test reports by panicking; clippy exempts only functions marked as tests"
)]

#[path = "../../../tests/common/corpus.rs"]
mod corpus;
#[allow(dead_code, reason = "scripts are not read here")]
mod dialogue;

use std::fs;
use std::sync::Arc;

use dialogue::driver::Driver;
use dialogue::world::World;
use engine::SessionConfig;

const TYPE: &str = "content-type";
const ENCODING: &str = "encoding";
const BODY: &str = "body";
const HEADER: &str = "header";

const LEVELS: [&str; 3] = ["compat", "standard", "strict"];

/// What a criterion asks in all of these messages.
fn condition(criterion: &str) -> &'static str {
    match criterion {
        TYPE => "match mime content-type regex \"^application/x-bad\"",
        ENCODING => "match mime encoding base64",
        BODY => "match body regex \"secret\"",
        HEADER => "match header regex \"^Subject: secret\"",
        other => panic!("{other} is no criterion"),
    }
}

fn config(condition: &str, level: &str) -> Arc<SessionConfig> {
    let mut world = World::default();
    world.policy(&format!("{condition} → log")).unwrap();
    world.set("conformance", level);
    world.config().unwrap()
}

/// What became of a message.
#[derive(Debug, Default)]
struct Judged {
    matched: bool,
    /// Anomalies that were named, and whether one of them refused it.
    named: Vec<String>,
    refused: bool,
}

fn judge(config: &Arc<SessionConfig>, message: &[u8]) -> Judged {
    let mut driver = Driver::in_message(config);
    let line_end: &[u8] = if message.ends_with(b"\n") { b"" } else { b"\r\n" };
    driver.say_message(&[message, line_end].concat());
    let mut judged = Judged::default();
    for report in &driver.record.reports {
        let value = |wanted| report.values.iter().find(|(key, _)| *key == wanted).map(|(_, value)| value);
        match report.kind {
            "match" => judged.matched = true,
            "anomaly" => {
                judged.refused |= value("treatment").is_some_and(|treatment| treatment == "refused");
                judged.named.extend(value("kind").cloned());
            }
            _ => {}
        }
    }
    judged
}

/// A multipart of the type `written`, whose second part has the type that is forbidden; its delimiters are `line`.
fn multipart(written: &str, line: &str) -> String {
    format!(
        "Content-Type: {written}\n\n--{line}\nContent-Type: text/plain\n\nx\n--{line}\n\
         Content-Type: application/x-bad\n\nx\n--{line}--\n"
    )
}

fn boundary(written: &str) -> String {
    multipart(&format!("multipart/mixed; boundary={written}"), "b")
}

/// A multipart with the boundary `b`, whose second part is this.
fn part(text: &str) -> String {
    format!(
        "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nx\n--b\n{text}\n--b--\n"
    )
}

/// A message of one part with the forbidden text in it.
fn body(header: &str) -> String {
    format!("Subject: a\n{header}\n\nthe secret\n")
}

/// Some 65 KiB of folded blanks or comments.
fn padding(line: &str) -> String {
    format!("{line}\n").repeat((65 << 10) / line.len())
}

type Row = (&'static str, &'static str, String);

/// Lines in a header that are no fields, or not to everybody.
fn header_lines() -> Vec<Row> {
    const BAD: &str = "Content-Type: application/x-bad\n\nx";
    let before = |line: &str| part(&format!("{line}\n{BAD}"));
    vec![
        ("a line that is no field", TYPE, before("no field")),
        ("many of them", TYPE, before("no field\nnor this\n:\n(")),
        ("a name with a blank in it", TYPE, before("X Y: z")),
        ("a line of a mailbox file", TYPE, before("From x@example.test Mon Jan  1 00:00:00 2024")),
        ("a quoted one", TYPE, before(">From x@example.test Mon Jan  1 00:00:00 2024")),
        ("a byte above 127 in a name", TYPE, before("X-\u{e9}: z")),
        ("a NUL in a name", TYPE, before("X-\x0bY: z")),
        ("a line of dashes", TYPE, before("--")),
        ("a continuation of nothing", TYPE, part("  Content-Type: application/x-bad\n\nx")),
        ("a colon on the next line", TYPE, part("Content-Type\n : application/x-bad\n\nx")),
        ("a colon two lines on", TYPE, part("Content-Type\n \n\t: application/x-bad\n\nx")),
        ("a blank within the name", TYPE, part("Content -Type: application/x-bad\n\nx")),
        ("a vertical tab behind the name", TYPE, part("Content-Type\x0b: application/x-bad\n\nx")),
        ("a vertical tab before the name", TYPE, part("\x0bContent-Type: application/x-bad\n\nx")),
        ("a form feed within the name", TYPE, part("Content\x0c-Type: application/x-bad\n\nx")),
        ("no blank line behind it", TYPE, part("no field\nContent-Type: application/x-bad")),
        ("in a message in a part", TYPE, part(&format!("Content-Type: message/rfc822\n\nno field\n{BAD}"))),
        (
            "in the header around a message",
            TYPE,
            part(&format!("Content-Type: message/rfc822\nno field\n\nSubject: a\n{BAD}")),
        ),
        ("before a message", TYPE, part(&format!("no field\nContent-Type: message/rfc822\n\n{BAD}"))),
        (
            "before a multipart",
            TYPE,
            part(&format!("no field\nContent-Type: multipart/mixed; boundary=c\n\n--c\n{BAD}\n--c--")),
        ),
        ("in the message's own header", TYPE, format!("Subject: a\nno field\n{BAD}\n")),
        (
            "before a message, in the message's own header",
            TYPE,
            format!("no field\nContent-Type: message/rfc822\n\n{BAD}\n"),
        ),
        ("before an encoding", ENCODING, part("no field\nContent-Transfer-Encoding: base64\n\nx")),
        ("a blank before the colon", TYPE, part("Content-Type : application/x-bad\n\nx")),
        (
            "a blank before the colon of an encoding",
            ENCODING,
            part("Content-Transfer-Encoding\t: base64\n\nx"),
        ),
        ("a blank before the colon of a type", BODY, part("Content-Type : image/png\n\nsecret")),
        (
            "a blank before the colon of an encoding, and a text",
            BODY,
            part("Content-Transfer-Encoding : base64\n\nsecret"),
        ),
        ("a blank before another colon", BODY, part("X : y\nContent-Type: image/png\n\nsecret")),
        ("the same in the message's own header", BODY, body("X : y\nContent-Type: image/png")),
        ("text behind a line that is no field", BODY, part("no field\nContent-Type: image/png\n\nsecret")),
        (
            "text behind a type that only some see",
            BODY,
            part("Content-Type: a/b\nno\nContent-Type: text/x\n\nsecret"),
        ),
        ("a blank before the colon of a subject", HEADER, "Subject : secret\n\nx\n".into()),
        ("a colon of a subject on the next line", HEADER, "Subject\n : secret\n\nx\n".into()),
        ("a form feed behind the name of a subject", HEADER, "Subject\x0c: secret\n\nx\n".into()),
    ]
}

/// Boundaries that are no plain token or quoted string.
fn boundaries() -> Vec<Row> {
    let segments = |written: &str| multipart(&format!("multipart/mixed; {written}"), "b");
    let rows = [
        ("a comment behind it", boundary("b (c)")),
        ("a comment before it", boundary("(c)b")),
        ("nested comments", boundary("(a(b)c) b (d)")),
        ("a comment with a quoted pair", boundary("b (\\))")),
        ("a comment with a semicolon", boundary("(;)b")),
        ("a comment before the equals sign", multipart("multipart/mixed; boundary (c) = b", "b")),
        ("a comment that does not end", boundary("b (c")),
        ("a quote in a comment before", segments("x=(a\"b); boundary=b")),
        ("a quote in a token before", segments("x=a\"b; boundary=b")),
        ("a backslash before a quote before", segments("x=a\\\"b; boundary=b")),
        ("a quoted string before that does not end", segments("x=\"a; boundary=b")),
        ("a word behind it", boundary("b x")),
        ("a slash behind it", boundary("b/x")),
        ("an at sign behind it", boundary("b@x")),
        ("a comma behind it", boundary("b,x")),
        ("a question mark behind it", boundary("b?x")),
        ("brackets", boundary("<b>")),
        ("brackets within quotes", boundary("\"<b>\"")),
        ("single quotes", boundary("'b'")),
        ("text behind the quotes, left out", boundary("\"b\" x")),
        ("text behind the quotes, kept", multipart("multipart/mixed; boundary=\"b\" x", "\"b\" x")),
        ("text at the quotes", multipart("multipart/mixed; boundary=\"b\"x", "\"b\"x")),
        ("a quoted pair", boundary("\"\\b\"")),
        ("a quoted pair, kept", multipart("multipart/mixed; boundary=\"\\b\"", "\\b")),
        ("quotes that do not end", boundary("\"b")),
        ("an encoded word", boundary("\"=?us-ascii?q?b?=\"")),
        ("an encoded word in base64, without quotes", boundary("=?utf-8?B?Yg==?=")),
        ("a vertical tab at its end", boundary("\"b\x0b\"")),
        ("a form feed at its beginning", boundary("\"\x0cb\"")),
        ("a control without quotes", boundary("b\x01")),
        ("a blank at its beginning", boundary("\" b\"")),
        ("a blank at its end", boundary("\"b \"")),
        ("a control within the parameter's name", multipart("multipart/mixed; boun\x0bdary=b", "b")),
        ("blanks around the equals sign", multipart("multipart/mixed; Boundary \t= b", "b")),
        ("no semicolon", multipart("multipart/mixed boundary=b", "b")),
        ("a comma for the semicolon", multipart("multipart/mixed, boundary=b", "b")),
        ("two semicolons", multipart("multipart/mixed;; boundary=b", "b")),
        ("two boundaries, the second used", boundary("a; boundary=b")),
        ("five boundaries, the last used", boundary("a; boundary=c; boundary=d; boundary=e; boundary=b")),
        (
            "two types, the second used",
            multipart("multipart/mixed; boundary=a\nContent-Type: multipart/x; boundary=b", "b"),
        ),
        ("a segment", segments("boundary*0=b")),
        ("a segment in quotes", segments("boundary*0=\"b\"")),
        ("a segment beside a plain one", segments("boundary=a; boundary*0=b")),
        ("a segment twice, the first used", segments("boundary*0=b; boundary*0=z")),
        ("a segment twice, the second used", segments("boundary*0=z; boundary*0=b")),
        ("a gap", segments("boundary*0=b; boundary*2=z")),
        ("no first segment", segments("boundary*1=b")),
        ("segments out of order", multipart("multipart/mixed; boundary*1=c; boundary*0=b", "bc")),
        ("segments as they come", multipart("multipart/mixed; boundary*1=c; boundary*0=b", "cb")),
        ("a large number", segments("boundary*0=b; boundary*99999999999999999999=z")),
        ("a large number, joined", multipart("multipart/mixed; boundary*0=b; boundary*4294967296=z", "bz")),
        ("a sign", segments("boundary*0=b; boundary*+1=z")),
        ("a minus sign", multipart("multipart/mixed; boundary*-1=a; boundary*0=b", "ab")),
        ("a zero in front", segments("boundary*0=b; boundary*01=z")),
        ("a zero in front, joined", multipart("multipart/mixed; boundary*00=b; boundary*01=z", "bz")),
        ("blanks around the star", segments("boundary * 0 = b")),
        ("an encoded value", segments("boundary*=us-ascii'en'%62")),
        ("an encoded segment", segments("boundary*0*=us-ascii''%62")),
        ("an encoded value, kept", multipart("multipart/mixed; boundary*=us-ascii''%62", "us-ascii''%62")),
        ("percent signs in a plain segment", segments("boundary*0=%62")),
        ("a type that is no multipart", multipart("text/plain; boundary=b", "b")),
        ("a type that nobody reads", multipart("multipart; boundary=b", "b")),
        ("no type", multipart("; boundary=b", "b")),
        ("no boundary", multipart("multipart/mixed", "b")),
        ("a vertical tab behind the delimiter", multipart("multipart/mixed; boundary=b", "b\x0b")),
        ("a NUL behind the delimiter", multipart("multipart/mixed; boundary=b", "b\0")),
        ("text behind the delimiter", multipart("multipart/mixed; boundary=b", "bx")),
        ("a delimiter in another case", multipart("multipart/mixed; boundary=B", "b")),
        ("any delimiter", multipart("multipart/mixed; boundary=b", "other")),
        (
            "a delimiter behind the end",
            part("Subject: a\n\nx\n--b--\n--b\nContent-Type: application/x-bad\n\nx"),
        ),
        (
            "a long line for a delimiter",
            multipart("multipart/mixed; boundary=b", &format!("b{}", "x".repeat(9000))),
        ),
    ];
    rows.into_iter().map(|(what, message)| (what, TYPE, message)).collect()
}

/// Types that are not written plainly.
fn types() -> Vec<Row> {
    let typed = |written: &str| part(&format!("Content-Type: {written}\n\nx"));
    let container = |written: &str| multipart(&format!("{written}; boundary=b"), "b");
    let message =
        |written: &str| part(&format!("Content-Type: {written}\n\nContent-Type: application/x-bad\n\nx"));
    let rows = [
        ("upper case", typed("APPLICATION/X-BAD")),
        ("mixed case with a parameter", typed("Application/X-bad; Name=\"x\"")),
        ("a blank behind the slash", typed("application/ x-bad")),
        ("a blank before the slash", typed("application /x-bad")),
        ("a line end behind the slash", typed("application/\n\tx-bad")),
        ("a comment before the slash", typed("application(c)/x-bad")),
        ("comments everywhere", typed("(a (b)) application (c) / (d) x-bad (e)")),
        ("a comment with a quote and a quoted pair", typed("(\"\\)) application/x-bad")),
        ("quotes", typed("\"application/x-bad\"")),
        ("quotes around each", typed("\"application\"/\"x-bad\"")),
        ("quotes that do not end", typed("\"application/x-bad")),
        ("a quoted pair", typed("\"application/x\\-bad\"")),
        ("a vertical tab before", typed("\x0bapplication/x-bad")),
        ("a vertical tab within", typed("application/\x0bx-bad")),
        ("a NUL within", typed("applic\0ation/x-bad")),
        ("a control within", typed("applic\x01ation/x-bad")),
        ("brackets", typed("<application/x-bad>")),
        ("an encoded word", typed("=?utf-8?b?YXBwbGljYXRpb24veC1iYWQ=?=")),
        ("the second of two fields", typed("text/plain\nContent-Type: application/x-bad")),
        ("a multipart with blanks around the slash", container("multipart / mixed")),
        ("a multipart in quotes", container("\"multipart/mixed\"")),
        ("a multipart with a comment", container("multi(c)part/mixed")),
        ("a multipart with a control", container("multipart\x0c/mixed")),
        ("a message with blanks around the slash", message("message / rfc822")),
        ("a message in quotes", message("\"message/rfc822\"")),
        ("a message in another case with a comment", message("(c)Message/RFC822")),
        (
            "a message that is a multipart as well",
            format!("Content-Type: message/rfc822\n{}", multipart("multipart/mixed; boundary=b", "b")),
        ),
        (
            "a digest to some",
            "Content-Type: multipart / digest; boundary=b\n\n--b\n\nContent-Type: application/x-bad\n\nx\n--b--\n".into(),
        ),
    ];
    rows.into_iter().map(|(what, message)| (what, TYPE, message)).collect()
}

/// Encodings that are not written plainly.
fn encodings() -> Vec<Row> {
    let encoded = |written: &str| format!("Content-Transfer-Encoding: {written}\n\nx\n");
    let rows = [
        ("upper case", encoded("BASE64")),
        ("a word behind", encoded("base64 x")),
        ("a semicolon behind", encoded("base64; x=y")),
        ("a comma behind", encoded("base64, 8bit")),
        ("comments", encoded("(a (b)) base64 (c)")),
        ("a comment that does not end", encoded("base64 (c")),
        ("quotes", encoded("\"base64\"")),
        ("quotes that do not end", encoded("\"base64")),
        ("a vertical tab behind", encoded("base64\x0b")),
        ("a form feed before", encoded("\x0cbase64")),
        ("a NUL within", encoded("base\x0164")),
        ("a line end before", encoded("\n base64")),
        ("brackets", encoded("<base64>")),
        ("an encoded word", encoded("=?us-ascii?q?base64?=")),
        ("the second of two fields", encoded("7bit\nContent-Transfer-Encoding: base64")),
    ];
    rows.into_iter().map(|(what, message)| (what, ENCODING, message)).collect()
}

/// Text that readers show as it stands.
fn texts() -> Vec<Row> {
    let rows = [
        ("a text of another subtype", body("Content-Type: text/enriched")),
        ("a private one", body("Content-Type: TEXT/X-any; charset=x")),
        ("a vertical tab behind the type", body("Content-Type: text/plain\x0b")),
        ("blanks around the slash", body("Content-Type: text / plain")),
        ("no slash", body("Content-Type: nonsense")),
        ("two slashes", body("Content-Type: a/b/c")),
        ("two types in one field", body("Content-Type: image/png, image/gif")),
        ("a type in quotes", body("Content-Type: \"image/png\"")),
        ("an empty type", body("Content-Type:")),
        ("a second type that is text", body("Content-Type: image/png\nContent-Type: text/plain")),
        ("a binary encoding", body("Content-Transfer-Encoding: binary")),
        ("a private encoding", body("Content-Transfer-Encoding: x-none")),
        ("an unknown encoding", body("Content-Transfer-Encoding: base46")),
        ("an encoding with a comment", body("Content-Transfer-Encoding: base64 (c)")),
        ("an encoding with a vertical tab", body("Content-Transfer-Encoding: base64\x0b")),
        ("an encoding with a word behind", body("Content-Transfer-Encoding: base64 x")),
        ("an encoding in quotes", body("Content-Transfer-Encoding: \"base64\"")),
        ("a second encoding", body("Content-Transfer-Encoding: base64\nContent-Transfer-Encoding: 8bit")),
        (
            "a multipart that claims base64",
            "Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: base64\n\n--b\n\nsecret\n--b--\n".into(),
        ),
        (
            "a message that claims base64",
            "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nSubject: a\n\nsecret\n".into(),
        ),
        ("before the first delimiter", "Content-Type: multipart/mixed; boundary=b\n\nsecret\n--b\n\nx\n--b--\n".into()),
        ("behind the last", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b--\nsecret\n".into()),
        ("in a part that only some see", part("Content-Type: image/png\n\nx\n--other\nContent-Type: text/plain\n\nsecret")),
    ];
    rows.into_iter().map(|(what, message)| (what, BODY, message)).collect()
}

#[test]
fn a_rule_sees_what_any_reader_sees() {
    let mut complaints = Vec::new();
    for (what, criterion, text) in [header_lines(), boundaries(), types(), encodings(), texts()].concat() {
        let message = text.replace('\n', "\r\n");
        for level in LEVELS {
            let judged = judge(&config(condition(criterion), level), message.as_bytes());
            let right = match level {
                "strict" => judged.matched || judged.refused,
                _ => judged.matched && !judged.refused,
            };
            if !right {
                complaints.push(format!("{what} ({criterion}, {level}): {judged:?}\n{text}"));
            }
        }
    }
    assert!(complaints.is_empty(), "{}\n{}", complaints.len(), complaints.join("\n"));
}

#[test]
fn what_stands_behind_64_kibibytes_is_refused() {
    let rows = [
        (
            "a boundary behind a parameter",
            format!("Content-Type: multipart/mixed; x=\"\n{} \"; boundary=b", padding(" x")),
        ),
        (
            "a boundary behind comments",
            format!("Content-Type: multipart/mixed;\n{} boundary=b", padding(" (c)")),
        ),
        ("a type behind blanks", format!("Content-Type:\n{} application/x-bad", padding("  "))),
        ("an encoding behind blanks", format!("Content-Transfer-Encoding:\n{} base64", padding("\t"))),
        ("an encoding that goes on", format!("Content-Transfer-Encoding: base64\n{} x", padding("  "))),
        ("the colon of a type", format!("Content-Type\n{} : application/x-bad", padding("  "))),
        (
            "a type of many fields",
            format!("Content-Type: text/plain; x={}\n", "x".repeat(900)).repeat(70)
                + "Content-Type: application/x-bad",
        ),
        (
            "boundaries without end",
            format!(
                "Content-Type: multipart/mixed{}",
                (0..99).map(|n| format!("; boundary=b{n}")).collect::<String>()
            ),
        ),
        (
            "a boundary that no line can have",
            format!("Content-Type: multipart/mixed; boundary=\"{}\"", "b".repeat(999)),
        ),
    ];
    for (what, header) in rows {
        for (place, text) in
            [("message", format!("{header}\n\nx\n")), ("part", part(&format!("{header}\n\nx")))]
        {
            let message = text.replace('\n', "\r\n");
            for (level, refused) in LEVELS.into_iter().zip([false, true, true]) {
                let judged = judge(&config(condition(BODY), level), message.as_bytes());
                assert_eq!(judged.refused, refused, "{what}, {place}, {level}: {judged:?}");
                let named = judged.named.iter().any(|kind| kind == "mime-readings");
                // A field over 64 KiB is refused for that alone.
                assert!(named || level == "strict", "{what}, {place}: {judged:?}");
            }
        }
    }
}

#[test]
fn match_not_holds_only_if_no_reading_matches() {
    const NOT_TEXT: &str = "match not mime content-type regex \"^text/\"";
    const NOT_BASE64: &str = "match not mime encoding base64";
    const NOT_7BIT: &str = "match not mime encoding 7-bit";
    for (condition, holds, text) in [
        (NOT_TEXT, true, "Content-Type: image/png\n\nx\n".to_owned()),
        (NOT_TEXT, false, "Content-Type: TEXT / plain\n\nx\n".into()),
        (NOT_TEXT, false, "Content-Type: image/png\nContent-Type: text/plain\n\nx\n".into()),
        (NOT_TEXT, false, "Content-Type: image/png\nno field\nContent-Type: text/plain\n\nx\n".into()),
        (NOT_TEXT, true, part("Content-Type: text/plain\n\nx\n--other\nContent-Type: image/png\n\nx")),
        (NOT_BASE64, false, "Content-Transfer-Encoding: base64 x\n\nx\n".into()),
        (NOT_BASE64, false, "no field\nContent-Transfer-Encoding: base64\n\nx\n".into()),
        (NOT_BASE64, true, "no field\n\nx\n".into()),
        (NOT_7BIT, false, "Content-Transfer-Encoding : base64\n\nx\n".into()),
        (NOT_7BIT, true, "Content-Transfer-Encoding: base64\n\nx\n".into()),
    ] {
        let judged = judge(&config(condition, "standard"), text.replace('\n', "\r\n").as_bytes());
        assert_eq!(judged.matched, holds, "{condition}: {text}");
    }
}

#[test]
fn conditions_on_a_part_that_only_some_see_hold_together() {
    let both = "match mime content-type regex \"^application/x-bad\" and match body regex \"secret\"";
    for (holds, text) in [
        (true, part("Content-Type: text/plain\n\nx\n--other\nContent-Type: application/x-bad\n\nsecret")),
        (true, part("Content-Type: text/plain\nno field\nContent-Type: application/x-bad\n\nsecret")),
        (false, part("Content-Type: application/x-bad\n\nx\n--b\n\nsecret")),
    ] {
        let judged = judge(&config(both, "standard"), text.replace('\n', "\r\n").as_bytes());
        assert_eq!(judged.matched, holds, "{text}");
    }
}

/// Mail that is written plainly: nothing is odd about it.
#[test]
fn plain_mail_has_one_reading() {
    let plain = [
        body(
            "Content-Type: text/plain; charset=\"utf-8\"; format=flowed\nContent-Transfer-Encoding: Quoted-Printable",
        ),
        body("Content-Type: application/pdf; name=\"a; b=(c).pdf\"\nContent-Transfer-Encoding: base64"),
        body(
            "Content-Type: image/png;\n name=x.png\nContent-Disposition: attachment;\n filename*0=\"a\";\n filename*1=\"b.png\"",
        ),
        multipart("Multipart/Mixed;\n boundary=\"----=_Part 1.2'()+_,-./:=?\"", "----=_Part 1.2'()+_,-./:=?"),
        multipart(
            "multipart/signed; micalg=pgp-sha512; protocol=\"application/pgp-signature\"; boundary=b",
            "b",
        ),
        multipart("multipart/alternative; boundary=b; charset=utf-8;", "b"),
        part("Content-Type: image/png\n\n-- \nAlice\n--- a\n+++ b\n----\nText: x"),
        "Subject: no type\n\n-- \nContent: x\n".to_owned(),
        "no header at all\n\nContent-Type: application/x-bad\n".to_owned(),
    ];
    for text in plain {
        let config = config("match mime content-type regex \"nothing\"", "strict");
        let judged = judge(&config, text.replace('\n', "\r\n").as_bytes());
        assert!(judged.named.is_empty() && !judged.matched, "{judged:?}: {text}");
    }
}

#[test]
fn every_case_beside_the_corpus_is_seen_or_named() {
    let Some(folder) = corpus::folder("../cases") else { return };
    let Ok(table) = fs::read_to_string(folder.join("README.md")) else {
        return println!("SKIPPED: there are no cases beside the corpus");
    };
    let mut complaints = Vec::new();
    let mut count = 0;
    for line in table.lines() {
        let mut cells = line.split('|').map(|cell| cell.trim().trim_matches('`')).skip(1);
        let (Some(file), Some(criterion)) = (cells.next(), cells.next()) else { continue };
        let condition = match criterion {
            TYPE => "match mime content-type regex \"application/x-msdownload\"",
            ENCODING => "match mime encoding base64",
            BODY => "match body regex \"UD-421590\"",
            _ => continue,
        };
        count += 1;
        let message = fs::read(folder.join(file)).unwrap();
        for level in LEVELS {
            let judged = judge(&config(condition, level), &message);
            if !judged.matched && (judged.named.is_empty() || level == "strict" && !judged.refused) {
                complaints.push(format!("{file}, {criterion}, {level}: {judged:?}"));
            }
        }
    }
    assert!(count > 0, "the table of the cases names none");
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn mail_of_the_corpus_is_not_refused() {
    let Some(folder) = corpus::folder("eml") else { return };
    let config = config("match mime content-type regex \"nothing\"", "standard");
    let mut refused = Vec::new();
    for file in corpus::facts(&folder).keys() {
        let judged = judge(&config, &fs::read(folder.join(file)).unwrap());
        if std::env::var_os("MAILWARDEN_TESTS_VERBOSE").is_some() && !judged.named.is_empty() {
            println!("{file}: {:?}", judged.named);
        }
        // One of them nests a thousand messages, to see what happens.
        if judged.refused && judged.named != ["mime-depth"] {
            refused.push(format!("{file}: {judged:?}"));
        }
    }
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}
