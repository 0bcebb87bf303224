//! Complaints about a configuration: what is wrong, where, and how to say it right.
//!
//! Wording: lower case, no full stop, the user's text in backticks, what was expected; the help can
//! be typed. How a complaint looks on a screen is `render.rs`'s affair.

use crate::source::Span;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing, and nothing to be mended: it changes no exit code.
    Note,
    Warning,
    Error,
}

impl Severity {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One complaint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    pub code: Code,
    pub message: String,
    pub at: Span,
    pub help: Option<String>,
    /// Other places that explain it, each with a word why.
    pub related: Vec<(Span, String)>,
}

impl Diagnostic {
    pub fn new(code: Code, at: Span, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), at, help: None, related: Vec::new() }
    }

    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    #[must_use]
    pub fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help = help.or(self.help);
        self
    }

    #[must_use]
    pub fn related(mut self, at: Span, why: impl Into<String>) -> Self {
        self.related.push((at, why.into()));
        self
    }

    pub fn severity(&self) -> Severity {
        self.code.severity()
    }
}

/// All complaints about one file, in the order of their places once sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.0.push(diagnostic);
    }

    /// How many there are: the index of the next one, until they are sorted.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Adds another place to the complaint at an index.
    pub(crate) fn relate(&mut self, index: usize, at: Span, why: &str) {
        if let Some(complaint) = self.0.get_mut(index) {
            complaint.related.push((at, why.to_owned()));
        }
    }

    pub fn extend(&mut self, diagnostics: impl IntoIterator<Item = Diagnostic>) {
        self.0.extend(diagnostics);
    }

    /// Sorts by place; complaints about one place keep their order.
    pub fn sort(&mut self) {
        self.0.sort_by_key(|diagnostic| diagnostic.at);
    }

    /// Takes away the warnings and notes that the file acknowledges.
    pub fn acknowledge(&mut self, codes: &[Code]) {
        self.0.retain(|diagnostic| {
            diagnostic.severity() == Severity::Error || !codes.contains(&diagnostic.code)
        });
    }

    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.0.iter()
    }

    pub fn errors(&self) -> usize {
        self.iter().filter(|d| d.severity() == Severity::Error).count()
    }

    pub fn warnings(&self) -> usize {
        self.iter().filter(|d| d.severity() == Severity::Warning).count()
    }

    pub fn notes(&self) -> usize {
        self.iter().filter(|d| d.severity() == Severity::Note).count()
    }

    pub fn has_errors(&self) -> bool {
        self.iter().any(|d| d.severity() == Severity::Error)
    }
}

impl<'d> IntoIterator for &'d Diagnostics {
    type Item = &'d Diagnostic;
    type IntoIter = std::slice::Iter<'d, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Declares `Code`: each code has one stable name and one severity.
macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $severity:ident;)*) => {
        /// What kind of complaint it is; the names are stable and may be relied on.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code { $($(#[$doc])* $variant,)* }

        impl Code {
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The code of this name, whatever its case.
            pub fn of(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|code| code.as_str().eq_ignore_ascii_case(name))
            }

            pub fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)* }
            }
        }
    };
}

codes! {
    // The file.
    FileTooLarge = "file-too-large", Error;
    Utf16 = "utf-16", Error;
    NotText = "not-text", Error;
    NotUtf8 = "not-utf-8", Warning;
    UnterminatedText = "unterminated-text", Warning;
    // The line.
    InvalidInput = "invalid-input", Error;
    IncompleteCommand = "incomplete-command", Error;
    AmbiguousCommand = "ambiguous-command", Error;
    OutOfRange = "out-of-range", Error;
    TooLong = "too-long", Error;
    OutsideBlock = "outside-block", Error;
    PastedMark = "pasted-mark", Error;
    UnknownStatement = "unknown-statement", Warning;
    OtherPlatform = "other-platform", Warning;
    NoEffect = "no-effect", Warning;
    NotSupported = "not-supported", Warning;
    TypographicQuotes = "typographic-quotes", Warning;
    Overridden = "overridden", Warning;
    // Names.
    UndefinedName = "undefined-name", Error;
    UndefinedList = "undefined-list", Warning;
    ReservedName = "reserved-name", Error;
    InUse = "in-use", Error;
    Cyclic = "cyclic", Error;
    AmbiguousName = "ambiguous-name", Warning;
    // Rules of the language.
    MaskNotAllowed = "mask-not-allowed", Error;
    CommandLengthAlone = "command-length-alone", Error;
    TwoVerbs = "two-verbs", Error;
    ActionConflict = "action-conflict", Error;
    EncodingNotPrivate = "encoding-not-private", Error;
    PatternInvalid = "pattern-invalid", Error;
    PatternTooLarge = "pattern-too-large", Error;
    TooManyPatterns = "too-many-patterns", Error;
    ListUnreadable = "list-unreadable", Error;
    TooManyConditions = "too-many-conditions", Error;
    ProtocolMismatch = "protocol-mismatch", Error;
    InspectMissing = "inspect-missing", Error;
    SmtpAndEsmtp = "smtp-and-esmtp", Error;
    PortOfAnother = "port-of-another", Error;
    NotForThisMatch = "not-for-this-match", Error;
    LowAboveHigh = "low-above-high", Error;
    ProxyIncomplete = "proxy-incomplete", Error;
    ListenTwice = "listen-twice", Error;
    UnknownWarning = "unknown-warning", Error;
    ProxyLoop = "proxy-loop", Error;
    XclientInRelay = "xclient-in-relay", Error;
    // Lints.
    DanglingStar = "dangling-star", Warning;
    MatchesEmpty = "matches-empty", Warning;
    NeverMatches = "never-matches", Warning;
    HiddenClass = "hidden-class", Warning;
    NotAttached = "not-attached", Warning;
    ProtocolInL7Class = "protocol-in-l7-class", Warning;
    Pinhole = "pinhole", Warning;
    MaxDataDefault = "max-data-default", Warning;
    NoAction = "no-action", Warning;
    UnknownVerb = "unknown-verb", Warning;
    TlsPort = "tls-port", Warning;
    DoubtfulAddress = "doubtful-address", Warning;
    ListenOverlap = "listen-overlap", Warning;
    LiteralEscape = "literal-escape", Warning;
    AddressBrackets = "address-brackets", Warning;
    LoosePattern = "loose-pattern", Warning;
    AcceptsAnyone = "accepts-anyone", Warning;
    BuiltInMap = "built-in-map", Warning;
    LongHeaderLines = "long-header-lines", Warning;
    UnknownInterface = "unknown-interface", Warning;
    ServerTrustsUs = "server-trusts-us", Warning;
    TlsEscapesContent = "tls-escapes-content", Warning;
    MasksEhlo = "masks-ehlo", Warning;
    MasksMail = "masks-mail", Warning;
    MasksStartTls = "masks-starttls", Warning;
    MasksSmtpUtf8 = "masks-smtputf8", Warning;
    MasksDsn = "masks-dsn", Warning;
    MasksGreeting = "masks-greeting", Warning;
    RefusesAllMail = "refuses-all-mail", Warning;
    // Worth knowing.
    DecodedUtf16 = "decoded-utf-16", Note;
    MatchAllByDefault = "match-all-by-default", Note;
    NoPolicy = "no-policy", Note;
    // The machine.
    MissingFolder = "missing-folder", Warning;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_names_are_unique_and_kebab_case() {
        let mut names: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        for name in &names {
            assert!(
                name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'),
                "{name}"
            );
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Code::ALL.len());
    }

    #[test]
    fn complaints_are_sorted_by_place_and_counted_by_severity() {
        let mut all = Diagnostics::default();
        all.push(Diagnostic::new(Code::NotAttached, Span::new(9, 10), "later"));
        all.push(Diagnostic::new(Code::InvalidInput, Span::new(2, 4), "earlier").help("x"));
        all.sort();
        assert_eq!(all.iter().map(|d| d.message.as_str()).collect::<Vec<_>>(), ["earlier", "later"]);
        assert_eq!((all.errors(), all.warnings(), all.has_errors()), (1, 1, true));
    }
}
