//! The notation of one command, `match recipient count gt (1-1000)$count`, becomes positions.
//!
//! A position is one word as written, with the positions that may follow it (Glushkov's
//! automaton: as many states as words, no empty moves). It does not know other commands.

/// Deeper groups than this are a slip of the pen.
const DEPTH_MAX: usize = 8;

/// A command's notation, read.
#[derive(Debug, Default)]
pub(crate) struct Syntax {
    pub(crate) positions: Vec<Position>,
    /// Where a line may begin.
    pub(crate) first: Vec<usize>,
}

/// One word of the notation.
#[derive(Debug)]
pub(crate) struct Position {
    pub(crate) label: Label,
    /// The names a `build` function finds this word under: its own, and those of groups it begins.
    pub(crate) names: Vec<&'static str>,
    pub(crate) help: &'static str,
    pub(crate) follow: Vec<usize>,
    /// The line may end here.
    pub(crate) last: bool,
}

/// What may be typed at a position.
#[derive(Clone, Debug)]
pub(crate) enum Label {
    Keyword(&'static str),
    Number {
        low: u64,
        high: u64,
        shown: String,
    },
    /// What is written as an IPv4 address; whether it is one, the command says.
    Address,
    Word,
    Line,
}

impl Label {
    /// As `?` shows it.
    pub(crate) fn shown(&self) -> &str {
        match self {
            Self::Keyword(keyword) => keyword,
            Self::Number { shown, .. } => shown,
            Self::Address => "A.B.C.D",
            Self::Word => "WORD",
            Self::Line => "LINE",
        }
    }
}

/// What is wrong with a notation, and at which byte of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadNotation {
    pub(crate) at: usize,
    pub(crate) message: &'static str,
}

impl Syntax {
    pub(crate) fn parse(text: &'static str) -> Result<Self, BadNotation> {
        let mut parser = Parser { text, at: 0, depth: 0, positions: Vec::new() };
        let whole = parser.sequence()?;
        if parser.peek().is_some() {
            return Err(parser.bad("a bracket is missing before this"));
        }
        if whole.nullable {
            return Err(parser.bad("an empty line would be this command"));
        }
        for last in whole.last {
            parser.change(last, |position| position.last = true);
        }
        let positions = parser.positions;
        if positions.iter().any(|p| matches!(p.label, Label::Line) && !p.follow.is_empty()) {
            return Err(BadNotation { at: 0, message: "nothing can follow LINE" });
        }
        // A value may have its name from a group: `{none | WORD}$name`.
        if positions.iter().any(|p| p.names.is_empty() && !matches!(p.label, Label::Keyword(_))) {
            return Err(BadNotation { at: 0, message: "a value needs a $name" });
        }
        Ok(Self { positions, first: whole.first })
    }
}

/// A stretch of notation: where it may begin and end, and whether it may be missing.
struct Part {
    first: Vec<usize>,
    last: Vec<usize>,
    nullable: bool,
}

struct Parser {
    text: &'static str,
    at: usize,
    depth: usize,
    positions: Vec<Position>,
}

impl Parser {
    fn sequence(&mut self) -> Result<Part, BadNotation> {
        let mut whole = Part { first: Vec::new(), last: Vec::new(), nullable: true };
        loop {
            let part = match self.peek() {
                None | Some('}' | ']' | '|') => return Ok(whole),
                Some('{') => self.group('}')?,
                Some('[') => Part { nullable: true, ..self.group(']')? },
                Some(_) => self.word()?,
            };
            whole = self.then(whole, part);
        }
    }

    /// Recursion ends: the notation is a constant of the program and `DEPTH_MAX` holds besides.
    fn group(&mut self, closing: char) -> Result<Part, BadNotation> {
        self.at += 1;
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.bad("groups are nested too deeply"));
        }
        let mut whole = Part { first: Vec::new(), last: Vec::new(), nullable: false };
        loop {
            let alternative = self.sequence()?;
            if alternative.first.is_empty() {
                return Err(self.bad("an alternative is empty"));
            }
            whole.first.extend(alternative.first);
            whole.last.extend(alternative.last);
            whole.nullable |= alternative.nullable;
            match self.peek() {
                Some('|') => self.at += 1,
                Some(c) if c == closing => break,
                _ => return Err(self.bad("a group is not closed")),
            }
        }
        self.at += 1;
        self.depth -= 1;
        if let Some(name) = self.name()? {
            for &first in &whole.first {
                self.change(first, |position| position.names.push(name));
            }
        }
        Ok(whole)
    }

    fn word(&mut self) -> Result<Part, BadNotation> {
        let text = self.take_while(|c| !c.is_ascii_whitespace() && !"{}[]|$".contains(c));
        if text.is_empty() {
            return Err(self.bad("a name without a word"));
        }
        let label = match text {
            "A.B.C.D" => Label::Address,
            "WORD" => Label::Word,
            "LINE" => Label::Line,
            _ => match text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
                Some(range) => number(range).ok_or_else(|| self.bad("not a range of numbers"))?,
                None => Label::Keyword(text),
            },
        };
        let names = self.name()?.into_iter().collect();
        self.positions.push(Position { label, names, help: "", follow: Vec::new(), last: false });
        let at = self.positions.len() - 1;
        Ok(Part { first: vec![at], last: vec![at], nullable: false })
    }

    /// The `$name` directly after a word or group.
    fn name(&mut self) -> Result<Option<&'static str>, BadNotation> {
        if !self.rest().starts_with('$') {
            return Ok(None);
        }
        self.at += 1;
        let name = self.take_while(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        if name.is_empty() { Err(self.bad("a name is missing after $")) } else { Ok(Some(name)) }
    }

    fn then(&mut self, left: Part, right: Part) -> Part {
        for &last in &left.last {
            self.change(last, |position| position.follow.extend(&right.first));
        }
        let mut first = left.first;
        if left.nullable {
            first.extend(right.first);
        }
        let mut last = right.last;
        if right.nullable {
            last.extend(left.last);
        }
        Part { first, last, nullable: left.nullable && right.nullable }
    }

    fn change(&mut self, position: usize, change: impl FnOnce(&mut Position)) {
        if let Some(position) = self.positions.get_mut(position) {
            change(position);
        }
    }

    /// The next character that is not a blank.
    fn peek(&mut self) -> Option<char> {
        self.take_while(|c| c.is_ascii_whitespace());
        self.rest().chars().next()
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'static str {
        let rest = self.rest();
        let len = rest.find(|c| !wanted(c)).unwrap_or(rest.len());
        self.at += len;
        rest.get(..len).unwrap_or_default()
    }

    fn rest(&self) -> &'static str {
        self.text.get(self.at..).unwrap_or_default()
    }

    const fn bad(&self, message: &'static str) -> BadNotation {
        BadNotation { at: self.at, message }
    }
}

fn number(range: &str) -> Option<Label> {
    let (low, high) = range.split_once('-')?;
    let (low, high) = (low.parse().ok()?, high.parse().ok()?);
    (low <= high).then(|| Label::Number { low, high, shown: format!("<{low}-{high}>") })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every line of words the notation allows, as `?` would show them, values with their names.
    fn lines(text: &'static str) -> Vec<String> {
        let syntax = Syntax::parse(text).unwrap();
        let mut lines = Vec::new();
        let mut open: Vec<(String, usize)> = syntax.first.iter().rev().map(|&p| (String::new(), p)).collect();
        while let Some((line, at)) = open.pop() {
            let position = &syntax.positions[at];
            let mut line = format!("{line} {}", position.label.shown());
            for name in &position.names {
                line = format!("{line}${name}");
            }
            if position.last {
                lines.push(line.trim_start().to_owned());
            }
            open.extend(position.follow.iter().rev().map(|&next| (line.clone(), next)));
        }
        lines
    }

    #[test]
    fn notation_means_these_lines() {
        let table: &[(&str, &[&str])] = &[
            ("exit", &["exit"]),
            ("gt (1-65535)$count", &["gt <1-65535>$count"]),
            ("pattern WORD$regex", &["pattern WORD$regex"]),
            ("A.B.C.D$network [WORD$mask]", &["A.B.C.D$network", "A.B.C.D$network WORD$mask"]),
            ("description LINE$text", &["description LINE$text"]),
            ("drop [log]", &["drop", "drop log"]),
            ("{a | b c}$x d", &["a$x d", "b$x c d"]),
            ("x [a | b]$mode WORD$name", &["x a$mode WORD$name", "x b$mode WORD$name", "x WORD$name"]),
            (
                "[no] log [a] [b]",
                &["no log", "no log a", "no log a b", "no log b", "log", "log a", "log a b", "log b"],
            ),
            ("{none | WORD}$name", &["none$name", "WORD$name"]),
            ("{7-bit | WORD$other}$enc", &["7-bit$enc", "WORD$other$enc"]),
            ("{{a | b}$in c | d}$out", &["a$in$out c", "b$in$out c", "d$out"]),
        ];
        for (notation, expected) in table {
            let mut expected: Vec<&str> = expected.to_vec();
            let mut found = lines(notation);
            expected.sort_unstable();
            found.sort_unstable();
            assert_eq!(found, expected, "{notation}");
        }
    }

    #[test]
    fn bad_notation_is_refused() {
        let table = [
            ("", "an empty line would be this command"),
            ("[log]", "an empty line would be this command"),
            ("a }", "a bracket is missing before this"),
            ("a | b", "a bracket is missing before this"),
            ("{a", "a group is not closed"),
            ("{a ]", "a group is not closed"),
            ("{a | }", "an alternative is empty"),
            ("WORD", "a value needs a $name"),
            ("A.B.C.D", "a value needs a $name"),
            ("{none | x WORD}$name", "a value needs a $name"),
            ("a $x", "a name without a word"),
            ("WORD$", "a name is missing after $"),
            ("(9-1)$n", "not a range of numbers"),
            ("(many)$n", "not a range of numbers"),
            ("LINE$a b", "nothing can follow LINE"),
            ("{{{{{{{{{a}}}}}}}}}", "groups are nested too deeply"),
        ];
        for (notation, message) in table {
            assert_eq!(Syntax::parse(notation).unwrap_err().message, message, "{notation}");
        }
    }
}
