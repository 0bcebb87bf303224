//! The dialect of the ASA and of the PIX.

use super::check;

const ASA: &str = "ASA Version 9.8(2)\n";

/// The lines of an ASA behind the one that says so.
fn asa(lines: &str) -> String {
    format!("{ASA}{lines}")
}

/// Connections to port 25, inspected by a map that the rest defines.
const POLICY: &str = "policy-map p\n class inspection_default\n  inspect esmtp\n";

#[test]
fn a_statement_with_a_word_left_out_is_an_error() {
    check(&[
        (&asa(&format!("{POLICY}service-policy p outside\n")), &["5 error invalid-input"]),
        (&asa(&format!("{POLICY}service-policy p on outside in\n")), &["5 error invalid-input"]),
        (&asa("service-policy p\n"), &["2 error incomplete-command"]),
        (&asa(&format!("{POLICY}  service-policy inner\nservice-policy p global\n")), &[]),
        (&asa("class-map type regex BAD\n match regex A\nregex A x\n"), &["2 error invalid-input"]),
        (&asa("regex A @deals example\n"), &["2 error invalid-input"]),
        (&asa("regex A\n"), &["2 error incomplete-command"]),
        ("fixup protocol smpt 25\n", &["1 error invalid-input"]),
        ("fixup protcol smtp 25\n", &["1 error invalid-input"]),
        ("fixup protocol sip 5060\nfixup protocol rtsp 554\nfixup protocol ftp 21\n", &[]),
    ]);
}

#[test]
fn what_a_later_line_replaces_is_named() {
    let two = format!("{POLICY}policy-map q\n class inspection_default\n  inspect esmtp\n");
    let map = |lines: &str| asa(&format!("policy-map type inspect esmtp A\n parameters\n{lines}"));
    let relay = "  mail-relay example.org action log\n  mail-relay example.com action log\n";
    check(&[
        (
            &asa(&format!("{two}service-policy p global\nservice-policy q global\n")),
            &["9 warning overridden"],
        ),
        (&asa(&format!("{POLICY}service-policy p global\nservice-policy p global\n")), &[]),
        (&map(relay), &["2 warning not-attached", "5 warning overridden"]),
        (&map("  allow-tls\n  allow-tls action log\n"), &["2 warning not-attached", "5 warning overridden"]),
        (&map("  allow-tls\n  no allow-tls\n"), &["2 warning not-attached"]),
        (
            &asa(
                "interface Vlan1\n nameif outside\n nameif inside\n security-level 0\n security-level 100\n",
            ),
            &["4 warning overridden", "6 warning overridden"],
        ),
    ]);
}

#[test]
fn a_no_that_takes_nothing_back_says_so() {
    let maps = "policy-map type inspect esmtp A\n match cmd line length gt 100\n  log\n\
        policy-map type inspect esmtp B\n match cmd line length gt 100\n  log\npolicy-map p\n class inspection_default\n";
    let class = |lines: &str| asa(&format!("{maps}{lines}service-policy p global\n"));
    check(&[
        (
            &class("  inspect esmtp A\n  no inspect esmtp B\n"),
            &["5 warning not-attached", "11 warning no-effect"],
        ),
        (
            &class("  inspect esmtp A\n  no inspect esmtp A\n"),
            &["2 warning not-attached", "5 warning not-attached"],
        ),
        (
            &class("  inspect esmtp A\n  no inspect esmtp\n"),
            &["2 warning not-attached", "5 warning not-attached"],
        ),
        // What the factory's configuration inspects need not be in the file.
        (&asa("policy-map global_policy\n class inspection_default\n  no inspect esmtp\n"), &[]),
        (
            &asa("policy-map type inspect esmtp A\n no match cmd line length gt 200\n"),
            &["2 warning not-attached", "3 warning no-effect"],
        ),
    ]);
}

#[test]
fn fixup_without_a_port_takes_back_every_port_but_25() {
    let text = "fixup protocol smtp 2525\nno fixup protocol smtp\n";
    let loaded = policy::load("test", text.as_bytes());
    let classes: Vec<&str> = loaded.attachments.iter().filter_map(|it| it.class.as_deref()).collect();
    assert_eq!(classes, ["inspection_default"]);
}

#[test]
fn what_a_device_would_clear_is_named_if_the_file_has_it() {
    check(&[
        (
            &asa(&format!("{POLICY}service-policy p global\nclear configure policy-map\n")),
            &["6 warning not-supported"],
        ),
        (
            &asa(&format!("{POLICY}service-policy p global\nclear configure all\n")),
            &["6 warning not-supported"],
        ),
        (&asa(&format!("{POLICY}clear configure policy-map\n")), &["5 warning not-supported"]),
        ("fixup protocol smtp 25\nclear fixup\n", &["2 warning not-supported"]),
        (&asa(&format!("clear configure policy-map\nclear xlate\n{POLICY}service-policy p global\n")), &[]),
    ]);
}

#[test]
fn a_map_that_no_mail_passes_is_a_warning() {
    let map = |lines: &str| asa(&format!("policy-map type inspect esmtp A\n{lines}"));
    let refuses = &["2 warning not-attached", "4 warning refuses-all-mail"];
    check(&[
        (&map(" parameters\n  mail-relay @example.org action drop-connection\n"), refuses),
        (&map(" parameters\n  mail-relay *.example.org action drop-connection log\n"), refuses),
        (
            &map(" parameters\n  mail-relay example.org action drop-connection log\n"),
            &["2 warning not-attached"],
        ),
        (
            &map(" parameters\n  mail-relay @example.org action log\n"),
            &["2 warning not-attached", "4 warning loose-pattern"],
        ),
        (
            &map(" match cmd verb VRFY MAIL\n  drop-connection\n"),
            &["2 warning not-attached", "3 warning refuses-all-mail"],
        ),
        (&map(" match not cmd verb MAIL\n  drop-connection\n"), &["2 warning not-attached"]),
        (&map(" match cmd verb VRFY\n  drop-connection\n"), &["2 warning not-attached"]),
    ]);
}
