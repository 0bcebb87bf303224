//! The limit of recipients as the reply to EHLO names it: LIMITS RCPTMAX (RFC 9422).
//!
//! A client that knows the limit divides its recipients over several messages, and none of them is refused.

use policy::model::AnnounceLimits;
use proto::Side;
use proto::smtp::extension::keyword_of;
use proto::smtp::reply::ReplyLine;

use super::offer::Offer;
use crate::context::Context;

const RCPTMAX: &[u8] = b"RCPTMAX";

/// What becomes of a reply to EHLO because of a limit.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Announcement {
    /// The most recipients that no rule refuses.
    most: Option<u64>,
    /// Where the limit is put if no line of the reply has one.
    place: Place,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Nowhere,
    /// In the line with this number, which names LIMITS.
    In(usize),
    /// In a line of its own, before the one with this number, the last.
    Before(usize),
}

impl Announcement {
    /// Of a whole reply with code 250: `lines` are its lines by number, with the texts of those that the client is
    /// shown.
    pub(super) fn of<'b>(
        lines: impl Iterator<Item = (usize, Option<&'b [u8]>)>,
        offer: &Offer,
        cx: &Context<'_>,
    ) -> Self {
        let most = cx.policy().and_then(policy::CompiledPolicy::most_recipients);
        let announced = cx.carries_out() && cx.config.announce_limits == AnnounceLimits::On;
        let Some(most) = most.filter(|_| announced) else { return Self::default() };
        let (mut last, mut named, mut has_one) = (0, None, false);
        for (count, text) in lines {
            last = count;
            if let Some(text) = text.filter(|text| count > 0 && is_limits(text)) {
                named = named.or(Some(count));
                has_one |= words(text).any(is_rcptmax);
            }
        }
        let place = match named {
            _ if has_one => Place::Nowhere,
            Some(count) => Place::In(count),
            None if offer.hides(b"LIMITS", cx.config) => Place::Nowhere,
            None => Place::Before(last),
        };
        Self { most: Some(most), place }
    }

    /// The text of a keyword in place of what the server said; nothing if it stays.
    pub(super) fn rewritten(&self, count: usize, text: &[u8]) -> Option<Vec<u8>> {
        let most = self.most.filter(|_| count > 0 && is_limits(text))?;
        let is_higher = |word: &[u8]| {
            let value = word.get(RCPTMAX.len() + 1..).unwrap_or_default();
            is_rcptmax(word) && proto::smtp::command::decimal(value).is_none_or(|value| value > most)
        };
        let limit = format!("RCPTMAX={most}");
        let mut changed: Vec<&[u8]> =
            words(text).map(|word| if is_higher(word) { limit.as_bytes() } else { word }).collect();
        if self.place == Place::In(count) {
            changed.push(limit.as_bytes());
        } else if !words(text).any(is_higher) {
            return None;
        }
        Some(changed.join(&b' '))
    }

    /// Sends the line of the limit, if its place is before this one. Whether this was the only line of the reply:
    /// then it is no longer its last, and the limit follows it.
    pub(super) fn put_before(&self, count: usize, line: &ReplyLine<'_>, cx: &mut Context<'_>) -> bool {
        let (Some(most), true) = (self.most, self.place == Place::Before(count)) else { return false };
        if count > 0 {
            cx.out.rewrite(Side::Client, format!("{}-LIMITS RCPTMAX={most}\r\n", line.code).as_bytes());
            return false;
        }
        cx.out.rewrite(Side::Client, format!("{}-", line.code).as_bytes());
        cx.out.pass(Side::Client, line.text);
        cx.out.rewrite(Side::Client, format!("\r\n{} LIMITS RCPTMAX={most}\r\n", line.code).as_bytes());
        true
    }
}

/// Whether a line names the keyword, with its parameters behind a blank.
fn is_limits(text: &[u8]) -> bool {
    let keyword = keyword_of(text);
    let behind = text.get(keyword.len()..).unwrap_or_default();
    keyword.eq_ignore_ascii_case(b"LIMITS") && matches!(behind.first(), None | Some(b' '))
}

fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|&byte| byte == b' ').filter(|word| !word.is_empty())
}

fn is_rcptmax(word: &[u8]) -> bool {
    word.split(|&byte| byte == b'=').next().is_some_and(|name| name.eq_ignore_ascii_case(RCPTMAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_lowered_and_never_raised() {
        let table: &[(&str, Place, Option<&str>)] = &[
            ("LIMITS RCPTMAX=100", Place::Nowhere, Some("LIMITS RCPTMAX=20")),
            ("LIMITS RCPTMAX=20", Place::Nowhere, None),
            ("LIMITS RCPTMAX=5", Place::Nowhere, None),
            ("limits MAILMAX=9 rcptmax=50 X=1", Place::Nowhere, Some("limits MAILMAX=9 RCPTMAX=20 X=1")),
            ("LIMITS RCPTMAX=many", Place::Nowhere, Some("LIMITS RCPTMAX=20")),
            ("LIMITS RCPTMAX", Place::Nowhere, Some("LIMITS RCPTMAX=20")),
            ("LIMITS RCPTMAXIMUM=50", Place::Nowhere, None),
            ("LIMITS MAILMAX=9", Place::In(1), Some("LIMITS MAILMAX=9 RCPTMAX=20")),
            ("LIMITS", Place::In(1), Some("LIMITS RCPTMAX=20")),
            ("LIMITS MAILMAX=9", Place::In(2), None),
            ("LIMITS=RCPTMAX=50", Place::Nowhere, None),
            ("SIZE 100", Place::Nowhere, None),
        ];
        for (text, place, expected) in table {
            let announcement = Announcement { most: Some(20), place: *place };
            let rewritten = announcement.rewritten(1, text.as_bytes());
            assert_eq!(rewritten.as_deref(), expected.map(str::as_bytes), "{text} {place:?}");
        }
    }
}
