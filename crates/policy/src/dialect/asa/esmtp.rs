//! The sub-modes of `class-map type regex` and of `policy-map type inspect esmtp`.

use std::num::NonZeroU32;

use grammar::{Command, Matched, Mismatch, Mode, Unknown};

use super::{EsmtpMapLine, EsmtpMatchLine, EsmtpParametersLine, RegexClassLine, name, number, required_text};
use crate::criterion::{Counter, Text};
use crate::dialect::{AnyStatement, Built, built, description};
use crate::model::{
    Action, AllowTls, Banner, EHLO_KEYWORDS, ENCODING_NAMES, EhloParameter, EncodingName, EsmtpCriterion,
    ParameterAction, PerSecond, RegexName, VerbName,
};
use crate::nearest::nearest;

pub(super) static REGEX_CLASS: Mode<AnyStatement> = Mode::new(
    "class-map-regex",
    "(config-cmap)#",
    &[&[
        description::<RegexClassLine>(&["Describe the class-map", "Up to 200 characters"]),
        Command::new(
            "[no] match regex WORD$name",
            "Add a regular expression",
            &["A condition", "A regular expression", "Name"],
            |m| match m.word("name").filter(|word| word.quoted) {
                Some(pattern) => Err(a_name_for(m, "name", pattern.text)),
                None => built(RegexClassLine::Match(name(m, "name")?)),
            },
        ),
    ]],
);

pub(super) static ESMTP_MAP: Mode<AnyStatement> = Mode::new(
    "policy-map-esmtp",
    "(config-pmap)#",
    &[&[
        description::<EsmtpMapLine>(&["Describe the policy-map", "Up to 200 characters"]),
        Command::new("parameters", "Configure what is done in any case", &["Settings of the map"], |_| {
            built(EsmtpMapLine::Parameters)
        })
        .enters(&PARAMETERS),
        Command::new(
            "[no] match [not] body length gt (1-4294967295)$over",
            "Match a message with a longer body",
            &["A condition", "Negate the condition", "Body of a message", "Its length", "More than", "Bytes"],
            |m| count(m, Counter::BodyLength),
        )
        .enters(&ACTIONS),
        Command::new(
            "[no] match [not] body line length gt (1-4294967295)$over",
            "Match a message with a longer line in its body",
            &["", "", "", "A line of it", "Length of the line, its end left out", "More than", "Bytes"],
            |m| count(m, Counter::BodyLineLength),
        )
        .enters(&ACTIONS),
        Command::new(
            "[no] match [not] cmd verb LINE$verbs",
            "Match commands by their verb",
            &["", "", "Commands", "Their verb", "Verbs, or `others` for those an ASA does not know"],
            verbs,
        )
        .enters(&ACTIONS),
        Command::new(
            "[no] match [not] cmd line length gt (1-4294967295)$over",
            "Match a longer command line",
            &["", "", "", "Command line", "Its length with the line end", "More than", "Bytes"],
            |m| count(m, Counter::CommandLength),
        )
        .enters(&ACTIONS),
        Command::new(
            "[no] match [not] cmd RCPT count gt (1-4294967295)$over",
            "Match a transaction with more recipients",
            &["", "", "", "RCPT commands of a transaction", "Their number", "More than", "Number"],
            |m| count(m, Counter::Recipients),
        )
        .enters(&ACTIONS),
        Command::new(
            "[no] match [not] ehlo-reply-parameter LINE$parameters",
            "Match keywords in the reply to EHLO",
            &[
                "",
                "",
                "Keywords of the reply to EHLO",
                "8bitmime, auth, binaryname, checkpoint, dsn, ecode, etrn, others, pipelining, size, vrfy",
            ],
            ehlo_parameters,
        )
        .enters(&ACTIONS),
        Command::new(
            "[no] match [not] header length gt (1-4294967295)$over",
            "Match a message with a longer header",
            &["", "", "Header of a message", "Its length", "More than", "Bytes"],
            |m| count(m, Counter::HeaderLength),
        )
        .enters(&ACTIONS),
        Command::new(
            "[no] match [not] header line length gt (1-4294967295)$over",
            "Match a message with a longer line in its header",
            &["", "", "", "A line of it", "Length of the line, its end left out", "More than", "Bytes"],
            |m| count(m, Counter::HeaderLineLength),
        )
        .enters(&ACTIONS),
        Command::new(
            "[no] match [not] header to-fields count gt (1-4294967295)$over",
            "Match a message with more addresses in To",
            &["", "", "", "Addresses in its To fields", "Their number", "More than", "Number"],
            |m| count(m, Counter::ToAddresses),
        )
        .enters(&ACTIONS),
        Command::new(
            "[no] match [not] invalid-recipients count gt (1-4294967295)$over",
            "Match a session in which the server rejected more recipients",
            &["", "", "Recipients that the server rejected", "Their number", "More than", "Number"],
            |m| count(m, Counter::InvalidRecipients),
        )
        .enters(&ACTIONS),
        Command::new(
            "[no] match [not] mime encoding LINE$encodings",
            "Match parts by their encoding",
            &[
                "",
                "",
                "Parts of a message",
                "Content-Transfer-Encoding",
                "7bit, 8bit, base64, binary, quoted-printable, or `others`",
            ],
            encodings,
        )
        .enters(&ACTIONS),
        Command::new(
            "[no] match [not] mime filename length gt (1-1000)$over",
            "Match a part whose file has a longer name",
            &["", "", "", "Name of a file", "Its length", "More than", "Bytes"],
            |m| count(m, Counter::FilenameLength),
        )
        .enters(&ACTIONS),
        Command::new(
            "[no] match [not] mime filetype regex {class WORD$class | WORD$regex}",
            "Match a part with a file by its media type and the name of the file",
            &[
                "",
                "",
                "",
                "Media type and name of a file",
                "A regular expression",
                "A set of them",
                "Name of a class-map",
                "Name of a regular expression",
            ],
            |m| regex(m, Text::FileType),
        )
        .enters(&ACTIONS),
        Command::new(
            "[no] match [not] sender-address length gt (1-1000)$over",
            "Match a longer address of the sender",
            &["", "", "Argument of MAIL FROM", "Length of the address", "More than", "Bytes"],
            |m| count(m, Counter::SenderLength),
        )
        .enters(&ACTIONS),
        Command::new(
            "[no] match [not] sender-address regex {class WORD$class | WORD$regex}",
            "Match the address of the sender",
            &[
                "",
                "",
                "",
                "A regular expression",
                "A set of them",
                "Name of a class-map",
                "Name of a regular expression",
            ],
            |m| regex(m, Text::Sender),
        )
        .enters(&ACTIONS),
    ]],
);

static PARAMETERS: Mode<AnyStatement> = Mode::new(
    "policy-map-esmtp-parameters",
    "(config-pmap-p)#",
    &[&[
        Command::new(
            "[no] mail-relay [WORD$domain [action {drop-connection [log] | log}]]",
            "Set the domain that mail is accepted for, and what becomes of mail for another",
            &[
                "Mail for another domain",
                "Domain of this site",
                "What becomes of it",
                "Refuse it and end the session",
                "Send a message",
                "Send a message and nothing else",
            ],
            |m| {
                let domain = name(m, "domain");
                built(EsmtpParametersLine::MailRelay(match parameter_action(m) {
                    _ if m.negated() => None,
                    Some(action) => Some((domain?, action)),
                    None if m.word("domain").is_none() => {
                        return Err(Mismatch::Incomplete { expected: vec!["WORD"] });
                    }
                    None => return Err(Mismatch::Incomplete { expected: vec!["action"] }),
                }))
            },
        ),
        Command::new(
            "[no] mask-banner [except esmtp]",
            "Show the client asterisks in place of the server's greeting",
            &[
                "The server's greeting",
                "What is shown of it",
                "The word ESMTP, by which clients know what to speak",
            ],
            |m| {
                built(EsmtpParametersLine::MaskBanner(match (m.negated(), m.has("except")) {
                    (true, _) => Banner::Shown,
                    (false, true) => Banner::MaskedExceptEsmtp,
                    (false, false) => Banner::Masked,
                }))
            },
        ),
        Command::new(
            "[no] special-character [action {drop-connection [log] | log}]",
            "Set what becomes of a path with `|`, a backquote or NUL",
            &[
                "A path with `|`, a backquote or NUL",
                "What becomes of it",
                "Refuse it and end the session",
                "Send a message",
                "Send a message and nothing else",
            ],
            |m| {
                built(EsmtpParametersLine::SpecialCharacter(match parameter_action(m) {
                    _ if m.negated() => None,
                    Some(action) => Some(action),
                    None => return Err(Mismatch::Incomplete { expected: vec!["action"] }),
                }))
            },
        ),
        Command::new(
            "[no] allow-tls [action log]",
            "Allow STARTTLS; what follows it is not inspected",
            &["STARTTLS", "What is done when a session is encrypted", "Send a message"],
            |m| {
                let allow = if m.negated() { AllowTls::No } else { AllowTls::Yes { logs: m.has("log") } };
                built(EsmtpParametersLine::AllowTls(allow))
            },
        ),
    ]],
)
.unknown(Unknown::Warn);

static ACTIONS: Mode<AnyStatement> = Mode::new(
    "policy-map-esmtp-match",
    "(config-pmap-c)#",
    &[&[
        Command::new(
            "[no] drop-connection [send-protocol-error] [log]",
            "Refuse what matches and end the session",
            &["Refuse it and end the session", "Of other inspections", "Send a message"],
            |m| action(m, Action::Close, m.has("send-protocol-error")),
        ),
        Command::new(
            "[no] drop [send-protocol-error] [log]",
            "Refuse what matches and end the session; an action of other inspections",
            &["Refuse it and end the session", "Of other inspections", "Send a message"],
            |m| action(m, Action::Close, true),
        ),
        Command::new(
            "[no] reset [log]",
            "Refuse what matches and end the session",
            &["Refuse it and end the session", "Send a message"],
            |m| action(m, Action::Reset, false),
        ),
        Command::new(
            "[no] mask [log]",
            "Overwrite a command or keyword with `X`",
            &["Overwrite the command or keyword with `X`", "Send a message"],
            |m| action(m, Action::Mask, false),
        ),
        Command::new(
            "[no] rate-limit (1-4294967295)$rate",
            "Let no more commands through in a second",
            &["Let so many through in a second", "Number"],
            |m| {
                let rate = number(m, "rate").and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN);
                action(m, Action::Pace(PerSecond(rate)), false)
            },
        ),
        Command::new("[no] log", "Send a message for each match", &["Send a message"], |_| {
            built(EsmtpMatchLine::Log)
        }),
    ]],
);

fn action(m: &Matched<'_>, action: Action, elsewhere: bool) -> Built {
    built(EsmtpMatchLine::Action { action, log: m.has("log"), elsewhere })
}

fn parameter_action(m: &Matched<'_>) -> Option<ParameterAction> {
    let action = ParameterAction { drops: m.has("drop-connection"), logs: m.has("log") };
    (action.drops || action.logs).then_some(action)
}

fn criterion(m: &Matched<'_>, criterion: EsmtpCriterion) -> Built {
    built(EsmtpMapLine::Match { criterion, negated: m.has("not") })
}

fn count(m: &Matched<'_>, counter: Counter) -> Built {
    let over = m.number("over").ok_or_else(|| Mismatch::Incomplete { expected: vec!["<1-4294967295>"] })?;
    criterion(m, EsmtpCriterion::Count { counter, over })
}

fn regex(m: &Matched<'_>, text: Text) -> Built {
    if let Some(pattern) = m.word("regex").filter(|word| word.quoted) {
        return Err(a_name_for(m, "regex", pattern.text));
    }
    let regex = if m.word("class").is_some() {
        RegexName::Class(name(m, "class")?)
    } else {
        RegexName::One(name(m, "regex")?)
    };
    criterion(m, EsmtpCriterion::Regex { text, regex })
}

fn verbs(m: &Matched<'_>) -> Built {
    let line = required_text(m, "verbs")?;
    let verbs = line.text.split_ascii_whitespace().map(|verb| match verb.to_ascii_uppercase() {
        others if others == "OTHERS" => VerbName::Others,
        verb => VerbName::One(verb),
    });
    let verbs: Vec<VerbName> = each_once(verbs);
    let is_verb = |verb: &VerbName| match verb {
        VerbName::One(verb) => verb.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-'),
        VerbName::Others => true,
    };
    if !verbs.iter().all(is_verb) {
        return Err(m.invalid("verbs", "expected verbs, such as `VRFY EXPN`"));
    }
    criterion(m, EsmtpCriterion::Verbs(verbs))
}

fn ehlo_parameters(m: &Matched<'_>) -> Built {
    let mut parameters = Vec::new();
    for word in m.text("parameters").unwrap_or_default().split_ascii_whitespace() {
        let is = |name: &str| name.eq_ignore_ascii_case(word);
        // The command reference and the device manager spell one of them differently.
        let known = EHLO_KEYWORDS.iter().find(|one| is(one.name) || is(one.keyword));
        parameters.push(match known {
            Some(keyword) => EhloParameter::One(keyword),
            None if is("others") => EhloParameter::Others,
            None => {
                let names: Vec<&str> = EHLO_KEYWORDS.iter().map(|one| one.name).chain(["others"]).collect();
                let help = match is("starttls") {
                    true => Some("`parameters / no allow-tls` masks it".to_owned()),
                    false => meant(word, &names),
                };
                return Err(one_of(m, "parameters", word, &names).help(help));
            }
        });
    }
    criterion(m, EsmtpCriterion::EhloParameters(each_once(parameters.into_iter())))
}

fn encodings(m: &Matched<'_>) -> Built {
    let mut encodings = Vec::new();
    for word in m.text("encodings").unwrap_or_default().split_ascii_whitespace() {
        let known = ENCODING_NAMES.iter().find(|(_, name)| name.eq_ignore_ascii_case(word));
        let known = known.map(|(encoding, _)| *encoding);
        encodings.push(match known {
            Some(encoding) => EncodingName::One(encoding),
            None if word.eq_ignore_ascii_case("others") => EncodingName::Others,
            None => {
                let names: Vec<&str> =
                    ENCODING_NAMES.iter().map(|(_, name)| *name).chain(["others"]).collect();
                return Err(one_of(m, "encodings", word, &names).help(meant(word, &names)));
            }
        });
    }
    criterion(m, EsmtpCriterion::Encodings(each_once(encodings.into_iter())))
}

/// A pattern where the name of one is meant.
fn a_name_for(m: &Matched<'_>, key: &str, pattern: &str) -> Mismatch {
    m.invalid(key, "expected the name of a regular expression")
        .help(format!("write its name, and define it with `regex NAME \"{pattern}\"`"))
}

/// A word that is none of these.
fn one_of(m: &Matched<'_>, key: &str, word: &str, names: &[&str]) -> Mismatch {
    m.invalid_in(key, word, format!("expected one of {}", names.join(", ")))
}

fn meant(word: &str, names: &[&str]) -> Option<String> {
    nearest(word, names.iter().copied()).map(|name| format!("did you mean `{name}`?"))
}

fn each_once<T: PartialEq>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut once = Vec::new();
    for one in all {
        if !once.contains(&one) {
            once.push(one);
        }
    }
    once
}
