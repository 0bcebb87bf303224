//! Message content → facts: what of a message the rules get to know, in the order of its octets.
//!
//! Knows no SMTP. Counters are judged at the very octet at which they pass a limit, and everything
//! else where it became known, so that the cuts of the input change nothing.

use std::borrow::Cow;

use policy::RuleId;
use policy::fact::{Close, Counter, Fact, Kind, Scope};
use policy::{CompiledPolicy, RuleState, Verdict};
use proto::Side;
use proto::mime::{self, Finding, PartHeader, Reader, Wants};

use crate::config::{SessionConfig, Watch};
use crate::conformance::{self, Told};
use crate::effect::Out;
use crate::event::{self, Anomaly, AnomalyKind, Event, MessageSize, Observed, Treatment, Via};
use crate::refusal::{Cause, Refusal};

/// One message on its way.
#[derive(Debug)]
pub(crate) struct Message {
    reader: Reader,
    via: Via,
    /// Octets of it that came, as they were sent.
    pub(crate) octets: u64,
    /// Octets offered again that were looked at for the end of a header field and have none.
    pub(crate) looked_at: usize,
    /// Its end was seen, and nobody refused it.
    whole: bool,
    /// The beginning of the line of body text under way, to be reported if something is found in it.
    line: Vec<u8>,
    /// What mending added to header and body: sizes count octets as they were received.
    mended_header: i64,
    mended_body: i64,
}

/// The rules and the ears of a session, lent to whoever learns something.
pub(crate) struct Ears<'e, 'o> {
    pub(crate) at: &'e SessionConfig,
    pub(crate) rules: &'e mut RuleState,
    pub(crate) told: &'e mut Told,
    /// Octets of message data on the whole connection.
    pub(crate) data_octets: &'e mut u64,
    pub(crate) transaction: Option<u32>,
    pub(crate) out: &'e mut Out<'o>,
}

/// What the rules decided about an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    Pass,
    Mask,
    Refuse { rule: RuleId, kind: Option<Kind> },
}

impl Message {
    pub(crate) fn new(via: Via, at: &SessionConfig) -> Self {
        let needs = at.policy.as_ref().map(|policy| policy.needs()).unwrap_or_default();
        let observed = at.watch == Watch::Observe;
        let wants = Wants {
            fields: needs.header_fields,
            parts: needs.parts || observed,
            text: needs.text,
            lines: observed,
        };
        Self {
            reader: Reader::new(wants, via == Via::Bdat),
            via,
            octets: 0,
            looked_at: 0,
            whole: false,
            line: Vec::new(),
            mended_header: 0,
            mended_body: 0,
        }
    }

    /// Learns the next octets; a refusal stops the message. `size` is what they count for, which
    /// differs from their number only where line ends were mended.
    pub(crate) fn learn(&mut self, content: &[u8], size: usize, ears: &mut Ears<'_, '_>) -> Option<Refusal> {
        if content.len() != size {
            return self.slice(content, size as u64, ears);
        }
        let mut rest = content;
        while !rest.is_empty() {
            let room = usize::try_from(self.room(ears)).unwrap_or(usize::MAX).max(1);
            let (now, later) = rest.split_at_checked(room).unwrap_or((rest, b""));
            if let Some(refusal) = self.slice(now, now.len() as u64, ears) {
                return Some(refusal);
            }
            rest = later;
        }
        None
    }

    /// The field that was learned last is whole: what follows it is known and is no continuation.
    pub(crate) fn end_field(&mut self, ears: &mut Ears<'_, '_>) -> Option<Refusal> {
        let mut refusal = None;
        let Self { reader, line, .. } = self;
        reader.end_field(&mut |_, event| refusal = refusal.take().or_else(|| ears.hear(event, line)));
        refusal
    }

    /// No more of it will come: tells the part whose header was open, and judges nothing, since a message
    /// without an end decides nothing.
    pub(crate) fn observe_rest(&mut self, ears: &mut Ears<'_, '_>) {
        self.reader.finish(&mut |_, event| {
            if let mime::Event::PartHeader(part) = event {
                ears.observe_part(&part);
            }
        });
    }

    /// The end of the data.
    pub(crate) fn finish(&mut self, ears: &mut Ears<'_, '_>) -> Option<Refusal> {
        let mut refusal = None;
        let Self { reader, line, .. } = self;
        reader.finish(&mut |_, event| refusal = refusal.take().or_else(|| ears.hear(event, line)));
        let refusal = refusal.or_else(|| ears.close(Close::Data));
        self.whole = refusal.is_none();
        refusal
    }

    pub(crate) fn in_header(&self) -> bool {
        self.reader.in_header()
    }

    pub(crate) const fn via(&self) -> Via {
        self.via
    }

    /// How much of a message that was given up had been looked at is the segments' doing.
    pub(crate) const fn is_whole(&self) -> bool {
        self.whole
    }

    pub(crate) fn size(&self) -> MessageSize {
        MessageSize {
            header_bytes: self.header_bytes(),
            body_bytes: self.reader.body_bytes().saturating_add_signed(-self.mended_body),
            longest_header_line: self.reader.longest_header_line(),
            longest_body_line: self.reader.longest_body_line(),
        }
    }

    fn header_bytes(&self) -> u64 {
        self.reader.header_bytes().saturating_add_signed(-self.mended_header)
    }

    /// Octets that may follow before a counter can pass a limit.
    fn room(&self, ears: &Ears<'_, '_>) -> u64 {
        let header = self.header_bytes();
        let header_bound =
            if self.in_header() { ears.at.bounds.header.saturating_sub(header) + 1 } else { u64::MAX };
        let Some(policy) = &ears.at.policy else { return header_bound };
        let room = |counter, value| policy.room(ears.rules, counter, value).unwrap_or(u64::MAX);
        let in_header = if self.in_header() { room(Counter::HeaderLength, header) } else { u64::MAX };
        header_bound.min(in_header).min(room(Counter::DataLength, *ears.data_octets))
    }

    fn slice(&mut self, content: &[u8], size: u64, ears: &mut Ears<'_, '_>) -> Option<Refusal> {
        let mut refusal = None;
        let before = (self.reader.header_bytes(), self.reader.body_bytes());
        let Self { reader, line, .. } = self;
        reader.push(content, &mut |_, event| refusal = refusal.take().or_else(|| ears.hear(event, line)));
        self.note_mending(before, content.len() as u64, size);
        if refusal.is_some() {
            return refusal;
        }
        *ears.data_octets += size;
        let header = self.header_bytes();
        if header > ears.at.bounds.header {
            return ears.anomaly(AnomalyKind::LongHeader, b"");
        }
        ears.count(Counter::HeaderLength, header)
            .or_else(|| ears.count(Counter::DataLength, *ears.data_octets))
    }

    /// Counts what differs between octets received and octets learned to where they stand; the line
    /// that ends the header is in neither.
    fn note_mending(&mut self, (header, body): (u64, u64), learned: u64, received: u64) {
        let added = learned.cast_signed() - received.cast_signed();
        if self.reader.header_bytes() > header || learned == 0 && self.reader.in_header() {
            self.mended_header += added;
        } else if self.reader.body_bytes() > body || learned == 0 {
            self.mended_body += added;
        }
    }
}

impl Ears<'_, '_> {
    fn hear(&mut self, event: mime::Event<'_>, line: &mut Vec<u8>) -> Option<Refusal> {
        match event {
            mime::Event::Field(field) if field.top => {
                self.message_fact(Fact::HeaderField(field.text), field.text)
            }
            mime::Event::Field(_) => None,
            mime::Event::HeaderEnd => self.close(Close::Header),
            mime::Event::PartHeader(part) => self.part(&part),
            mime::Event::Text(run) => self.text(run, line),
            mime::Event::PartEnd { covered, .. } => self.part_end(covered, line),
            mime::Event::Finding(finding) => self.anomaly(anomaly_of(finding)?, b""),
        }
    }

    fn part(&mut self, part: &PartHeader<'_>) -> Option<Refusal> {
        self.observe_part(part);
        let policy = self.at.policy.as_deref()?;
        if !part.covered {
            policy.begin(self.rules, Scope::Part);
        }
        let mut last = &b""[..];
        for content_type in part.content_types() {
            policy.learn(self.rules, Fact::ContentType(content_type.text));
            last = content_type.text;
        }
        // RFC 2045 §6.1: without a field the encoding is 7bit.
        let mut encoding = &b"7bit"[..];
        for (number, named) in part.encodings().enumerate() {
            if number > 0 {
                policy.learn(self.rules, Fact::Encoding(encoding));
            }
            encoding = named;
        }
        policy.learn(self.rules, Fact::Encoding(encoding));
        policy.close(self.rules, Close::PartHeader);
        self.judge_message(&|kind| match kind {
            Kind::MimeEncoding => encoding,
            _ => last,
        })
    }

    fn observe_part(&mut self, part: &PartHeader<'_>) {
        if let (Watch::Observe, Some(transaction), false) = (self.at.watch, self.transaction, part.alternate)
        {
            self.out.report(Event::Observed(Observed::Part {
                transaction,
                content_type: part.media_type(),
                encoding: part.encoding(),
                filename: part.filename(),
            }));
        }
    }

    fn text(&mut self, run: &[u8], line: &mut Vec<u8>) -> Option<Refusal> {
        let policy = self.at.policy.as_deref()?;
        let mut refusal = None;
        let (at, transaction, out) = (self.at, self.transaction, &mut *self.out);
        policy.learn_body(self.rules, run, &mut |rules, offset| {
            let value = line_before(line, run, offset);
            let decision = judge(at, policy, rules, transaction, out, &|_| Cow::Borrowed(&value));
            refusal = message_refusal(decision);
            refusal.is_none()
        });
        keep_line(line, run);
        refusal
    }

    fn part_end(&mut self, covered: bool, line: &mut Vec<u8>) -> Option<Refusal> {
        let policy = self.at.policy.as_deref()?;
        policy.end_body(self.rules);
        let refusal = self.judge_message(&|_| line);
        line.clear();
        if !covered {
            policy.begin(self.rules, Scope::Part);
        }
        refusal
    }

    fn message_fact(&mut self, fact: Fact<'_>, value: &[u8]) -> Option<Refusal> {
        self.at.policy.as_deref()?.learn(self.rules, fact);
        self.judge_message(&|_| value)
    }

    fn count(&mut self, counter: Counter, value: u64) -> Option<Refusal> {
        self.at.policy.as_deref()?.learn(self.rules, Fact::Count(counter, value));
        message_refusal(self.judge(&|_| Cow::Owned(value.to_string().into_bytes())))
    }

    pub(crate) fn close(&mut self, close: Close) -> Option<Refusal> {
        self.at.policy.as_deref()?.close(self.rules, close);
        self.judge_message(&|_| b"")
    }

    fn judge_message<'v>(&mut self, value: &dyn Fn(Kind) -> &'v [u8]) -> Option<Refusal> {
        message_refusal(self.judge(&|kind| Cow::Borrowed(value(kind))))
    }

    /// Judges the event that was learned, and reports what acted with the value it acted on.
    pub(crate) fn judge<'v>(&mut self, value: &dyn Fn(Kind) -> Cow<'v, [u8]>) -> Decision {
        match self.at.policy.as_deref() {
            Some(policy) => judge(self.at, policy, self.rules, self.transaction, self.out, value),
            None => Decision::Pass,
        }
    }

    /// Reports an anomaly of the client; a refusal if conformance refuses the message for it.
    pub(crate) fn anomaly(&mut self, kind: AnomalyKind, value: &[u8]) -> Option<Refusal> {
        let treatment = conformance::treatment(kind, self.at.conformance);
        let observed = self.at.watch == Watch::Observe;
        if self.told.tells(kind, self.at.watch) {
            let value = cut(value);
            self.out.report(Event::Anomaly(Anomaly { kind, from: Side::Client, value, treatment }));
        }
        (treatment >= Treatment::Refused && !observed).then_some(Cause::MessageFormat.into())
    }
}

fn judge<'v>(
    at: &SessionConfig,
    policy: &CompiledPolicy,
    rules: &mut RuleState,
    transaction: Option<u32>,
    out: &mut Out<'_>,
    value: &dyn Fn(Kind) -> Cow<'v, [u8]>,
) -> Decision {
    let mut kind = None;
    let verdict = policy.judge(rules, &mut |hit| {
        kind = hit.kind;
        let Some(kind) = hit.kind else { return };
        out.report(Event::Match(event::Match {
            policy: policy.name(),
            class: policy.class(hit.rule),
            criterion: policy.criterion(hit.condition),
            kind,
            scope: kind.scope(),
            value: cut(&value(kind)),
            action: hit.action,
            log: hit.log,
            transaction,
        }));
    });
    match verdict {
        _ if at.watch == Watch::Observe => Decision::Pass,
        Verdict::Pass => Decision::Pass,
        Verdict::Mask(_) => Decision::Mask,
        Verdict::Refuse(rule) => Decision::Refuse { rule, kind },
    }
}

const fn message_refusal(decision: Decision) -> Option<Refusal> {
    match decision {
        Decision::Refuse { rule, kind } => Some(Cause::of_message(kind).by(rule)),
        Decision::Pass | Decision::Mask => None,
    }
}

/// Octets of a value that are reported.
const VALUE_MAX: usize = 256;

/// A value as it is reported.
fn cut(value: &[u8]) -> &[u8] {
    value.get(..VALUE_MAX).unwrap_or(value)
}

/// The line whose end stands at `end` of `run`; `before` is how it began in earlier runs.
fn line_before(before: &[u8], run: &[u8], end: usize) -> Vec<u8> {
    let text = run.get(..end).unwrap_or(run);
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    let (before, text) = match memchr::memrchr(b'\n', text) {
        Some(lf) => (&b""[..], text.get(lf + 1..).unwrap_or_default()),
        None => (before, text),
    };
    let mut line = [before, cut(text)].concat();
    if line.len() <= VALUE_MAX && line.last() == Some(&b'\r') {
        line.pop();
    }
    line
}

/// Keeps the beginning of the line under way at the end of `run`.
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

fn anomaly_of(finding: Finding) -> Option<AnomalyKind> {
    Some(match finding {
        Finding::DepthExceeded => AnomalyKind::MimeDepth,
        Finding::PartsExceeded => AnomalyKind::MimeParts,
        Finding::DescriptionTooLong | Finding::BoundaryTooLong | Finding::DelimiterTooLong => {
            AnomalyKind::MimeReadings
        }
        Finding::FieldTooLong => AnomalyKind::LongField,
        Finding::RepeatedContentType | Finding::RepeatedEncoding => AnomalyKind::RepeatedMimeField,
        _ => return None,
    })
}
