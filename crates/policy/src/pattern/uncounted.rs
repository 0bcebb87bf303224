//! A pattern without its large counts: one that finds whatever the pattern finds, and is small.

/// Limit: counts up to this are kept; a class of octets counted so often fits many times into a field.
const KEPT_MAX: u32 = 16;

/// The expression with `+` or `*` in place of large counts; `None` if it has none.
pub(crate) fn uncounted(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(symbol) = rest.chars().next() {
        let counts = rest.strip_prefix('{').and_then(|inside| inside.split_once('}'));
        let (taken, written) = match (symbol, counts) {
            ('\\', _) => same(rest, escape_len(rest)),
            ('[', _) => same(rest, class_len(rest)),
            ('{', Some((counts, _))) => {
                let taken = counts.len() + "{}".len();
                (taken, quantifier(counts).unwrap_or_else(|| rest.get(..taken).unwrap_or(rest)))
            }
            _ => same(rest, symbol.len_utf8()),
        };
        out.push_str(written);
        rest = rest.get(taken..).unwrap_or_default();
    }
    (out != text).then_some(out)
}

fn same(rest: &str, len: usize) -> (usize, &str) {
    let text = rest.get(..len).unwrap_or(rest);
    (text.len(), text)
}

fn escape_len(rest: &str) -> usize {
    rest.chars().take(2).map(char::len_utf8).sum()
}

/// From `[` to its `]`; one that comes first is a member.
fn class_len(rest: &str) -> usize {
    let mut at = "[".len() + usize::from(rest.starts_with("[^"));
    at += usize::from(rest.get(at..).is_some_and(|members| members.starts_with(']')));
    while let Some(member) = rest.get(at..).and_then(|members| members.chars().next()) {
        if member == ']' {
            return at + 1;
        }
        at += if member == '\\' { escape_len(rest.get(at..).unwrap_or_default()) } else { member.len_utf8() };
    }
    at
}

/// What says as much or more without the counts, if they are large.
fn quantifier(counts: &str) -> Option<&'static str> {
    let (low, high) = counts.split_once(',').unwrap_or((counts, counts));
    let low: u32 = low.parse().ok()?;
    let high: u32 = high.parse().unwrap_or(low);
    match (low, high) {
        (_, ..=KEPT_MAX) => None,
        (0, _) => Some("*"),
        _ => Some("+"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_counts_become_repetitions_and_all_else_stays() {
        let table = [
            ("(x[^y]{1,1000}y){50}z", Some("(x[^y]+y)+z")),
            ("a{0,900}b{3}c{20,}", Some("a*b{3}c+")),
            ("[]{900}]{900}", Some("[]{900}]+")),
            ("[^]{900}]{2}", None),
            ("\\[a{900}", Some("\\[a+")),
            ("\\{900}[\\]{900}]", None),
            ("é{16}", None),
            ("a{900", None),
            ("[", None),
            ("\\", None),
        ];
        for (text, expected) in table {
            assert_eq!(uncounted(text).as_deref(), expected, "{text}");
        }
    }
}
