//! A small language shaped like C3PL, for the tests of this crate only.

use grammar::{Build, Command, Matched, Mismatch, Mode, Platforms};

const fn command(
    syntax: &'static str,
    help: &'static [&'static str],
    build: Build<String>,
) -> Command<String> {
    Command::new(syntax, "Demonstrate", help, build)
}

pub(crate) static CONFIG: Mode<String> = Mode::new("config", "(config)#", &[&[
        command(
            "[no] class-map type inspect smtp [match-all | match-any]$mode WORD$name",
            &[
                "Configure a class map",
                "Kind of map",
                "Firewall",
                "Simple Mail Transfer Protocol",
                "All criteria must match",
                "One criterion must match",
                "Name of the class map",
            ],
            print,
        )
        .enters(&CLASS_MAP)
        .on(Platforms::IOS),
        command(
            "[no] class-map type inspect [match-all | match-any]$mode WORD$name",
            &["", "", "", "All criteria must match", "One criterion must match", "Name of the class map"],
            print,
        )
        .on(Platforms::IOS),
        command(
            "[no] class-map [match-all | match-any]$mode WORD$name",
            &["", "All criteria must match", "One criterion must match", "Name of the class map"],
            print,
        )
        .on(Platforms::ASA),
        command(
            "[no] policy-map type inspect {smtp | pop3 | imap}$protocol WORD$name",
            &[
                "Configure a policy map",
                "Kind of map",
                "Firewall",
                "Simple Mail Transfer Protocol",
                "Post Office Protocol",
                "Internet Message Access Protocol",
                "Name of the policy map",
            ],
            print,
        )
        .enters(&POLICY_MAP),
        command("[no] policy-map type inspect WORD$name", &["", "", "", "Name of the policy map"], print)
            .on(Platforms::IOS),
        command(
            "parameter-map type regex WORD$name",
            &["Configure a parameter map", "Kind of map", "Regular expressions", "Name of the map"],
            print,
        )
        .enters(&PARAMETER_MAP),
        command(
            "zone-pair security WORD$name source {self | WORD}$source destination {self | WORD}$destination",
            &["Connect two zones", "Zone security", "Name of the pair", "Where connections begin", "The firewall itself", "Name of a zone", "Where connections go", "The firewall itself", "Name of a zone"],
            print,
        ),
        command(
            "service-policy WORD$policy {global | interface WORD$interface}$where",
            &["Attach a policy", "Name of the policy map", "On all interfaces", "On one interface", "Name of the interface"],
            print,
        )
        .on(Platforms::ASA),
        command(
            "ip inspect name WORD$name {smtp | esmtp}$protocol [alert {on | off}$alert] [audit-trail {on | off}$audit] [timeout (5-43200)$seconds]",
            &["Internet Protocol", "Inspection", "Of this name", "Name of the rule", "SMTP", "Extended SMTP", "Alerts", "On", "Off", "Audit trail", "On", "Off", "Idle time", "Seconds"],
            print,
        )
        .on(Platforms::IOS),
        command("enable secret {(0-9)$kind WORD$hash | LINE$clear}", &["Modify enable", "The secret", "Kind of hash", "Hash", "The secret in clear"], print),
    ]]);

pub(crate) static CLASS_MAP: Mode<String> = Mode::new(
    "class-map",
    "(config-cmap)#",
    &[&[
        command("description LINE$text", &["Describe the class map", "Up to 200 characters"], print),
        command("no description", &["Describe the class map"], print),
        command(
            "[no] match {sender | recipient}$who address regex WORD$map",
            &[
                "Classification criteria",
                "The sender",
                "The recipients",
                "Its address",
                "Regular expressions",
                "Name of a parameter map",
            ],
            print,
        ),
        command(
            "[no] match recipient [invalid]$invalid count gt (1-65535)$count",
            &["", "", "Refused recipients", "Number of recipients", "Greater than", "Recipients"],
            print,
        ),
        command(
            "[no] match cmd line length gt (1-65535)$octets",
            &["", "An SMTP command", "Its line", "Length of the line", "Greater than", "Octets"],
            print,
        ),
        command(
            "[no] match cmd verb {EHLO | ETRN | HELO | HELP | MAIL | WORD}$verb",
            &[
                "",
                "",
                "Its verb",
                "Extended hello",
                "Start the queue",
                "Hello",
                "Help",
                "Start a message",
                "Another verb",
            ],
            print,
        ),
        command(
            "[no] match mime encoding {7-bit | base64 | unknown | WORD$other}$encoding",
            &[
                "",
                "MIME header fields",
                "Transfer encoding",
                "Seven bits",
                "Base 64",
                "None of the known",
                "X-token",
            ],
            encoding,
        ),
        command("exit", &["Leave the mode"], print),
    ]],
);

pub(crate) static POLICY_MAP: Mode<String> = Mode::new(
    "policy-map",
    "(config-pmap)#",
    &[&[
        command("[no] log", &["Report it"], print),
        command("[no] reset [log]", &["End the connection", "Report it"], print),
        command(
            "police rate (8000-2000000000)$bps [burst (1000-512000000)$octets]",
            &["Police", "Rate", "Bits per second", "Burst", "Octets"],
            print,
        ),
    ]],
);

pub(crate) static PARAMETER_MAP: Mode<String> = Mode::new(
    "parameter-map",
    "(config-profile)#",
    &[&[command("[no] pattern WORD$regex", &["Add a pattern", "Regular expression"], print)]],
);

/// Every name the tables use, in the order they print.
const NAMES: &[&str] = &[
    "mode",
    "name",
    "protocol",
    "who",
    "map",
    "invalid",
    "count",
    "octets",
    "verb",
    "encoding",
    "other",
    "text",
    "source",
    "destination",
    "policy",
    "where",
    "interface",
    "alert",
    "audit",
    "seconds",
    "kind",
    "hash",
    "clear",
    "bps",
    "regex",
];

/// What a build function can see of a line.
fn print(matched: &Matched<'_>) -> Result<String, Mismatch> {
    let mut shown = String::from(if matched.negated() { "negated" } else { "plain" });
    for name in NAMES {
        let Some(word) = matched.word(name) else { continue };
        let (text, span) = (word.text, word.span);
        shown.push_str(&format!(" {name}=`{text}`@{}..{}", span.start, span.end));
        if let Some(choice) = matched.choice(name) {
            shown.push_str(&format!(" ({choice})"));
        }
        if let (None, Some(number)) = (matched.choice(name), matched.number(name)) {
            shown.push_str(&format!(" (={number})"));
        }
    }
    Ok(shown)
}

/// A check beyond the notation: another encoding must be an X-token.
fn encoding(matched: &Matched<'_>) -> Result<String, Mismatch> {
    match matched.text("other") {
        Some(text) if !text.to_ascii_uppercase().starts_with("X-") => {
            Err(matched.invalid("other", "an encoding that is not listed begins with `X-`"))
        }
        _ => print(matched),
    }
}
