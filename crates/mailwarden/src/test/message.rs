//! A message as a file has it → as DATA carries it: lines that end in CRLF, their leading dots doubled (RFC 5321
//! §4.5.2), and a dot at the end.
//!
//! A file whose first line ends in CRLF goes as it is, so that what is wrong with its lines is seen.

/// Encodes a message in pieces, of any size.
#[derive(Debug, Default)]
pub(super) struct DataEncoder {
    /// Whether line ends are bare in the file; known from the first.
    is_bare: Option<bool>,
    last: Option<u8>,
}

impl DataEncoder {
    /// The next piece of the file.
    pub(super) fn encode(&mut self, piece: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(piece.len() + piece.len() / 16);
        for &byte in piece {
            let before = self.last.replace(byte);
            match byte {
                b'\n'
                    if *self.is_bare.get_or_insert_with(|| before != Some(b'\r'))
                        && before != Some(b'\r') =>
                {
                    out.push(b'\r');
                }
                b'.' if before.is_none_or(|before| before == b'\n') => out.push(b'.'),
                _ => {}
            }
            out.push(byte);
        }
        out
    }

    /// What stands behind the last piece.
    pub(super) fn end(&self) -> &'static [u8] {
        match self.last {
            None | Some(b'\n') => b".\r\n",
            Some(_) => b"\r\n.\r\n",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(pieces: &[&str]) -> String {
        let mut encoder = DataEncoder::default();
        let mut out = Vec::new();
        pieces.iter().for_each(|piece| out.extend(encoder.encode(piece.as_bytes())));
        out.extend(encoder.end());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_file_of_any_kind_of_lines_becomes_data() {
        let table: &[(&[&str], &str)] = &[
            (&["A: b\n\nx\n"], "A: b\r\n\r\nx\r\n.\r\n"),
            (&["A: b\r\n\r\nx\r\n"], "A: b\r\n\r\nx\r\n.\r\n"),
            (&["A: b\n\nno end"], "A: b\r\n\r\nno end\r\n.\r\n"),
            (&[".\n", ".x\n..\n"], "..\r\n..x\r\n...\r\n.\r\n"),
            // A bare line feed in a file of CRLF is what is to be tested.
            (&["A: b\r", "\nx\ny\r\n"], "A: b\r\nx\ny\r\n.\r\n"),
            (&[], ".\r\n"),
        ];
        for (pieces, expected) in table {
            assert_eq!(encoded(pieces), *expected, "{pieces:?}");
        }
    }
}
