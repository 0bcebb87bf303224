//! What a peer does that its protocol does not allow: kinds, and what is done about them.

use proto::Side;

use crate::event::Reference;

/// An anomaly, with what was done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anomaly<'b> {
    /// What it is.
    pub kind: AnomalyKind,
    /// Which side it came from.
    pub from: Side,
    /// An example, as received, at most 256 bytes; empty where it may be secret or says nothing.
    pub value: &'b [u8],
    /// What the table of conformance says; not carried out in a recording.
    pub treatment: Treatment,
    /// Names a refusal because of it in the reply to the client; absent where it refuses nothing.
    pub reference: Option<Reference>,
    /// 1 where it is reported the first time in its session; else it is summed up at the end, and this is
    /// how often it happened in all.
    pub count: u32,
}

/// What conformance does about an anomaly, from the mildest to the hardest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Treatment {
    /// Passed on, in canonical form where the wire demands one; an event, but no alert.
    Silent,
    /// Passed on unchanged, and reported.
    Logged,
    /// Rewritten in canonical form, or held until it is in order.
    Normalized,
    /// Overwritten at equal length, so that the server does not know it.
    Masked,
    /// Answered with an error and not forwarded.
    Refused,
    /// The session is ended.
    Reset,
}

impl Treatment {
    pub const ALL: [Self; 6] =
        [Self::Silent, Self::Logged, Self::Normalized, Self::Masked, Self::Refused, Self::Reset];

    /// The word in events and in the log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Silent => "silent",
            Self::Logged => "logged",
            Self::Normalized => "normalized",
            Self::Masked => "masked",
            Self::Refused => "refused",
            Self::Reset => "reset",
        }
    }
}

macro_rules! anomalies {
    ($($variant:ident = $name:literal, $what:literal;)*) => {
        /// A violation of the protocol by a peer, or an exceeded limit.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum AnomalyKind { $(#[doc = $what] $variant,)* }

        impl AnomalyKind {
            /// Every kind, in the order of the manual.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word in events and in the log.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// One sentence for the manual.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $what,)* }
            }
        }
    };
}

anomalies! {
    BareLf = "bare-lf", "A bare LF in message data.";
    BareCr = "bare-cr", "A bare CR in message data.";
    Nul = "nul-in-data", "A NUL in message data.";
    EndLookAlike = "end-of-data-look-alike", "Bytes that some servers accept as the end of a message.";
    CommandBareLf = "command-bare-lf", "A command line that ends in a bare LF.";
    ReplyBareLf = "reply-bare-lf", "A reply line that ends in a bare LF.";
    CommandControl = "control-in-command", "A control character in a command line.";
    CommandEightBit = "eight-bit-in-command", "A byte above 127 in a command line without SMTPUTF8.";
    CommandTooLong = "command-too-long", "A command line longer than its limit.";
    EarlyTalker = "early-talker", "The client sent a command before the server's greeting.";
    NoTransaction = "no-transaction", "RCPT, DATA or BDAT without a MAIL that the server has accepted or may accept.";
    OutOfOrder = "out-of-order", "DATA without a recipient, DATA after BDAT, or MAIL within a transaction.";
    Unpipelined = "pipelining-not-offered", "The client did not wait for a reply, and the server offers no PIPELINING.";
    TlsInjection = "octets-behind-starttls", "Clear text after STARTTLS.";
    NotSmtp = "not-smtp", "The client began with a request of another protocol, or with binary data.";
    StrayProxyHeader = "stray-proxy-header", "A PROXY header where none is expected: from an address that no `accept-proxy` names.";
    BadProxyHeader = "bad-proxy-header", "From a network that `accept-proxy` names, no PROXY header, or one that contradicts itself.";
    CutProxyHeader = "cut-proxy-header", "From a network that `accept-proxy` names, a PROXY header that did not come whole, or none in time.";
    XclientRefused = "xclient-refused", "The server does not offer XCLIENT, or refuses it, and would take the proxy for the client.";
    UnaskedReply = "unasked-reply", "An unsolicited reply.";
    BadReply = "bad-reply", "A line from the server that is not a reply line, or a reply that its command cannot have.";
    ReplyControl = "control-in-reply", "A control character or a bare CR in a reply line.";
    UnknownExchange = "unknown-exchange", "A 3xx reply to a command that is not known to have one.";
    EndlessReply = "endless-reply", "A reply longer than its limit.";
    LineBareLf = "bare-lf-before-login", "A line that ends in a bare LF, in POP3 or IMAP before the login.";
    StrayLine = "stray-line", "A line of a POP3 or IMAP server, before the login, that answers no command.";
    EndlessLine = "endless-line", "A line of a POP3 or IMAP server, before the login, longer than its limit.";
    BadLiteral = "bad-literal", "An IMAP literal before the login whose length is over its limit or cannot be read.";
    BadTag = "bad-tag", "An IMAP command whose tag is `+`, `*`, or no tag.";
    Preauth = "preauth", "An IMAP server that takes the client for logged in from the beginning.";
    Compressed = "compressed", "An IMAP session that went on compressed, so that its end is not seen.";
    InvalidCommand = "invalid-command", "A POP3 or IMAP command that is not valid before the login, where the dialect demands that it is.";
    ClearTextLogin = "clear-text-login", "A POP3 or IMAP login in clear text, where the rule demands a secure one.";
    AfterLeaving = "command-after-leaving", "A POP3 or IMAP command after QUIT or LOGOUT that is no login.";
    HostilePath = "hostile-path", "A path that some servers could execute as a command.";
    Pipe = "pipe-in-path", "A `|` in a path, where the dialect does not let one pass.";
    UnreadablePath = "unreadable-path", "An argument of MAIL or RCPT without a path.";
    ChunkFlaw = "bare-octet-in-chunk", "A bare CR, a bare LF or a NUL in a BDAT chunk without BODY=BINARYMIME.";
    LongField = "long-header-field", "A header field longer than 64 KiB.";
    LongHeader = "long-header", "A message header longer than its limit.";
    MimeDepth = "mime-depth", "MIME parts nested more deeply than is inspected.";
    MimeParts = "mime-parts", "More MIME parts than are inspected.";
    MimeReadings = "mime-readings", "More, or longer, fields describing a MIME part than are inspected.";
    RepeatedMimeField = "repeated-mime-field", "Content-Type or Content-Transfer-Encoding more than once.";
    AmbiguousMimeField = "ambiguous-mime-field", "A Content-Type or Content-Transfer-Encoding that readers take in different ways.";
    AmbiguousBoundary = "ambiguous-boundary", "A multipart whose boundary is missing, given twice, or no plain token or quoted string.";
    AmbiguousHeader = "ambiguous-header", "A field describing a MIME part after, or itself, a line that some readers take for the beginning of the body: no field, or with a blank before its colon.";
    SizeExceeded = "size-exceeded", "A message longer than MAIL declared by SIZE.";
    BadChunk = "bad-chunk", "A BDAT command without a valid size.";
    UnofferedChunk = "chunk-not-offered", "A BDAT command although CHUNKING is not offered.";
    UnknownVerb = "unknown-verb", "A verb that the dialect does not know, or that was not offered.";
    LockedParameter = "locked-parameter", "A parameter of a masked extension.";
    Surplus = "surplus-recipients", "More recipients above the limit than are refused one by one.";
    ManyRefused = "too-many-refused", "More than 100 refused or masked commands.";
}
