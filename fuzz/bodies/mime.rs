//! The structure of a message: the same events at the same octets for every cut, and no more of them
//! than the message can pay for.

use proto::mime::{DEPTH_MAX, FIELD_MAX, Interest, Item, PARTS_MAX, ROOM, Reader};

use crate::cuts::Cuts;
use crate::input::Input;

const CONTENT_MAX: usize = 16 << 10;

pub(crate) fn run(input: &[u8]) {
    let mut input = Input::new(input);
    let flags = input.octet();
    // The content once, or so often that what costs its square is felt.
    let times = 1 << (input.octet() % 8).saturating_sub(2);
    let cuts = Cuts::of(&mut input);
    let content = input.take(CONTENT_MAX / times).repeat(times);
    let interest = Interest {
        text: flags & 1 == 0,
        parts: flags & 2 == 0,
        findings: flags & 64 == 0,
        fields: flags & 4 == 0,
        lines: flags & 8 == 0,
        header_lines_over: (flags & 32 == 0).then_some(12),
        body_lines_over: (flags & 32 == 0).then_some(3),
    };
    let mut reader = Reader::new(interest, flags & 16 == 0);
    let whole = Story::of(&mut reader, &content, Cuts::WHOLE);
    assert!(whole.told.len() <= 64 + 8 * content.len(), "more is told than the message can pay for");
    for cuts in [cuts, Cuts::SINGLE] {
        // Begun anew, a reader remembers nothing.
        reader.restart();
        assert_eq!(Story::of(&mut reader, &content, cuts), whole);
    }
}

/// Everything told of a message.
#[derive(Default, PartialEq, Debug)]
struct Story {
    /// What was told, and the octet that triggered it. Text that is contiguous is told once.
    told: Vec<(usize, Told)>,
    sizes: [u64; 4],
}

#[derive(PartialEq, Debug)]
enum Told {
    /// Begins here, and is what stands there.
    Text(usize),
    Field(Vec<u8>, u32, bool),
    PartHeader(u32, u32, bool, Vec<Vec<u8>>),
    Other(String),
}

impl Story {
    fn of(reader: &mut Reader, content: &[u8], mut cuts: Cuts<'_>) -> Self {
        let mut story = Self::default();
        let mut begin = 0;
        while begin < content.len() {
            let end = begin + cuts.next(content.len() - begin);
            reader.push(&content[begin..end], &mut |octets, event| {
                assert!(octets <= end - begin);
                story.tell(content, begin + octets, event);
            });
            begin = end;
            assert!(reader.structure_size() <= ROOM);
        }
        reader.finish(&mut |octets, event| story.tell(content, begin + octets, event));
        let (header, body) = (reader.header_bytes(), reader.body_bytes());
        assert!(header + body <= content.len() as u64 && content.len() as u64 <= header + body + 2);
        story.sizes = [header, body, reader.longest_header_line(), reader.longest_body_line()];
        story
    }

    fn tell(&mut self, content: &[u8], at: usize, event: Item<'_>) {
        let told = match event {
            Item::Text(text) => return self.tell_text(content, at, text),
            Item::Field(field) => {
                assert!(field.text.len() <= FIELD_MAX);
                assert!(field.name.len() + field.value.len() < field.text.len());
                Told::Field(field.text.to_vec(), field.part, field.cut)
            }
            Item::PartHeader(part) => {
                assert!(
                    part.depth as usize <= DEPTH_MAX as usize && part.part as usize <= PARTS_MAX as usize
                );
                let types = part.content_types().map(|value| value.media_type.to_vec());
                let values = part.encodings().chain(part.filenames()).map(<[u8]>::to_vec);
                Told::PartHeader(part.part, part.depth, part.alternate, types.chain(values).collect())
            }
            event @ (Item::HeaderEnd | Item::PartEnd { .. } | Item::LongLine { .. } | Item::Finding(_)) => {
                Told::Other(format!("{event:?}"))
            }
        };
        self.told.push((at, told));
    }

    fn tell_text(&mut self, content: &[u8], at: usize, text: &[u8]) {
        let begin = at - text.len();
        assert_eq!(&content[begin..at], text, "text is not where it is said to be");
        match self.told.last_mut() {
            Some((end, Told::Text(_))) if *end == begin => *end = at,
            _ => self.told.push((at, Told::Text(begin))),
        }
    }
}

#[cfg(test)]
pub(crate) fn generate(random: &mut fastrand::Rng) -> Vec<u8> {
    const WORDS: &[&str] = &[
        "\r\n",
        "\r\n",
        "\r\n\r\n",
        "\n",
        "\r",
        " ",
        "\t",
        "--a",
        "--a--",
        "--b",
        "--",
        "a",
        "b",
        "text",
        ": ",
        "Content-Type: multipart/mixed; boundary=a\r\n",
        "Content-Type: multipart/alternative; boundary=\"b\"\r\n",
        "Content-Type: message/rfc822\r\n",
        "Content-Type: text/plain; name*0*=utf-8''%41; name*1=b\r\n",
        "Content-Transfer-Encoding: base64\r\n",
        "Content-Disposition: attachment; filename=\"=?utf-8?B?QQ==?=\"\r\n",
        "Subject: (a \"b\\\"\r\n c)\r\n",
        "(",
        ")",
        "\"",
        "\\",
        ";",
        "=",
        "\0",
        "é",
        "begin 644 x\r\n",
        "Content-Type : text/html\r\n",
        "Content-Type\r\n : message/rfc822\r\n",
        "Content-Type: multipart / digest; boundary*0=b; boundary*2=a; boundary=a (c)\r\n",
        "Content-Transfer-Encoding: \"base64\" x\x0b\r\n",
        "\r\n--ax\r\nContent-Type: image/png\r\n",
        "X Y: z\r\n",
        "boundary",
        "*0=",
        "\x0b",
        "\r\n--a\r\n",
        "\r\n--b\r\n",
        "\r\n--a--\r\n",
    ];
    let count = random.u8(..4);
    let mut input = vec![random.u8(..), random.u8(..), count];
    input.extend((0..count).map(|_| random.u8(..40)));
    for _ in 0..random.usize(1..40) {
        input.extend_from_slice(random.choice(WORDS).unwrap_or(&"").as_bytes());
    }
    input
}
