//! What a server delivered: the messages of its Maildirs, without the lines that name a time, a place or a queue id.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::process::Failure;

/// A mailbox for delivery reports. Their text is the server's own, so only its machine-readable fields are compared.
pub(crate) const REPORTS: &str = "reports";

/// One copy of a message in one mailbox.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Delivery {
    pub(crate) mailbox: String,
    /// What stands between `<` and `>`, `@` and domain left out.
    pub(crate) message_id: String,
    pub(crate) octets: Vec<u8>,
}

/// Reads all mailboxes below `root` and empties them; in the order of mailbox, id and content.
pub(crate) fn take(root: &Path) -> Result<Vec<Delivery>, Failure> {
    let fail = |error: std::io::Error| format!("{}: {error}", root.display());
    let mut deliveries = Vec::new();
    for mailbox in fs::read_dir(root).map_err(fail)? {
        let mailbox = mailbox.map_err(fail)?;
        // No `new`: a mailbox whose first message is being written.
        let Ok(messages) = fs::read_dir(mailbox.path().join("new")) else { continue };
        for message in messages {
            let path = message.map_err(fail)?.path();
            let octets = fs::read(&path).map_err(fail)?;
            fs::remove_file(&path).map_err(fail)?;
            deliveries.push(Delivery::new(mailbox.file_name().to_string_lossy().into_owned(), &octets));
        }
    }
    deliveries.sort();
    Ok(deliveries)
}

impl Delivery {
    fn new(mailbox: String, octets: &[u8]) -> Self {
        if mailbox == REPORTS {
            return Self { mailbox, message_id: String::new(), octets: report_fields(octets) };
        }
        let message_id = fields(octets).find_map(|field| {
            let text = String::from_utf8_lossy(field);
            let (name, value) = text.split_once(':')?;
            let id = value.trim().strip_prefix('<')?.split('@').next()?.to_owned();
            name.eq_ignore_ascii_case("message-id").then_some(id)
        });
        Self { mailbox, message_id: message_id.unwrap_or_default(), octets: without_traces(octets) }
    }
}

/// In which copies two runs differ, a line for each.
pub(crate) fn differences(control: &[Delivery], through: &[Delivery]) -> Vec<String> {
    let mut copies: BTreeMap<(&str, &str), [Vec<&[u8]>; 2]> = BTreeMap::new();
    for (run, deliveries) in [control, through].into_iter().enumerate() {
        for delivery in deliveries {
            let key = (delivery.mailbox.as_str(), delivery.message_id.as_str());
            copies.entry(key).or_default()[run].push(&delivery.octets);
        }
    }
    let differing = copies.into_iter().filter(|(_, [control, through])| control != through);
    differing.map(|((mailbox, id), [control, through])| difference(mailbox, id, &control, &through)).collect()
}

fn difference(mailbox: &str, id: &str, control: &[&[u8]], through: &[&[u8]]) -> String {
    if control.len() != through.len() {
        let (without, with) = (control.len(), through.len());
        return format!("{id} in {mailbox}: {without} copies without the firewall, {with} with it");
    }
    let pair = control.iter().zip(through).find(|(control, through)| control != through);
    let (control, through) = pair.expect("a differing pair");
    let at = control.iter().zip(*through).take_while(|(a, b)| a == b).count();
    let excerpt = |octets: &[u8]| {
        let from = at.saturating_sub(30);
        String::from_utf8_lossy(&octets[from..octets.len().min(at + 30)]).escape_debug().to_string()
    };
    let (without, with) = (excerpt(control), excerpt(through));
    format!("{id} in {mailbox}: differs at octet {at}\n    without: {without}\n    with:    {with}")
}

/// The message with each trace field reduced to what two runs must have in common: of `Received` whether it was in
/// TLS (`ESMTPS`, `utf8esmtps`, …), of `Delivery-date` nothing.
///
/// Whether it was by SMTPUTF8 is not compared: Exim says so of every message behind the first such one of a connection.
pub(crate) fn without_traces(message: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(message.len());
    let mut header_len = 0;
    for field in fields(message) {
        header_len += field.len();
        let name = field.split(|octet| *octet == b':').next().unwrap_or_default();
        if name.eq_ignore_ascii_case(b"received") {
            let text = String::from_utf8_lossy(field);
            let protocol = text.split_whitespace().skip_while(|word| *word != "with").nth(1);
            let tls = protocol.is_some_and(|protocol| protocol.to_ascii_lowercase().ends_with("mtps"));
            kept.extend_from_slice(if tls { b"Received: in TLS\n" } else { b"Received: in clear\n" });
        } else if !name.eq_ignore_ascii_case(b"delivery-date") {
            kept.extend_from_slice(field);
        }
    }
    kept.extend_from_slice(&message[header_len..]);
    kept
}

/// The header's fields, folded lines and line ends included.
fn fields(message: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = message;
    std::iter::from_fn(move || {
        if rest.is_empty() || rest.starts_with(b"\n") || rest.starts_with(b"\r\n") {
            return None;
        }
        let mut len = 0;
        for line in rest.split_inclusive(|octet| *octet == b'\n') {
            if len > 0 && !line.starts_with(b" ") && !line.starts_with(b"\t") {
                break;
            }
            len += line.len();
        }
        let (field, after) = rest.split_at(len);
        rest = after;
        Some(field)
    })
}

/// The fields of a delivery report (RFC 3464) that do not name a queue or a time, one per line.
fn report_fields(report: &[u8]) -> Vec<u8> {
    const KEPT: [&str; 5] =
        ["Original-Envelope-Id:", "Original-Recipient:", "Final-Recipient:", "Action:", "Status:"];
    let text = String::from_utf8_lossy(report);
    let kept = text.lines().filter(|line| KEPT.iter().any(|name| line.starts_with(name)));
    kept.flat_map(|line| [line.as_bytes(), b"\n"]).flatten().copied().collect()
}

#[test]
fn trace_fields_are_reduced_to_clear_or_tls() {
    let delivered =
        b"Return-Path: <a@x>\nReceived: from c (c [127.0.0.1])\n\tby mx with ESMTPS id 1F3;\n\tSun, 1 Jan\n\
        Delivery-date: Sun\nSubject: a\n b\n\nReceived: with body\n";
    let kept = b"Return-Path: <a@x>\nReceived: in TLS\nSubject: a\n b\n\nReceived: with body\n";
    assert_eq!(without_traces(delivered), kept);
}
