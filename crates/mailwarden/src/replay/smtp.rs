//! What a replay must know of SMTP where a recording has holes: where commands and replies begin and end.
//!
//! The rest of what it needs of a protocol it asks of the engine: `Session::assume`, `Session::data_awaited` and
//! `Session::pass_over`.

use proto::smtp::verb::Verb;

/// Whether the line at the front is a command that we know: after lost bytes the dialogue goes on there.
pub(super) fn begins_command(line: &[u8]) -> bool {
    let word = line.split(|byte| byte.is_ascii_whitespace()).next().unwrap_or_default();
    Verb::of(word) != Verb::Unknown
}

/// A byte for a lost one of a message, behind the bytes at its front that do not tell yet what they are: it makes
/// of them what they most likely were, and never the end of the message.
pub(super) fn likely_next(front: &[u8]) -> u8 {
    match front {
        [b'.', b'\r'] => b' ',
        [.., b'\r'] => b'\n',
        [b'.'] => b'.',
        _ => b' ',
    }
}

/// Whether a reply line begins here: three digits, followed by a blank, a hyphen or the line end. Absent where
/// more bytes would tell.
pub(super) fn begins_reply(bytes: &[u8]) -> Option<bool> {
    let code = bytes.get(..bytes.len().min(3)).unwrap_or_default();
    if !code.iter().all(u8::is_ascii_digit) {
        return Some(false);
    }
    bytes.get(3).map(|separator| matches!(separator, b' ' | b'-' | b'\r' | b'\n'))
}

/// The length of the reply at the front, all its lines, if it is complete.
pub(super) fn reply_len(bytes: &[u8]) -> Option<usize> {
    let mut len = 0;
    for lf in memchr::memchr_iter(b'\n', bytes) {
        let line = bytes.get(len..lf).unwrap_or_default();
        len = lf + 1;
        if begins_reply(line) != Some(true) || line.get(3) != Some(&b'-') {
            return Some(len);
        }
    }
    None
}

/// The last line with its end, or what there is of it.
fn last_line(bytes: &[u8]) -> &[u8] {
    let before = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let start = memchr::memrchr(b'\n', before).map_or(0, |lf| lf + 1);
    bytes.get(start..).unwrap_or_default()
}

/// Whether the reply under way will not be completed: the client took it for complete, and what the server
/// sends now begins another.
pub(super) fn is_broken_off(reply: &[u8], next: &[u8]) -> bool {
    let last = last_line(reply);
    if reply.is_empty() || begins_reply(last) == Some(false) || begins_reply(next) != Some(true) {
        return false;
    }
    // Some servers send a line of a greeting ahead, to catch those who do not wait for the rest.
    let ends = reply.ends_with(b"\n");
    !ends || !last.starts_with(b"220") && next.get(..4) != last.get(..4)
}

/// Makes the last line of a reply that was broken off its final one.
pub(super) fn complete_reply(reply: &mut Vec<u8>) {
    if !reply.ends_with(b"\n") {
        reply.extend_from_slice(b"\r\n");
    }
    let start = reply.len() - last_line(reply).len();
    if let Some(separator) = reply.get_mut(start + 3).filter(|separator| **separator == b'-') {
        *separator = b' ';
    }
}
