//! Cisco regular expressions, read into `regex-syntax`'s intermediate form.
//!
//! The dialect: `. ( ) | ? * + {x} {x,} {x,y} [..] [^..] ^ $ \` and the escapes `\r \n \t \f \xNN \NNN`, on octets,
//! case-sensitive. A backslash makes any other character literal, so `\d` is the letter `d` and `\1` the digit.
//! There are no flags, no look-around, no back references and no lazy quantifiers: `(?`, and a quantifier behind
//! a quantifier, are errors rather than something else silently. `.` and classes never match CR or LF.
//!
//! Nothing is matched here, and the limits of the command line (240 or 100 characters) are not checked here.

mod uncounted;

use std::ops::Range;

use regex_syntax::hir::{Class, ClassBytes, ClassBytesRange, Hir, HirKind, Look, Repetition};

pub(crate) use uncounted::uncounted;

/// A parsed expression with its source text.
#[derive(Clone, Debug)]
pub struct Pattern {
    source: String,
    hir: Hir,
    dangling_stars: Vec<usize>,
}

/// Why a text is not an expression of the dialect, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternError {
    /// The octets of the text that are at fault.
    pub at: Range<usize>,
    pub message: String,
    pub help: Option<String>,
}

/// Reads one expression, without the quotation marks around it.
pub fn parse(text: &str) -> Result<Pattern, PatternError> {
    let mut parser = Parser::new(text);
    while let Some(symbol) = parser.take() {
        parser.read(symbol)?;
    }
    let (hir, dangling_stars) = parser.finish()?;
    Ok(Pattern { source: text.to_owned(), hir, dangling_stars })
}

impl Pattern {
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Offsets of the quantifiers that had nothing to repeat and were read as `.*`.
    pub fn dangling_stars(&self) -> &[usize] {
        &self.dangling_stars
    }

    /// Whether the expression holds in every text because it matches no octets at all somewhere.
    ///
    /// `^$` does not count: it holds in the empty text only, and is how the null sender is written.
    pub fn matches_empty(&self) -> bool {
        nullable(&self.hir, Look::Start) || nullable(&self.hir, Look::End)
    }

    /// The expression without groups; its only assertions are `Look::Start` and `Look::End`.
    pub fn hir(&self) -> &Hir {
        &self.hir
    }
}

/// Any octet but a line end: the meaning of `.`.
pub(crate) fn any_but_line_end() -> ClassBytes {
    let mut class = line_ends();
    class.negate();
    class
}

fn line_ends() -> ClassBytes {
    ClassBytes::new([ClassBytesRange::new(b'\r', b'\r'), ClassBytesRange::new(b'\n', b'\n')])
}

/// `.*`, what a quantifier with nothing before it means.
fn anything() -> Hir {
    let dot = Hir::class(Class::Bytes(any_but_line_end()));
    Hir::repetition(Repetition { min: 0, max: None, greedy: true, sub: Box::new(dot) })
}

/// Whether `hir` matches no octets at a place where only the assertion `holds` is true.
///
/// The recursion is bounded by `DEPTH_MAX`.
pub(crate) fn nullable(hir: &Hir, holds: Look) -> bool {
    match hir.kind() {
        HirKind::Empty => true,
        HirKind::Literal(_) | HirKind::Class(_) => false,
        HirKind::Look(look) => *look == holds,
        HirKind::Repetition(repetition) => repetition.min == 0 || nullable(&repetition.sub, holds),
        HirKind::Capture(capture) => nullable(&capture.sub, holds),
        HirKind::Concat(subs) => subs.iter().all(|sub| nullable(sub, holds)),
        HirKind::Alternation(subs) => subs.iter().any(|sub| nullable(sub, holds)),
    }
}

/// Reads symbol by symbol; open groups are a stack of its own, so that no text can exhaust ours.
struct Parser<'t> {
    text: &'t str,
    at: usize,
    group: OpenGroup,
    outer: Vec<OpenGroup>,
    dangling_stars: Vec<usize>,
}

/// An open group, or the whole expression.
#[derive(Default)]
struct OpenGroup {
    opened_at: usize,
    alternatives: Vec<Hir>,
    items: Vec<Hir>,
    before: Before,
}

/// What stands directly before the next symbol.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Before {
    /// The start of the expression, `(` or `|`.
    #[default]
    Nothing,
    Start,
    End,
    Atom,
    Quantifier,
}

/// One octet, or a character of several that is repeated as a whole.
struct Symbol {
    at: usize,
    char: char,
}

impl<'t> Parser<'t> {
    fn new(text: &'t str) -> Self {
        Self { text, at: 0, group: OpenGroup::default(), outer: Vec::new(), dangling_stars: Vec::new() }
    }

    fn take(&mut self) -> Option<Symbol> {
        let char = self.rest().chars().next()?;
        let symbol = Symbol { at: self.at, char };
        self.at += char.len_utf8();
        Some(symbol)
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn take_if(&mut self, wanted: char) -> bool {
        let found = self.rest().starts_with(wanted);
        if found {
            self.at += wanted.len_utf8();
        }
        found
    }

    fn read(&mut self, Symbol { at, char }: Symbol) -> Result<(), PatternError> {
        match char {
            '(' => self.open(at),
            ')' => self.close(at),
            '|' => {
                self.group.end_alternative();
                Ok(())
            }
            '*' => self.quantify(at, 0, None),
            '+' => self.quantify(at, 1, None),
            '?' => self.quantify(at, 0, Some(1)),
            '{' if self.rest().starts_with(|c: char| c.is_ascii_digit() || c == ',') => {
                let (min, max) = self.counts(at)?;
                self.quantify(at, min, max)
            }
            '^' => self.start_of_line(at),
            '.' => self.atom(at, Hir::class(Class::Bytes(any_but_line_end()))),
            '[' => {
                let class = self.class(at)?;
                self.atom(at, Hir::class(Class::Bytes(class)))
            }
            '\\' => {
                let literal = self.escape(at)?;
                self.atom(at, literal.hir())
            }
            '$' => {
                self.group.push(Hir::look(Look::End), Before::End);
                Ok(())
            }
            char => self.atom(at, Literal::Char(char).hir()),
        }
    }

    fn atom(&mut self, at: usize, hir: Hir) -> Result<(), PatternError> {
        if self.group.before == Before::End {
            return Err(nothing_behind_end(at));
        }
        self.group.push(hir, Before::Atom);
        Ok(())
    }

    fn start_of_line(&mut self, at: usize) -> Result<(), PatternError> {
        if self.group.before != Before::Nothing {
            return Err(PatternError {
                at: one(at),
                message: "`^` matches the start of the line, nothing can precede it".to_owned(),
                help: Some("write `\\^` for the character itself".to_owned()),
            });
        }
        self.group.push(Hir::look(Look::Start), Before::Start);
        Ok(())
    }

    fn open(&mut self, at: usize) -> Result<(), PatternError> {
        if self.group.before == Before::End {
            return Err(nothing_behind_end(at));
        }
        if self.rest().starts_with('?') {
            return Err(PatternError {
                at: one(at),
                message: "`(?` is not supported: there are no flags and no look-around".to_owned(),
                help: Some("write `[aA]` for either case, `\\?` for the character itself".to_owned()),
            });
        }
        if self.outer.len() >= DEPTH_MAX {
            return Err(PatternError {
                at: one(at),
                message: format!("more than {DEPTH_MAX} nested groups"),
                help: None,
            });
        }
        let group = OpenGroup { opened_at: at, ..OpenGroup::default() };
        self.outer.push(std::mem::replace(&mut self.group, group));
        Ok(())
    }

    fn close(&mut self, at: usize) -> Result<(), PatternError> {
        let Some(outer) = self.outer.pop() else {
            return Err(PatternError {
                at: one(at),
                message: "`)` without a matching `(`".to_owned(),
                help: Some("write `\\)` for the character itself".to_owned()),
            });
        };
        let group = std::mem::replace(&mut self.group, outer);
        self.group.push(group.into_hir(), Before::Atom);
        Ok(())
    }

    fn quantify(&mut self, at: usize, min: u32, max: Option<u32>) -> Result<(), PatternError> {
        match self.group.before {
            Before::Nothing | Before::Start => {
                self.dangling_stars.push(at);
                self.group.push(anything(), Before::Quantifier);
            }
            Before::Atom => {
                let Some(sub) = self.group.items.pop() else { return Ok(()) };
                let repetition = Repetition { min, max, greedy: true, sub: Box::new(sub) };
                self.group.push(Hir::repetition(repetition), Before::Quantifier);
            }
            Before::Quantifier => {
                return Err(PatternError {
                    at: at..self.at,
                    message: "a quantifier after a quantifier".to_owned(),
                    help: Some("remove it: a lazy quantifier finds the same".to_owned()),
                });
            }
            Before::End => return Err(nothing_behind_end(at)),
        }
        Ok(())
    }

    /// What stands behind `{`, up to and with `}`.
    fn counts(&mut self, at: usize) -> Result<(u32, Option<u32>), PatternError> {
        let fault = |message: String| PatternError {
            at: one(at),
            message,
            help: Some(
                "a count is `{x}`, `{x,}` or `{x,y}`; write `\\{` for the character itself".to_owned(),
            ),
        };
        let Some((inside, _)) = self.rest().split_once('}') else {
            return Err(fault("`{` without a matching `}`".to_owned()));
        };
        self.at += inside.len() + 1;
        let number = |digits: &str| {
            let digits_only = !digits.is_empty() && digits.bytes().all(|octet| octet.is_ascii_digit());
            let number = if digits_only { digits.parse().ok() } else { None };
            number.ok_or_else(|| fault(format!("`{{{inside}}}` is not a count")))
        };
        let (min, max) = match inside.split_once(',') {
            None => (number(inside)?, Some(number(inside)?)),
            Some((min, "")) => (number(min)?, None),
            Some((min, max)) => (number(min)?, Some(number(max)?)),
        };
        if max.is_some_and(|max| max < min) {
            return Err(fault(format!("`{{{inside}}}`: the first count is larger than the second")));
        }
        if max.unwrap_or(min) > COUNT_MAX {
            return Err(fault(format!("`{{{inside}}}`: a count is at most {COUNT_MAX}")));
        }
        Ok((min, max))
    }

    /// What stands behind a backslash.
    fn escape(&mut self, at: usize) -> Result<Literal, PatternError> {
        let Some(symbol) = self.take() else {
            return Err(PatternError {
                at: one(at),
                message: "a backslash at the end".to_owned(),
                help: Some("write `\\\\` for the character itself".to_owned()),
            });
        };
        match symbol.char {
            'r' => Ok(Literal::Octet(b'\r')),
            'n' => Ok(Literal::Octet(b'\n')),
            't' => Ok(Literal::Octet(b'\t')),
            'f' => Ok(Literal::Octet(b'\x0c')),
            'x' => self.number(at, symbol.at + 1, 2, 16),
            '0'..='7' if self.octal_follows(symbol.at) => self.number(at, symbol.at, 3, 8),
            char => Ok(Literal::Char(char)),
        }
    }

    fn octal_follows(&self, from: usize) -> bool {
        let digits = self.text.get(from..from + 3);
        digits.is_some_and(|digits| digits.bytes().all(|digit| (b'0'..=b'7').contains(&digit)))
    }

    fn number(&mut self, at: usize, from: usize, len: usize, radix: u32) -> Result<Literal, PatternError> {
        let digits = self.text.get(from..from + len).filter(|digits| !digits.starts_with('+'));
        let octet = digits.and_then(|digits| u8::from_str_radix(digits, radix).ok());
        let Some(octet) = octet else {
            return Err(PatternError {
                at: one(at),
                message: "not a valid byte escape".to_owned(),
                help: Some(
                    "write `\\x` and two hexadecimal digits, or `\\` and 000 to 377 in octal".to_owned(),
                ),
            });
        };
        self.at = from + len;
        Ok(Literal::Octet(octet))
    }

    /// What stands behind `[`, up to and with its `]`; a `]` that comes first is literal, as in POSIX.
    fn class(&mut self, at: usize) -> Result<ClassBytes, PatternError> {
        let negated = self.take_if('^');
        let mut class = ClassBytes::empty();
        let mut first = true;
        loop {
            let Some(symbol) = self.take() else {
                return Err(PatternError {
                    at: one(at),
                    message: "`[` without a matching `]`".to_owned(),
                    help: Some("write `\\[` for the character itself".to_owned()),
                });
            };
            if symbol.char == ']' && !first {
                break;
            }
            let at = symbol.at;
            let low = self.member(symbol)?;
            let behind_low = self.at;
            let high = if self.range_follows() {
                self.at += 1;
                match self.take() {
                    Some(symbol) => self.member(symbol)?,
                    None => low,
                }
            } else {
                low
            };
            if high < low {
                let said = |octets: Range<usize>| self.text.get(octets).unwrap_or_default();
                let (one, other) = (said(at..behind_low), said(behind_low + 1..self.at));
                return Err(PatternError {
                    at: at..self.at,
                    message: format!("range `{one}-{other}` is in reverse order"),
                    help: Some(format!(
                        "write `{other}-{one}`; `-` itself stands first or last in its class"
                    )),
                });
            }
            class.push(ClassBytesRange::new(low, high));
            first = false;
        }
        if negated {
            class.negate();
        }
        class.difference(&line_ends());
        Ok(class)
    }

    /// Whether a `-` stands here that is neither the last of its class nor of the text.
    fn range_follows(&self) -> bool {
        let behind = self.rest().strip_prefix('-');
        behind.is_some_and(|behind| !behind.is_empty() && !behind.starts_with(']'))
    }

    fn member(&mut self, Symbol { at, char }: Symbol) -> Result<u8, PatternError> {
        if char == '[' && self.rest().starts_with([':', '.', '=']) {
            return Err(PatternError {
                at: one(at),
                message: "named classes are not supported".to_owned(),
                help: Some(
                    "write the range, as in `[a-zA-Z0-9]`, or `\\[` for the character itself".to_owned(),
                ),
            });
        }
        let literal = if char == '\\' { self.escape(at)? } else { Literal::Char(char) };
        literal.octet().ok_or_else(|| PatternError {
            at: one(at),
            message: "a class contains bytes, and this character has several".to_owned(),
            help: Some("write alternatives, as in `(é|è)`".to_owned()),
        })
    }

    fn finish(self) -> Result<(Hir, Vec<usize>), PatternError> {
        if self.outer.is_empty() {
            return Ok((self.group.into_hir(), self.dangling_stars));
        }
        Err(PatternError {
            at: one(self.group.opened_at),
            message: "`(` without a matching `)`".to_owned(),
            help: Some("write `\\(` for the character itself".to_owned()),
        })
    }
}

impl OpenGroup {
    fn push(&mut self, hir: Hir, before: Before) {
        self.items.push(hir);
        self.before = before;
    }

    fn end_alternative(&mut self) {
        let items = std::mem::take(&mut self.items);
        self.alternatives.push(Hir::concat(items));
        self.before = Before::Nothing;
    }

    fn into_hir(mut self) -> Hir {
        self.end_alternative();
        Hir::alternation(self.alternatives)
    }
}

/// One octet; whoever shows it takes the whole character.
fn one(at: usize) -> Range<usize> {
    at..at + 1
}

fn nothing_behind_end(at: usize) -> PatternError {
    PatternError {
        at: one(at.saturating_sub(1)),
        message: "`$` matches the end of the line, nothing can follow it".to_owned(),
        help: Some("write `\\$` for the character itself".to_owned()),
    }
}

#[derive(Clone, Copy)]
enum Literal {
    Octet(u8),
    Char(char),
}

impl Literal {
    fn hir(self) -> Hir {
        match self {
            Self::Octet(octet) => Hir::literal([octet]),
            Self::Char(char) => Hir::literal(char.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }

    fn octet(self) -> Option<u8> {
        match self {
            Self::Octet(octet) => Some(octet),
            Self::Char(char) if char.is_ascii() => u8::try_from(char).ok(),
            Self::Char(_) => None,
        }
    }
}

// Limit: groups inside each other. No pattern of 240 characters that means something comes near.
const DEPTH_MAX: usize = 64;

// Limit: the largest count. What it multiplies to is the matcher's affair, which has limits of its own.
const COUNT_MAX: u32 = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pattern: &str, text: &[u8]) -> bool {
        let hir = parse(pattern).unwrap_or_else(|error| panic!("{pattern}: {error:?}")).hir().clone();
        let config = regex_automata::nfa::thompson::Config::new().utf8(false);
        let nfa =
            regex_automata::nfa::thompson::Compiler::new().configure(config).build_from_hir(&hir).unwrap();
        let regex = regex_automata::nfa::thompson::pikevm::PikeVM::new_from_nfa(nfa).unwrap();
        regex.is_match(&mut regex.create_cache(), text)
    }

    #[test]
    fn the_dialect_means_what_the_tables_say() {
        let table: &[(&str, &[&str], &[&str])] = &[
            ("d.g", &["dog", "doggonnit", "d.g"], &["dg", "d\rg", "d\ng"]),
            ("d(o|a)g", &["dog", "dag"], &["dg", "doag"]),
            ("do|ag", &["do", "ag"], &["dg"]),
            ("lo?se", &["lse", "lose"], &["loose"]),
            ("^lo*se$", &["lse", "lose", "looose"], &["close", "losel"]),
            ("lo+se", &["lose", "loose"], &["lse"]),
            ("ab(xy){3}z", &["abxyxyxyz"], &["abxyxyz", "abxyxyxyxyz"]),
            ("ab(xy){2,}z", &["abxyxyz", "abxyxyxyxyz"], &["abxyz"]),
            ("^a{2,3}$", &["aa", "aaa"], &["a", "aaaa"]),
            ("[abcq-z]", &["a", "t"], &["d", "-"]),
            ("[a-]", &["a", "-"], &["b"]),
            ("[-a]", &["a", "-"], &["b"]),
            ("[]a]", &["]", "a"], &["b"]),
            ("[^]a]", &["b"], &["]", "a"]),
            ("[\\]x]", &["]", "x"], &["\\"]),
            ("[^dg]og", &["cog"], &["dog", "gog", "\rog", "\nog"]),
            ("[\\r\\n]", &[], &["\r", "\n"]),
            ("a\\rb", &["a\rb"], &["arb"]),
            ("\\t\\f\\x41\\101", &["\t\x0cAA"], &["tfAA"]),
            ("\\d\\w\\1\\18", &["dw118"], &["3a118"]),
            ("\\[\\.\\*", &["[.*"], &["[xx"]),
            ("{", &["{"], &["x"]),
            ("a{b}", &["a{b}"], &["ab"]),
            ("}]", &["}]"], &["]"]),
            ("", &["", "x"], &[]),
            ("(|a)b()", &["b", "ab"], &["a"]),
            ("é+$", &["éé"], &["é "]),
            ("viagra", &["viagra"], &["VIAGRA"]),
        ];
        for (pattern, yes, no) in table {
            for text in *yes {
                assert!(found(pattern, text.as_bytes()), "{pattern:?} must hold in {text:?}");
            }
            for text in *no {
                assert!(!found(pattern, text.as_bytes()), "{pattern:?} must not hold in {text:?}");
            }
        }
        assert!(found("\\xff\\377", b"\xff\xff"));
    }

    #[test]
    fn a_quantifier_with_nothing_before_it_is_anything() {
        let table: &[(&str, &[usize], &str, bool)] = &[
            ("*deals\\.com", &[0], "x@greatdeals.com", true),
            ("*crazyperson*@wrdmail\\.com", &[0], "acrazyperso@wrdmail.com", true),
            ("*image//*", &[0], "image/jpeg", true),
            ("*UD-421590*", &[0], "xUD-42159", true),
            ("(*a|+b)c", &[1, 4], "xac", true),
            ("^*a", &[1], "xxa", true),
            ("?a", &[0], "a", true),
            ("{3}a", &[0], "a", true),
            ("^*a$", &[1], "ab", false),
        ];
        for (pattern, stars, text, holds) in table {
            assert_eq!(parse(pattern).unwrap().dangling_stars(), *stars, "{pattern}");
            assert_eq!(found(pattern, text.as_bytes()), *holds, "{pattern}");
        }
    }

    #[test]
    fn what_is_not_of_the_dialect_is_an_error_with_its_place() {
        let table: &[(&str, usize, &str)] = &[
            ("a(b", 1, "`(` without a matching `)`"),
            ("(a(b)", 0, "`(` without a matching `)`"),
            ("ab)", 2, "`)` without a matching `(`"),
            ("x[ab", 1, "`[` without a matching `]`"),
            ("x[]", 1, "`[` without a matching `]`"),
            ("x[a-", 1, "`[` without a matching `]`"),
            ("[z-a]", 1, "range `z-a` is in reverse order"),
            ("a[[:alpha:]]", 2, "named classes are not supported"),
            ("[é]", 1, "a class contains bytes, and this character has several"),
            ("ab\\", 2, "a backslash at the end"),
            ("\\xg1", 0, "not a valid byte escape"),
            ("\\x+1", 0, "not a valid byte escape"),
            ("\\x4", 0, "not a valid byte escape"),
            ("\\777", 0, "not a valid byte escape"),
            ("(?i)x", 0, "`(?` is not supported: there are no flags and no look-around"),
            ("a*?", 2, "a quantifier after a quantifier"),
            ("a{2", 1, "`{` without a matching `}`"),
            ("a{,2}", 1, "`{,2}` is not a count"),
            ("a{2,x}", 1, "`{2,x}` is not a count"),
            ("a{3,2}", 1, "`{3,2}`: the first count is larger than the second"),
            ("a{1001}", 1, "`{1001}`: a count is at most 1000"),
            ("a{99999999999}", 1, "`{99999999999}` is not a count"),
            ("x^2", 1, "`^` matches the start of the line, nothing can precede it"),
            ("$100", 0, "`$` matches the end of the line, nothing can follow it"),
            ("a$*", 1, "`$` matches the end of the line, nothing can follow it"),
        ];
        for (pattern, offset, message) in table {
            let error = parse(pattern).expect_err(pattern);
            assert_eq!((error.at.start, error.message.as_str()), (*offset, *message), "{pattern}");
        }
        assert!(parse(&"(".repeat(100_000)).is_err());
    }

    #[test]
    fn an_expression_that_holds_everywhere_is_told() {
        for everywhere in ["", "a*", "*", "(a|)", "^", "$", "^a?", "(^|b)"] {
            assert!(parse(everywhere).unwrap().matches_empty(), "{everywhere}");
        }
        for somewhere in ["a", "^$", "a*b", "(^|b)a", "()a+"] {
            assert!(!parse(somewhere).unwrap().matches_empty(), "{somewhere}");
        }
    }
}
