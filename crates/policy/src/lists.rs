//! `pattern file FILE`: lists of patterns that stand in files of their own.
//!
//! A list is text with one pattern a line, as it is written in a `pattern` line without quotes. Empty lines and
//! those that begin with `!` are left out, blanks around a pattern too.

use crate::compile::NUMBERS_MAX;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::model::{Configuration, Name, PatternText, RegexMap};
use crate::source::{Flaw, Source, TEXT_MAX};

/// Adds the patterns of all lists to their maps.
pub(crate) fn read(
    configuration: &mut Configuration,
    read: &mut dyn FnMut(&str) -> Result<Vec<u8>, String>,
    complaints: &mut Diagnostics,
) {
    for map in configuration.regex_maps.iter_mut() {
        let files = map.files.clone();
        for file in &files {
            match read(&file.text) {
                Ok(octets) => add(map, file, &octets, complaints),
                Err(why) => {
                    let message = format!("cannot read `{}`: {why}", file.text);
                    let help = format!(
                        "write `no pattern file {}`, or create the file with one pattern a line",
                        file.text
                    );
                    complaints.push(Diagnostic::new(Code::ListUnreadable, file.at, message).help(help));
                }
            }
        }
    }
}

fn add(map: &mut RegexMap, file: &Name, octets: &[u8], complaints: &mut Diagnostics) {
    let (list, flaw) = Source::decode(&file.text, octets);
    if let Some(flaw) = flaw.filter(|flaw| *flaw != Flaw::DecodedUtf16) {
        complaints.push(Diagnostic::new(Code::ListUnreadable, file.at, wrong(&file.text, flaw, &list)));
        return;
    }
    let lines = (1..).zip(list.text.lines()).map(|(number, line)| (number, line.trim()));
    let before = map.patterns.len();
    map.patterns.extend(lines.filter(|(_, text)| !text.is_empty() && !text.starts_with('!')).map(
        |(number, text)| PatternText { text: text.to_owned(), at: file.at, line: Some(number), regex: None },
    ));
    if map.patterns.len() == before {
        let message = format!("`{}` lists no pattern", file.text);
        complaints.push(Diagnostic::new(Code::NeverMatches, file.at, message));
    }
    if map.patterns.len() > NUMBERS_MAX {
        let message = format!("parameter-map `{}` has more than {NUMBERS_MAX} patterns", map.name.text);
        complaints.push(
            Diagnostic::new(Code::TooManyPatterns, file.at, message)
                .help("split the list, and name each part in a parameter-map of its own"),
        );
        map.patterns.truncate(NUMBERS_MAX);
    }
}

fn wrong(file: &str, flaw: Flaw, list: &Source) -> String {
    match flaw {
        Flaw::TooLarge => format!("`{file}` exceeds the limit of {} MiB", TEXT_MAX / 1024 / 1024),
        Flaw::Utf16(_) | Flaw::DecodedUtf16 => format!("`{file}` is in UTF-16, expected UTF-8"),
        Flaw::NotText => format!("`{file}` is not a text file"),
        Flaw::NotUtf8(at) => {
            format!(
                "line {} of `{file}` is not valid UTF-8: write other bytes as `\\xNN`",
                list.position(at).line
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::diagnostic::Severity;
    use crate::{Loaded, load_with};

    const CLASS: &str = "class-map type inspect smtp match-any c\n match sender address regex r\n";

    fn load(list: Result<&[u8], &str>) -> Loaded {
        let text = format!(
            "parameter-map type regex r\n pattern file \"lists/spam.txt\"\n pattern \"^a@\"\n{CLASS}"
        );
        load_with("edge.conf", text.as_bytes(), &mut |file| {
            assert_eq!(file, "lists/spam.txt");
            list.map(<[u8]>::to_vec).map_err(str::to_owned)
        })
    }

    fn complaints(loaded: &Loaded, least: Severity) -> Vec<String> {
        let told = loaded.diagnostics.iter().filter(|complaint| complaint.severity() >= least);
        told.map(|complaint| format!("{} [{}]", complaint.message, complaint.code.as_str())).collect()
    }

    #[test]
    fn each_line_of_a_list_is_a_pattern_of_the_map() {
        let loaded = load(Ok(b"! domains\r\n@deals\\.example$\r\n\r\n  ^bulk-.*@  \n\\!x"));
        let configuration = loaded.configuration.unwrap();
        let map = configuration.regex_maps.get("r").unwrap();
        let patterns: Vec<_> =
            map.patterns.iter().map(|pattern| (pattern.text.as_str(), pattern.line)).collect();
        let expected =
            [("^a@", None), ("@deals\\.example$", Some(2)), ("^bulk-.*@", Some(4)), ("\\!x", Some(5))];
        assert_eq!(patterns, expected);
        let printed = configuration.to_string();
        assert!(
            printed.contains("\n pattern file \"lists/spam.txt\"\n") && !printed.contains("deals"),
            "{printed}"
        );
    }

    #[test]
    fn a_list_that_cannot_be_read_is_an_error_where_it_is_named() {
        let table: &[(Result<&[u8], &str>, &str)] = &[
            (Err("No such file"), "cannot read `lists/spam.txt`: No such file [list-unreadable]"),
            (
                Ok(b"a\nb\xFF\n"),
                "line 2 of `lists/spam.txt` is not valid UTF-8: write other bytes as `\\xNN` [list-unreadable]",
            ),
            (Ok(b"a\0b\0c\0d\0"), "`lists/spam.txt` is in UTF-16, expected UTF-8 [list-unreadable]"),
            (Ok(b"a\n(b\n"), "line 2 of the list: `(` without a matching `)` [pattern-invalid]"),
        ];
        for (list, expected) in table {
            let loaded = load(*list);
            assert_eq!(complaints(&loaded, Severity::Error), [*expected]);
            let place = loaded.source.position(loaded.diagnostics.iter().next().unwrap().at);
            assert_eq!((place.line, loaded.configuration), (2, None));
        }
    }

    #[test]
    fn a_list_without_a_pattern_is_warned_of() {
        let told = complaints(&load(Ok(b"! nothing\n\n")), Severity::Warning);
        assert_eq!(told[0], "`lists/spam.txt` lists no pattern [never-matches]");
    }
}
