//! The reader an attacker hopes for behind us: one that takes anything for a line end.

/// How many ends of data are in what left in DATA for a reader that takes CR, LF and CRLF for line
/// ends and drops NULs. In a message without its own end there must be none.
pub(crate) fn ends_of_data(wire: &[u8]) -> usize {
    let text: Vec<u8> = wire.iter().copied().filter(|&octet| octet != 0).collect();
    let mut lines = text.split(|&octet| octet == b'\r' || octet == b'\n').peekable();
    let mut ends = 0;
    while let Some(line) = lines.next() {
        ends += usize::from(line == b"." && lines.peek().is_some());
    }
    ends
}
