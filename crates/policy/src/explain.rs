//! What each diagnostic means, with an example that causes it and a cure: the sections of `docs/diagnostics.md`.
//!
//! The page is the table. It has a section for each [`Code`], in the order of their names; the tests load its
//! examples.

use crate::diagnostic::Code;
use crate::nearest::nearest;

/// The whole page, in Markdown.
const PAGE: &str = include_str!("../../../docs/diagnostics.md");

/// What opens and closes an example.
const FENCE: &str = "```";

impl Code {
    /// What it means, with an example and its cure, as text for a terminal: examples are indented.
    pub fn explanation(self) -> String {
        let mut in_example = false;
        let mut out = format!("{} ({})\n", self.as_str(), self.severity().as_str());
        for line in section(self).lines() {
            if line.starts_with(FENCE) {
                in_example = !in_example;
                continue;
            }
            let indent = if in_example && !line.is_empty() { "    " } else { "" };
            out.push_str(&format!("{indent}{line}\n"));
        }
        out
    }

    /// The code that was probably meant by a name that is none.
    pub fn nearest(name: &str) -> Option<Self> {
        Self::of(nearest(name, Self::ALL.iter().map(|code| code.as_str()))?)
    }
}

/// What stands below the heading of a code; nothing if it has none, which a test keeps from happening.
fn section(code: Code) -> &'static str {
    let heading = heading(code);
    let text = PAGE.split_once(&heading).map_or("", |(_, rest)| rest);
    text.split_once("\n## ").map_or(text, |(section, _)| section).trim_end()
}

fn heading(code: Code) -> String {
    format!("\n## `{}` ({})\n", code.as_str(), code.severity().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load;

    /// The configurations in the section of a code: what causes it, and what does not. Commands of a shell, which
    /// mend what no configuration shows, are left out.
    fn configurations(code: Code) -> Vec<&'static str> {
        let blocks = section(code).split(FENCE).skip(1).step_by(2);
        blocks.filter(|block| !block.starts_with("sh\n")).collect()
    }

    #[test]
    fn every_code_has_a_section_and_no_other_has() {
        let headings = PAGE.split("\n## ").skip(1).filter_map(|section| section.lines().next());
        let headings: Vec<&str> = headings.collect();
        let mut codes: Vec<Code> = Code::ALL.to_vec();
        codes.sort_by_key(|code| code.as_str());
        let expected =
            codes.iter().map(|&code| heading(code).trim_start_matches(['\n', '#', ' ']).trim().to_owned());
        assert_eq!(headings, expected.collect::<Vec<_>>(), "docs/diagnostics.md");
    }

    #[test]
    fn every_example_causes_its_code_and_every_cure_loads_without_it() {
        let mut failures = Vec::new();
        for &code in Code::ALL {
            let found = |text: &str| {
                let loaded = load("example.conf", text.as_bytes());
                (loaded.diagnostics.iter().any(|found| found.code == code), loaded.configuration.is_some())
            };
            let (causes, cure) = match configurations(code).as_slice() {
                [] => continue,
                // The example would be too long.
                [cure] => (true, *cure),
                [example, cure] => (found(example).0, *cure),
                _ => panic!("{}: more than two examples", code.as_str()),
            };
            if !causes {
                failures.push(format!("{}: the example does not cause it", code.as_str()));
            }
            if found(cure) != (false, true) {
                failures.push(format!("{}: the cure causes it, or does not load", code.as_str()));
            }
        }
        assert!(failures.is_empty(), "docs/diagnostics.md:\n{}", failures.join("\n"));
    }

    #[test]
    fn an_explanation_begins_with_its_code_and_indents_its_examples() {
        let text = Code::DanglingStar.explanation();
        assert!(text.starts_with("dangling-star (warning)\n\nA `*`"), "{text}");
        assert!(text.contains("\n    parameter-map type regex DEALS\n     pattern \"deals\"\n"), "{text}");
        assert!(!text.contains(FENCE) && !text.contains("## "), "{text}");
    }

    #[test]
    fn a_slip_of_the_finger_names_the_code_that_was_meant() {
        assert_eq!(Code::nearest("dangling-sart"), Some(Code::DanglingStar));
        assert_eq!(Code::nearest("something-else"), None);
    }
}
