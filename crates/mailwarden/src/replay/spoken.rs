//! What a replay must know of the protocol of a session: what is inspected of it, and where its commands and replies
//! begin and end.

use std::sync::Arc;

use engine::SessionConfig;
use engine::bounds::Bounds;
use engine::config::{Inspect, Watch};

use super::{mailbox, smtp};

/// A protocol whose sessions are replayed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Spoken {
    /// LMTP too.
    #[default]
    Smtp,
    Pop3,
    Imap,
}

impl Spoken {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Smtp => "smtp",
            Self::Pop3 => "pop3",
            Self::Imap => "imap",
        }
    }

    const fn inspect(self) -> Inspect {
        match self {
            Self::Smtp => Inspect::Smtp,
            Self::Pop3 => Inspect::Pop3,
            Self::Imap => Inspect::Imap,
        }
    }

    /// Whether the line at the front is a command that we know: after lost bytes the dialogue goes on there.
    pub(super) fn begins_command(self, line: &[u8]) -> bool {
        match self {
            Self::Smtp => smtp::begins_command(line),
            Self::Pop3 => mailbox::begins_pop3(line),
            Self::Imap => mailbox::begins_imap(line),
        }
    }

    /// The length of the reply at the front, all its lines, if it is complete. A mailbox is told line by line.
    pub(super) fn reply_len(self, bytes: &[u8]) -> Option<usize> {
        match self {
            Self::Smtp => smtp::reply_len(bytes),
            Self::Pop3 | Self::Imap => memchr::memchr(b'\n', bytes).map(|lf| lf + 1),
        }
    }

    /// Whether the reply under way will not be completed: the client took it for complete, and what the server sends
    /// now begins another.
    pub(super) fn is_broken_off(self, reply: &[u8], next: &[u8]) -> bool {
        match self {
            Self::Smtp => smtp::is_broken_off(reply, next),
            Self::Pop3 | Self::Imap => false,
        }
    }

    /// Makes the last line of a reply that was broken off its final one.
    pub(super) fn complete_reply(self, reply: &mut Vec<u8>) {
        match self {
            Self::Smtp => smtp::complete_reply(reply),
            Self::Pop3 | Self::Imap => {}
        }
    }
}

/// What sessions are held to, by their protocol.
#[derive(Debug)]
pub(super) struct Configs {
    smtp: Arc<SessionConfig>,
    pop3: Arc<SessionConfig>,
    imap: Arc<SessionConfig>,
}

impl Configs {
    /// What judges: this where it inspects the protocol of a session, and conformance alone elsewhere.
    pub(super) fn new(config: &SessionConfig) -> Self {
        let of = |spoken: Spoken| {
            Arc::new(match config.inspect == spoken.inspect() {
                true => observing(config, spoken),
                false => observing(&SessionConfig::default(), spoken),
            })
        };
        Self { smtp: of(Spoken::Smtp), pop3: of(Spoken::Pop3), imap: of(Spoken::Imap) }
    }

    pub(super) const fn of(&self, spoken: Spoken) -> &Arc<SessionConfig> {
        match spoken {
            Spoken::Smtp => &self.smtp,
            Spoken::Pop3 => &self.pop3,
            Spoken::Imap => &self.imap,
        }
    }
}

/// The same, for dialogues that are over: nothing is refused for its length.
fn observing(config: &SessionConfig, spoken: Spoken) -> SessionConfig {
    let wide = 64 << 10;
    let bounds = Bounds {
        reply_line: wide,
        capability_bytes: wide,
        capability_lines: 1000,
        outstanding: 100_000,
        ..config.bounds
    };
    SessionConfig { inspect: spoken.inspect(), watch: Watch::Observe, bounds, ..config.clone() }
}
