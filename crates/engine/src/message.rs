//! Message content → facts: what the rules learn of a message, in the order of its bytes.
//!
//! Knows no SMTP. Counters are judged at the very byte at which they pass a limit, and everything else where
//! it became known, so that the cuts of the input change nothing.

use std::borrow::Cow;
use std::cell::Cell;

use policy::CompiledPolicy;
use policy::criterion::{Counter, CriterionKind, Text, Word};
use policy::fact::Fact;
use policy::model::EventsDetail;
use policy::scope::{Close, Scope};
use proto::Side;
use proto::mime::{self, Again, Field, Finding, Interest, PartHeader, Reader};

use crate::context::Context;
use crate::event::{AnomalyKind, MessageSize, Observed, Treatment, Via};
use crate::inspector::{Decision, Inspector, VALUE_MAX, Value, Within, reported_value};
use crate::refusal::{Cause, Refusal};
use crate::smtp::particulars::Particulars;

/// One message while it is read.
#[derive(Debug)]
pub(crate) struct Message {
    reader: Reader,
    via: Via,
    /// Bytes of it that were received, as they were sent.
    pub(crate) received: u64,
    /// Bytes of its content, as they were sent: without the dots that RFC 5321 §4.5.2 adds.
    pub(crate) content: u64,
    /// Bytes of the content learned last, up to and with the one for which it was refused.
    pub(crate) refused_at: usize,
    /// Bytes that were searched for the end of a header field in vain, and will be offered again.
    pub(crate) looked_at: usize,
    /// Its end was seen, and it was not refused.
    whole: bool,
    /// It was refused for what it says.
    refused: bool,
    /// The beginning of the line of body text that is being read, to be reported if something matches in it.
    line: Vec<u8>,
    /// Bytes that normalizing added to header and body: sizes count bytes as received.
    added_to_header: i64,
    added_to_body: i64,
}

/// The inspector of a session, lent to a message that is being read.
pub(crate) struct MessageInspector<'i, 'o> {
    pub(crate) inspector: &'i mut Inspector,
    pub(crate) cx: &'i mut Context<'o>,
    pub(crate) within: Within<'i>,
    /// What is kept of the transaction to be reported.
    pub(crate) particulars: Option<&'i mut Particulars>,
    /// Bytes of message data on the whole connection.
    pub(crate) data_bytes: &'i mut u64,
    /// Addresses in the To fields of the message.
    pub(crate) to_addresses: &'i mut u64,
    /// Bytes of the last run of text that stand behind the line for which it was refused.
    pub(crate) behind_refused: usize,
}

impl Message {
    pub(crate) fn new(via: Via, cx: &Context<'_>) -> Self {
        let needs = cx.policy().map(|policy| policy.needs()).unwrap_or_default();
        let observed = cx.is_recorded();
        let reported = cx.config.detail > EventsDetail::None;
        let interest = Interest {
            fields: needs.header_fields || reported,
            parts: needs.parts || observed || reported,
            findings: needs.parts || needs.text || observed,
            text: needs.text,
            lines: observed,
            header_lines_over: needs.header_lines_over,
            body_lines_over: needs.body_lines_over,
        };
        Self {
            reader: Reader::new(interest, via == Via::Bdat).with_room(cx.config.bounds.structure),
            via,
            received: 0,
            content: 0,
            refused_at: 0,
            looked_at: 0,
            whole: false,
            refused: false,
            line: Vec::new(),
            added_to_header: 0,
            added_to_body: 0,
        }
    }

    /// Learns the next bytes; a refusal stops the message. `size` is how many bytes they count for, which
    /// differs from their number only where line ends were normalized.
    pub(crate) fn learn(
        &mut self,
        content: &[u8],
        size: usize,
        inspector: &mut MessageInspector<'_, '_>,
    ) -> Option<Refusal> {
        if content.len() != size {
            return self.slice(content, size as u64, inspector);
        }
        let mut rest = content;
        while !rest.is_empty() {
            let room = usize::try_from(self.room(inspector)).unwrap_or(usize::MAX).max(1);
            let (now, later) = rest.split_at_checked(room).unwrap_or((rest, b""));
            if let Some(refusal) = self.slice(now, now.len() as u64, inspector) {
                self.refused_at += content.len() - rest.len();
                return Some(refusal);
            }
            rest = later;
        }
        None
    }

    /// So many bytes came that nobody saw: they count, and are read as one blank.
    pub(crate) fn learn_lost(
        &mut self,
        lost: u64,
        inspector: &mut MessageInspector<'_, '_>,
    ) -> Option<Refusal> {
        if lost == 0 { None } else { self.slice(b" ", lost, inspector) }
    }

    /// The field that was learned last is whole: what follows it is known and is no continuation.
    pub(crate) fn end_field(&mut self, inspector: &mut MessageInspector<'_, '_>) -> Option<Refusal> {
        let mut refusal = None;
        let Self { reader, line, .. } = self;
        reader
            .end_field(&mut |_, event| refusal = refusal.take().or_else(|| inspector.on_event(event, line)));
        refusal
    }

    /// No more of it will come: reports the part whose header was open, and judges nothing, since a message
    /// without an end decides nothing.
    pub(crate) fn observe_rest(&mut self, inspector: &mut MessageInspector<'_, '_>) {
        self.reader.finish(&mut |_, event| {
            if let mime::Item::PartHeader(part) = event {
                inspector.observe_part(&part);
            }
        });
    }

    /// The end of the data.
    pub(crate) fn finish(&mut self, inspector: &mut MessageInspector<'_, '_>) -> Option<Refusal> {
        let mut refusal = None;
        let Self { reader, line, .. } = self;
        reader.finish(&mut |_, event| refusal = refusal.take().or_else(|| inspector.on_event(event, line)));
        let refusal = refusal.or_else(|| inspector.close(Close::Data));
        self.whole = refusal.is_none();
        refusal
    }

    pub(crate) fn in_header(&self) -> bool {
        self.reader.in_header()
    }

    pub(crate) const fn via(&self) -> Via {
        self.via
    }

    /// Whether its size may be reported: how much of a message was read before it was given up depends on
    /// how TCP segmented the input.
    pub(crate) const fn is_whole(&self) -> bool {
        self.whole
    }

    /// It is refused for what it says.
    pub(crate) const fn refuse(&mut self) {
        self.refused = true;
    }

    /// Whether what was found in it may be reported: all of it was read, or all up to the byte for which it was refused.
    pub(crate) const fn is_known(&self) -> bool {
        self.whole || self.refused
    }

    pub(crate) fn size(&self) -> MessageSize {
        MessageSize {
            header_bytes: self.header_bytes(),
            body_bytes: self.body_bytes(),
            longest_header_line: self.reader.longest_header_line(),
            longest_body_line: self.reader.longest_body_line(),
        }
    }

    fn header_bytes(&self) -> u64 {
        self.reader.header_bytes().saturating_add_signed(-self.added_to_header)
    }

    fn body_bytes(&self) -> u64 {
        self.reader.body_bytes().saturating_add_signed(-self.added_to_body)
    }

    /// Bytes that may follow before a counter can pass a limit.
    pub(crate) fn room(&self, inspector: &MessageInspector<'_, '_>) -> u64 {
        let header = self.header_bytes();
        let header_bound = if self.in_header() {
            inspector.cx.config.bounds.header.saturating_sub(header) + 1
        } else {
            u64::MAX
        };
        let in_header =
            if self.in_header() { inspector.room(Counter::HeaderLength, header) } else { u64::MAX };
        let in_body =
            if self.in_header() { u64::MAX } else { inspector.room(Counter::BodyLength, self.body_bytes()) };
        let data = inspector.room(Counter::DataLength, *inspector.data_bytes);
        header_bound.min(in_header).min(in_body).min(data)
    }

    fn slice(
        &mut self,
        content: &[u8],
        size: u64,
        inspector: &mut MessageInspector<'_, '_>,
    ) -> Option<Refusal> {
        let mut refusal = None;
        let before = (self.reader.header_bytes(), self.reader.body_bytes());
        self.refused_at = content.len();
        let Self { reader, line, refused_at, .. } = self;
        reader.push(content, &mut |at, event| {
            if refusal.is_none() {
                refusal = inspector.on_event(event, line);
                if refusal.is_some() {
                    *refused_at = at.saturating_sub(inspector.behind_refused);
                }
            }
        });
        self.count_added(before, content.len() as u64, size);
        if refusal.is_some() {
            return refusal;
        }
        *inspector.data_bytes += size;
        self.content += size;
        let header = self.header_bytes();
        if header > inspector.cx.config.bounds.header {
            return inspector.anomaly(AnomalyKind::LongHeader, b"");
        }
        let body = self.body_bytes();
        inspector
            .count(Counter::HeaderLength, header)
            .or_else(|| inspector.count(Counter::BodyLength, body))
            .or_else(|| inspector.count(Counter::DataLength, *inspector.data_bytes))
    }

    /// Counts the difference between bytes learned and bytes received for header or body, whichever they
    /// are in; the line that ends the header is in neither.
    fn count_added(&mut self, (header, body): (u64, u64), learned: u64, received: u64) {
        let added = learned.cast_signed() - received.cast_signed();
        if self.reader.header_bytes() > header || learned == 0 && self.reader.in_header() {
            self.added_to_header += added;
        } else if self.reader.body_bytes() > body || learned == 0 {
            self.added_to_body += added;
        }
    }
}

impl MessageInspector<'_, '_> {
    fn on_event(&mut self, event: mime::Item<'_>, line: &mut Vec<u8>) -> Option<Refusal> {
        match event {
            mime::Item::Field(field) if field.top => {
                self.particulars.iter_mut().for_each(|particulars| particulars.field(&field));
                self.header_field(&field)
            }
            mime::Item::Field(_) => None,
            mime::Item::HeaderEnd => self.close(Close::Header),
            mime::Item::PartHeader(part) => self.part(&part),
            mime::Item::Text(run) => self.text(run, line),
            mime::Item::PartEnd { covered, .. } => self.part_end(covered, line),
            mime::Item::LongLine { in_header, field, length } => self.long_line(in_header, field, length),
            mime::Item::Finding(finding) => self.anomaly(anomaly_of(finding)?, b""),
        }
    }

    /// A line of the header is reported with the name of its field.
    fn long_line(&mut self, in_header: bool, field: &[u8], length: u64) -> Option<Refusal> {
        let counter = if in_header { Counter::HeaderLineLength } else { Counter::BodyLineLength };
        self.inspector.learn(Fact::Count(counter, length), self.cx);
        let length = length.to_string().into_bytes();
        let value = if field.is_empty() { length } else { [field, b": ", &length].concat() };
        self.judge(&|_| Cow::Borrowed(&value))
    }

    fn part(&mut self, part: &PartHeader<'_>) -> Option<Refusal> {
        self.observe_part(part);
        self.particulars.iter_mut().for_each(|particulars| particulars.part(part));
        if !self.judges_parts() {
            return None;
        }
        let around = (part.again == Again::Apart).then(|| self.inspector.set_aside(Scope::Part, self.cx));
        if !part.covered {
            self.inspector.begin(Scope::Part, self.cx);
        }
        let content_type = self.learn_types(part);
        let encoding = self.learn_encodings(part);
        let filename = self.learn_filenames(part);
        // `match not` waits for the last reading.
        if part.again != Again::ToCome {
            self.inspector.close(Close::PartHeader, self.cx);
            if filename.is_some() {
                self.inspector.close(Close::PartFile, self.cx);
            }
        }
        let refusal = self.judge(&|kind| match kind {
            CriterionKind::Encoding => Cow::Borrowed(encoding),
            CriterionKind::FileType | CriterionKind::FilenameLength => {
                Cow::Borrowed(filename.unwrap_or_default())
            }
            _ => Cow::Borrowed(content_type),
        });
        around.iter().for_each(|held| self.inspector.add(held));
        refusal
    }

    /// Whether rules ask for parts, or for what is in them; else they are only reported.
    fn judges_parts(&self) -> bool {
        self.cx.policy().map(CompiledPolicy::needs).is_some_and(|needs| needs.parts || needs.text)
    }

    /// Every type as written, in canonical form with its parameters, and by itself in every reading;
    /// returns the last as written.
    fn learn_types<'p>(&mut self, part: &PartHeader<'p>) -> &'p [u8] {
        let written = part.content_types().map(|content_type| content_type.text);
        for text in written.chain(part.canonical_types()).chain(part.media_types()) {
            self.inspector.learn(Fact::Text(Text::ContentType, text), self.cx);
        }
        part.content_types().last().map_or(b"", |content_type| content_type.text)
    }

    /// Every encoding in every reading; returns the last.
    fn learn_encodings<'p>(&mut self, part: &PartHeader<'p>) -> &'p [u8] {
        // RFC 2045 §6.1: without a field the encoding is 7bit.
        let missing = part.may_be_unencoded().then_some(&b"7bit"[..]);
        let mut last = &b""[..];
        for encoding in missing.into_iter().chain(part.encodings()) {
            self.inspector.learn(Fact::Word(Word::Encoding, encoding), self.cx);
            last = encoding;
        }
        last
    }

    /// Every name of its file in every reading, and beside them the types that it is said to be of; returns the
    /// name that most readers show.
    fn learn_filenames<'p>(&mut self, part: &PartHeader<'p>) -> Option<&'p [u8]> {
        let name = part.filename()?;
        for text in part.filenames().chain(part.media_types()) {
            self.inspector.learn(Fact::Text(Text::FileType, text), self.cx);
        }
        let longest = part.filenames().map(<[u8]>::len).max().unwrap_or_default();
        self.inspector.learn(Fact::Count(Counter::FilenameLength, longest as u64), self.cx);
        Some(name)
    }

    fn observe_part(&mut self, part: &PartHeader<'_>) {
        if !self.cx.is_recorded() {
            return;
        }
        let first = (part.media_type(), part.encoding());
        let readings = part.media_types().len().max(part.encodings().len());
        let others = (1..readings).map(|reading| {
            (part.media_types().nth(reading).unwrap_or(first.0), part.encodings().nth(reading).or(first.1))
        });
        for (reading, (content_type, encoding)) in std::iter::once(first).chain(others).enumerate() {
            self.cx.observe(Observed::Part {
                transaction: self.within.number,
                number: part.part,
                first: reading == 0 && !part.alternate,
                content_type,
                encoding,
                filename: part.filename(),
            });
        }
    }

    fn text(&mut self, run: &[u8], line: &mut Vec<u8>) -> Option<Refusal> {
        self.cx.policy()?;
        let judged = Cell::new(run.len());
        let whole_line = |end| {
            judged.set(end);
            line_before(line, run, end)
        };
        let decision = self.inspector.judge_body(run, Some(self.within), &whole_line, self.cx);
        keep_line(line, run);
        let refusal = message_refusal(decision);
        self.behind_refused = if refusal.is_some() { run.len().saturating_sub(judged.get()) } else { 0 };
        refusal
    }

    fn part_end(&mut self, covered: bool, line: &mut Vec<u8>) -> Option<Refusal> {
        if !self.judges_parts() {
            return None;
        }
        self.inspector.end_body(self.cx);
        let refusal = self.judge(&|_| Cow::Borrowed(line));
        line.clear();
        if !covered {
            self.inspector.begin(Scope::Part, self.cx);
        }
        refusal
    }

    /// A field as it was received, and as readers see it that are not put off by what stands before its colon.
    fn header_field(&mut self, field: &Field<'_>) -> Option<Refusal> {
        if !self.cx.policy()?.needs().header_fields {
            return None;
        }
        self.inspector.learn(Fact::Text(Text::Header, field.text), self.cx);
        if !field.text.strip_prefix(field.name).is_some_and(|rest| rest.starts_with(b":")) {
            let plain = [field.name, b": ", field.value].concat();
            self.inspector.learn(Fact::Text(Text::Header, &plain), self.cx);
        }
        if field.name.eq_ignore_ascii_case(b"To") {
            *self.to_addresses += mime::addresses(field.value);
            self.inspector.learn(Fact::Count(Counter::ToAddresses, *self.to_addresses), self.cx);
        }
        let addresses = *self.to_addresses;
        self.judge(&|kind| match kind {
            CriterionKind::ToAddresses => Cow::Owned(addresses.to_string().into_bytes()),
            _ => Cow::Borrowed(reportable_field(field.text)),
        })
    }

    fn count(&mut self, counter: Counter, value: u64) -> Option<Refusal> {
        self.inspector.learn(Fact::Count(counter, value), self.cx);
        self.judge(&|_| Cow::Owned(value.to_string().into_bytes()))
    }

    pub(crate) fn close(&mut self, close: Close) -> Option<Refusal> {
        self.inspector.close(close, self.cx);
        self.judge(&|_| Cow::Borrowed(b""))
    }

    fn room(&self, counter: Counter, value: u64) -> u64 {
        self.inspector.room(counter, value, self.cx)
    }

    fn judge(&mut self, value: Value<'_, '_>) -> Option<Refusal> {
        message_refusal(self.inspector.judge(Some(self.within), value, self.cx))
    }

    /// Reports an anomaly of the client; a refusal if conformance refuses the message for it.
    pub(crate) fn anomaly(&mut self, kind: AnomalyKind, value: &[u8]) -> Option<Refusal> {
        let treatment = self.inspector.anomaly(kind, Side::Client, value, self.cx);
        match treatment {
            Treatment::Silent | Treatment::Logged | Treatment::Normalized | Treatment::Masked => None,
            Treatment::Refused => Some(Cause::MessageFormat.reported(self.inspector.reference_of(kind))),
            Treatment::Reset => Some(Cause::MessageFraming.reported(self.inspector.reference_of(kind))),
        }
    }
}

/// A field as it may be reported: of `OTP-Token`, which holds a one-time password, only the name.
fn reportable_field(text: &[u8]) -> &[u8] {
    const SECRET: &[u8] = b"OTP-Token";
    let (name, value) = text.split_at_checked(SECRET.len()).unwrap_or((text, b""));
    let secret = name.eq_ignore_ascii_case(SECRET) && value.trim_ascii_start().starts_with(b":");
    if secret { name } else { text }
}

const fn message_refusal(decision: Decision) -> Option<Refusal> {
    match decision {
        Decision::Refuse(acted) => Some(Cause::of_message(acted.kind).by(acted)),
        Decision::Pass | Decision::Mask | Decision::Pace => None,
    }
}

/// The line that ends at `end` of `run`; `before` is how it began in earlier runs.
fn line_before(before: &[u8], run: &[u8], end: usize) -> Vec<u8> {
    let text = run.get(..end).unwrap_or(run);
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    let (before, text) = match memchr::memrchr(b'\n', text) {
        Some(lf) => (&b""[..], text.get(lf + 1..).unwrap_or_default()),
        None => (before, text),
    };
    let mut line = [before, reported_value(text)].concat();
    if line.len() <= VALUE_MAX && line.last() == Some(&b'\r') {
        line.pop();
    }
    line
}

/// Keeps the beginning of the line that is not complete at the end of `run`.
fn keep_line(line: &mut Vec<u8>, run: &[u8]) {
    let rest = match memchr::memrchr(b'\n', run) {
        Some(lf) => {
            line.clear();
            run.get(lf + 1..).unwrap_or_default()
        }
        None => run,
    };
    let room = VALUE_MAX.saturating_sub(line.len());
    line.extend_from_slice(rest.get(..room).unwrap_or(rest));
}

const fn anomaly_of(finding: Finding) -> Option<AnomalyKind> {
    Some(match finding {
        Finding::DepthExceeded => AnomalyKind::MimeDepth,
        Finding::PartsExceeded => AnomalyKind::MimeParts,
        Finding::DescriptionTooLong | Finding::BoundaryTooLong | Finding::DelimiterTooLong => {
            AnomalyKind::MimeReadings
        }
        Finding::FieldTooLong => AnomalyKind::LongField,
        Finding::RepeatedContentType | Finding::RepeatedEncoding => AnomalyKind::RepeatedMimeField,
        Finding::RepeatedBoundary | Finding::OddBoundary | Finding::MissingBoundary => {
            AnomalyKind::AmbiguousBoundary
        }
        Finding::OddType | Finding::OddEncoding => AnomalyKind::AmbiguousMimeField,
        Finding::AmbiguousHeader => AnomalyKind::AmbiguousHeader,
        Finding::NoSeparator => return None,
    })
}
