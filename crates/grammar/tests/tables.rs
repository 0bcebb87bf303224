//! A mode composed of the tables of several dialects: each line finds its command, in whichever table.

use grammar::{Claim, Command, Mode, Platforms, Unknown, check, complete, modes, resolve, words};

const fn command(syntax: &'static str, help: &'static [&'static str]) -> Command<String> {
    Command::new(syntax, "Demonstrate", help, |line| Ok(line.text("name").unwrap_or("-").to_owned()))
}

static SHARED: &[Command<String>] = &[
    command("[no] hostname WORD$name", &["Name", "Name"]).not_short(&["host"]),
    command("[no] interface WORD$name", &["Interface", "Name"]).enters(&INTERFACE).claims(Claim::Corrected),
];

static ROUTER: &[Command<String>] = &[command(
    "[no] class-map type inspect [match-all | match-any]$mode WORD$name",
    &["C", "T", "I", "A", "O", "N"],
)
.on(Platforms::IOS)
.claims(Claim::Anywhere)];

static FIREWALL: &[Command<String>] =
    &[command("[no] class-map WORD$name", &["C", "Name"]).on(Platforms::ASA)];

static CONFIG: Mode<String> =
    Mode::new("config", "(config)#", &[SHARED, ROUTER, FIREWALL]).unknown(Unknown::Ignore);

static INTERFACE: Mode<String> = Mode::new(
    "interface",
    "(config-if)#",
    &[
        &[command("zone-member security WORD$name", &["Z", "S", "N"]).on(Platforms::IOS)],
        &[command("nameif WORD$name", &["N", "N"]).on(Platforms::ASA)],
    ],
);

#[test]
fn a_line_finds_its_command_in_whichever_table() {
    assert_eq!(check(&CONFIG), []);
    assert_eq!(modes(&CONFIG).len(), 2);
    let table = [
        (&CONFIG, Platforms::IOS, "hostname a", Some("a")),
        (&CONFIG, Platforms::IOS, "class-map type inspect c1", Some("c1")),
        (&CONFIG, Platforms::ASA, "class-map c2", Some("c2")),
        (&CONFIG, Platforms::ASA, "class-map type inspect c1", None),
        (&INTERFACE, Platforms::IOS, "zone-member security inside", Some("inside")),
        (&INTERFACE, Platforms::ASA, "nameif outside", Some("outside")),
        (&INTERFACE, Platforms::ASA, "zone-member security inside", None),
    ];
    for (mode, platforms, line, expected) in table {
        let found = resolve(mode, platforms, &words(line)).and_then(|found| found.build());
        assert_eq!(found.ok().as_deref(), expected, "{line}");
    }
    let offered = complete(&INTERFACE, Platforms::ALL, "").unwrap();
    assert_eq!(offered.iter().map(|it| it.word).collect::<Vec<_>>(), ["nameif", "zone-member"]);
}

#[test]
fn commands_of_different_tables_that_collide_are_found() {
    static BROKEN: Mode<String> = Mode::new("broken", "#", &[SHARED, SHARED]);
    let faults: Vec<String> = check(&BROKEN).iter().map(ToString::to_string).collect();
    assert_eq!(
        faults,
        [
            "mode broken: `[no] hostname WORD$name`: the same line is also `[no] hostname WORD$name`",
            "mode broken: `[no] interface WORD$name`: the same line is also `[no] interface WORD$name`",
        ]
    );
}

#[test]
fn leading_keywords_end_before_the_first_value_choice_or_option() {
    let table: &[(&str, &[&str])] = &[
        ("[no] class-map type inspect [a | b]$mode WORD$name", &["class-map", "type", "inspect"]),
        ("[no] description [LINE$text]", &["description"]),
        ("exit", &["exit"]),
        ("[no] {permit | deny}$action LINE$rest", &[]),
        ("(1-9)$n remark LINE$rest", &[]),
        ("hostname WORD$name here", &["hostname"]),
    ];
    for (syntax, expected) in table {
        let found: Vec<&str> = command(syntax, &[]).leading_keywords().collect();
        assert_eq!(&found, expected, "{syntax}");
    }
}
