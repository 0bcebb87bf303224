//! `mailwarden test`: what is told of a message and of a pattern, and how the program ends.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// Conditions on the envelope, the greeting, the header and the body.
const POLICY: &str = "\
parameter-map type regex LOTTERY
 pattern \"^Subject:.*lottery\"
parameter-map type regex OFFER
 pattern \"buy now\"
class-map type inspect smtp match-any MANY
 match recipient count gt 2
class-map type inspect smtp match-any SPAM
 match header regex LOTTERY
class-map type inspect smtp match-any OFFERS
 match body regex OFFER
class-map type inspect smtp match-any KEYWORDS
 match reply ehlo SMTPUTF8
policy-map type inspect smtp EDGE
 class type inspect smtp MANY
  reset
 class type inspect smtp SPAM
  log
  reset
 class type inspect smtp OFFERS
  log
 class type inspect smtp KEYWORDS
  mask
mailwarden
 starttls pass
 no warning masks-smtputf8
proxy mx
 listen 192.0.2.1:25
 server 10.10.10.25:25
 service-policy type inspect smtp EDGE
proxy hole
 listen 192.0.2.2:25
 server 10.10.10.25:25
 no inspect esmtp
";

/// A value of an object, by its path.
fn value<'v>(object: &'v serde_json::Value, path: &str) -> &'v serde_json::Value {
    object.pointer(path).unwrap_or_else(|| panic!("no {path} in {object}"))
}

#[test]
fn a_test_tells_a_program_what_it_tells_a_person() {
    let folder = Folder::new("json", "Subject: the lottery\n\nhello\n");
    let (out, code) = folder.mail(&["--format", "json"]);
    assert_eq!((out.lines().count(), code), (1, Some(1)), "{out}");
    let object: serde_json::Value = serde_json::from_str(&out).expect("an object");
    assert_eq!(value(&object, "/file"), "mail.eml");
    assert_eq!((value(&object, "/delivered"), value(&object, "/class_acts")), (&false.into(), &true.into()));
    let steps = value(&object, "/steps").as_array().expect("steps");
    let spam = steps.iter().find(|step| step.pointer("/findings/0/class").is_some_and(|it| it == "SPAM"));
    let spam = spam.expect("the class");
    assert_eq!(value(spam, "/findings/0/event"), "match");
    assert_eq!(value(spam, "/findings/0/action"), "reset");
    let regex = |pattern: &str| {
        let mut program = Command::new(env!("CARGO_BIN_EXE_mailwarden"));
        let output = program.args(["test", "regex", "bob@x.y", pattern, "--format", "json"]).output();
        let output = output.expect("the program starts");
        assert!(output.stderr.is_empty());
        (
            serde_json::from_slice::<serde_json::Value>(&output.stdout).expect("an object"),
            output.status.code(),
        )
    };
    let (found, code) = regex("@x\\.y$");
    assert_eq!((value(&found, "/found"), code), (&true.into(), Some(0)));
    let (missing, code) = regex("@z");
    assert_eq!((value(&missing, "/found"), code), (&false.into(), Some(1)));
    let (wrong, code) = regex("a(b");
    assert_eq!((value(&wrong, "/error/offset"), code), (&1.into(), Some(2)));
}

/// A folder with the policy and a message.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str, message: &str) -> Self {
        let path = std::env::temp_dir().join(format!("mailwarden-test-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("a temporary folder");
        fs::write(path.join("edge.conf"), POLICY).expect("written");
        fs::write(path.join("mail.eml"), message).expect("written");
        Self(path)
    }

    /// What is told of the message, without the line on keywords that comes with every session, and the exit code.
    fn mail(&self, flags: &[&str]) -> (String, Option<i32>) {
        let output = Command::new(env!("CARGO_BIN_EXE_mailwarden"))
            .args(["test", "mail", "mail.eml", "--config", "edge.conf"])
            .args(flags)
            .current_dir(&self.0)
            .output()
            .expect("the program starts");
        let stdout = String::from_utf8(output.stdout).expect("text");
        let keywords = "  EHLO client.example\n    class KEYWORDS of EDGE: mask, because of reply ehlo SMTPUTF8, \
                        on `SMTPUTF8`\n";
        (stdout.replace(keywords, ""), output.status.code())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_message_that_no_class_acts_on_is_clean() {
    let folder = Folder::new("clean", "Subject: hello\n\nhow are you?\n.\n");
    let (told, exit) = folder.mail(&[]);
    let expected = "mail.eml: delivered, no class acts\n  end of message\n    \
                    the sender reads: 250 2.0.0 Accepted by the server\n";
    assert_eq!((told.as_str(), exit), (expected, Some(0)));
}

#[test]
fn the_class_the_event_the_text_and_the_reply_of_a_refused_message_are_told() {
    let folder = Folder::new("refused", "Subject: you won the lottery\n\nhow are you?\n");
    let (told, exit) = folder.mail(&[]);
    let expected = "mail.eml: refused\n  message\n    \
                    class SPAM of EDGE: log, reset, because of header regex LOTTERY, on `Subject: you won the lottery`\n  \
                    end of message\n    the sender reads: 554 5.7.1 Message refused by policy (ref 000000-1)\n";
    assert_eq!((told.as_str(), exit), (expected, Some(1)));
}

#[test]
fn a_class_that_only_logs_is_told_of_a_message_that_is_delivered() {
    // Longer than what is held of a session at a time.
    let folder = Folder::new("logged", &format!("Subject: hello\n\n{}buy now\n", "x\n".repeat(200_000)));
    let (told, exit) = folder.mail(&[]);
    assert!(told.starts_with("mail.eml: delivered\n  message\n    class OFFERS of EDGE: log, "), "{told}");
    assert_eq!(exit, Some(1));
}

#[test]
fn the_envelope_is_judged_as_it_is_given() {
    let folder = Folder::new("envelope", "Subject: hello\n\nhow are you?\n");
    let (told, exit) = folder.mail(&["--to", "a@x", "--to", "b@x", "--to", "c@x"]);
    let expected = "  RCPT TO:<c@x>\n    class MANY of EDGE: reset, because of recipient count gt 2, on `3`\n    \
                    the sender reads: 550 5.5.3 Too many recipients (ref 000000-1)\n";
    assert!(told.starts_with("mail.eml: refused\n") && told.contains(expected), "{told}");
    assert_eq!(exit, Some(1));
}

#[test]
fn what_is_wrong_with_the_lines_of_a_message_is_told() {
    let folder = Folder::new("lines", "Subject: hello\r\n\r\nhow are\nyou?\r\n");
    let (told, exit) = folder.mail(&[]);
    assert!(told.contains("  message\n    conformance: bare-lf, normalized\n"), "{told}");
    assert_eq!(exit, Some(0), "it is delivered, and no class acts");
}

#[test]
fn a_proxy_that_inspects_nothing_is_no_test() {
    let folder = Folder::new("hole", "Subject: hello\n\nhow are you?\n");
    assert_eq!(folder.mail(&["--proxy", "hole"]), (String::new(), Some(2)));
    assert_eq!(folder.mail(&["--proxy", "nowhere"]), (String::new(), Some(2)));
}

#[test]
fn a_pattern_is_tried_on_a_text_as_a_policy_would_look_for_it() {
    // Text, pattern, exit code, and what is said.
    let table = [
        (
            "x@a.deals.example",
            r"@(.*\.)?deals\.example$",
            0,
            r"`@(.*\.)?deals\.example$` matches `x@a.deals.example`",
        ),
        (
            "x@deals.example.org",
            r"@deals\.example$",
            1,
            r"`@deals\.example$` does not match `x@deals.example.org`",
        ),
        ("Deals", "deals", 1, "`deals` does not match `Deals`"),
        ("a bargain", "*gain", 0, "note: a `*`, `+` or `?` with nothing to repeat is read as `.*`"),
        ("x", "(deals)?", 0, "note: it matches the empty string, which is found in every text"),
        ("x", "a(b", 2, "error: `(` without a matching `)`\n a(b\n  ^\n"),
    ];
    for (text, pattern, exit, expected) in table {
        let output =
            Command::new(env!("CARGO_BIN_EXE_mailwarden")).args(["test", "regex", text, pattern]).output();
        let output = output.expect("the program starts");
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8(said).expect("text");
        assert!(said.contains(expected), "{pattern}: {said}");
        assert_eq!(output.status.code(), Some(exit), "{pattern}");
    }
}
