//! `mailwarden check` from outside: what it prints, and what it exits with.
//!
//! `tests/check/*.conf` are golden: each has its report as text and as JSON beside it, and
//! `UPDATE_GOLDEN=1` rewrites them; the difference is reviewed like code. Real configurations are read
//! if `MAILWARDEN_CORPUS` names the folder that holds them.

#[path = "check/corpus.rs"]
mod corpus;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/check")
}

fn check(folder: &Path, arguments: &[&str]) -> Output {
    let program = Command::new(env!("CARGO_BIN_EXE_mailwarden"))
        .arg("check")
        .args(arguments)
        .current_dir(folder)
        .output();
    program.expect("the program starts")
}

fn exit(arguments: &[&str]) -> Option<i32> {
    check(&folder(), arguments).status.code()
}

#[test]
fn reports_are_the_golden_ones() {
    let files = fs::read_dir(folder()).expect("the golden files").map(|entry| entry.expect("a file").path());
    let mut files: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|is| is == "conf")).collect();
    files.sort();
    assert!(!files.is_empty());
    let mut failures = Vec::new();
    for path in files {
        let name = path.file_name().expect("a name").to_str().expect("of ASCII");
        for (arguments, extension) in
            [(["-v", name].as_slice(), "text"), (&["--format", "json", name], "json")]
        {
            let found = String::from_utf8(check(&folder(), arguments).stdout).expect("text");
            compare(&path.with_extension(extension), &found, &mut failures);
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// The first configuration in a document, from a line on.
fn configuration_of(document: &str, from: &str) -> String {
    let text = fs::read_to_string(folder().join("../..").join(document)).expect("the document");
    let block = text.split_once(&format!("```\n{from}\n")).and_then(|(_, rest)| rest.split_once("```"));
    block.unwrap_or_else(|| panic!("{document} has no configuration that begins with `{from}`")).0.to_owned()
}

#[test]
fn the_configurations_of_the_documents_are_accepted_strictly_and_encryption_stays() {
    let scratch = std::env::temp_dir().join(format!("mailwarden-documents-{}", std::process::id()));
    fs::create_dir_all(&scratch).expect("a folder");
    for document in ["README.md", "docs/deployment.md"] {
        // The folder of the document is not on every machine.
        let events = format!("events json {}/", scratch.display());
        let text =
            configuration_of(document, "hostname edge").replace("events json /var/log/mailwarden/", &events);
        assert!(text.contains(" starttls pass\n"), "{document}: {text}");
        fs::write(scratch.join("edge.conf"), text).expect("a configuration");
        let checked = check(&scratch, &["--strict", "edge.conf"]);
        let said = String::from_utf8_lossy(&checked.stdout).into_owned();
        assert_eq!(checked.status.code(), Some(0), "{document}: {said}");
    }
    let _ = fs::remove_dir_all(scratch);
}

fn compare(golden: &Path, found: &str, failures: &mut Vec<String>) {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(golden, found).expect("written");
    } else if fs::read_to_string(golden).unwrap_or_default() != found {
        failures.push(format!("{} differs, found:\n{found}", golden.display()));
    }
}

#[test]
fn the_worst_file_decides_the_exit_code() {
    assert_eq!(exit(&["clean.conf", "other-features.conf"]), Some(0));
    assert_eq!(exit(&["--strict", "clean.conf"]), Some(0));
    assert_eq!((exit(&["/dev/null"]), exit(&["--strict", "/dev/null"])), (Some(0), Some(1)));
    assert_eq!(exit(&["warned.conf"]), Some(0));
    assert_eq!(exit(&["clean.conf", "warned.conf", "clean.conf", "--strict"]), Some(1));
    assert_eq!(exit(&["wrong.conf", "clean.conf"]), Some(2));
    assert_eq!(exit(&["too-large.conf"]), Some(2));
    assert_eq!(exit(&["missing.conf", "wrong.conf"]), Some(3));
}

#[test]
fn a_file_that_cannot_be_read_keeps_no_other_from_being_checked() {
    let output = check(&folder(), &["--format", "json", "missing.conf", "clean.conf"]);
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert_eq!(stdout.lines().count(), 1);
    assert!(stdout.starts_with(r#"{"file":"clean.conf","errors":0,"#), "{stdout}");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(stderr, "mailwarden: missing.conf: No such file or directory (os error 2)\n");
}

#[test]
fn a_dash_is_standard_input() {
    let clean = fs::read(folder().join("clean.conf")).expect("a golden file");
    let found = check_stdin(&clean);
    let golden = fs::read_to_string(folder().join("clean.text")).expect("a golden file");
    assert_eq!(found, golden.replace("clean.conf: ", "-: "));
}

#[test]
fn a_file_without_an_end_is_read_to_the_limit() {
    let output = check(&folder(), &["/dev/zero"]);
    assert_eq!(output.status.code(), Some(2));
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(stdout.starts_with("/dev/zero:1:1: error: the file exceeds the limit of 16 MiB"), "{stdout}");
}

#[test]
fn the_lines_that_are_said_to_be_missing_put_the_policy_in_force() {
    let zones = fs::read_to_string(folder().join("zones.conf")).expect("a golden file");
    let before = check_stdin(zones.as_bytes());
    assert!(before.contains("nothing is enforced\n"), "{before}");
    // Pasted as printed, indentation and all.
    let block: Vec<&str> = before.lines().filter(|line| line.starts_with("      ")).collect();
    let after = check_stdin(format!("{zones}{}\n", block.join("\n")).as_bytes());
    let enforced = "  enforced now\n    proxy LIMITED, 0.0.0.0:25 to 192.0.2.25:25: policy LIMITED, ";
    assert!(after.contains(enforced) && !after.contains("needs a `proxy` block"), "{after}");
}

/// What is printed of a configuration on standard input.
fn check_stdin(configuration: &[u8]) -> String {
    let mut program = Command::new(env!("CARGO_BIN_EXE_mailwarden"))
        .args(["check", "-v", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = program.stdin.take().expect("its input");
    stdin.write_all(configuration).expect("written");
    drop(stdin);
    let output = program.wait_with_output().expect("its output");
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn lists_of_patterns_are_read_from_the_folder_of_the_configuration() {
    let scratch = std::env::temp_dir().join(format!("mailwarden-lists-{}", std::process::id()));
    fs::create_dir_all(scratch.join("lists")).expect("a temporary folder");
    let domains: String = (0..5000).map(|i| format!("@d{i}\\.example$\n")).collect();
    fs::write(scratch.join("lists/domains"), domains).expect("a temporary file");
    let text = "parameter-map type regex listed\n pattern file lists/domains\n\
                class-map type inspect smtp match-any c\n match sender address regex listed\n\
                policy-map type inspect smtp p\n class type inspect smtp c\n  reset\n\
                mailwarden\n starttls pass\n\
                proxy mx\n listen 127.0.0.1:2525\n server 192.0.2.1:25\n service-policy type inspect smtp p\n";
    fs::write(scratch.join("edge.conf"), text).expect("a temporary file");
    let checked = check(Path::new("/"), &["--strict", &scratch.join("edge.conf").display().to_string()]);
    assert_eq!(checked.status.code(), Some(0), "{}", String::from_utf8_lossy(&checked.stdout));
    fs::remove_file(scratch.join("lists/domains")).expect("a file to remove");
    let checked = check(Path::new("/"), &[&scratch.join("edge.conf").display().to_string()]);
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert_eq!(checked.status.code(), Some(2), "{said}");
    assert!(said.contains(":2:15: error: cannot read `lists/domains`: No such file"), "{said}");
    let _ = fs::remove_dir_all(scratch);
}

#[test]
fn what_a_file_says_gives_a_terminal_no_orders() {
    let text = format!("class-map type inspect smtp {0}\n match {0}\nzone security {0}\n", "\x1b[2J");
    let path = std::env::temp_dir().join(format!("mailwarden-check-{}.conf", std::process::id()));
    fs::write(&path, text).expect("a temporary file");
    let output = check(&folder(), &["-v", path.to_str().expect("of ASCII")]);
    let _ = fs::remove_file(&path);
    assert!(!output.stdout.is_empty() && !output.stdout.contains(&0x1b));
}
