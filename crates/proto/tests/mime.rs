//! Messages through the reader: what it tells, and that it tells the same for every cut.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that panics has found something")]

use proto::mime::{DEPTH_MAX, FIELD_MAX, Interest, Item, PARTS_MAX, ROOM, Reader};

const ALL: Interest = Interest {
    text: true,
    parts: true,
    findings: true,
    fields: true,
    lines: true,
    header_lines_over: None,
    body_lines_over: None,
};

/// Everything told, one line each, with the octet of the message that triggered it; text that is
/// contiguous is one line, for its pieces depend on the cut.
#[derive(Default, PartialEq, Debug)]
struct Story {
    lines: Vec<(u64, String)>,
    text_end: Option<u64>,
    text_told: u64,
    sizes: [u64; 4],
}

impl Story {
    fn tell(&mut self, message: &[u8], at: u64, event: Item<'_>) {
        let lossy = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
        let line = match event {
            Item::Text(text) => {
                let end = usize::try_from(at).unwrap();
                assert_eq!(
                    &message[end - text.len()..end],
                    text,
                    "text is not where the trigger says: {:?}",
                    lossy(message)
                );
                let begin = at - text.len() as u64;
                assert!(begin >= self.text_told, "told twice: {:?}", lossy(message));
                self.text_told = at;
                if self.text_end.replace(at) == Some(begin) {
                    let last = self.lines.last_mut().unwrap();
                    (last.0, last.1) = (at, format!("{}{}", last.1, lossy(text)));
                    return;
                }
                self.lines.push((at, format!("text {}", lossy(text))));
                return;
            }
            Item::Field(field) => {
                format!(
                    "field {} {}|{}|{}",
                    field.part,
                    lossy(field.text),
                    lossy(field.name),
                    lossy(field.value)
                )
            }
            Item::HeaderEnd => "header end".into(),
            Item::PartHeader(part) => {
                let types: Vec<_> = part.content_types().map(|value| lossy(value.media_type)).collect();
                let encodings: Vec<_> = part.encodings().map(lossy).collect();
                let names: Vec<_> = part.filenames().map(lossy).collect();
                format!(
                    "part {} depth {}{} {} {types:?} {encodings:?} {names:?}",
                    part.part,
                    part.depth,
                    if part.alternate { " alternate" } else { "" },
                    lossy(part.media_type()),
                )
            }
            Item::PartEnd { part, depth, .. } => format!("end {part} depth {depth}"),
            Item::LongLine { in_header, field, length } => {
                let place = if in_header { "header" } else { "body" };
                format!("long line in {place}: {} {length}", lossy(field))
            }
            Item::Finding(finding) => format!("finding {}", finding.name()),
        };
        self.text_end = None;
        self.lines.push((at, line));
    }

    fn of(message: &[u8], interest: Interest, lf_ends: bool, cuts: &[usize]) -> Self {
        let mut story = Self::default();
        let mut reader = Reader::new(interest, lf_ends);
        let mut start = 0;
        for end in cuts.iter().copied().chain([message.len()]) {
            let mut sink = |octets: usize, event: Item<'_>| {
                story.tell(message, (start + octets) as u64, event);
            };
            reader.push(&message[start..end], &mut sink);
            start = end;
        }
        reader.finish(&mut |octets, event| story.tell(message, (start + octets) as u64, event));
        story.sizes = [
            reader.header_bytes(),
            reader.body_bytes(),
            reader.longest_header_line(),
            reader.longest_body_line(),
        ];
        story
    }

    fn told(&self) -> Vec<&str> {
        self.lines.iter().map(|(_, line)| line.as_str()).collect()
    }
}

fn crlf(text: &str) -> Vec<u8> {
    text.replace('\n', "\r\n").into_bytes()
}

/// What is told of `message` without its fields.
fn told(message: &str) -> Vec<String> {
    let interest = Interest { fields: false, ..ALL };
    Story::of(&crlf(message), interest, false, &[]).told().into_iter().map(str::to_owned).collect()
}

const NESTED: &str = "\
From: a@x
Subject: a
\tfolded
Content-Type: multipart/mixed; boundary=outer

preamble
--outer
Content-Type: multipart/alternative; boundary=\"in ner\"

--in ner

plain
-- \u{20}
--in nerx
--in ner \t
Content-Type: text/html
Content-Transfer-Encoding: base64

PGI+
--outer
Content-Disposition: attachment; filename=a.eml
Content-Type: message/rfc822

Subject: inner
Content-Type: text/html

<b>
--outer--
epilogue
--outer
";

const DIGEST: &str = "\
Content-Type: multipart/digest; boundary=d

--d
--d
--d
Content-Type: message/rfc822

no field here
--d

Subject: one

text
--d";

const STATUS: &str = "\
Content-Type: multipart/report; boundary=r

--r
Content-Type: message/delivery-status

Reporting-MTA: dns; x


Final-Recipient: rfc822; a@x
junk
--r--
";

const REPEATED: &str = "\
Content-Type: multipart/mixed; boundary=a; boundary=b
Content-Type: text/plain
Content-Transfer-Encoding: 7bit
Content-Transfer-Encoding: base64

--a
Content-Type: image/png

AAAA
--b
Content-Type: text/html

<i>
--a--
";

const LATE: &str = "\
Subject: a
this is no field
Content-Type: multipart/mixed; boundary=a
X: y

--a

inside
--a--
";

const CUT_HEADERS: &str = "\
Content-Type: multipart/mixed; boundary=a

--a
Content-Type: multipart/mixed; boundary=b
--b
-odd
Content-Type: message/rfc822
--a
X: y
 z
--a--";

const READ_ON: &str = "\
Content-Type: multipart/mixed; boundary=a (c)

--a
no field
Content-Type: message/rfc822

Subject: b
Content-Type\t: text/html
Content-Transfer-Encoding
 : base64

--ax
Content-Type: multipart/x; boundary=c

--c\u{b}
X Y: z
Content-Type: image/png

x
--a--
";

const SAMPLES: [&str; 12] = [
    READ_ON,
    NESTED,
    DIGEST,
    STATUS,
    REPEATED,
    LATE,
    CUT_HEADERS,
    "",
    "\n",
    "Subject: no end",
    "Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: multipart/mixed; boundary=b\n--b",
    "From x@y Mon\nContent-Type: message/rfc822\n\n--x\nA: b\n\n-\n--\n",
];

#[test]
fn nested_parts_are_told_in_document_order() {
    assert_eq!(
        told(NESTED),
        [
            "header end",
            "part 0 depth 0 multipart/mixed [\"multipart/mixed\"] [] []",
            "text preamble\r\n",
            "part 1 depth 1 multipart/alternative [\"multipart/alternative\"] [] []",
            "part 2 depth 2 text/plain [] [] []",
            "text plain\r\n--  \r\n--in nerx\r\n",
            "end 2 depth 2",
            "part 3 depth 2 text/html [\"text/html\"] [\"base64\"] []",
            "end 3 depth 2",
            "end 1 depth 1",
            "part 4 depth 1 message/rfc822 [\"message/rfc822\"] [] [\"a.eml\"]",
            "part 5 depth 2 text/html [\"text/html\"] [] []",
            "text <b>\r\n",
            "end 5 depth 2",
            "end 4 depth 1",
            "text epilogue\r\n--outer\r\n",
            "end 0 depth 0",
        ]
    );
}

#[test]
fn parts_of_a_digest_are_messages_and_rows_of_delimiters_open_one_part() {
    assert_eq!(
        told(DIGEST),
        [
            "header end",
            "part 0 depth 0 multipart/digest [\"multipart/digest\"] [] []",
            "part 1 depth 1 message/rfc822 [\"message/rfc822\"] [] []",
            "finding no-header-separator",
            "part 2 depth 2 text/plain [] [] []",
            "text no field here\r\n",
            "part 2 depth 2 alternate text/plain [] [] []",
            "end 2 depth 2",
            "end 1 depth 1",
            "part 3 depth 1 message/rfc822 [] [] []",
            "part 4 depth 2 text/plain [] [] []",
            "text text\r\n",
            "end 4 depth 2",
            "end 3 depth 1",
            "part 5 depth 1 message/rfc822 [] [] []",
            "part 6 depth 2 text/plain [] [] []",
            "end 6 depth 2",
            "end 5 depth 1",
            "end 0 depth 0",
        ]
    );
}

#[test]
fn blocks_of_a_delivery_status_are_parts() {
    assert_eq!(
        told(STATUS),
        [
            "header end",
            "part 0 depth 0 multipart/report [\"multipart/report\"] [] []",
            "part 1 depth 1 message/delivery-status [\"message/delivery-status\"] [] []",
            "part 2 depth 2 text/plain [] [] []",
            "end 2 depth 2",
            "part 3 depth 2 text/plain [] [] []",
            "end 3 depth 2",
            "finding no-header-separator",
            "part 4 depth 2 text/plain [] [] []",
            "text junk\r\n",
            "part 4 depth 2 alternate text/plain [] [] []",
            "end 4 depth 2",
            "end 1 depth 1",
            "end 0 depth 0",
        ]
    );
}

#[test]
fn every_reading_of_repeated_fields_is_told() {
    let body = REPEATED.split_once("\n\n").unwrap().1.replace('\n', "\r\n");
    let story = told(REPEATED);
    let text: String = story.iter().filter_map(|line| line.strip_prefix("text ")).collect();
    assert_eq!(text, body, "the whole body is text under the second Content-Type");
    for line in [
        "finding repeated-content-type",
        "finding repeated-content-transfer-encoding",
        "finding repeated-boundary",
        "part 0 depth 0 multipart/mixed [\"multipart/mixed\", \"text/plain\"] [\"7bit\", \"base64\"] []",
        "part 1 depth 1 image/png [\"image/png\"] [] []",
        "part 2 depth 1 alternate text/html [\"text/html\"] [] []",
    ] {
        assert!(story.iter().any(|told| told == line), "{line} not in {story:#?}");
    }
}

#[test]
fn fields_behind_a_line_that_is_none_are_a_second_reading() {
    assert_eq!(
        told(LATE),
        [
            "finding no-header-separator",
            "part 0 depth 0 text/plain [] [] []",
            "text this is no field\r\nContent-Type: multipart/mixed; boundary=a\r\nX: y\r\n\r\n",
            "finding ambiguous-header",
            "part 0 depth 0 alternate multipart/mixed [\"multipart/mixed\"] [] []",
            "header end",
            "text --a\r\n\r\n",
            "part 1 depth 1 alternate text/plain [] [] []",
            "text inside\r\n--a--\r\n",
            "end 1 depth 1",
            "end 0 depth 0",
        ]
    );
    let story = Story::of(&crlf(LATE), ALL, false, &[]);
    assert_eq!(story.sizes[0], crlf(LATE.split_once("\n\n").unwrap().0).len() as u64 + 2);
}

#[test]
fn headers_cut_by_a_delimiter_are_told_as_they_are() {
    assert_eq!(
        told(CUT_HEADERS),
        [
            "header end",
            "part 0 depth 0 multipart/mixed [\"multipart/mixed\"] [] []",
            "finding no-header-separator",
            "part 1 depth 1 multipart/mixed [\"multipart/mixed\"] [] []",
            "part 1 depth 1 alternate multipart/mixed [\"multipart/mixed\"] [] []",
            "finding no-header-separator",
            "part 2 depth 2 text/plain [] [] []",
            "text -odd\r\nContent-Type: message/rfc822\r\n",
            "finding ambiguous-header",
            "part 2 depth 2 alternate message/rfc822 [\"message/rfc822\"] [] []",
            "end 2 depth 2",
            "end 1 depth 1",
            "part 3 depth 1 text/plain [] [] []",
            "end 3 depth 1",
            "end 0 depth 0",
        ]
    );
}

#[test]
fn sizes_count_line_ends_but_lines_do_not() {
    let message = b"A: b\r\nCc: def\r\n\r\nbody\r\nlonger body\r\n";
    let story = Story::of(message, Interest { lines: true, ..Interest::default() }, false, &[]);
    assert_eq!(story.sizes, [15, 19, 7, 11]);
    assert_eq!(story.told(), ["header end"]);
}

#[test]
fn lines_that_are_too_long_are_told_with_their_field() {
    let message = b"A: b\r\nSubject: abc\r\n def\r\n defghijkl\r\nno field, and long\r\n\r\n\
        short\r\n--long line\r\nlongest line\r\nx";
    let interest = Interest { header_lines_over: Some(9), body_lines_over: Some(7), ..Interest::default() };
    let story = Story::of(message, interest, false, &[]);
    assert_eq!(
        story.told(),
        [
            "long line in header: Subject 12",
            "long line in header: Subject 10",
            "finding no-header-separator",
            "long line in header:  18",
            "header end",
            "long line in body:  11",
            "long line in body:  12",
        ]
    );
    let last = Story::of(b"\n123456789", interest, true, &[]);
    assert_eq!(last.told(), ["header end", "long line in body:  9"]);
}

#[test]
fn running_sizes_do_not_count_what_may_be_the_blank_line() {
    let mut reader = Reader::new(Interest::default(), false);
    let mut sizes = Vec::new();
    for octet in b"A: b\r\nC\r\r\n\r\nx" {
        reader.push(&[*octet], &mut |_, _| {});
        sizes.push((reader.header_bytes(), reader.longest_header_line(), reader.body_bytes()));
    }
    assert_eq!(
        sizes,
        [
            (1, 1, 0),
            (2, 2, 0),
            (3, 3, 0),
            (4, 4, 0),
            (5, 4, 0),
            (6, 4, 0),
            (7, 4, 0),
            (8, 4, 0),
            (9, 4, 0),
            (10, 4, 0),
            (10, 4, 0),
            (10, 4, 0),
            (10, 4, 1),
        ]
    );
}

#[test]
fn bare_line_feeds_end_lines_only_where_they_may() {
    let message = b"Content-Type: multipart/mixed; boundary=a\n\n--a\n\nx\n--a--\n";
    let parts = |lf_ends| {
        let story = Story::of(message, ALL, lf_ends, &[]);
        story.told().iter().filter(|line| line.starts_with("part ")).count()
    };
    assert_eq!(parts(true), 2);
    assert_eq!(parts(false), 1);
}

#[test]
fn body_is_not_looked_at_unless_somebody_asks() {
    let interest = Interest { fields: true, ..Interest::default() };
    let story = Story::of(&crlf(NESTED), interest, false, &[]);
    assert_eq!(
        story.told(),
        [
            "field 0 From: a@x|From|a@x",
            "field 0 Subject: a\tfolded|Subject|a\tfolded",
            "field 0 Content-Type: multipart/mixed; boundary=outer|Content-Type|multipart/mixed; boundary=outer",
            "header end",
        ]
    );
}

#[test]
fn depth_is_bounded_and_named_once() {
    let mut message = String::new();
    for level in 0..=DEPTH_MAX + 5 {
        message += &format!("Content-Type: multipart/mixed; boundary=b{level}\n\n--b{level}\n");
    }
    let story = told(&message);
    let parts =
        story.iter().filter(|line| line.starts_with("part ") && !line.contains(" alternate ")).count();
    assert_eq!(parts, DEPTH_MAX as usize + 1);
    assert_eq!(story.iter().filter(|line| *line == "finding mime-depth-exceeded").count(), 1);
}

#[test]
fn parts_are_bounded_and_what_follows_is_text() {
    let message = "Content-Type: multipart/mixed; boundary=b\n\n".to_owned()
        + &"--b\nContent-Type: image/png\n\n".repeat(PARTS_MAX as usize + 5)
        + "the end\n";
    let story = told(&message);
    let parts = story.iter().filter(|line| line.starts_with("part ")).count();
    assert_eq!(parts, PARTS_MAX as usize);
    assert_eq!(story.iter().filter(|line| *line == "finding mime-parts-exceeded").count(), 1);
    assert!(story.iter().any(|line| line.starts_with("text ") && line.ends_with("the end\r\n")));
}

#[test]
fn long_field_and_long_boundary_are_named() {
    let long = "x".repeat(FIELD_MAX);
    let message =
        format!("Subject: {long}\nContent-Type: multipart/mixed; boundary={}\n\nb\n", &long[..2000]);
    let story = told(&message);
    for finding in ["finding field-too-long", "finding boundary-too-long", "finding missing-boundary"] {
        assert!(story.iter().any(|line| line == finding), "{finding}");
    }
    assert!(story.iter().any(|line| line == "text b\r\n"), "without a boundary the body is text");
}

#[test]
fn delimiters_may_be_padded_but_not_without_end() {
    let message = |blanks: usize| {
        let padding = " ".repeat(blanks);
        crlf(&format!("Content-Type: multipart/mixed; boundary=b\n\n--b{padding}\nSubject: a\n\nx\n"))
    };
    for (blanks, parts, findings) in [(3_000, 2, 0), (70_000, 1, 1)] {
        let message = message(blanks);
        let whole = Story::of(&message, ALL, false, &[]);
        let count = |start: &str| whole.told().iter().filter(|line| line.starts_with(start)).count();
        assert_eq!((count("part "), count("finding delimiter-too-long")), (parts, findings), "{blanks}");
        let cuts: Vec<usize> = (1..message.len()).step_by(997).collect();
        assert_eq!(Story::of(&message, ALL, false, &cuts), whole);
    }
}

#[test]
fn second_boundary_takes_nothing_from_the_first() {
    let told = told(
        "Content-Type: multipart/mixed; boundary=a\nContent-Type: multipart/mixed; boundary=b\n\n\
         --b\nContent-Type: image/png\n\n--b--\n\
         --a\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b--\n--a--\n",
    );
    let parts: Vec<_> = told.iter().filter(|line| line.starts_with("part ")).collect();
    assert_eq!(
        parts,
        [
            "part 0 depth 0 multipart/mixed [\"multipart/mixed\", \"multipart/mixed\"] [] []",
            "part 1 depth 1 alternate image/png [\"image/png\"] [] []",
            "part 2 depth 1 multipart/mixed [\"multipart/mixed\"] [] []",
            "part 3 depth 2 text/plain [] [] []",
        ]
    );
}

#[test]
fn text_inside_a_container_that_claims_an_encoding_is_told() {
    let message = "Content-Type: message/rfc822\nContent-Transfer-Encoding: ENCODING\n\nQQ==\n";
    let texts = |encoding: &str| {
        let told = told(&message.replace("ENCODING", encoding));
        told.iter().filter(|line| line.starts_with("text ")).count()
    };
    assert_eq!((texts("base64"), texts("7bit")), (1, 1));
}

#[test]
fn reader_is_as_new_after_restart() {
    let mut reader = Reader::new(ALL, false);
    for sample in SAMPLES {
        let message = crlf(sample);
        let mut story = Story::default();
        reader.restart();
        reader.push(&message, &mut |octets, event| story.tell(&message, octets as u64, event));
        reader.finish(&mut |octets, event| story.tell(&message, (message.len() + octets) as u64, event));
        assert_eq!(story.told(), Story::of(&message, ALL, false, &[]).told());
    }
}

#[test]
fn every_cut_tells_the_same() {
    for sample in SAMPLES {
        for (message, lf_ends) in [(crlf(sample), false), (sample.as_bytes().to_vec(), true)] {
            let whole = Story::of(&message, ALL, lf_ends, &[]);
            for cut in 0..=message.len() {
                assert_eq!(Story::of(&message, ALL, lf_ends, &[cut]), whole, "{sample:?} cut at {cut}");
            }
            let every: Vec<usize> = (1..message.len()).collect();
            assert_eq!(Story::of(&message, ALL, lf_ends, &every), whole, "{sample:?} octet by octet");
        }
    }
}

/// Lines that mean something somewhere, in an order that nobody would send.
fn scrambled(random: &mut fastrand::Rng, round: usize) -> Vec<u8> {
    const LINES: [&str; 34] = [
        "--a",
        "--a--",
        "--b",
        "--b--",
        "--b \t",
        "--",
        "-",
        "--a-",
        "",
        "",
        "",
        "text",
        "no field: really",
        "Content-Type: multipart/mixed; boundary=a",
        "Content-Type: multipart/digest; boundary=b",
        "Content-Type: multipart/mixed; boundary=\"a--\"; boundary=\"\"",
        "Content-Type: message/rfc822",
        "Content-Type: message/delivery-status",
        "Content-Type: text/html",
        "Content-Type: multipart/mixed boundary=b",
        "Content-Transfer-Encoding: base64",
        " continued",
        "From x",
        "X :\tblank",
        "Content-Type : text/html",
        "Content-Type",
        "\t: message/rfc822",
        "--ab",
        "--a\u{b}",
        "Content-Type: multipart/mixed; boundary=b/a (c)",
        "Content-Type: multipart / digest; boundary*0=a; boundary*0=b",
        "Content-Type: \"message/rfc822\"",
        "Content -Type: image/png",
        "Content-Disposition: x; filename=y",
    ];
    const ENDS: [&str; 8] = ["\r\n", "\r\n", "\r\n", "\r\n", "\n", "\r", "\r\r\n", " "];
    let mut message = Vec::new();
    for _ in 0..random.usize(1..(2 + round / 80)) {
        message.extend_from_slice(LINES[random.usize(..LINES.len())].as_bytes());
        message.extend_from_slice(ENDS[random.usize(..ENDS.len())].as_bytes());
    }
    message
}

#[test]
fn random_messages_tell_the_same_for_random_cuts() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    for round in 0..4_000 {
        let message = scrambled(&mut random, round);
        let lf_ends = random.bool();
        let whole = Story::of(&message, ALL, lf_ends, &[]);
        let every: Vec<usize> = (1..message.len()).collect();
        let mut some = every.clone();
        some.retain(|_| random.u8(..8) == 0);
        for cuts in [every, some] {
            let cut = Story::of(&message, ALL, lf_ends, &cuts);
            assert_eq!(cut, whole, "seed {seed}, lf_ends {lf_ends}, {:?}", String::from_utf8_lossy(&message));
        }
    }
}

#[test]
fn boundaries_names_and_values_together_have_a_bound_and_are_given_back() {
    let nested = |header: &dyn Fn(usize) -> String| {
        (0..DEPTH_MAX as usize)
            .map(|level| {
                let header = header(level);
                let name: String = header.rsplit('=').next().unwrap().trim_end().into();
                format!("{header}\n--{}\n", name.trim_matches('"'))
            })
            .collect::<String>()
    };
    let text = "y".repeat(900);
    for message in [
        nested(&|level| format!("Content-Type: multipart/mixed; boundary={text}{level}\n")),
        nested(&|level| {
            let many: String = (0..20).map(|number| format!("; boundary={text}{level}{number}")).collect();
            format!("Content-Type: multipart/mixed{many}\n")
        }),
        nested(&|level| {
            format!("X: a\nno field\nContent-Type: multipart/mixed; name={text}; boundary={level}\n")
        }),
        format!("Content-Type: text/plain; name={text}\n").repeat(500) + "\n",
        format!("Content-Transfer-Encoding: {text} x\n").repeat(500) + "\n",
        format!("Content-Disposition: x; {}\n\n", format!("filename={text};").repeat(60)),
        format!("Content-Type: text/plain; name=\"{}\"\n\n", "=?koi8-r?q?=89=89?= ".repeat(3000)),
    ] {
        let mut reader = Reader::new(ALL, false);
        for piece in crlf(&message).chunks(100) {
            reader.push(piece, &mut |_, _| {});
            assert!(reader.structure_size() <= ROOM, "{} of {}", reader.structure_size(), &message[..40]);
        }
        reader.finish(&mut |_, _| {});
        reader.restart();
        assert!(reader.structure_size() <= ROOM / 8, "{} are kept", reader.structure_size());
    }
}

/// Prints what the boundary watch costs; run with `--release --ignored --nocapture`.
#[test]
#[ignore = "a measurement, not a claim"]
fn base64_bodies_pass_with_a_boundary_watch() {
    const CHUNK: usize = 64 * 1024;
    const ROUNDS: u32 = 40_000;
    let mut header = String::new();
    for level in 0..DEPTH_MAX {
        header += &format!("Content-Type: multipart/mixed; boundary=\"=_{level}\"\n\n--=_{level}\n");
    }
    header += "Content-Type: image/png\nContent-Transfer-Encoding: base64\n\n";
    let header = crlf(&header);
    let base64 = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9\r\n";
    let dashes = "-- \r\n--not-the-boundary\r\n";
    for (what, line, interest) in [
        ("base64", base64, Interest { parts: true, ..Interest::default() }),
        ("base64 with line lengths", base64, Interest { parts: true, lines: true, ..Interest::default() }),
        ("base64, text wanted", base64, Interest { text: true, ..Interest::default() }),
        ("dashes", dashes, Interest { parts: true, ..Interest::default() }),
        ("dashes alone", "--\r\n", Interest { parts: true, ..Interest::default() }),
        ("almost a delimiter", "--=_98x\r\n", Interest { parts: true, ..Interest::default() }),
        ("dashes and fields", "--x\r\nContent-X: y\r\n", Interest { parts: true, ..Interest::default() }),
        (
            "text",
            "It was a bright cold day in April, and the clocks were striking thirteen.\r\n",
            Interest { text: true, ..Interest::default() },
        ),
    ] {
        let rounds = if line.starts_with("--") { ROUNDS / 20 } else { ROUNDS };
        let chunk: Vec<u8> = line.bytes().cycle().take(CHUNK).collect();
        let mut reader = Reader::new(interest, false);
        let mut events = 0_u32;
        reader.push(&header, &mut |_, _| events += 1);
        #[expect(clippy::disallowed_methods, reason = "a measurement needs a clock")]
        let begun = std::time::Instant::now();
        for _ in 0..rounds {
            reader.push(&chunk, &mut |_, _| events += 1);
        }
        let seconds = begun.elapsed().as_secs_f64();
        reader.finish(&mut |_, _| events += 1);
        let octets = CHUNK as f64 * f64::from(rounds);
        println!("{what}: {:.2} GB/s, {events} events", octets / seconds / 1e9);
    }
}
