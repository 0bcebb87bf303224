//! `docs/dialects.md` is the command tables, printed: it cannot say what the program does not take.
//!
//! `UPDATE_GOLDEN=1` rewrites the file.

#![allow(
    clippy::unwrap_used,
    reason = "a test reports by panicking; clippy exempts only functions marked as tests"
)]

use std::fmt::Write;
use std::fs;
use std::path::Path;

use policy::dialect;

const HEAD: &str = "\
# Commands

Every command that mailwarden accepts in a configuration, by mode. This page is generated from the program's tables.
Keywords are case-insensitive and may be abbreviated to a unique prefix. `[x]` is optional, `{a | b}` is a choice,
`(1-9)` a number in a range, `WORD` one word, `LINE` the rest of the line. A line that matches no command of any mode
is *not used here*: counted, listed by `check -v`, never an error.

The commands of the modes `mailwarden` and `proxy`, and `linux-interface`, are this product's own. The others are
compatible with the command references of Cisco IOS; deliberate differences are:

- `match protocol smtp` is accepted in a layer 7 class map, because Cisco's feature guide shows it there; it is always true.
- `match not` is accepted in a layer 7 class map and decided at the end of its criterion's scope.
- `inspect` is accepted in an SMTP policy map, as in the guide's pinhole example: nothing is inspected.
- A quantifier with nothing before it (`*deals`) is read as `.*`, and `$` ends a line or an address.
- A quantifier repeats what precedes it, as in any regular expression: `Subject:*lottery` repeats the colon;
  `Subject:.*lottery` is usually intended.
";

fn document() -> String {
    let mut text = HEAD.to_owned();
    for mode in grammar::modes(dialect::global()) {
        write!(text, "\n## {}\n\n`Router{}`\n\n| command | |\n|---|---|\n", mode.name, mode.prompt).unwrap();
        for command in mode.commands() {
            let about = command.about;
            let leads = command.enters.map(|mode| format!(" → {}", mode.name)).unwrap_or_default();
            let syntax: String = strip_names(command.syntax).replace('|', "\\|");
            writeln!(text, "| `{syntax}` | {about}{leads} |").unwrap();
        }
    }
    text
}

/// A syntax without the names by which its values are fetched.
fn strip_names(syntax: &str) -> String {
    let mut plain = String::new();
    let mut in_name = false;
    for letter in syntax.chars() {
        in_name = letter == '$' || (in_name && (letter.is_ascii_alphanumeric() || letter == '_'));
        if !in_name {
            plain.push(letter);
        }
    }
    plain
}

#[test]
fn the_list_of_commands_is_what_the_tables_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/dialects.md");
    let found = document();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &found).unwrap();
    }
    assert!(
        fs::read_to_string(&path).unwrap_or_default() == found,
        "docs/dialects.md differs: run scripts/golden"
    );
}
