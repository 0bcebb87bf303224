//! Lines that are none of ours: of another feature, of the other platform, or of nobody.

use grammar::{Claim, Command};

use super::{Cut, Refusal, StatementReader};
use crate::diagnostic::{Code, Diagnostic};
use crate::dialect::{self, AnyStatement};
use crate::known;
use crate::maps;
use crate::mismatch;
use crate::nearest::nearest;
use crate::platform::Platform;
use crate::slip::is_invisible;
use crate::source::Span;

impl StatementReader<'_> {
    /// A line at the outermost level that is no statement of ours: is it one of the device, or a slip?
    pub(super) fn outermost(&mut self, cut: &Cut<'_>, global: &Refusal) {
        self.aside = Some(cut.line.indent);
        let typed = cut.word(cut.head);
        let word = typed.split(is_invisible).find(|piece| !piece.is_empty()).unwrap_or_default();
        // Colours of a terminal hide the word behind them.
        if typed.contains('\u{1b}') {
            return self.lose_header(mismatch::invisible(cut.head_span(), '\u{1b}'));
        }
        // A row of dashes or stars; behind it may be words, of a remark.
        if !word.contains(|c: char| c.is_ascii_alphabetic()) {
            if cut.line.text.contains(char::is_alphabetic) {
                self.out.not_used_here.push(cut.first());
            }
            return;
        }
        // `zone` also begins statements of a gatekeeper; a word with a hyphen is ours alone.
        let ours_alone =
            word.contains('-') && self.known().any(|it| it.claim == Claim::Anywhere && begins_with(it, word));
        if ours_alone {
            return self.wrong(cut, global);
        }
        self.headless = None;
        if known::is_word(word) || dialect::global().commands().any(|command| begins_with(command, word)) {
            return self.not_used(cut);
        }
        let at = cut.first();
        let complaint = if word.eq_ignore_ascii_case("include") {
            Diagnostic::new(Code::InvalidInput, at, "`include` is not available: a configuration is one file")
                .help("`cat FILE… > /etc/mailwarden/mailwarden.conf` makes one of several")
        } else if let Some(meant) = nearest(word, self.words_of_ours()) {
            Diagnostic::new(Code::InvalidInput, at, format!("invalid input `{word}`"))
                .help(format!("did you mean `{meant}`?"))
        } else if known::begins_a_statement(word) {
            return self.not_used(cut);
        } else {
            self.foreign = true;
            let message = format!("unknown statement `{word}`");
            return self.complaints.push(
                Diagnostic::new(Code::UnknownStatement, at, message)
                    .help("begin the line with `!` if it is a remark"),
            );
        };
        self.lose_header(complaint);
    }

    /// The first words of statements that are mended, unless other features use them too (`ip`); and `logging`,
    /// which many mistype.
    fn words_of_ours(&self) -> impl Iterator<Item = &'static str> {
        let mended = self.known().filter(|command| command.claim >= Claim::Corrected);
        let words = mended.filter_map(|command| command.leading_keywords().next());
        words.filter(|word| !known::is_word(word)).chain(["logging"])
    }

    /// A statement that is not used here, although it is about mail, or would be read on the other platform.
    pub(super) fn without_effect(&mut self, cut: &Cut<'_>) {
        if self.is_of_the_other_platform(cut) {
            if std::mem::replace(&mut self.told.other_platform, true) {
                return;
            }
            let (platform, other) = (self.decision.platform, self.decision.platform.other());
            let message = format!(
                "`{}` is a statement of {}, and the file is read as one of {}",
                cut.command_words(),
                other.title(),
                platform.title(),
            );
            let complaint = Diagnostic::new(Code::OtherPlatform, cut.line.span(), message)
                .help(format!("write `mailwarden / platform {}`", other.as_str()));
            self.complaints.push(match self.decision.by {
                Some(by) => complaint.related(by, format!("this line is of {}", platform.title())),
                None => complaint,
            });
        } else if let Some(what) = self.cleared(cut) {
            let message = format!("`{what}` is not carried out: what the lines before it say stays in force");
            self.complaints.push(Diagnostic::new(Code::NotSupported, cut.line.span(), message));
        } else if let Some(typed) = misspelt_inspection(cut) {
            let message = format!("invalid input `{typed}`, no inspection has this name");
            self.complaints.push(
                Diagnostic::new(Code::InvalidInput, cut.line.span(), message).help("did you mean `esmtp`?"),
            );
        } else if self.decision.platform == Platform::Asa && is_inspection(cut) {
            // Below a class-map, where it was meant for a class of a policy-map.
            let message = format!("`{}` is outside its block", cut.command_words());
            let complaint = Diagnostic::new(Code::OutsideBlock, cut.line.span(), message);
            self.complaints.push(complaint.help("write `policy-map NAME / class NAME` before it"));
        } else if let Some(what) = mail_of_other_dialects(cut) {
            let message = format!("`{what}` has no effect in this version");
            let complaint = Diagnostic::new(Code::NoEffect, cut.line.span(), message);
            let inspected = what.ends_with("smtp");
            let help = inspected
                .then(|| "`proxy NAME / listen 0.0.0.0:25 / server ADDRESS:25` inspects mail".to_owned());
            self.complaints.push(complaint.maybe_help(help));
        }
    }

    /// The line `clear configure KEYWORD`, if a statement of ours before it begins with the keyword, which a device
    /// would take back.
    fn cleared(&self, cut: &Cut<'_>) -> Option<String> {
        let words: Vec<&str> = cut.words.words.iter().map(|word| word.text).collect();
        let keyword = match words.as_slice() {
            [clear, configure, keyword, ..] if is(clear, "clear") && is(configure, "configure") => keyword,
            // As a PIX writes it.
            [clear, keyword, ..] if is(clear, "clear") => keyword,
            _ => return None,
        };
        let begins = |at: Span| self.source.slice(at).split_ascii_whitespace().next();
        let headers = self.out.nodes.iter().map(|node| node.at);
        let mut headers = headers.chain(self.blocks.iter().map(|block| block.header.at));
        let is_cleared =
            headers.any(|at| is(keyword, "all") || begins(at).is_some_and(|word| is(word, keyword)));
        is_cleared.then(|| words.into_iter().take(3).collect::<Vec<_>>().join(" "))
    }

    /// Whether the line would be one of ours on the other platform: a map, a zone, an entry of an access list.
    pub(super) fn is_of_the_other_platform(&self, cut: &Cut<'_>) -> bool {
        let other = dialect::platforms(self.decision.platform.other());
        let resolved = grammar::resolve(dialect::global(), other, &cut.words);
        resolved.is_ok_and(|resolved| {
            let command = resolved.command;
            let mut keywords = command.leading_keywords();
            command.claim == Claim::Anywhere
                && !command.platforms.intersects(self.platforms)
                && keywords.next().is_some_and(|keyword| cut.is(keyword))
                && resolved.build().is_ok()
        })
    }
}

fn is(word: &str, keyword: &str) -> bool {
    word.eq_ignore_ascii_case(keyword)
}

/// Whether the first keyword of a command is this word.
fn begins_with(command: &Command<AnyStatement>, word: &str) -> bool {
    command.leading_keywords().next().is_some_and(|keyword| keyword.eq_ignore_ascii_case(word))
}

/// Whether the line is `inspect esmtp`, in either of its spellings.
fn is_inspection(cut: &Cut<'_>) -> bool {
    cut.is("inspect") && ["esmtp", "smtp"].iter().any(|protocol| is(cut.word(cut.head + 1), protocol))
}

/// The word in place of `esmtp` in a line `inspect …` that names no inspection of the ASA.
fn misspelt_inspection<'c>(cut: &'c Cut<'_>) -> Option<&'c str> {
    let words: Vec<&str> = cut.words.words.iter().map(|word| word.text).collect();
    let [first, protocol, ..] = words.get(cut.head..)? else { return None };
    let typed = protocol.to_ascii_lowercase();
    let is_slip = first.eq_ignore_ascii_case("inspect") && !maps::is_inspected(&typed);
    (is_slip && nearest(&typed, ["esmtp"]).is_some()).then(|| cut.word(cut.head + 1))
}

/// What the line would do to mail, in a dialect that is only surveyed.
fn mail_of_other_dialects(cut: &Cut<'_>) -> Option<String> {
    let words: Vec<String> =
        cut.words.words.iter().take(6).map(|word| word.text.to_ascii_lowercase()).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let is_mail =
        |word: &str| matches!(word, "smtp" | "esmtp" | "pop3" | "pop3s" | "imap" | "imap3" | "imaps");
    let length = match words.as_slice() {
        ["inspect", protocol, ..] if is_mail(protocol) => 2,
        ["fixup", "protocol", protocol, ..] if is_mail(protocol) => 3,
        ["policy-map", "type", "inspect", protocol, _, ..] if is_mail(protocol) => 4,
        _ => return None,
    };
    let typed = cut.words.words.iter().take(length).map(|word| word.text);
    Some(typed.collect::<Vec<_>>().join(" "))
}
