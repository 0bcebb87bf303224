//! Lines nobody would write: nothing panics, every span lies inside its line, and what `?` offers
//! is what a line may hold.

mod demo;

use grammar::{Mismatch, Mode, Platforms, Span, complete, explain, extend, resolve, words};

const MODES: [&Mode<String>; 4] = [&demo::CONFIG, &demo::CLASS_MAP, &demo::POLICY_MAP, &demo::PARAMETER_MAP];
const PLATFORMS: [Platforms; 4] = [Platforms::IOS, Platforms::ASA, Platforms::ALL, Platforms::NONE];

#[test]
fn no_line_panics_and_every_span_lies_inside() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for round in 0..40_000 {
        let line = random.line();
        let mode = random.pick(&MODES);
        let platforms = *random.pick(&PLATFORMS);
        let cut = words(&line);
        let flaws = [cut.unterminated, cut.typographic].into_iter().flatten();
        for span in cut.words.iter().map(|word| word.span).chain(flaws) {
            inside(&line, span, round);
        }
        match resolve(mode, platforms, &cut) {
            Ok(found) => {
                inside(&line, found.matched.line_span(), round);
                if let Err(mismatch) = found.build() {
                    check(&line, &mismatch, round);
                }
            }
            Err(mismatch) => check(&line, &mismatch, round),
        }
        if let Err(mismatch) = complete(mode, platforms, &line) {
            check(&line, &mismatch, round);
        }
        let explained = explain(mode, platforms, &line);
        assert!(explained.is_empty() || explained.ends_with('\n'), "round {round}: {explained:?}");
        if let Some(extension) = extend(mode, platforms, &line) {
            inside(&line, extension.at, round);
        }
    }
}

#[test]
fn what_is_offered_is_accepted() {
    let mut random = Random(7);
    for round in 0..4_000 {
        let mode = random.pick(&MODES);
        let platforms = *random.pick(&PLATFORMS[..3]);
        let mut line = String::new();
        let mut taken: Vec<&'static str> = Vec::new();
        loop {
            let offered = complete(mode, platforms, &line).unwrap();
            let Some(choice) = (!offered.is_empty()).then(|| *random.pick(&offered)) else {
                assert_eq!(line, "", "round {round}: nothing is offered");
                break;
            };
            assert!(choice.word == "<cr>" || !choice.help.is_empty(), "round {round}: `{line}` {choice:?}");
            if choice.word == "<cr>" {
                let cut = words(&line);
                let found =
                    resolve(mode, platforms, &cut).map_err(|mismatch| mismatch.render(&line)).unwrap();
                assert!(taken.iter().all(|keyword| found.matched.has(keyword)), "round {round}: `{line}`");
                break;
            }
            line.push_str(match choice.word {
                "WORD" | "LINE" => "zz9",
                word if word.starts_with('<') => word[1..].split('-').next().unwrap(),
                word => {
                    taken.push(word);
                    word
                }
            });
            line.push(' ');
        }
    }
}

fn check(line: &str, mismatch: &Mismatch, round: usize) {
    if let Some(span) = mismatch.span() {
        inside(line, span, round);
        assert!(span.start < span.end, "round {round}: an empty span in {line:?}");
    }
    if let Mismatch::Ambiguous { candidates, .. } = mismatch {
        assert!(candidates.len() > 1, "round {round}: {candidates:?} in {line:?}");
    }
    assert!(mismatch.render(line).ends_with('\n'));
}

fn inside(line: &str, span: Span, round: usize) {
    assert!(line.get(span.start..span.end).is_some(), "round {round}: {span:?} in {line:?}");
}

/// Xorshift: a failure names its round, and the seed is a constant.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or(0) % limit
    }

    fn pick<'t, T>(&mut self, items: &'t [T]) -> &'t T {
        let Some(item) = items.get(self.below(items.len())) else { unreachable!("the list is not empty") };
        item
    }

    /// Words of the language, cut short, quoted and mixed with rubbish.
    fn line(&mut self) -> String {
        let pieces = [
            "no",
            "class-map",
            "type",
            "inspect",
            "smtp",
            "match-any",
            "match",
            "recipient",
            "count",
            "gt",
            "100",
            "70000",
            "cmd",
            "verb",
            "EHLO",
            "description",
            "zone-pair",
            "security",
            "source",
            "self",
            "ip",
            "name",
            "enable",
            "secret",
            "pattern",
            "reset",
            "log",
            "mime",
            "encoding",
            "\"",
            "\"a b\"",
            "\\",
            "!",
            "é",
            "“x”",
            "\u{0}",
            "\u{1b}[2J",
            "\u{202e}",
            "18446744073709551616",
            "-1",
            "\r",
            "x",
        ];
        let mut line = String::new();
        for _ in 0..self.below(10) {
            let piece = *self.pick(&pieces);
            let len = if self.below(3) == 0 { self.below(piece.len() + 1) } else { piece.len() };
            line.push_str(piece.get(..len).unwrap_or(piece));
            let blanks: [&str; 6] = [" ", " ", " ", "  ", "\t", ""];
            line.push_str(self.pick::<&str>(&blanks));
        }
        line
    }
}
