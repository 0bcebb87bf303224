//! The statements of the language as a manual lists them: made of the tables that read them, so that no statement
//! can be missing. How a page looks is the program's affair.

use grammar::{Command, Mode, Platforms};

use crate::dialect::{AnyStatement, global};

/// The statements of one mode.
#[derive(Clone, Debug)]
pub struct Block {
    /// The statements that begin it, as [`Entry::usage`]; none for those outside of blocks.
    pub begun_by: Vec<String>,
    pub entries: Vec<Entry>,
}

/// One statement.
#[derive(Clone, Debug)]
pub struct Entry {
    /// `[no] conformance {compat | standard | strict}`; values are in capitals, or a range.
    pub usage: String,
    /// What it is for.
    pub about: &'static str,
    /// What stands in its groups, and its values, each with what it means.
    pub words: Vec<(String, &'static str)>,
    /// The platform that alone knows it.
    pub only: Option<&'static str>,
}

/// Every block, in the order in which statements lead there; first what stands outside of blocks.
pub fn blocks() -> Vec<Block> {
    let modes = grammar::modes(global());
    let block = |mode: &&'static Mode<AnyStatement>| {
        let commands = modes.iter().flat_map(|mode| mode.commands());
        let begins =
            |command: &&Command<_>| command.enters.is_some_and(|entered| std::ptr::eq(entered, *mode));
        Block {
            begun_by: commands.filter(begins).map(|command| usage(command.syntax)).collect(),
            entries: mode.commands().map(entry).collect(),
        }
    };
    modes.iter().map(block).collect()
}

fn entry(command: &'static Command<AnyStatement>) -> Entry {
    let leading = command.leading_keywords().count();
    let words = words(command.syntax).zip(command.help.iter().copied());
    let words = words.skip(leading).map(|(word, help)| (usage(word), help));
    // Words of another command say nothing here, and `NAME: Name` nothing new.
    let words = words.filter(|(word, help)| !help.is_empty() && !word.eq_ignore_ascii_case(help));
    let only = match command.platforms {
        Platforms::IOS => Some("IOS"),
        Platforms::ASA => Some("ASA"),
        _ => None,
    };
    Entry { usage: usage(command.syntax), about: command.about, words: words.collect(), only }
}

/// The words of a syntax, without a leading `[no]` and without the names of groups.
fn words(syntax: &str) -> impl Iterator<Item = &str> {
    let syntax = syntax.strip_prefix("[no] ").unwrap_or(syntax);
    let words = syntax.split(|c: char| c.is_ascii_whitespace() || matches!(c, '[' | ']' | '{' | '}' | '|'));
    words.filter(|word| !word.is_empty() && !word.starts_with('$'))
}

/// A syntax for people: `WORD$path` is `PATH`, `(1-5)$count` is `1-5`, and groups have no names.
fn usage(syntax: &str) -> String {
    let mut out = String::new();
    let mut parts = syntax.split('$');
    out.extend(parts.next());
    for part in parts {
        let end =
            part.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_')).unwrap_or(part.len());
        let (name, rest) = part.split_at_checked(end).unwrap_or((part, ""));
        let kinds = ["WORD", "LINE", "A.B.C.D"];
        if let Some(before) = kinds.iter().find_map(|kind| out.strip_suffix(kind)) {
            out = format!("{before}{}", name.to_ascii_uppercase());
        }
        out.push_str(rest);
    }
    out.retain(|c| !matches!(c, '(' | ')'));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_syntax_is_written_for_people() {
        let cases = [
            ("[no] conformance {compat | strict}$level", "[no] conformance {compat | strict}"),
            ("[no] events json [WORD$path]", "[no] events json [PATH]"),
            ("[no] workers (1-1024)$count", "[no] workers 1-1024"),
            ("[no] description [LINE$text]", "[no] description [TEXT]"),
            ("match {a | b WORD$x}$which [not]", "match {a | b X} [not]"),
        ];
        for (syntax, wanted) in cases {
            assert_eq!(usage(syntax), wanted);
        }
    }

    #[test]
    fn words_come_with_what_they_mean() {
        let all = blocks();
        let entries = || all.iter().flat_map(|block| &block.entries);
        let conformance = entries().find(|entry| entry.usage.starts_with("[no] conformance")).unwrap();
        let words: Vec<&str> = conformance.words.iter().map(|(word, _)| word.as_str()).collect();
        assert_eq!(words, ["compat", "standard", "strict"]);
        assert_eq!(conformance.words[1].1, "Refuse dangerous violations");
        let workers = entries().find(|entry| entry.usage.starts_with("[no] workers")).unwrap();
        assert_eq!(workers.words, [("1-1024".to_owned(), "Number")]);
    }

    #[test]
    fn every_statement_of_every_block_is_listed_under_what_begins_its_block() {
        let all = blocks();
        for (mode, block) in grammar::modes(global()).iter().zip(&all) {
            assert_eq!(mode.commands().count(), block.entries.len(), "{}", mode.name);
            for (command, entry) in mode.commands().zip(&block.entries) {
                let keywords = command.leading_keywords().collect::<Vec<_>>().join(" ");
                let usage = entry.usage.strip_prefix("[no] ").unwrap_or(&entry.usage);
                assert!(usage.starts_with(&keywords), "{usage}: {keywords}");
            }
        }
        let begins: Vec<_> = all.iter().map(|block| block.begun_by.join(", ")).collect();
        assert_eq!(begins[0], "");
        assert!(begins.iter().skip(1).all(|begin| !begin.is_empty()), "{begins:?}");
        assert!(begins.contains(&"[no] proxy NAME".to_owned()), "{begins:?}");
    }
}
