//! Masks after which clients do what hardly anybody expects of them. What each client does stands in
//! `docs/clients.md`.

use std::collections::HashSet;

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::model::{Action, Configuration, Criterion, EhloParameter, EsmtpCriterion};
use crate::source::Span;

/// A verb or keyword that had better not be masked without knowing what follows.
struct Mask {
    /// As it is masked: a verb, a keyword, or both.
    name: &'static str,
    verb: bool,
    keyword: bool,
    code: Code,
    consequence: &'static str,
}

const MASKS: &[Mask] = &[
    Mask {
        name: "EHLO",
        verb: true,
        keyword: false,
        code: Code::MasksEhlo,
        consequence: "dma bounces all mail, and nullmailer what needs AUTH; Exim, Postfix, sendmail and curl go on \
                      without AUTH and TLS; nodemailer, Ruby and PHPMailer send the password unasked",
    },
    Mask { name: "MAIL", verb: true, keyword: false, code: Code::MasksMail, consequence: "no mail passes" },
    Mask { name: "RCPT", verb: true, keyword: false, code: Code::MasksMail, consequence: "no mail passes" },
    Mask {
        name: "DATA",
        verb: true,
        keyword: false,
        code: Code::MasksMail,
        consequence: "no mail passes but that of clients that use BDAT",
    },
    Mask {
        name: "STARTTLS",
        verb: true,
        keyword: true,
        code: Code::MasksStartTls,
        consequence: "where TLS is required mail waits for days, and nullmailer bounces it; elsewhere it goes in \
                      clear text",
    },
    Mask {
        name: "SMTPUTF8",
        verb: false,
        keyword: true,
        code: Code::MasksSmtpUtf8,
        consequence: SMTPUTF8_CONSEQUENCE,
    },
    // A masked keyword takes those with it that depend on it.
    Mask {
        name: "8BITMIME",
        verb: false,
        keyword: true,
        code: Code::MasksSmtpUtf8,
        consequence: SMTPUTF8_CONSEQUENCE,
    },
    Mask {
        name: "DSN",
        verb: false,
        keyword: true,
        code: Code::MasksDsn,
        consequence: "where a delivery report is requested msmtp does not send, and the mail of smtplib, \
                      aiosmtplib and PHPMailer, which request it all the same, is refused",
    },
];

const SMTPUTF8_CONSEQUENCE: &str = "mail with an address that is not ASCII bounces at Postfix, and Exim delivers it \
                                    to a mailbox of another name; half of the clients send it all the same";

/// Classes that a policy masks, condition by condition, and matches that a map of the ASA masks.
pub(super) fn check(configuration: &Configuration, complaints: &mut Diagnostics) {
    for one in configuration.esmtp_maps.iter().flat_map(|map| &map.matches) {
        if let Some((Action::Mask, at)) = one.action
            && !one.negated
            && let Some(mask) = mask_of_match(&one.criterion)
        {
            complaints.push(complaint(mask, one.at).related(at, "masked here"));
        }
    }
    let rules = configuration.l7_policies.iter().flat_map(|policy| &policy.rules);
    let masking = rules.filter(|rule| matches!(rule.action, Some((Action::Mask, _))));
    // Several policies may mask a class.
    let mut told = HashSet::new();
    for rule in masking {
        let Some(class) = configuration.l7_classes.get(&rule.class.text) else { continue };
        for condition in class.conditions.iter().filter(|condition| !condition.negated) {
            if let Some(mask) = mask_of(&condition.criterion)
                && told.insert(condition.at)
            {
                complaints.push(complaint(mask, condition.at).related(rule.class.at, "masked here"));
            }
        }
    }
}

fn complaint(mask: &Mask, at: Span) -> Diagnostic {
    Diagnostic::new(mask.code, at, message(mask))
        .help(format!("`mailwarden / no warning {}` acknowledges this", mask.code.as_str()))
}

/// The first of the words of a match.
fn mask_of_match(criterion: &EsmtpCriterion) -> Option<&'static Mask> {
    match criterion {
        EsmtpCriterion::Verbs(verbs) => {
            verbs.iter().find_map(|verb| MASKS.iter().find(|mask| mask.verb && mask.name == verb.as_str()))
        }
        EsmtpCriterion::EhloParameters(parameters) => {
            parameters.iter().find_map(|parameter| match parameter {
                EhloParameter::One(keyword) => {
                    MASKS.iter().find(|mask| mask.keyword && mask.name == keyword.keyword)
                }
                EhloParameter::Others => None,
            })
        }
        EsmtpCriterion::Count { .. } | EsmtpCriterion::Regex { .. } | EsmtpCriterion::Encodings(_) => None,
    }
}

fn mask_of(criterion: &Criterion) -> Option<&'static Mask> {
    MASKS.iter().find(|mask| match criterion {
        Criterion::CommandVerb { verb } => mask.verb && verb == mask.name,
        Criterion::EhloReply { keyword } => mask.keyword && keyword == mask.name,
        _ => false,
    })
}

fn message(mask: &Mask) -> String {
    let Mask { name, consequence, .. } = mask;
    match mask.code {
        Code::MasksSmtpUtf8 if *name != "SMTPUTF8" => {
            format!("`{name}` is masked, and SMTPUTF8 with it: {consequence}")
        }
        _ => format!("`{name}` is masked: {consequence}"),
    }
}
