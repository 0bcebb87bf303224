//! `did you mean …?`: the name that was probably meant.

/// Limit: longer words are not compared; nobody mistypes a name of that length by two letters.
const WORD_MAX: usize = 64;

/// The candidate with the fewest slips of the finger from `word`, if there are few enough.
///
/// A word of one or two letters is meant only if its case alone is wrong.
pub(crate) fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let slips_max = match word.chars().count() {
        0..=2 => 0,
        3..=5 => 1,
        6..=WORD_MAX => 2,
        _ => return None,
    };
    candidates
        .into_iter()
        .filter(|candidate| candidate.len().abs_diff(word.len()) <= 2 * slips_max && *candidate != word)
        .map(|candidate| (slips(word, candidate), candidate))
        .filter(|(slips, _)| *slips <= slips_max)
        .min_by_key(|(slips, _)| *slips)
        .map(|(_, candidate)| candidate)
}

/// Letters added, lost, changed or swapped with their neighbour; case does not count.
fn slips(one: &str, other: &str) -> usize {
    strsim::osa_distance(&one.to_ascii_lowercase(), &other.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_finger_are_recognised_and_other_words_are_not() {
        let names = ["bulk-mail", "bad-guys", "c1", "smtp", "recipient"];
        let table = [
            ("bulk-mial", Some("bulk-mail")),
            ("bad-guy", Some("bad-guys")),
            ("Bad-Guys", Some("bad-guys")),
            ("smpt", Some("smtp")),
            ("recpient", Some("recipient")),
            ("c2", None),
            ("C1", Some("c1")),
            ("something-else", None),
            ("", None),
            ("smtp", None),
        ];
        for (word, expected) in table {
            assert_eq!(nearest(word, names), expected, "{word}");
        }
    }
}
