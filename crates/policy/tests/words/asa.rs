//! The dialect of the ASA and of the PIX.

use super::{check, help};

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
        (&asa("regex A x\nservice-policy p\n"), &["3 error incomplete-command"]),
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

/// A class of connections whose mail a proxy inspects, by a map that warns of nothing.
fn class(lines: &str) -> String {
    asa(&format!(
        "policy-map type inspect esmtp A\n parameters\n  allow-tls\n match cmd verb VRFY\n  log\n\
         class-map C\n{lines}policy-map p\n class C\n  inspect esmtp A\n{PROXY} service-policy p\n"
    ))
}

const PROXY: &str = "proxy mx\n listen 192.0.2.1:2525\n server 192.0.2.2:25\n";

#[test]
fn a_class_that_no_listener_of_the_proxy_leads_to_is_a_warning() {
    let listed = |entry: &str| format!(" match access-list L\naccess-list L extended {entry}\n");
    let never = |lines: &str| {
        let text = class(lines);
        let line = text.lines().position(|line| line == " class C").unwrap_or(0) + 1;
        let found = policy::load("test", text.as_bytes()).diagnostics;
        let told = found.iter().map(|it| (it.code.as_str(), text[..it.at.start as usize].lines().count()));
        assert_eq!(told.collect::<Vec<_>>(), [("never-matches", line)], "{text}");
    };
    never("");
    never(" match port tcp eq 587\n");
    never(" match port udp eq 25\n");
    never(" match rtp 2000 100\n");
    for entry in [
        "permit udp any any eq 25",
        "permit tcp any eq 25 any",
        "deny tcp any any eq 25",
        "permit tcp any any eq 25 inactive",
        "permit tcp any any eq 587",
        "permit tcp any object-group NONE eq 25\nobject-group network NONE",
        "deny ip any any\naccess-list L extended permit tcp any any eq 25",
    ] {
        never(&listed(entry));
    }
    for lines in [" match any\n", " match default-inspection-traffic\n", " match port tcp range 20 30\n"] {
        check(&[(&class(lines), &[])]);
    }
    for entry in [
        "permit tcp any any",
        "permit ip any any",
        "permit tcp any gt 1023 any eq 2525",
        "deny tcp host 192.0.2.9 any eq 25\naccess-list L extended permit tcp any any eq 25",
    ] {
        check(&[(&class(&listed(entry)), &[])]);
    }
}

#[test]
fn a_class_behind_one_that_has_every_session_is_hidden() {
    let maps = "policy-map type inspect esmtp A\n parameters\n  allow-tls\n match cmd verb VRFY\n  log\n\
        class-map C\n match port tcp eq 25\n";
    let policy = |first: &str, second: &str| {
        asa(&format!(
            "{maps}policy-map p\n class {first}\n  inspect esmtp A\n class {second}\n  inspect esmtp A\n\
             {PROXY} service-policy p\n"
        ))
    };
    check(&[
        (&policy("inspection_default", "C"), &["12 warning hidden-class"]),
        (&policy("C", "inspection_default"), &[]),
    ]);
}

#[test]
fn a_policy_on_smtp_beside_another_protocol_is_a_warning() {
    let proxy = |protocol: &str, line: &str| {
        asa(&format!(
            "policy-map p\n class inspection_default\n  inspect esmtp\n\
             proxy mx\n listen 192.0.2.1:{protocol}\n server 192.0.2.2:110\n {line}\n"
        ))
    };
    let told = &["8 warning no-effect"];
    check(&[
        (&proxy("110", "service-policy p"), told),
        (&proxy("110", "inspect esmtp"), told),
        (&proxy("2110\n protocol pop3", "inspect esmtp"), &["9 warning no-effect"]),
        (&proxy("2525\n protocol tcp", "inspect esmtp"), &["9 warning no-effect"]),
        (&proxy("2525\n protocol tcp", "service-policy p"), &["9 warning no-effect"]),
    ]);
}

#[test]
fn a_relay_is_told_how_the_file_would_inspect() {
    let map = "policy-map type inspect esmtp A\n match cmd verb VRFY\n  log\n";
    let policy = "policy-map p\n class inspection_default\n  inspect esmtp A\n";
    let empty = format!(
        "policy-map p\n class inspection_default\n  set connection conn-max 5\n{PROXY} service-policy p\n"
    );
    for (text, expected) in [
        (asa(&format!("{map}{policy}{PROXY}")), "`service-policy p`"),
        (asa(&format!("{map}{PROXY}")), "`inspect esmtp A`"),
        (asa(PROXY), "`inspect esmtp`"),
        (format!("ip inspect name R esmtp max-data 1000\n{PROXY}"), "`ip inspect R`"),
        (PROXY.to_owned(), "`service-policy type inspect NAME`"),
        (asa(&empty), "`policy-map p / class inspection_default / inspect esmtp`"),
    ] {
        assert!(help(&text, "pinhole").contains(expected), "{text}");
    }
    // An explicit setting is its own acknowledgement.
    check(&[(&asa(&format!("{PROXY} no inspect esmtp\n")), &[])]);
    let escapes = asa(&format!("{map} match body length gt 5\n  reset\n{PROXY} inspect esmtp A\n"));
    assert!(help(&escapes, "tls-escapes-content").contains("esmtp A / parameters / no allow-tls`"));
}

#[test]
fn a_setting_of_starttls_that_a_map_overrules_is_a_warning() {
    let file = |starttls: &str, allow: &str| {
        asa(&format!(
            "mailwarden\n starttls {starttls}\npolicy-map type inspect esmtp A\n parameters\n  {allow}\n \
             match cmd verb VRFY\n  log\n{PROXY} inspect esmtp A\n"
        ))
    };
    check(&[
        (&file("mask", "allow-tls"), &["9 warning no-effect"]),
        (&file("pass", "no allow-tls"), &["9 warning no-effect"]),
        (&file("pass", "allow-tls"), &[]),
        (&file("mask", "no allow-tls"), &[]),
        (&file("mask", "no mail-relay"), &[]),
    ]);
}

#[test]
fn verbs_masks_and_patterns_are_looked_at_as_those_of_c3pl() {
    let proxied = |lines: &str| {
        asa(&format!(
            "policy-map type inspect esmtp A\n parameters\n  allow-tls\n{lines}{PROXY} inspect esmtp A\n"
        ))
    };
    let sender =
        |pattern: &str| proxied(&format!(" match sender-address regex R\n  reset\nregex R \"{pattern}\"\n"));
    check(&[
        (&proxied(" match cmd verb VFRY EXPN\n  log\n"), &["5 warning unknown-verb"]),
        (&proxied(" match cmd verb LINE LENGTH 512\n  log\n"), &["5 warning unknown-verb"]),
        (&proxied(" match cmd verb XPRIVATE others\n  log\n"), &[]),
        (&proxied(" match cmd verb EHLO\n  mask\n"), &["5 warning masks-ehlo"]),
        (&proxied(" match ehlo-reply-parameter size dsn\n  mask\n"), &["5 warning masks-dsn"]),
        (&proxied(" match ehlo-reply-parameter others\n  mask\n"), &[]),
        (&sender("<user@example\\.com>"), &["7 warning address-brackets"]),
        (&sender("@example.com"), &["7 warning loose-pattern"]),
        (&sender("@example\\.com$"), &[]),
    ]);
    let text = proxied(" match not cmd verb VFRY EXPN\n  log\n");
    assert_eq!(help(&text, "unknown-verb"), "write `match not cmd verb VRFY EXPN`");
    assert_eq!(help(&sender("@example.com"), "loose-pattern"), "write `regex R \"@example\\.com$\"`");
}

#[test]
fn a_class_is_reached_if_any_proxy_of_its_policy_listens_for_it() {
    let other = "proxy submission\n listen 192.0.2.1:587\n server 192.0.2.2:587\n service-policy p\n";
    check(&[(&format!("{}{other}", class(" match port tcp eq 587\n")), &["15 warning pinhole"])]);
}

#[test]
fn what_is_written_for_a_line_of_an_asa_is_told_as_that_line() {
    let map = |lines: &str| asa(&format!("policy-map type inspect esmtp A\n{lines}"));
    let class = |line: &str| asa(&format!("class-map C\n {line}\n"));
    for (text, code, expected) in [
        (map(" match cmd line length 512\n"), "invalid-input", "write `match cmd line length gt 512`"),
        (map(" match cmd line length lt 512\n"), "invalid-input", "write `match not cmd line length gt 511`"),
        (map(" match cmd line length gt 512 drop-connection log\n"), "invalid-input", ""),
        (map(" match cmd recipient count gt 5\n"), "invalid-input", "write `match cmd RCPT count gt 5`"),
        (map(" match ehlo-reply-parameter 8bitmine\n"), "invalid-input", "did you mean `8bitmime`?"),
        (
            map(" match ehlo-reply-parameter starttls\n"),
            "invalid-input",
            "`parameters / no allow-tls` masks it",
        ),
        (map(" match mime encoding base-64\n"), "invalid-input", "did you mean `base64`?"),
        (
            map(" parameters\n  mail-relay example.org\n"),
            "incomplete-command",
            "write `mail-relay example.org action drop-connection log`",
        ),
        (map(" parameters\n  allow-tls log\n"), "invalid-input", "write `allow-tls action log`"),
        (
            map(" match sender-address regex \"@x\"\n"),
            "invalid-input",
            "write its name, and define it with `regex NAME \"@x\"`",
        ),
        (class("match port tcp eq stmp"), "invalid-input", "did you mean `smtp`?"),
        (class("match access-group L"), "invalid-input", "write `match access-list L`"),
        (asa("class-map match-any C\n match any\n"), "invalid-input", "write `class-map C`"),
        (
            asa("policy-map p\n inspect esmtp\n"),
            "outside-block",
            "write `class inspection_default` before it",
        ),
        (
            asa("policy-map p\n class inspection_default\n  inspect esmtp ! mail\n"),
            "invalid-input",
            "write the remark on a line of its own",
        ),
    ] {
        assert_eq!(help(&text, code), expected, "{text}");
    }
}

#[test]
fn an_undefined_name_is_told_how_it_is_defined_or_what_is_meant() {
    let map =
        "regex R x\nclass-map type regex match-any RS\n match regex R\npolicy-map type inspect esmtp A\n";
    let esmtp = |line: &str| asa(&format!("{map} match sender-address regex {line}\n  log\n"));
    let proxy = |line: &str| asa(&format!("{map} match cmd verb VRFY\n  log\n{POLICY}{PROXY} {line}\n"));
    for (text, expected) in [
        (esmtp("RS"), "write `match sender-address regex class RS`"),
        (esmtp("class R"), "write `match sender-address regex R`"),
        (esmtp("NONE"), "define it with `regex NONE PATTERN`"),
        (
            asa("class-map C\n match access-list L\npolicy-map p\n class C\n  inspect esmtp\n"),
            "define it with `access-list L extended permit tcp any any eq smtp`",
        ),
        (
            asa("policy-map p\n class inspection-default\n  inspect esmtp\n"),
            "did you mean `inspection_default`?",
        ),
        (proxy("service-policy type inspect p"), "write `service-policy p`"),
        (proxy("service-policy A"), "write `inspect esmtp A`"),
        (proxy("inspect esmtp p"), "write `service-policy p`"),
        (proxy("ip inspect X"), "write `inspect esmtp`"),
    ] {
        assert_eq!(help(&text, "undefined-name"), expected, "{text}");
    }
    let interface = "interface GigabitEthernet0/0\n nameif outside\n security-level 0\n";
    for place in ["GigabitEthernet0/0", "Outside"] {
        let text = asa(&format!("{interface}{POLICY}service-policy p interface {place}\n"));
        assert_eq!(help(&text, "unknown-interface"), "did you mean `outside`?");
    }
}

#[test]
fn what_an_asa_would_refuse_is_named() {
    let hidden = |first: &str, second: &str| {
        asa(&format!(
            "policy-map type inspect esmtp A\n parameters\n  allow-tls\n match {first}\n  reset\n match {second}\n  log\n\
             {PROXY} inspect esmtp A\n"
        ))
    };
    check(&[
        ("nameif ethernet0 outside security200\n", &["1 error invalid-input"]),
        (
            "nameif ethernet0 outside security0\nnameif ethernet1 outside security100\n",
            &["2 warning ambiguous-name"],
        ),
        (
            &asa("policy-map p\n class inspection_default\n  set connection timeout embryonic 0:0:1\n"),
            &["4 error invalid-input"],
        ),
        (&class(" match port tcp eq 25\n match any\n"), &["9 note match-all-by-default"]),
        (&class(" match default-inspection-traffic\n match port tcp eq 25\n"), &[]),
        (&hidden("cmd line length gt 50", "cmd line length gt 100"), &["7 warning hidden-class"]),
        (&hidden("cmd line length gt 100", "cmd line length gt 50"), &[]),
        (&hidden("cmd verb VRFY", "cmd verb VRFY EXPN"), &["7 warning hidden-class"]),
        (&hidden("cmd verb VRFY", "cmd verb EXPN"), &[]),
    ]);
}
