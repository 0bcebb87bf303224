//! What a dialect fixes for the sessions under its rules, as one value.
//!
//! Whoever needs to know asks the value; no other code knows a dialect by its name.

use proto::smtp::extension::Extensions;
use proto::smtp::verb::Verb;

use crate::judge::Ending;
use crate::model::{Action, Banner, StartTls};

/// The choices of a dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    /// In which order the rules of a policy are tried, and which of them ends the search.
    pub order: Order,
    /// The verbs that a client may use; any other is masked.
    pub verbs: VerbSet,
    /// Verbs of SMTP itself (RFC 821) that a client may use although a rule masks their keywords.
    pub needs_no_keyword: VerbSet,
    /// Keywords of an EHLO reply that are masked whatever the rules say, and whatever verbs there are.
    pub hidden: Extensions,
    /// Keywords of an EHLO reply that are in no table.
    pub unknown_keywords: UnknownKeywords,
    /// What the device itself does about STARTTLS.
    pub starttls: StartTls,
    /// What is written over what is masked.
    pub ink: Ink,
    /// What becomes of BDAT (RFC 3030) where the server offers it.
    pub bdat: Bdat,
    /// What blanks before a verb are.
    pub leading_blanks: Blanks,
    /// What the client sees of the server's greeting.
    pub banner: Banner,
    /// Who decides about `|` in a path.
    pub pipes: Pipes,
    /// Whether a message is held against the size that MAIL declared.
    pub checks_size: bool,
    /// Whether `reset` ends a connection by RST where the client does not leave by itself; else by FIN.
    pub resets: bool,
    /// Whether the log says that a session is encrypted.
    pub logs_tls: bool,
    /// What is demanded of a mailbox up to the login, whatever the rules say.
    pub login: LoginDemands,
    /// Whether the device calls its sessions `esmtp`, not `smtp`.
    pub is_esmtp: bool,
    /// Whose words the log uses.
    pub log: LogForm,
}

impl Profile {
    /// A session without rules.
    pub const NONE: Self = Self {
        order: Order::AsConfigured,
        verbs: VerbSet::ALL,
        needs_no_keyword: VerbSet::of(&[]),
        hidden: Extensions::of(&[]),
        unknown_keywords: UnknownKeywords::Shown,
        starttls: StartTls::Pass,
        ink: Ink { command: Letter::Small, keyword: Letter::Capital, running: false },
        bdat: Bdat::Inspected,
        leading_blanks: Blanks::Skipped,
        banner: Banner::Shown,
        pipes: Pipes::Conformance,
        checks_size: false,
        resets: false,
        logs_tls: false,
        login: LoginDemands::NONE,
        is_esmtp: false,
        log: LogForm::Ios,
    };

    /// Cisco IOS, zone-based firewall: class-maps and policy-maps of type inspect.
    pub const C3PL: Self = Self {
        order: Order::AsConfigured,
        verbs: VerbSet::of(&[
            Verb::Auth,
            Verb::Data,
            Verb::Ehlo,
            Verb::Etrn,
            Verb::Expn,
            Verb::Helo,
            Verb::Help,
            Verb::Mail,
            Verb::Noop,
            Verb::Quit,
            Verb::Rcpt,
            Verb::Rset,
            Verb::Saml,
            Verb::Send,
            Verb::Soml,
            Verb::Starttls,
            Verb::Verb,
            Verb::Vrfy,
        ]),
        needs_no_keyword: VerbSet::of(&[]),
        hidden: Extensions::of(&["CHUNKING"]),
        unknown_keywords: UnknownKeywords::Shown,
        starttls: StartTls::Pass,
        ink: Ink { command: Letter::Small, keyword: Letter::Capital, running: false },
        bdat: Bdat::Masked,
        leading_blanks: Blanks::Verb,
        banner: Banner::Shown,
        pipes: Pipes::Conformance,
        checks_size: false,
        resets: false,
        logs_tls: false,
        login: LoginDemands::NONE,
        is_esmtp: false,
        log: LogForm::Ios,
    };

    /// Classic inspection of Cisco IOS, `ip inspect name … smtp`: SMTP without extensions, so that a client
    /// whose EHLO is masked falls back to HELO.
    pub const CLASSIC_SMTP: Self = Self {
        verbs: VerbSet::of(&CLASSIC_VERBS),
        hidden: CLASSIC_HIDDEN,
        unknown_keywords: UnknownKeywords::Hidden,
        starttls: StartTls::Mask,
        ..Self::C3PL
    };

    /// The same with extensions, `ip inspect name … esmtp`. STARTTLS is not among the device's verbs.
    pub const CLASSIC_ESMTP: Self = Self {
        verbs: VerbSet::of(&CLASSIC_VERBS).and(VerbSet::of(&[
            Verb::Auth,
            Verb::Ehlo,
            Verb::Etrn,
            Verb::Starttls,
        ])),
        is_esmtp: true,
        ..Self::CLASSIC_SMTP
    };

    /// Cisco ASA, a map of type inspect esmtp without parameters.
    pub const ASA: Self = Self {
        order: Order::ByCriterion,
        is_esmtp: true,
        verbs: VerbSet::of(&[
            Verb::Auth,
            Verb::Data,
            Verb::Ehlo,
            Verb::Etrn,
            Verb::Helo,
            Verb::Help,
            Verb::Mail,
            Verb::Noop,
            Verb::Quit,
            Verb::Rcpt,
            Verb::Rset,
            Verb::Saml,
            Verb::Send,
            Verb::Soml,
            // Whether it may be used, `allow-tls` decides.
            Verb::Starttls,
            Verb::Vrfy,
        ]),
        // `match ehlo-reply-parameter others` masks these, and the device knows the commands all the same.
        needs_no_keyword: VerbSet::of(&[Verb::Help, Verb::Saml, Verb::Send, Verb::Soml]),
        ink: Ink { command: Letter::Capital, keyword: Letter::Capital, running: true },
        pipes: Pipes::End,
        checks_size: true,
        resets: true,
        log: LogForm::Asa,
        ..Self::C3PL
    };

    /// What is done about STARTTLS where this is configured.
    #[must_use]
    pub const fn starttls(&self, configured: StartTls) -> StartTls {
        match configured {
            StartTls::Device => self.starttls,
            StartTls::Pass | StartTls::Mask => configured,
        }
    }

    /// Whether a client may use the verb. LHLO is EHLO (RFC 2033 §4.1), under another name.
    pub const fn allows(&self, verb: Verb) -> bool {
        let verb = if matches!(verb, Verb::Lhlo) { Verb::Ehlo } else { verb };
        self.verbs.contains(verb)
    }
}

/// The verbs that the device knows and that are no extension.
const CLASSIC_VERBS: [Verb; 13] = [
    Verb::Data,
    Verb::Expn,
    Verb::Helo,
    Verb::Help,
    Verb::Mail,
    Verb::Noop,
    Verb::Quit,
    Verb::Rcpt,
    Verb::Rset,
    Verb::Saml,
    Verb::Send,
    Verb::Soml,
    Verb::Vrfy,
];

/// Every keyword but those of the device's verbs and of the extensions that it examines. BINARYMIME is one of these,
/// but needs CHUNKING. Differs from IOS: SMTPUTF8, which its time did not know, is shown like STARTTLS: without it mail
/// to some addresses cannot be delivered at all.
const CLASSIC_HIDDEN: Extensions = Extensions::ALL.without(Extensions::of(&[
    "8BITMIME",
    "AUTH",
    "CHECKPOINT",
    "DSN",
    "ENHANCEDSTATUSCODES",
    "ETRN",
    "EXPN",
    "HELP",
    "PIPELINING",
    "SAML",
    "SEND",
    "SIZE",
    "SMTPUTF8",
    "SOML",
    "STARTTLS",
    "VRFY",
]));

/// In which order the rules of a policy are tried for an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// As written; the first rule that matches acts, and no other is tried.
    AsConfigured,
    /// By the progress of parsing, then as written: [`Row::order`](crate::criterion::Row::order) of the
    /// condition of a class that is decided last. A rule that neither masks nor ends the session lets the
    /// next one act too.
    ByCriterion,
}

impl Order {
    /// Whether a rule with this action lets the rules after it be tried.
    pub const fn continues_after(self, action: Option<Action>) -> bool {
        match (self, action) {
            (Self::AsConfigured, _) => false,
            (Self::ByCriterion, None | Some(Action::Allow | Action::Pace(_))) => true,
            (Self::ByCriterion, Some(Action::Mask | Action::Close | Action::Reset)) => false,
        }
    }
}

/// A set of verbs; [`Verb::Unknown`] is any verb that is not in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerbSet(u64);

impl VerbSet {
    /// Every verb, known or not.
    pub const ALL: Self = Self(u64::MAX);

    /// The set of these verbs.
    pub const fn of(verbs: &[Verb]) -> Self {
        let mut bits = 0;
        let mut rest = verbs;
        while let [verb, others @ ..] = rest {
            bits |= bit(*verb);
            rest = others;
        }
        Self(bits)
    }

    /// The members of both.
    #[must_use]
    pub const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Whether the verb is a member.
    pub const fn contains(self, verb: Verb) -> bool {
        self.0 & bit(verb) != 0
    }
}

const fn bit(verb: Verb) -> u64 {
    1 << verb as u32
}

/// Keywords of an EHLO reply that are in no table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownKeywords {
    /// The client sees them, unless a class masks them.
    Shown,
    /// They are masked, and with each the verb and the parameter of its name.
    Hidden,
}

/// The letters that take the place of what is masked, one for each byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ink {
    /// Of a command line, up to its line end.
    pub command: Letter,
    /// Of a keyword of an EHLO reply with its parameters.
    pub keyword: Letter,
    /// The last letter over a keyword is A, then B, and so on in each reply, so that no two are alike.
    pub running: bool,
}

/// A letter to mask with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Letter {
    /// `x`
    Small,
    /// `X`
    Capital,
}

/// What becomes of BDAT where the server offers CHUNKING.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bdat {
    /// Its message is inspected as that of DATA.
    Inspected,
    /// The command is masked, and its bytes are skipped.
    Masked,
}

/// What blanks before a verb are. Some servers, Postfix among them, skip them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blanks {
    /// Nothing: the verb follows them.
    Skipped,
    /// A part of the verb, which no dialect has.
    Verb,
}

/// Who decides about `|` in the path of MAIL or RCPT. To many servers it is a character like others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pipes {
    /// The conformance table: it is refused where some server could run a command.
    Conformance,
    /// It ends the session wherever it stands.
    End,
    /// A rule of the policy, and about a backquote and NUL as well.
    Rules,
}

/// What a dialect demands of POP3 and IMAP up to the login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoginDemands {
    pub commands: Commands,
    pub mechanisms: Mechanisms,
    /// How a session ends that does not meet them.
    pub ending: Ending,
}

impl LoginDemands {
    /// The rules decide.
    pub const NONE: Self =
        Self { commands: Commands::Any, mechanisms: Mechanisms::Any, ending: Ending::Close };

    /// A rule of classic inspection without `secure-login` and `reset`: a command that is not valid ends the
    /// session.
    pub const VALID: Self = Self { commands: Commands::Valid, ..Self::NONE };
}

/// Which commands a client may use before it is logged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commands {
    Any,
    /// Those that the protocol has before the login.
    Valid,
}

/// By which mechanisms a client may log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanisms {
    Any,
    /// Those that hide the password, or any under encryption.
    Secure,
}

/// Whose words the messages of the log are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogForm {
    /// `%APPFW-4-…`, `%FW-6-…`
    Ios,
    /// `%ASA-4-108004: …`
    Asa,
}

#[cfg(test)]
mod tests {
    use proto::smtp::verb::VERBS;

    use super::*;

    #[test]
    fn c3pl_has_eighteen_verbs() {
        let verbs = VERBS.iter().filter(|row| Profile::C3PL.verbs.contains(row.verb));
        assert_eq!(verbs.count(), 18);
        assert!(!Profile::C3PL.verbs.contains(Verb::Unknown));
    }

    #[test]
    fn esmtp_adds_three_verbs_and_starttls_to_those_of_smtp() {
        let verbs = |profile: Profile| VERBS.iter().filter(move |row| profile.verbs.contains(row.verb));
        assert_eq!(verbs(Profile::CLASSIC_SMTP).count(), 13);
        let added = verbs(Profile::CLASSIC_ESMTP).filter(|row| !Profile::CLASSIC_SMTP.allows(row.verb));
        let added: Vec<Verb> = added.map(|row| row.verb).collect();
        assert_eq!(added, [Verb::Auth, Verb::Ehlo, Verb::Etrn, Verb::Starttls]);
        assert_eq!(Profile::CLASSIC_ESMTP.starttls(StartTls::Device), StartTls::Mask);
        assert_eq!(Profile::CLASSIC_ESMTP.starttls(StartTls::Pass), StartTls::Pass);
    }

    #[test]
    fn asa_has_fifteen_verbs_beside_starttls() {
        let verbs = VERBS.iter().filter(|row| Profile::ASA.verbs.contains(row.verb));
        assert_eq!(verbs.count(), 16);
        for verb in [Verb::Expn, Verb::Verb, Verb::Bdat, Verb::Turn, Verb::Unknown] {
            assert!(!Profile::ASA.allows(verb), "{verb:?}");
        }
    }

    #[test]
    fn without_rules_every_verb_may_be_used() {
        assert!(VERBS.iter().all(|row| Profile::NONE.verbs.contains(row.verb)));
        assert!(Profile::NONE.verbs.contains(Verb::Unknown));
    }

    #[test]
    fn lhlo_is_ehlo() {
        assert!(Profile::C3PL.allows(Verb::Lhlo) && !Profile::C3PL.verbs.contains(Verb::Lhlo));
        assert!(Profile::C3PL.allows(Verb::Noop) && !Profile::C3PL.allows(Verb::Turn));
    }
}
