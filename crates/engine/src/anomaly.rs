//! What a peer does that its protocol does not allow: kinds, and what is done about them.

use proto::Side;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anomaly<'b> {
    pub kind: AnomalyKind,
    pub from: Side,
    pub value: &'b [u8],
    pub treatment: Treatment,
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
        /// What a peer did that its protocol does not allow, or that a bound of ours does not.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum AnomalyKind { $(#[doc = $what] $variant,)* }

        impl AnomalyKind {
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

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
    BareLf = "bare-lf", "A line feed without its carriage return, in message data.";
    BareCr = "bare-cr", "A carriage return without its line feed, in message data.";
    Nul = "nul-in-data", "A NUL octet in message data.";
    EndLookAlike = "end-of-data-look-alike", "Octets that some servers take for the end of a message.";
    CommandBareLf = "command-bare-lf", "A command line that ends in a bare line feed.";
    ReplyBareLf = "reply-bare-lf", "A reply line that ends in a bare line feed.";
    CommandControl = "control-in-command", "A control octet in a command line.";
    CommandEightBit = "eight-bit-in-command", "An octet above 127 in a command line without SMTPUTF8.";
    CommandTooLong = "command-too-long", "A command line over its bound.";
    EarlyTalker = "early-talker", "The client spoke before the server's greeting.";
    Unpipelined = "pipelining-not-offered", "The client did not wait for a reply, and the server offers no PIPELINING.";
    TlsInjection = "octets-behind-starttls", "Octets in clear behind STARTTLS.";
    NotSmtp = "not-smtp", "The client began with a request of another protocol, or with binary octets.";
    UnaskedReply = "unasked-reply", "A reply that no command asked for.";
    BadReply = "bad-reply", "A line of the server that is no reply line.";
    EndlessReply = "endless-reply", "A reply over its bound.";
    HostilePath = "hostile-path", "A path that some server takes for a command.";
    UnreadablePath = "unreadable-path", "An argument of MAIL or RCPT that has no path.";
    ChunkFlaw = "bare-octet-in-chunk", "A bare line end or a NUL in a BDAT chunk without BODY=BINARYMIME.";
    LongField = "long-header-field", "A header field over 64 KiB.";
    LongHeader = "long-header", "A message header over its bound.";
    MimeDepth = "mime-depth", "MIME parts nested deeper than is followed.";
    MimeParts = "mime-parts", "More MIME parts than are followed.";
    MimeReadings = "mime-readings", "More that describes a MIME part, or longer, than is followed.";
    RepeatedMimeField = "repeated-mime-field", "Content-Type or Content-Transfer-Encoding more than once.";
    BadChunk = "bad-chunk", "A BDAT command whose size cannot be read.";
    UnofferedChunk = "chunk-not-offered", "A BDAT command although the server offers no CHUNKING.";
    UnknownVerb = "unknown-verb", "A verb that the dialect does not know, or that was not offered: masked.";
    LockedParameter = "locked-parameter", "A parameter whose extension was masked.";
    Surplus = "surplus-recipients", "More recipients over the limit than are answered one by one.";
}
