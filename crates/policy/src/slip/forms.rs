//! Lines that are no slip of the finger: what is written in place of a line of ours by whoever remembers it
//! differently.

use grammar::{Span, Word};

use super::{Kind, Slip, Trial, completions};

/// What is written, and the line of a mode that is meant by it.
///
/// A word in capitals stands for one word, with `…` for all that are left, and in quotes for one word that is made of
/// them.
struct Form {
    mode: &'static str,
    written: &'static str,
    meant: &'static str,
}

const FORMS: &[Form] = &[
    form("global", "ip access-list NAME", "ip access-list extended NAME"),
    form("global", "class-map type regex NAME", "class-map type regex match-any NAME"),
    form("global", "regex NAME PATTERN…", "regex NAME \"PATTERN…\""),
    form("global", "service-policy NAME INTERFACE", "service-policy NAME interface INTERFACE"),
    form("global", "class-map match-any NAME", "class-map NAME"),
    form("global", "class-map match-all NAME", "class-map NAME"),
    form("global", "ip inspect NAME smtp", "ip inspect name NAME smtp"),
    form("global", "ip inspect NAME esmtp", "ip inspect name NAME esmtp"),
    form("global", "ip inspect NAME pop3", "ip inspect name NAME pop3"),
    form("global", "ip inspect NAME imap", "ip inspect name NAME imap"),
    form("global", "ip inspect NAME tcp", "ip inspect name NAME tcp"),
    form("global", "access-list NAME allow REST…", "access-list NAME permit REST…"),
    form("global", "access-list NAME accept REST…", "access-list NAME permit REST…"),
    form("global", "access-list NAME block REST…", "access-list NAME deny REST…"),
    form("global", "access-list NAME drop REST…", "access-list NAME deny REST…"),
    form("global", "access-list NAME reject REST…", "access-list NAME deny REST…"),
    form("global", "zone NAME", "zone security NAME"),
    form("interface", "ip inspect NAME inbound", "ip inspect NAME in"),
    form("interface", "ip inspect NAME outbound", "ip inspect NAME out"),
    form("interface", "ip access-group NAME inbound", "ip access-group NAME in"),
    form("interface", "ip access-group NAME outbound", "ip access-group NAME out"),
    form("access-list", "allow REST…", "permit REST…"),
    form("access-list", "block REST…", "deny REST…"),
    form("access-list", "drop REST…", "deny REST…"),
    form("access-list", "reject REST…", "deny REST…"),
    form("class-map-smtp", "match ehlo KEYWORD", "match reply ehlo KEYWORD"),
    form("class-map-smtp", "match ehlo reply KEYWORD", "match reply ehlo KEYWORD"),
    form("class-map-smtp", "match ehlo-reply KEYWORD", "match reply ehlo KEYWORD"),
    form("class-map-smtp", "match ehlo-reply-parameter KEYWORD", "match reply ehlo KEYWORD"),
    form("class-map-smtp", "match subject regex NAME", "match header regex NAME"),
    form("class-map-smtp", "match header FIELD regex NAME", "match header regex NAME"),
    form("class-map-smtp", "match cmd rcpt count gt NUMBER", "match recipient count gt NUMBER"),
    form("class-map-smtp", "match body length gt NUMBER", "match data-length gt NUMBER"),
    form(
        "class-map-smtp",
        "match invalid-recipients count gt NUMBER",
        "match recipient invalid count gt NUMBER",
    ),
    form("policy-map-smtp-class", "drop", "reset"),
    form("policy-map-smtp-class", "drop-connection", "reset"),
    form("policy-map-smtp-class", "pass", "allow"),
    form("policy-map-pop3-imap-class", "drop", "reset"),
    form("policy-map-pop3-imap-class", "drop-connection", "reset"),
    form("policy-map-pop3-imap-class", "mask", "reset"),
    form("policy-map-pop3-imap-class", "pass", "allow"),
    form("policy-map-inspect-class", "reset", "drop"),
    form("policy-map-inspect-class", "allow", "pass"),
    form("class-map", "match port PORT", "match port tcp eq PORT"),
    form("class-map", "match tcp port PORT", "match port tcp eq PORT"),
    form("class-map", "match tcp eq PORT", "match port tcp eq PORT"),
    form("class-map", "match access-group NAME", "match access-list NAME"),
    form("class-map", "match access-group name NAME", "match access-list NAME"),
    form("policy-map-esmtp", "match cmd recipient count gt NUMBER", "match cmd RCPT count gt NUMBER"),
    form("policy-map-esmtp-parameters", "mail-relay DOMAIN", "mail-relay DOMAIN action drop-connection log"),
    form("policy-map-esmtp-parameters", "allow-tls log", "allow-tls action log"),
    form("policy-map-esmtp-parameters", "special-character log", "special-character action log"),
    form(
        "policy-map-esmtp-parameters",
        "special-character drop-connection",
        "special-character action drop-connection",
    ),
    form(
        "policy-map-esmtp-parameters",
        "special-character drop-connection log",
        "special-character action drop-connection log",
    ),
];

const fn form(mode: &'static str, written: &'static str, meant: &'static str) -> Form {
    Form { mode, written, meant }
}

impl<'s> Trial<'_, 's> {
    /// The line as the one that is meant by it.
    pub(super) fn meant(&self) -> Option<Slip<'s>> {
        let forms = FORMS.iter().filter(|form| form.mode == self.mode.name);
        forms.into_iter().find_map(|form| self.read_as(form))
    }

    fn read_as(&self, form: &Form) -> Option<Slip<'s>> {
        let words = &self.line.words;
        let is_no = words.first().is_some_and(|word| word.text.eq_ignore_ascii_case("no"));
        let (no, typed) = words.split_at_checked(usize::from(is_no))?;
        let bound = bind(form.written, typed)?;
        let tokens = || form.written.split(' ').zip(form.meant.split(' '));
        let differs = tokens().position(|(written, meant)| written != meant);
        let word = differs.and_then(|index| typed.get(index)).or_else(|| typed.last())?;
        let at = word.span;
        // A keyword is no name.
        let before: Vec<Word<'s>> = words.iter().take_while(|before| before.span != at).copied().collect();
        let next = completions(self.mode, self.platforms, &before);
        let is_named =
            differs.and_then(|index| form.written.split(' ').nth(index)).is_none_or(is_placeholder);
        if is_named && next.iter().any(|keyword| keyword.eq_ignore_ascii_case(word.text)) {
            return None;
        }
        let mut words = no.to_vec();
        for token in form.meant.split(' ') {
            words.extend(self.filled(token, &bound, at)?);
        }
        self.slip(Kind::Meant, at, words)
    }

    /// The words that a word of the meant line stands for.
    fn filled(&self, token: &'static str, bound: &[Bound<'_, 's>], at: Span) -> Option<Vec<Word<'s>>> {
        let bare = token.trim_matches('"');
        let Some((_, typed)) = bound.iter().find(|(name, _)| *name == bare) else {
            return Some(vec![Word {
                text: token,
                span: Span { start: at.start, end: at.start },
                quoted: false,
            }]);
        };
        if bare == token {
            return Some(typed.to_vec());
        }
        let (first, last) = (typed.first()?.span, typed.last()?.span);
        let text = self.line.text.get(first.start..last.end).filter(|text| !text.contains('"'))?;
        Some(vec![Word { text, span: Span { start: first.start, end: last.end }, quoted: true }])
    }
}

/// What a word in capitals stands for.
type Bound<'w, 's> = (&'static str, &'w [Word<'s>]);

/// The typed words by the words in capitals; `None` if the line is of another form.
fn bind<'w, 's>(written: &'static str, typed: &'w [Word<'s>]) -> Option<Vec<Bound<'w, 's>>> {
    let mut bound = Vec::new();
    let mut rest = typed;
    for token in written.split(' ') {
        let (word, after) = rest.split_first()?;
        if token.ends_with('…') {
            bound.push((token, rest));
            return Some(bound);
        }
        if is_placeholder(token) {
            bound.push((token, rest.get(..1)?));
        } else if !word.text.eq_ignore_ascii_case(token) {
            return None;
        }
        rest = after;
    }
    rest.is_empty().then_some(bound)
}

fn is_placeholder(token: &str) -> bool {
    token.bytes().all(|octet| octet.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slip;

    /// A form with a word for each in capitals that is written, a number for `NUMBER`, and two words for one with `…`.
    fn typed(form: &str, written: &str) -> String {
        let is_written = |bare: &str| written.split(' ').any(|token| token.trim_end_matches('…') == bare);
        let word = |token: &str| match token.trim_matches('"').trim_end_matches('…') {
            "NUMBER" | "PORT" => "5".to_owned(),
            bare if is_placeholder(bare) && is_written(bare) => {
                token.replace(bare, &format!("{bare}-1")).replace('…', " x")
            }
            _ => token.to_owned(),
        };
        form.split(' ').map(word).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_is_meant_is_a_line_of_the_mode_and_what_is_written_is_none() {
        use grammar::Platforms;
        let modes = grammar::modes(crate::dialect::global());
        for Form { mode, written, meant } in FORMS {
            let mode = modes.iter().find(|known| known.name == *mode).unwrap_or_else(|| panic!("{mode}"));
            let (written, meant) = (typed(written, written), typed(meant, written));
            let platforms: Vec<Platforms> = [Platforms::IOS, Platforms::ASA]
                .into_iter()
                .filter(|platforms| grammar::resolve(mode, *platforms, &grammar::words(&meant)).is_ok())
                .collect();
            assert!(!platforms.is_empty(), "{meant}");
            for platforms in platforms {
                let words = grammar::words(&written);
                let resolved = grammar::resolve(mode, platforms, &words);
                assert!(!resolved.is_ok_and(|it| it.build().is_ok()), "{written}");
                let slip = slip::of(mode, platforms, &words, words.words.len());
                assert_eq!(slip.map(|slip| slip::text(&slip.line)), Some(meant.clone()), "{written}");
            }
        }
    }
}
