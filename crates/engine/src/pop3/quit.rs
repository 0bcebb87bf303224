//! The QUIT of a client that is logged in, in a stream that is not parsed otherwise.

/// Looks for a line that says QUIT, in any cuts.
#[derive(Debug)]
pub(super) struct QuitWatch {
    line: SoFar,
}

/// What a line is so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SoFar {
    /// So many letters of the verb and nothing else.
    Letters(usize),
    /// The verb, and perhaps blanks behind it.
    Quit,
    /// Something else.
    Other,
}

const VERB: &[u8] = b"QUIT";

impl Default for QuitWatch {
    fn default() -> Self {
        Self { line: SoFar::Letters(0) }
    }
}

impl QuitWatch {
    /// How many bytes of the input lead up to the end of the first QUIT line.
    pub(super) fn find(&mut self, input: &[u8]) -> Option<usize> {
        let mut rest = input;
        while let Some((&byte, behind)) = rest.split_first() {
            if self.line == SoFar::Other {
                let end = memchr::memchr(b'\n', rest)?;
                self.line = SoFar::Letters(0);
                rest = rest.get(end + 1..).unwrap_or_default();
                continue;
            }
            rest = behind;
            self.line = match (self.line, byte) {
                (SoFar::Quit, b'\n') => return Some(input.len() - rest.len()),
                (SoFar::Quit, b' ' | b'\t' | b'\r') => SoFar::Quit,
                (_, b'\n') => SoFar::Letters(0),
                (SoFar::Letters(count), byte)
                    if VERB.get(count).is_some_and(|letter| letter.eq_ignore_ascii_case(&byte)) =>
                {
                    if count + 1 == VERB.len() { SoFar::Quit } else { SoFar::Letters(count + 1) }
                }
                _ => SoFar::Other,
            };
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quit_is_found_at_the_beginning_of_a_line_in_every_cut() {
        let table: &[(&[u8], Option<usize>)] = &[
            (b"QUIT\r\n", Some(6)),
            (b"quit \n", Some(6)),
            (b"RETR 1\r\nQuit\r\nSTAT\r\n", Some(14)),
            (b"\r\nQUIT\r\n", Some(8)),
            (b" QUIT\r\n", None),
            (b"QUITS\r\n", None),
            (b"QUIT 1\r\n", None),
            (b"QUI\nT\r\n", None),
            (b"QUIT", None),
        ];
        for (input, expected) in table {
            for cut in 0..input.len() {
                let mut watch = QuitWatch::default();
                let (front, back) = input.split_at(cut);
                let found = watch.find(front).or_else(|| watch.find(back).map(|len| cut + len));
                assert_eq!(found, *expected, "{} cut at {cut}", input.escape_ascii());
            }
        }
    }
}
