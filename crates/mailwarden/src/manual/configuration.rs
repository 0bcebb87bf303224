//! mailwarden.conf(5), made of the tables that read the file.

use std::fmt::Write;

use policy::manual::{Block, Entry, blocks};

/// The page.
pub(super) fn page() -> String {
    let mut out =
        format!(".TH mailwarden.conf 5 \"\" \"mailwarden {}\"\n{OPENING}", env!("CARGO_PKG_VERSION"));
    out.push_str(".SH EXAMPLE\n.nf\n");
    EXAMPLE.lines().for_each(|line| out.push_str(&text_line(line)));
    out.push_str(".fi\n.SH STATEMENTS\n");
    blocks().iter().for_each(|block| describe(&mut out, block));
    out.push_str(CLOSING);
    out
}

/// A block is a subsection, named after what begins it.
fn describe(out: &mut String, block: &Block) {
    let title = match &*block.begun_by {
        [] => "Outside of blocks".to_owned(),
        begun_by => begun_by.iter().map(|usage| escaped(without_no(usage))).collect::<Vec<_>>().join(", "),
    };
    // Writing to a String cannot fail.
    let _ = writeln!(out, ".SS \"{title}\"");
    block.entries.iter().for_each(|entry| statement(out, entry));
}

fn statement(out: &mut String, Entry { usage, about, words, only }: &Entry) {
    let only = only.map_or_else(String::new, |platform| format!(" ({platform} only)"));
    let _ = writeln!(out, ".TP\n.B \"{}\"\n{}{only}.", escaped(usage), escaped(about));
    for (word, help) in words {
        let _ = writeln!(out, ".br\n.BR \"{}\" : {}", escaped(word), quoted(help));
    }
}

fn without_no(usage: &str) -> &str {
    usage.strip_prefix("[no] ").unwrap_or(usage)
}

/// A line of text as it stands.
fn text_line(line: &str) -> String {
    let line = escaped(line);
    // What begins with a dot or a quote would be a request.
    let guard = if line.starts_with(['.', '\'']) { "\\&" } else { "" };
    format!("{guard}{line}\n")
}

fn quoted(text: &str) -> String {
    format!("\" {}\"", escaped(text))
}

/// Text that roff takes for nothing else.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\e").replace('-', "\\-").replace('"', "\\(dq").replace('`', "\\(ga")
}

const OPENING: &str = ".SH NAME
mailwarden.conf \\- configuration of the mail firewall mailwarden
.SH DESCRIPTION
The file is one running configuration in the language of Cisco IOS, with statements of mailwarden's own in the blocks
.B mailwarden
and
.BR proxy .
Each statement is a line. The lines of a block follow the line that begins it, with or without indentation.
.PP
Keywords may be shortened as long as they are unique. A line that begins with
.B !
is a comment, and so is one that begins with
.BR # ,
.B :
or
.BR % ,
as listings of devices have them. The form with
.B no
takes a statement back, or sets the default. Values are written in capitals below, ranges as they are.
.PP
A file with an error is not loaded; all its errors are reported together.
.B mailwarden check
reports them without loading it. Statements of other features of a router are skipped, and counted.
";

const EXAMPLE: &str = "\
parameter-map type regex BULK
 pattern \"@(.*\\.)?deals\\.example$\"
class-map type inspect smtp match-any UNWANTED
 match sender address regex BULK
policy-map type inspect smtp EDGE
 class type inspect smtp UNWANTED
  log
  reset
mailwarden
 starttls pass
 events json /var/log/mailwarden/events.jsonl
proxy mx
 listen 0.0.0.0:25
 server mail.example.org:25
 service-policy type inspect smtp EDGE
";

const CLOSING: &str = ".SH FILES
.TP
/etc/mailwarden/mailwarden.conf
The default configuration of
.BR \"mailwarden run\" .
.SH SEE ALSO
.BR mailwarden (1)
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_statement_is_on_the_page_with_its_words() {
        let page = page();
        for entry in blocks().iter().flat_map(|block| &block.entries) {
            assert!(page.contains(&format!("\n.B \"{}\"\n", escaped(&entry.usage))), "{}", entry.usage);
            for (word, help) in &entry.words {
                assert!(
                    page.contains(&format!(".BR \"{}\" : {}", escaped(word), quoted(help))),
                    "{word}: {help}"
                );
            }
        }
        // Two of our own, as a reader would look for them.
        for statement in ["[no] starttls {pass | mask | device}", "[no] server ADDRESS"] {
            assert!(page.contains(statement), "{statement}");
        }
    }

    #[test]
    fn the_example_is_a_configuration_without_complaints() {
        let loaded = policy::load("example", EXAMPLE.as_bytes());
        assert!(
            loaded.configuration.is_some() && loaded.diagnostics.iter().next().is_none(),
            "{:?}",
            loaded.diagnostics
        );
    }

    #[test]
    fn text_is_no_request_to_roff() {
        assert_eq!(text_line(".br"), "\\&.br\n");
        assert_eq!(text_line(r#" pattern "a\.b-c""#), " pattern \\(dqa\\e.b\\-c\\(dq\n");
    }
}
