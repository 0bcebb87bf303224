//! Nothing is lost in silence: what a file says and will not be in force as its writer meant it is named, on
//! its line, once for each cause.

#[path = "words/asa.rs"]
mod asa;
#[path = "words/classic.rs"]
mod classic;
#[path = "words/lists.rs"]
mod lists;

use policy::{Loaded, load, render};

/// A file, and each complaint about it as `LINE severity code`, in their order.
type Row<'t> = (&'t str, &'static [&'static str]);

fn check(rows: &[Row<'_>]) {
    let mut wrong = Vec::new();
    for (text, expected) in rows {
        let Loaded { diagnostics, source, .. } = load("test", text.as_bytes());
        let complaints = diagnostics.iter().map(|complaint| {
            let line = source.position(complaint.at).line;
            format!("{line} {} {}", complaint.severity().as_str(), complaint.code.as_str())
        });
        if complaints.collect::<Vec<_>>() != *expected {
            let found = render::diagnostics(&source, &diagnostics);
            wrong.push(format!("{text}expected {expected:?}, found:\n{found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The help of the one complaint of a code.
fn help(text: &str, code: &str) -> String {
    let Loaded { diagnostics, source, .. } = load("test", text.as_bytes());
    let mut found = diagnostics.iter().filter(|complaint| complaint.code.as_str() == code);
    let (first, second) = (found.next(), found.next());
    assert!(first.is_some() && second.is_none(), "{text}{}", render::diagnostics(&source, &diagnostics));
    first.and_then(|complaint| complaint.help.clone()).unwrap_or_default()
}

#[test]
fn a_line_whose_header_is_lost_is_an_error_once() {
    check(&[
        ("workers 4\n", &["1 error outside-block"]),
        ("hostname edge\nstarttls mask\nrefusals close\n", &["2 error outside-block"]),
        ("ip cef\n listen 0.0.0.0:25\n server 192.0.2.1:25\n", &["2 error outside-block"]),
        (" match sender address regex r\n match recipient count gt 5\n", &["1 error outside-block"]),
        ("aaa new-model\n match sender address regex r\n", &["2 error outside-block"]),
        ("hostname edge\n log\n reset\n", &["2 error outside-block"]),
        (" pattern \"x\"\n", &["1 error outside-block"]),
        ("class type inspect smtp c1\n log\n reset\n", &["1 error outside-block"]),
        ("service-policy type inspect smtp p1\n", &["1 error outside-block"]),
        ("hostname edge\nlinux-interface eth0\n", &["2 error outside-block"]),
        ("zone security in\nzone-member security in\n", &["2 error outside-block"]),
        ("hostname edge\npermit ip any any\ndeny tcp any any eq 25\n", &["2 error outside-block"]),
        (" 10 permit ip any any\n", &["1 error outside-block"]),
        ("interface Vlan1\n no linux-interface\n zone-member security in\nzone security in\n", &[]),
        // In a block of another feature they belong to it.
        ("object-group security S\n permit ip any any\nroute-map M\n permit 10\n", &[]),
        ("class-map match-any QOS\nmatch protocol smtp\nmatch access-group 101\n", &[]),
        ("policy-map type inspect http P\nclass type inspect http c\nreset\nlog\n", &[]),
    ]);
}

#[test]
fn a_name_that_begins_a_keyword_elsewhere_makes_its_line_none_of_another_mode() {
    // `R` would be short for `redundancy`, `h` for `hashtable-size`, `l` for `log`.
    const RULE: &str = "ip inspect name R esmtp max-data 20000000\n";
    let proxy = format!("{RULE}proxy mx\n listen 0.0.0.0:25\n server 192.0.2.1:25\n");
    for indent in [" ", ""] {
        for line in ["ip inspect R out", "ip inspect h in in", "ip inspect l l l"] {
            let text = format!("{proxy}{indent}{line}\n");
            let Loaded { diagnostics, .. } = load("test", text.as_bytes());
            assert_eq!(diagnostics.errors(), 1, "{text}");
        }
    }
    let text = format!("{RULE}interface Vlan1\n ip inspect R on\n");
    assert_eq!(load("test", text.as_bytes()).diagnostics.errors(), 1, "{text}");
    let text = format!("{proxy} ip inspect R in\n");
    assert!(load("test", text.as_bytes()).diagnostics.iter().next().is_none(), "{text}");
}

#[test]
fn a_header_that_is_wrong_is_one_error_and_so_is_the_block_it_was_meant_for() {
    const CLASS: &str = " match sender address regex R\n match recipient count gt 5\n";
    const RULE: &str = " class type inspect smtp C\n  log\n  reset\n";
    let regex = "parameter-map type regex R\n pattern \"@x\\.y$\"\n";
    let class = "class-map type inspect smtp match-any C\n";
    let policy = "policy-map type inspect smtp P\n";
    let proxy = "proxy mx\n listen 0.0.0.0:25\n server 192.0.2.9:25\n service-policy type inspect smtp P\n";
    let whole = format!("{regex}{class}{CLASS}{policy}{RULE}{proxy}");
    for (line, wrong) in [
        // A word is missing.
        (class, "class-map type inspect match-any C\n"),
        (class, "class-map inspect smtp match-any C\n"),
        (regex, "parameter-map regex R\n pattern \"@x\\.y$\"\n"),
        (policy, "policy-map type inspect P\n"),
        (policy, "policy-map type smtp P\n"),
        (" class type inspect smtp C\n", " class inspect smtp C\n"),
        // A word too much.
        (class, "class-map type inspect smtp match-any C C\n"),
        (class, "class-map type type inspect smtp match-any C\n"),
        (class, "class-map type inspect smtp match-any C ! mine\n"),
        // Two slips.
        (class, "clas-map tpye inspect smtp match-any C\n"),
        (policy, "policy-map typ inspct smtp P\n"),
    ] {
        let text = whole.replacen(line, wrong, 1);
        assert_ne!(text, whole);
        let Loaded { diagnostics, source, .. } = load("test", text.as_bytes());
        assert_eq!(diagnostics.errors(), 1, "{}", render::diagnostics(&source, &diagnostics));
    }
}

#[test]
fn a_line_of_a_lost_block_is_named_if_it_is_misspelt_too() {
    let misspelt = &["1 error outside-block", "3 error invalid-input"];
    check(&[
        (" listen 0.0.0.0:25\n server 192.0.2.1:25\n sever 192.0.2.2:25\n", misspelt),
        (" match sender address regex R\n match body regex R\n match recipent count gt 5\n", misspelt),
    ]);
}

#[test]
fn a_block_goes_on_behind_remarks_and_without_its_indentation() {
    let interface = "interface Ethernet2/0\n  ip address 172.22.1.16 255.255.255.0\n\n!--- a remark\n\n\
        ip access-group 101 in\nip nat outside\n\n!--- a remark\n\nip inspect OUT-IN in\n\
        ip virtual-reassembly\nhalf-duplex\n!\n";
    let text = format!("ip inspect name OUT-IN tcp\n{interface}interface Serial2/0\n  shutdown\n");
    let Loaded { configuration, diagnostics, .. } = load("test", text.as_bytes());
    let codes: Vec<&str> = diagnostics.iter().map(|complaint| complaint.code.as_str()).collect();
    assert_eq!(codes, ["undefined-list"]);
    let interfaces = configuration.map(|it| it.interfaces).unwrap_or_default();
    let rules: Vec<_> = interfaces.iter().map(|it| it.inspect_in.as_ref().map(|rule| &*rule.text)).collect();
    assert_eq!(rules, [Some("OUT-IN")]);
}

#[test]
fn words_run_together_or_torn_apart_are_an_error() {
    check(&[
        ("class-map\u{a0}type inspect smtp match-any c1\n match cmd verb ETRN\n", &["1 error invalid-input"]),
        ("hostname\u{a0}edge\n", &["1 error invalid-input"]),
        ("snmp-server\u{a0}community x\n", &[]),
        ("class-maptypeinspectsmtpmatch-anyc1\n match cmd verb ETRN\n", &["1 error invalid-input"]),
        ("class-map type inspect smtp match-any c1\n matchcmdverbETRN\n", &["2 error invalid-input"]),
        ("policy map type inspect smtp p1\n", &["1 error invalid-input"]),
        (
            "zone pair security x source a destination b\n",
            &["1 error invalid-input", "1 error undefined-name", "1 error undefined-name"],
        ),
        ("class-map type inspect smtp match any c1\n match cmd verb ETRN\n", &["1 error invalid-input"]),
    ]);
}

#[test]
fn marks_of_quoted_mail_and_listings_are_one_error() {
    check(&[
        (
            "> hostname edge\n> proxy mx\n>  listen 0.0.0.0:25\n>  server 192.0.2.1:25\n",
            &["1 error pasted-mark"],
        ),
        (">> hostname edge\n> > hostname edge\n", &["1 error pasted-mark"]),
        ("hostname edge\n- no hostname\n", &["2 error pasted-mark"]),
        ("// hostname edge\n// zone security inside\n", &["1 error pasted-mark"]),
        ("// what this is for\n* * *\n", &[]),
        ("\u{1b}[1mhostname edge\u{1b}[0m\n", &["1 error invalid-input"]),
        (
            "1: hostname edge\n2: class-map type inspect smtp match-any c1\n3:  match cmd verb ETRN\n",
            &["1 error pasted-mark"],
        ),
        ("     1\thostname edge\n     2\tzone security inside\n", &["1 error pasted-mark"]),
        ("ip access-list extended L\n 10 permit tcp any any\n 20 deny ip any any\n", &[]),
    ]);
}

#[test]
fn words_of_other_programs_and_near_misses_are_named() {
    check(&[
        ("include other.conf\n", &["1 error invalid-input"]),
        ("logging host syslog\n", &["1 error invalid-input"]),
        ("logging host 192.0.2.9\n", &[]),
        ("mailwraden\n workers 4\n", &["1 error invalid-input"]),
        ("proxi mx\n listen 0.0.0.0:25\n server 192.0.2.1:25\n", &["1 error invalid-input"]),
        ("clas-map type inspect smtp X\n match cmd verb ETRN\n", &["1 error invalid-input"]),
        ("clas-map type inspect smtp X\nmatch cmd verb ETRN\n", &["1 error invalid-input"]),
        ("smtpd_banner = $myhostname\n", &["1 warning unknown-statement"]),
        ("router ospf 1\n network 10.0.0.0 0.0.0.255 area 0\n*****\n", &[]),
        ("Router# policy-map type inspect smtp p1\n", &["1 error outside-block"]),
        (
            "Router(config)# foo bar\n^\n% Invalid input detected at '^' marker.\n",
            &["1 warning unknown-statement"],
        ),
        ("crypto pki certificate chain X\n certificate ca 01\n  <redacted>\n  quit\nhostname edge\n", &[]),
    ]);
}

#[test]
fn what_has_no_effect_here_is_named() {
    check(&[
        ("ip inspect name FW smtp\n", &["1 warning no-effect"]),
        (
            "ASA Version 9.1(2)\npolicy-map global_policy\n class inspection_default\n  inspect pop3\n",
            &["4 warning no-effect"],
        ),
        ("fixup protocol pop3 110\n", &["1 warning no-effect"]),
        (
            "ASA Version 9.1(2)\nclass-map type inspect smtp match-any c1\n match cmd verb ETRN\n",
            &["2 warning other-platform"],
        ),
    ]);
}

/// The policy in the README.
fn readme() -> String {
    let readme = include_str!("../../../README.md");
    let policy = readme.split("```").find(|block| block.contains("policy-map type inspect smtp"));
    policy.unwrap_or_default().trim_start().to_owned()
}

/// A word with one letter dropped, doubled, swapped with the next, or replaced, each at every place.
fn typos(word: &str) -> Vec<String> {
    let mut typos = Vec::new();
    for at in 0..word.len() {
        let (before, rest) = word.split_at(at);
        let (letter, after) = rest.split_at(1);
        typos.push([before, after].concat());
        typos.push([before, letter, letter, after].concat());
        typos.push([before, "j", after].concat());
        if let Some((next, after)) = after.split_at_checked(1) {
            typos.push([before, next, letter, after].concat());
        }
    }
    typos.retain(|typo| typo != word && !typo.is_empty());
    typos
}

#[test]
fn one_typo_in_a_header_line_of_the_readme_gives_one_error() {
    let text = readme();
    let right = load("readme", text.as_bytes());
    let meaning = |loaded: &Loaded| loaded.configuration.as_ref().map(|it| it.to_string());
    assert_eq!(right.diagnostics.errors(), 0);
    let headers = ["parameter-map", "class-map", "policy-map", "mailwarden", "proxy", "class"];
    let mut failures = Vec::new();
    let mut typed = 0;
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let first = line.split_whitespace().next().unwrap_or_default();
        let mut words = line.split_whitespace().filter(|_| headers.contains(&first)).collect::<Vec<_>>();
        // The name of a proxy is named nowhere else.
        words.truncate(if first == "proxy" { 1 } else { words.len() });
        for word in words {
            let at = start + word.as_ptr().addr() - line.as_ptr().addr();
            for typo in typos(word) {
                let text = [&text[..at], &typo, &text[at + word.len()..]].concat();
                let loaded = load("readme", text.as_bytes());
                typed += 1;
                // A beginning of a keyword is that keyword.
                if loaded.diagnostics.errors() != 1 && meaning(&loaded) != meaning(&right) {
                    let shown = render::diagnostics(&loaded.source, &loaded.diagnostics);
                    failures.push(format!("{typo} for {word} in {line}{shown}"));
                }
            }
        }
        start += line.len();
    }
    assert!(typed > 500, "{typed}");
    assert!(failures.is_empty(), "{} of {typed}:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn a_rule_that_hardly_does_what_it_says_is_a_warning() {
    const USED: &str = "class-map type inspect smtp match-any c1\n match sender address regex r\n\
                        policy-map type inspect smtp p1\n class c1\n  reset\n\
                        mailwarden\n starttls pass\n";
    const PROXY: &str =
        "proxy mx\n listen 192.0.2.1:25\n server 192.0.2.2:25\n service-policy type inspect smtp p1\n";
    let rows = [
        ("pattern \"^bounce-\\d+@\"", "", "2 warning literal-escape"),
        ("pattern \"^(a)\\1@\"", "", "2 warning literal-escape"),
        ("pattern \"<.*@x\\.com>\"", "", "2 warning address-brackets"),
        ("pattern \"@x.com$\"", "", "2 warning loose-pattern"),
        ("pattern \"@x\\.com\"", "", "2 warning loose-pattern"),
        ("pattern \" @x\\.com$\"", "", "2 warning never-matches"),
        ("pattern \"@x\\\\.com$\"", "", "2 warning never-matches"),
        ("pattern \"^@x\\.com$\"", "", "2 warning never-matches"),
        ("pattern \"@@x\\.com$\"", "", "2 warning never-matches"),
        ("pattern \"/x\\.com/i\"", "", "2 warning never-matches"),
        ("pattern \"^MAIL FROM:<\"", "", "2 warning never-matches"),
        ("pattern \"x\\.com REJECT\"", "", "2 warning never-matches"),
        ("pattern \"bounce[0-9 ]+@\"", "", ""),
        ("pattern \"@x\\.com$\"", " accept-proxy 0.0.0.0/0\n", "14 warning accepts-anyone"),
        ("pattern \"@x\\.com$\"", " accept-proxy 8.0.0.0/8\n", "14 warning accepts-anyone"),
        ("pattern \"@x\\.com$\"", " accept-proxy 2001::/16\n", "14 warning accepts-anyone"),
        ("pattern \"@x\\.com$\"", " accept-proxy 10.0.0.0/8\n accept-proxy 192.0.2.0/24\n", ""),
        (
            "pattern \"@x\\.com$\"",
            "class-map type inspect smtp match-any c1\n match reply ehlo STARTTLSS\n",
            "15 warning unknown-verb",
        ),
        ("pattern \"@x\\.com$\"", "class-map type inspect smtp match-any c1\n match reply ehlo MYOWN\n", ""),
        ("pattern \"@x\\.com$\"", " protocol pop3\n", "13 warning no-effect"),
        ("pattern \"@x\\.com$\"", " protocol tcp\n", "13 warning no-effect"),
        ("pattern \"@x\\.com$\"", " listen 192.0.2.1:465\n", "14 warning tls-port"),
        ("pattern \"@x\\.com$\"", " server 192.0.2.9:465\n", "14 warning tls-port"),
        ("pattern \"@x\\.com$\"", " server mail.example:993\n", "14 warning tls-port"),
        ("pattern \"@x\\.com$\"", " server 192.0.2.9:110\n", "14 warning doubtful-address"),
        ("pattern \"@x\\.com$\"", " server mail.example:143\n", "14 warning doubtful-address"),
        ("pattern \"@x\\.com$\"", " server 192.0.2.9:0\n", "14 warning doubtful-address"),
        ("pattern \"@x\\.com$\"", " server 224.0.0.1:25\n", "14 warning doubtful-address"),
        ("pattern \"@x\\.com$\"", " server 255.255.255.255:25\n", "14 warning doubtful-address"),
        ("pattern \"@x\\.com$\"", " listen [ff02::1]:25\n", "14 warning doubtful-address"),
        ("pattern \"@x\\.com$\"", " listen [::ffff:192.0.2.9]:25\n", "14 warning doubtful-address"),
        (
            "pattern \"@x\\.com$\"",
            " service-policy type inspect smtp NOPE\n service-policy type inspect smtp p1\n",
            "14 warning overridden, 15 warning overridden",
        ),
        ("pattern \"@x\\.com$\"", " protocol smtp\n protocol esmtp\n", "15 warning overridden"),
        ("pattern \"@x\\.com$\"", " protocol smtp\n no protocol smtp\n protocol esmtp\n", ""),
        (
            "pattern \"@x\\.com$\"",
            "mailwarden\n conformance strict\n conformance strict\n conformance compat\n",
            "17 warning overridden",
        ),
        (
            "pattern \"@x\\.com$\"",
            "zone security a\nzone security b\ninterface Vlan1\n zone-member security a\n zone-member security b\n",
            "18 warning overridden",
        ),
        (
            "pattern \"@x\\.com$\"",
            "policy-map type inspect smtp p1\n class c2\n  mask\nclass-map type inspect smtp match-any c2\n match cmd verb MAIL\n",
            "18 warning masks-mail",
        ),
        (
            "pattern \"@x\\.com$\"",
            "policy-map type inspect smtp p1\n class c2\n  reset\nclass-map type inspect smtp match-all c2\n match reply ehlo ETRN\n match body regex r\n",
            "19 warning never-matches",
        ),
        (
            "pattern \"@x\\.com$\"",
            "policy-map type inspect smtp p1\n class c2\n  reset\nclass-map type inspect smtp match-all c2\n match recipient count gt 5\n match not recipient count gt 3\n",
            "19 warning never-matches",
        ),
        (
            "pattern \"@x\\.com$\"",
            "proxy b\n listen 0.0.0.0:25\n server 192.0.2.3:25\n service-policy type inspect p1\n",
            "11 warning listen-overlap",
        ),
        ("pattern \"@x\\.com$\"", " listen [::]:25\n listen 192.0.2.7:25\n", ""),
        (
            "pattern \"@x\\.com$\"",
            "class-map type inspect smtp match-any c1\n match cmd verb VRYF\n",
            "15 warning unknown-verb",
        ),
        (
            "pattern \"@x\\.com$\"",
            "policy-map type inspect smtp p1\n class c2\nclass-map type inspect smtp match-any c2\n match recipient count gt 5\n",
            "15 warning no-action",
        ),
    ];
    let texts: Vec<String> = rows
        .iter()
        .map(|(pattern, more, _)| format!("parameter-map type regex r\n {pattern}\n{USED}{PROXY}{more}"))
        .collect();
    for (text, (.., expected)) in texts.iter().zip(rows) {
        let Loaded { diagnostics, source, .. } = load("test", text.as_bytes());
        let found: Vec<String> = diagnostics
            .iter()
            .map(|it| {
                format!("{} {} {}", source.position(it.at).line, it.severity().as_str(), it.code.as_str())
            })
            .collect();
        assert_eq!(found.join(", "), expected, "{text}{}", render::diagnostics(&source, &diagnostics));
    }
}

#[test]
fn a_pattern_that_finds_no_text_of_its_kind_is_a_warning() {
    let rows = [
        ("mime content-type", "Content-Type: text/html", "`pattern \"text/html\"`"),
        ("mime content-type", "^content-type: text/html", "`pattern \"^text/html\"`"),
        ("mime content-type", "^Subject: ", "`match header regex R`"),
        ("mime content-type", "text\\html", "`pattern \"text/html\"`"),
        ("mime content-type", "image\\tiff", "`pattern \"image/tiff\"`"),
        ("header", "one\\ntwo", "`pattern \"one\"`"),
        ("body", "(one|two)\\r\\nthree", "`pattern \"(one|two)\"`"),
        ("body", "(one\\n|two\\n)+", ""),
        // What is searched as written may say this.
        ("mime content-type", "text/html; charset", "none"),
        ("mime content-type", "^text/html;", "none"),
        ("mime content-type", "application/x msdownload", "none"),
        ("header", "^Content-Type: text/html", "none"),
        ("body", "one(\\n|two)", "none"),
    ];
    for (criterion, pattern, help) in rows {
        let text = format!(
            "parameter-map type regex R\n pattern \"{pattern}\"\n\
             class-map type inspect smtp match-any C\n match {criterion} regex R\n\
             policy-map type inspect smtp P\n class C\n  reset\nmailwarden\n starttls mask\n\
             proxy mx\n listen 192.0.2.1:25\n server 192.0.2.2:25\n service-policy type inspect smtp P\n",
        );
        let Loaded { diagnostics, source, .. } = load("test", text.as_bytes());
        let told: Vec<_> = diagnostics.iter().map(|it| (it.code.as_str(), it.help.as_deref())).collect();
        let shown = render::diagnostics(&source, &diagnostics);
        match told.as_slice() {
            [] => assert_eq!(help, "none", "{text}"),
            [(code, found)] => {
                assert_eq!(*code, "never-matches", "{shown}");
                assert!(help != "none" && found.unwrap_or_default().contains(help), "{shown}");
            }
            _ => panic!("{shown}"),
        }
    }
}

#[test]
fn a_name_of_the_wrong_kind_is_one_error_that_says_where_it_belongs() {
    const POLICIES: &str = "class-map type inspect smtp match-any c1\n match recipient count gt 5\n\
                            policy-map type inspect smtp p1\n class c1\n  reset\n\
                            class-map type inspect match-any mail\n match protocol smtp\n\
                            policy-map type inspect top\n class mail\n  inspect\n";
    for (more, help) in [
        (
            "zone security a\nzone-pair security z source a destination self\n service-policy type inspect p1\n",
            "`service-policy smtp p1`",
        ),
        (
            "proxy mx\n listen 192.0.2.1:25\n server 192.0.2.2:25\n service-policy type inspect smtp top\n",
            "`service-policy type inspect top`",
        ),
        (
            "class-map type inspect smtp c2\n match sender address regex *@x.com\n",
            "`parameter-map type regex NAME / pattern \"*@x.com\"`",
        ),
    ] {
        let Loaded { diagnostics, .. } = load("test", format!("{POLICIES}{more}").as_bytes());
        let helps: Vec<&str> = diagnostics.iter().filter_map(|it| it.help.as_deref()).collect();
        assert_eq!(diagnostics.errors(), 1, "{diagnostics:?}");
        assert!(helps.iter().any(|it| it.contains(help)), "{helps:?}");
    }
}
