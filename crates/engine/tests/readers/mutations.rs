//! Crooked messages: small well-formed ones with up to three oddities, by a seed.

use fastrand::Rng;

/// The type that a rule forbids.
pub(crate) const TYPE: &str = "application/x-msdownload";
/// The text that a rule forbids.
pub(crate) const TEXT: &str = "UD-421590";
/// The encoding that a rule forbids.
pub(crate) const ENCODING: &str = "base64";

/// Well-formed messages, without the fields that every message has.
const MESSAGES: [&str; 8] = [
    "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=bnd\n\n--bnd\nContent-Type: text/plain\n\n\
     see UD-421590\n--bnd\nContent-Type: application/x-msdownload; name=a.exe\nContent-Transfer-Encoding: base64\n\n\
     TVqQ\n--bnd--\n",
    "MIME-Version: 1.0\nContent-Type: multipart/mixed;\n boundary=\"outer\"\n\npreamble\n--outer\nContent-Type: \
     multipart/alternative; boundary=inner\n\n--inner\n\nplain\n--inner\nContent-Type: text/html; \
     charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n<p>UD-421590</p>\n--inner--\n\n--outer\nContent-Disposition: \
     attachment; filename=\"a.exe\"\nContent-Type: application/x-msdownload\nContent-Transfer-Encoding: \
     base64\n\nTVqQ\n--outer--\n",
    "Content-Type: multipart/mixed; boundary=\"=_x y\"; charset=us-ascii\n\n--=_x y\nContent-Type: \
     message/rfc822\n\nFrom: b@example.test\nSubject: inner\nContent-Type: multipart/mixed; boundary=in\n\n--in\n\n\
     UD-421590\n--in\nContent-Type: application/x-msdownload\nContent-Transfer-Encoding: base64\n\nTVqQ\n--in--\n\
     --=_x y--\n",
    "MIME-Version: 1.0\nContent-Type: text/plain; charset=us-ascii\nContent-Transfer-Encoding: 7bit\n\nsee \
     UD-421590\n",
    "MIME-Version: 1.0\nContent-Transfer-Encoding: base64\nContent-Type: application/x-msdownload; \
     name=\"a.exe\"\n\nTVqQ\n",
    "Content-Type: message/rfc822\n\nSubject: inner\nContent-Type: application/x-msdownload\n\
     Content-Transfer-Encoding: base64\n\nTVqQ\n",
    "Content-Type: multipart/digest; boundary=dig\n\n--dig\n\nSubject: one\n\nUD-421590\n--dig\nContent-Type: \
     application/x-msdownload\nContent-Transfer-Encoding: base64\n\nTVqQ\n--dig--\n",
    "Subject: no type\n\nsee UD-421590 of today\n",
];

/// What is put into a field or a delimiter at some place.
const MORSELS: [&str; 34] = [
    "(c)",
    "(a (b) c)",
    "(\\))",
    "(",
    ")",
    "\"",
    "\\",
    "\\\"",
    ";",
    ";;",
    " ",
    "  ",
    "\t",
    "\u{b}",
    "\u{c}",
    "=",
    ",",
    "/",
    "<",
    ">",
    "?",
    "'",
    "%20",
    "*",
    "*0",
    "*0*",
    "*1",
    ".",
    "-",
    "--",
    "=?us-ascii?q?bnd?=",
    ":",
    "\r\n ",
    "x",
];

/// Lines that stand where none was.
const LINES: [&str; 16] = [
    "junk",
    "no field here",
    " ",
    "\t",
    "",
    "From someone@example.test Mon Jan  1 00:00:00 2024",
    ">From someone@example.test Mon Jan  1 00:00:00 2024",
    ": empty name",
    "X-Any thing: blank in the name",
    "X-Any : blank before the colon",
    "Content-Type: text/plain",
    "Content-Type: multipart/mixed; boundary=other",
    "Content-Transfer-Encoding: quoted-printable",
    "Content-Transfer-Encoding: 7bit",
    "--bnd",
    "--",
];

/// The message of a seed, as it stands in DATA before dot-stuffing.
pub(crate) fn message(seed: u64) -> Vec<u8> {
    let mut random = Rng::with_seed(seed);
    let text = MESSAGES[random.usize(..MESSAGES.len())];
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for _ in 0..random.usize(1..4) {
        mutate(&mut lines, &mut random);
    }
    let head = ["From: a@example.test", "To: b@example.test"].map(str::to_owned);
    let mut message = head.into_iter().chain(lines).collect::<Vec<_>>().join("\r\n");
    message.push_str("\r\n");
    message.into_bytes()
}

fn mutate(lines: &mut Vec<String>, random: &mut Rng) {
    let at = random.usize(..lines.len());
    let place = random.u8(..14);
    if place < 2 {
        let line = random.choice(LINES).unwrap();
        return lines.insert(at, line.to_owned());
    }
    // Most oddities are of the lines that mean something.
    let telling: Vec<usize> = (0..lines.len()).filter(|&at| is_telling(&lines[at])).collect();
    let at = random.choice(telling).unwrap_or(at);
    let line = lines[at].clone();
    match place {
        2..6 => lines[at] = with_morsel(&line, random.usize(..=line.len()), random),
        6 => lines[at] = with_morsel(&line, line.len(), random),
        7 => lines[at] = swap_case(&line, random),
        8 => lines[at] = quoted_value(&line, random),
        9 => lines[at] = in_segments(&line, random),
        10 => lines.insert(at, line),
        11 => {
            let morsel = *random.choice(["\u{b}", " ", "\t", " \t ", "(c) "].iter()).unwrap();
            lines[at] = line.replacen([':', ' ', '/', ';', '='], morsel, 1);
        }
        12 => {
            let separators = [": ", "/", ";", "="];
            let separator = *random.choice(separators.iter()).unwrap();
            let morsel = *random.choice([" ", "\t", "(c)", "\r\n ", "\u{b}"].iter()).unwrap();
            let (before, behind) = if random.bool() { (morsel, "") } else { ("", morsel) };
            lines[at] = line.replacen(separator, &format!("{before}{separator}{behind}"), 1);
        }
        _ => drop(lines.remove(at)),
    }
    if lines.is_empty() {
        lines.push(String::new());
    }
}

fn is_telling(line: &str) -> bool {
    line.starts_with("Content-") || line.starts_with("--") || line.contains("boundary")
}

fn with_morsel(line: &str, at: usize, random: &mut Rng) -> String {
    let morsel = random.choice(MORSELS).unwrap();
    match (line.get(..at), line.get(at..)) {
        (Some(before), Some(behind)) => format!("{before}{morsel}{behind}"),
        _ => line.to_owned(),
    }
}

fn swap_case(line: &str, random: &mut Rng) -> String {
    let swap = |c: char| if c.is_ascii_uppercase() { c.to_ascii_lowercase() } else { c.to_ascii_uppercase() };
    line.chars().map(|c| if random.bool() { swap(c) } else { c }).collect()
}

/// The value behind the first `: ` or `=` in quotes, or with one taken away.
fn quoted_value(line: &str, random: &mut Rng) -> String {
    let separator = if random.bool() { "=" } else { ": " };
    match line.split_once(separator) {
        Some((name, value)) if !value.contains('"') => match random.u8(..3) {
            0 => format!("{name}{separator}\"{value}\""),
            1 => format!("{name}{separator}\"{value}"),
            _ => format!("{name}{separator}<{value}>"),
        },
        _ => line.replacen('"', "", 1),
    }
}

/// A parameter in the segments of RFC 2231, in order and not.
fn in_segments(line: &str, random: &mut Rng) -> String {
    let Some((before, value)) = line.split_once("boundary=") else { return line.to_owned() };
    let value = value.trim_matches('"');
    let half = value.len() / 2;
    let (Some(one), Some(two)) = (value.get(..half), value.get(half..)) else { return line.to_owned() };
    let forms = [
        format!("boundary*0={one}; boundary*1={two}"),
        format!("boundary*1={two}; boundary*0={one}"),
        format!("boundary*0*=us-ascii''{one}; boundary*1={two}"),
        format!("boundary*0={one}; boundary*0=zz; boundary*1={two}"),
        format!("boundary*0={one}; boundary*2={two}"),
        format!("boundary*00={one}; boundary*01={two}"),
        format!("boundary*=us-ascii'en'{value}"),
        format!("boundary*=us-ascii''%62{}", value.get(1..).unwrap_or_default()),
        format!("boundary*0={value}; boundary*99999999999=x"),
        format!("boundary=zz; boundary*={value}"),
        format!("boundary*={value}"),
    ];
    format!("{before}{}", random.choice(forms).unwrap())
}
