//! Options of `ip inspect name` in another order than the device has them.

use grammar::Word;

use super::{Kind, Slip, Trial};

/// Every option, in the order in which a line has them.
const OPTIONS: &[&str] = &[
    "java-list",
    "urlfilter",
    "maximum",
    "max-data",
    "alert",
    "audit-trail",
    "reset",
    "secure-login",
    "router-traffic",
    "timeout",
];

/// Words of `ip inspect name RULE PROTOCOL`, which the options follow.
const BEFORE: usize = 5;

impl<'s> Trial<'_, 's> {
    /// The line with its options in order.
    pub(super) fn in_order(&self) -> Option<Slip<'s>> {
        let words = &self.line.words;
        let no = usize::from(words.first()?.text.eq_ignore_ascii_case("no"));
        let (before, rest) = words.split_at_checked(no + BEFORE)?;
        let begins =
            |at: usize, word: &str| before.get(no + at).is_some_and(|it| it.text.eq_ignore_ascii_case(word));
        if !(begins(0, "ip") && begins(1, "inspect") && begins(2, "name")) {
            return None;
        }
        let place =
            |word: &Word<'_>| OPTIONS.iter().position(|option| option.eq_ignore_ascii_case(word.text));
        let mut options: Vec<&[Word<'s>]> = rest.chunk_by(|_, next| place(next).is_none()).collect();
        options.sort_by_key(|option| option.first().and_then(place));
        let at = rest.first()?.span;
        self.slip(Kind::Meant, at, [before, &options.concat()].concat())
    }
}
