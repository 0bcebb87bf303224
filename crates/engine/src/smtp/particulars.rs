//! What is kept of a transaction for its report alone, while somebody reads events. No decision depends on it.

use policy::model::EventsDetail;
use proto::mime::{Again, Field, PartHeader};

use crate::event::{Part, Recipient};
use crate::inspector::reported_value;

/// Recipients, message id, subject, parts and reply of one transaction. All texts are cut at 256 bytes.
#[derive(Debug, Default)]
pub(crate) struct Particulars {
    wants_subject: bool,
    /// The texts, one behind the other.
    text: Vec<u8>,
    recipients: Vec<NotedRecipient>,
    message_id: Option<Span>,
    subject: Option<Span>,
    parts: Vec<NotedPart>,
    more_parts: u32,
    /// The reply to the message that came last, its lines joined by blanks.
    reply: Vec<u8>,
}

#[derive(Debug)]
struct NotedRecipient {
    /// The number of its command.
    command: u32,
    address: Span,
    reply: Option<u16>,
}

#[derive(Debug)]
struct NotedPart {
    content_type: Span,
    encoding: Option<Span>,
    filename: Option<Span>,
}

/// A piece of the text.
#[derive(Clone, Copy, Debug, Default)]
struct Span {
    start: u16,
    end: u16,
}

/// Limit: recipients of a transaction that are listed, what RFC 5321 §4.5.3.1.8 has every server accept.
const RECIPIENTS: usize = 100;

/// Limit: parts that are listed. A newsletter with pictures has twenty.
const PARTS: usize = 50;

/// Limit: bytes of text that recipients may take, a hundred of ordinary length thrice, and all together.
const ADDRESSES: usize = 8 << 10;
const TEXT: usize = 2 * ADDRESSES;

impl Particulars {
    /// Of a transaction whose events tell so much; none where nobody would read it.
    pub(crate) fn wanted(detail: EventsDetail) -> Option<Box<Self>> {
        let wants_subject = match detail {
            EventsDetail::None => return None,
            EventsDetail::Envelope => false,
            EventsDetail::Headers => true,
        };
        Some(Box::new(Self { wants_subject, ..Self::default() }))
    }

    /// RCPT, in the command with this number.
    pub(crate) fn recipient(&mut self, command: u32, address: &[u8]) {
        if self.recipients.len() < RECIPIENTS
            && let Some(address) = self.keep(address, ADDRESSES)
        {
            self.recipients.push(NotedRecipient { command, address, reply: None });
        }
    }

    /// The command with this number was answered: it may have been RCPT.
    pub(crate) fn answered(&mut self, command: u32, code: u16) {
        if let Some(noted) = self.recipients.iter_mut().rev().find(|noted| noted.command == command) {
            noted.reply = Some(code);
        }
    }

    /// A field of the message's header: the first of a name counts.
    pub(crate) fn field(&mut self, field: &Field<'_>) {
        let is = |name: &[u8]| field.name.eq_ignore_ascii_case(name);
        if self.message_id.is_none() && is(b"Message-ID") {
            self.message_id = self.keep(field.value, TEXT);
        } else if self.wants_subject && self.subject.is_none() && is(b"Subject") {
            self.subject = self.keep(field.value, TEXT);
        }
    }

    /// A part, as most readers see it.
    pub(crate) fn part(&mut self, part: &PartHeader<'_>) {
        if part.alternate || matches!(part.again, Again::ToCome | Again::Apart) {
            return;
        }
        let before = self.text.len();
        match self.kept_part(part).filter(|_| self.parts.len() < PARTS) {
            Some(kept) => self.parts.push(kept),
            None => {
                self.text.truncate(before);
                self.more_parts += 1;
            }
        }
    }

    fn kept_part(&mut self, part: &PartHeader<'_>) -> Option<NotedPart> {
        let content_type = self.keep(part.media_type(), TEXT)?;
        let mut optional = |text: Option<&[u8]>| text.map(|text| self.keep(text, TEXT).ok_or(())).transpose();
        let encoding = optional(part.encoding()).ok()?;
        let filename = optional(part.filename()).ok()?;
        Some(NotedPart { content_type, encoding, filename })
    }

    /// A line of the reply to the message.
    pub(crate) fn reply_line(&mut self, is_first: bool, text: &[u8]) {
        match is_first {
            true => self.reply.clear(),
            false => self.reply.push(b' '),
        }
        self.reply.extend_from_slice(reported_value(text));
        let len = reported_value(&self.reply).len();
        self.reply.truncate(len);
    }

    pub(crate) fn recipients(&self) -> impl Iterator<Item = Recipient<'_>> {
        self.recipients.iter().map(|noted| Recipient { address: self.at(noted.address), reply: noted.reply })
    }

    pub(crate) fn message_id(&self) -> Option<&[u8]> {
        Some(self.at(self.message_id?))
    }

    pub(crate) fn subject(&self) -> Option<&[u8]> {
        Some(self.at(self.subject?))
    }

    pub(crate) fn parts(&self) -> impl Iterator<Item = Part<'_>> {
        self.parts.iter().map(|noted| Part {
            content_type: self.at(noted.content_type),
            encoding: noted.encoding.map(|span| self.at(span)),
            filename: noted.filename.map(|span| self.at(span)),
        })
    }

    /// Parts that are not listed.
    pub(crate) const fn more_parts(&self) -> u32 {
        self.more_parts
    }

    pub(crate) fn reply(&self) -> &[u8] {
        &self.reply
    }

    /// The beginning of a text, unless there is no room for it below `most` bytes.
    fn keep(&mut self, text: &[u8], most: usize) -> Option<Span> {
        let text = reported_value(text);
        let start = self.text.len();
        let end = Some(start + text.len()).filter(|end| *end <= most)?;
        self.text.extend_from_slice(text);
        Some(Span { start: u16::try_from(start).ok()?, end: u16::try_from(end).ok()? })
    }

    fn at(&self, Span { start, end }: Span) -> &[u8] {
        self.text.get(usize::from(start)..usize::from(end)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_bounded_and_the_first_recipients_are_listed() {
        let mut particulars = Particulars::default();
        (0..1000).for_each(|number| particulars.recipient(number, b"a@example.com"));
        particulars.answered(3, 550);
        particulars.answered(999, 550);
        let listed: Vec<_> = particulars.recipients().collect();
        assert_eq!(listed.len(), RECIPIENTS);
        assert_eq!(listed[3], Recipient { address: b"a@example.com", reply: Some(550) });
        let mut particulars = Particulars::default();
        (0..1000).for_each(|number| particulars.recipient(number, &[b'a'; 4000]));
        assert_eq!(particulars.recipients().count(), ADDRESSES / 256);
        assert_eq!(particulars.text.len(), ADDRESSES);
    }

    #[test]
    fn of_a_reply_its_lines_are_joined_and_its_beginning_is_kept() {
        let mut particulars = Particulars::default();
        particulars.reply_line(true, b"2.0.0 first of another");
        particulars.reply_line(true, b"2.0.0 Ok:");
        particulars.reply_line(false, b"queued as 4Bx1");
        assert_eq!(particulars.reply(), b"2.0.0 Ok: queued as 4Bx1");
        (0..1000).for_each(|_| particulars.reply_line(false, &[b'x'; 100]));
        assert_eq!(particulars.reply().len(), 256);
    }
}
