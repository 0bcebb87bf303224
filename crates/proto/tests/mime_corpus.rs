//! The reader against messages that nobody of this project wrote, with the facts of an independent reader.
//!
//! Runs where `MAILWARDEN_CORPUS` names a folder that has `eml/*.eml` and `eml/FACTS.json`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that panics has found something")]

#[path = "../../../tests/common/corpus.rs"]
mod corpus;

use std::collections::BTreeMap;
use std::path::Path;

use proto::mime::{Interest, Item, Reader};
use serde_json::Value;

#[test]
fn reader_agrees_with_the_independent_facts() {
    let Some(folder) = corpus::folder("eml") else { return };
    let mut tally = Tally::default();
    for (file, expected) in &corpus::facts(&folder) {
        compare(&folder, file, expected, &mut tally);
    }
    for difference in &tally.differences {
        println!("{difference}");
    }
    for (field, (agreed, all)) in &tally.fields {
        println!("{field}: {agreed} of {all}");
    }
    for (field, (agreed, all)) in tally.fields {
        assert!(agreed * 100 >= all * 99, "{field}: {agreed} of {all}");
    }
}

#[derive(Default)]
struct Tally {
    fields: BTreeMap<&'static str, (usize, usize)>,
    differences: Vec<String>,
}

impl Tally {
    fn compare(&mut self, file: &str, field: &'static str, ours: &str, theirs: &str) {
        let (agreed, all) = self.fields.entry(field).or_default();
        *all += 1;
        *agreed += usize::from(ours == theirs);
        if ours != theirs {
            self.differences.push(format!("{file}: {field}: ours {ours:?}, theirs {theirs:?}"));
        }
    }
}

fn compare(folder: &Path, file: &str, expected: &Value, tally: &mut Tally) {
    let message = std::fs::read(folder.join(file)).unwrap();
    let mut parts = Vec::new();
    let mut reader = Reader::new(Interest { parts: true, lines: true, ..Interest::default() }, true);
    let mut sink = |_: usize, event: Item<'_>| {
        if let Item::PartHeader(part) = event
            && !part.alternate
        {
            let text = |octets: Option<&[u8]>| {
                octets.map_or_else(|| "null".into(), |octets| String::from_utf8_lossy(octets).into_owned())
            };
            let kind = format!("{} {}", part.depth, text(Some(part.media_type())));
            parts.push((kind, text(part.encoding()), text(part.filename())));
        }
    };
    reader.push(&message, &mut sink);
    reader.finish(&mut sink);

    for (field, ours) in [
        ("header_bytes", reader.header_bytes()),
        ("body_bytes", reader.body_bytes()),
        ("longest_header_line", reader.longest_header_line()),
        ("longest_body_line", reader.longest_body_line()),
    ] {
        tally.compare(file, field, &ours.to_string(), &expected[field].to_string());
    }
    let theirs: Vec<&Value> = expected["parts"].as_array().unwrap().iter().collect();
    // The independent reader stops at a depth of 60.
    let at_its_limit = expected["depth"] == 60;
    let ours = if at_its_limit { theirs.len() } else { parts.len() };
    tally.compare(file, "number of parts", &ours.to_string(), &theirs.len().to_string());
    for (number, theirs) in theirs.into_iter().enumerate() {
        let missing = ("missing".to_owned(), "missing".to_owned(), "missing".to_owned());
        let (kind, encoding, filename) = parts.get(number).unwrap_or(&missing);
        let text = |field: &str| theirs[field].as_str().map_or_else(|| "null".to_owned(), str::to_owned);
        tally.compare(file, "content_type", kind, &format!("{} {}", theirs["depth"], text("content_type")));
        tally.compare(file, "encoding", encoding, &text("encoding").to_ascii_lowercase());
        tally.compare(file, "filename", filename, &text("filename"));
    }
}
