//! What a client of the control socket and the daemon say to each other.
//!
//! The client sends one line, `exec ` and a command as it was typed, and keeps the connection open as long as it listens. The daemon sends frames: a
//! byte that says what it is, the length of the rest as four bytes, the most significant first, and the rest.

use std::io::{self, Read};

/// Limit: bytes of a line of the client, its end included.
pub(super) const LINE_MAX: usize = 4096;

/// What a line of the client begins with.
pub(super) const EXEC: &str = "exec ";

/// Limit: bytes of the rest of a frame that anybody sends.
pub(super) const FRAME_MAX: usize = 64 << 10;

/// A part of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// What the command prints.
    Text(String),
    /// What is wrong with it.
    Complaint(String),
    /// The end, with the exit code of the client's program.
    Exit(u8),
}

const TEXT: u8 = b't';
const COMPLAINT: u8 = b'c';
const EXIT: u8 = b'x';

impl Frame {
    /// The frames of a text, each of a length that its reader accepts.
    pub(super) fn put_text(out: &mut Vec<u8>, text: &str) {
        put_each(out, TEXT, text);
    }

    pub(super) fn put_complaint(out: &mut Vec<u8>, text: &str) {
        put_each(out, COMPLAINT, text);
    }

    pub(super) fn put_exit(out: &mut Vec<u8>, code: u8) {
        put(out, EXIT, &[code]);
    }

    /// Reads the next frame; nothing at the end. Text that a cut through a character left in two frames is whole
    /// only to who puts them together, so that no frame is cut there.
    pub(super) fn read(from: &mut impl Read) -> io::Result<Option<Self>> {
        let mut kind = [0];
        if from.read(&mut kind)? == 0 {
            return Ok(None);
        }
        let mut len = [0; 4];
        from.read_exact(&mut len)?;
        let len = u32::from_be_bytes(len) as usize;
        let invalid = || io::Error::new(io::ErrorKind::InvalidData, "not an answer of mailwarden");
        if len > FRAME_MAX {
            return Err(invalid());
        }
        let mut rest = vec![0; len];
        from.read_exact(&mut rest)?;
        let text = |rest| String::from_utf8(rest).map_err(|_| invalid());
        Ok(Some(match (kind, &*rest) {
            ([TEXT], _) => Self::Text(text(rest)?),
            ([COMPLAINT], _) => Self::Complaint(text(rest)?),
            ([EXIT], [code]) => Self::Exit(*code),
            _ => return Err(invalid()),
        }))
    }
}

fn put_each(out: &mut Vec<u8>, kind: u8, mut text: &str) {
    while !text.is_empty() {
        let (frame, rest) = text.split_at(text.floor_char_boundary(FRAME_MAX));
        put(out, kind, frame.as_bytes());
        text = rest;
    }
}

fn put(out: &mut Vec<u8>, kind: u8, rest: &[u8]) {
    out.push(kind);
    out.extend_from_slice(&u32::try_from(rest.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(mut bytes: &[u8]) -> io::Result<Vec<Frame>> {
        let mut frames = Vec::new();
        while let Some(frame) = Frame::read(&mut bytes)? {
            frames.push(frame);
        }
        Ok(frames)
    }

    #[test]
    fn what_is_put_is_read() {
        let mut out = Vec::new();
        Frame::put_text(&mut out, "one\n");
        Frame::put_complaint(&mut out, "two");
        Frame::put_exit(&mut out, 2);
        let frames = [Frame::Text("one\n".to_owned()), Frame::Complaint("two".to_owned()), Frame::Exit(2)];
        assert_eq!(read_all(&out).unwrap(), frames);
        for cut in 1..out.len() {
            let whole = read_all(&out[..cut]).map(|frames| frames.len());
            assert!(whole.is_err() || whole.is_ok_and(|frames| frames < 3), "cut at {cut}");
        }
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let long = "é".repeat(FRAME_MAX);
        let mut out = Vec::new();
        Frame::put_text(&mut out, &format!("a{long}"));
        let frames = read_all(&out).unwrap();
        let texts = frames.iter().map(|frame| match frame {
            Frame::Text(text) => &**text,
            _ => "",
        });
        assert!(frames.len() > 1);
        assert_eq!(texts.collect::<String>(), format!("a{long}"));
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        let cases: [&[u8]; 4] =
            [b"HTTP/1.1 200 OK\r\n", b"t\xff\xff\xff\xff", b"x\0\0\0\x02ab", b"t\0\0\0\x01\xff"];
        for garbage in cases {
            assert!(read_all(garbage).is_err(), "{}", garbage.escape_ascii());
        }
    }
}
