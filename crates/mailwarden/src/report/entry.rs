//! Messages of the log on their way to the writer: with time and severity, and without the frame that each
//! destination has of its own.

use std::io;

use policy::model::LogMessage;

use super::time::WallTime;

/// One message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry<'b> {
    pub(super) time: WallTime,
    /// From 0, the worst, to 7 (RFC 5424 §6.2.1).
    pub(super) severity: u8,
    /// `%FACILITY-SEVERITY-MNEMONIC: text`, one line without its end.
    pub(super) text: &'b [u8],
}

/// Time, severity and length, before the text.
const HEAD: usize = 8 + 1 + 4;

/// Appends a message, unless `write` says that there is none.
pub(super) fn push(out: &mut Vec<u8>, time: WallTime, write: impl FnOnce(&mut Vec<u8>) -> io::Result<bool>) {
    let start = out.len();
    out.extend_from_slice(&[0; HEAD]);
    // A Vec takes everything.
    let written = write(out).unwrap_or(false);
    let (_, entry) = out.split_at_mut(start);
    let Some((head, text)) = entry.split_first_chunk_mut::<HEAD>().filter(|_| written) else {
        return out.truncate(start);
    };
    let len = u32::try_from(text.len()).unwrap_or(u32::MAX);
    let severity = severity(text).unwrap_or(UNKNOWN);
    let mut fields = time.unix_micros().to_be_bytes().into_iter().chain([severity]).chain(len.to_be_bytes());
    head.fill_with(|| fields.next().unwrap_or_default());
}

/// The messages that were appended, in order.
pub(super) fn entries(mut bytes: &[u8]) -> impl Iterator<Item = Entry<'_>> {
    std::iter::from_fn(move || {
        let (time, rest) = bytes.split_first_chunk()?;
        let ([severity], rest) = rest.split_first_chunk()?;
        let (len, rest) = rest.split_first_chunk()?;
        let (text, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*len)).ok()?)?;
        bytes = rest;
        let time = WallTime::from_unix_micros(u64::from_be_bytes(*time));
        Some(Entry { time, severity: *severity, text })
    })
}

/// The messages as `logging message` of an ASA wants them: some not at all, some with another severity.
pub(super) fn revised(log: Vec<u8>, rules: &[LogMessage]) -> Vec<u8> {
    if rules.is_empty() {
        return log;
    }
    let mut out = Vec::with_capacity(log.len());
    for Entry { time, text, .. } in entries(&log) {
        let rule = rules.iter().find(|rule| asa_number(text) == Some(rule.number));
        push(&mut out, time, |out| {
            let start = out.len();
            out.extend_from_slice(text);
            // `%ASA-6-302014: …`
            if let (Some(level), Some(digit)) = (rule.and_then(|rule| rule.level), out.get_mut(start + 5)) {
                *digit = b'0' + level as u8;
            }
            Ok(!rule.is_some_and(|rule| rule.off))
        });
    }
    out
}

/// 302014 of `%ASA-6-302014: …`.
fn asa_number(text: &[u8]) -> Option<u32> {
    let number = text.strip_prefix(b"%ASA-")?.get(2..8)?;
    std::str::from_utf8(number).ok()?.parse().ok()
}

/// The severity of a message that does not say it: informational.
const UNKNOWN: u8 = 6;

/// The severity in `%FACILITY-SEVERITY-MNEMONIC`.
fn severity(message: &[u8]) -> Option<u8> {
    let (name, _) = message.split_at_checked(memchr::memchr(b':', message)?)?;
    let digit = |part: &[u8]| match part {
        [digit @ b'0'..=b'7'] => Some(*digit - b'0'),
        _ => None,
    };
    name.split(|byte| *byte == b'-').find_map(digit)
}

#[cfg(test)]
mod tests {
    use policy::model::LogLevel;

    use super::*;

    #[test]
    fn what_is_appended_is_read_back_and_what_is_not_written_leaves_nothing() {
        let mut out = Vec::new();
        let (one, two) = (WallTime::from_unix_micros(7), WallTime::from_unix_micros(8));
        let line = |text: &'static [u8]| {
            move |out: &mut Vec<u8>| {
                out.extend_from_slice(text);
                Ok(!text.is_empty())
            }
        };
        push(&mut out, one, line(b"%FW-4-ALERT_ON: a-3-b"));
        push(&mut out, one, line(b""));
        push(&mut out, two, line(b"no severity"));
        let read: Vec<_> = entries(&out).collect();
        let first = Entry { time: one, severity: 4, text: b"%FW-4-ALERT_ON: a-3-b" };
        assert_eq!(read, [first, Entry { time: two, severity: 6, text: b"no severity" }]);
        out.pop();
        assert_eq!(entries(&out).count(), 1);
    }

    #[test]
    fn messages_of_an_asa_are_silenced_and_change_their_severity() {
        let mut log = Vec::new();
        for text in ["%ASA-6-302013: Built", "%ASA-6-302014: Teardown", "%FW-6-MAILWARDEN: x", "%ASA-4"] {
            push(&mut log, WallTime::EPOCH, |out| {
                out.extend_from_slice(text.as_bytes());
                Ok(true)
            });
        }
        let rule = |number, off, level| LogMessage { number, off, level };
        let rules = [rule(302_013, true, None), rule(302_014, false, Some(LogLevel::Debugging))];
        let revised = revised(log, &rules);
        let read: Vec<_> = entries(&revised).map(|entry| (entry.severity, entry.text)).collect();
        let expected: [(u8, &[u8]); 3] =
            [(7, b"%ASA-7-302014: Teardown"), (6, b"%FW-6-MAILWARDEN: x"), (6, b"%ASA-4")];
        assert_eq!(read, expected);
    }
}
