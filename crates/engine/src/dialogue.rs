//! What a protocol implements to be inspected in a session, and the loop in which bytes are offered to it.

use std::fmt::Debug;
use std::net::SocketAddr;

use proto::{Side, Time};

use crate::bounds::{Bounds, Timers};
use crate::context::Context;
use crate::effect::{End, TlsFailure, Took, Wants};
use crate::ends::{Ends, Limit};
use crate::event::AnomalyKind;

/// The dialogue of one session in one protocol. A trait although the set is closed: forwarding each
/// method by a `match` over the protocols would say less in more lines.
pub(crate) trait Dialogue: Debug {
    /// Takes one unit from the front of `input`, or says what must happen first. `input` may be empty.
    fn step(&mut self, from: Side, input: &[u8], cx: &mut Context<'_>) -> Step;

    /// A side ended, after everything it had sent was offered.
    fn ended(&mut self, from: Side, how: End, cx: &mut Context<'_>);

    /// The deadline has passed.
    fn expire(&mut self, cx: &mut Context<'_>);

    /// The program is shutting down: the session ends at the next opportunity.
    fn drain(&mut self, cx: &mut Context<'_>);

    /// Whether nothing of it is parsed any more, so that nobody can tell where it may be cut.
    fn is_relayed(&self) -> bool;

    /// The server was reached.
    fn connected(&mut self, _client: SocketAddr, _cx: &mut Context<'_>) {}

    /// The client was at fault before its session could begin: with this anomaly it ends.
    fn refused(&mut self, kind: AnomalyKind, value: &[u8], cx: &mut Context<'_>);

    /// No server could be reached.
    fn unreachable(&mut self, cx: &mut Context<'_>);

    /// TLS began on a side, or could not. Called once for each `Effect::Secure`, and never otherwise.
    fn secured(&mut self, _side: Side, _outcome: Result<(), TlsFailure>, _cx: &mut Context<'_>) {}

    /// What was counted for the report of its end; nothing where nothing is parsed.
    fn counts(&self) -> Counts {
        Counts::default()
    }

    fn ends(&self) -> &Ends;

    fn ends_mut(&mut self) -> &mut Ends;

    /// Which timer runs in the present state. A protocol that owes a last reply is not only idle, hence no
    /// default.
    fn limit(&self) -> Limit;

    /// The most bytes of a side that are worth offering at once.
    fn portion(&self, _from: Side, _bounds: &Bounds) -> usize {
        usize::MAX
    }

    /// Whether the peer of this side gets its turn before more is looked at: what follows may answer what the peer
    /// was held back from saying.
    fn is_peers_turn(&self, _from: Side) -> bool {
        false
    }

    /// What a replay needs where a recording lacks bytes; absent where nothing is parsed.
    fn bridge(&mut self) -> Option<&mut dyn Bridge> {
        None
    }

    /// Takes units from the front of `held` until something else must happen first.
    fn offer(&mut self, from: Side, held: &[u8], cx: &mut Context<'_>) -> Took {
        if !held.is_empty() {
            self.ends_mut().active(cx.out.now);
        }
        let mut bytes = 0;
        loop {
            match self.step(from, held.get(bytes..).unwrap_or_default(), cx) {
                Step::Took(len) => {
                    bytes += len;
                    if bytes < held.len() && self.is_peers_turn(from) {
                        return Took { bytes, wants: Wants::Peer };
                    }
                }
                Step::Wants(wants) => return Took { bytes, wants },
            }
        }
    }

    /// When `expire` is due.
    fn deadline(&self, timers: &Timers) -> Time {
        self.ends().deadline(self.limit(), timers)
    }
}

/// What a session counts for the report of its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Commands of the client, as far as they were parsed: of a mailbox those before the login.
    pub commands: u32,
    /// Replies of ours that refused something. A session that ends by one counts it once, whatever the client says
    /// after it.
    pub refusals: u32,
}

/// What a replay needs of a protocol to bridge the holes of a recording.
pub(crate) trait Bridge {
    /// The reply that is awaited next was not recorded, and the client went on with `next`: takes it to
    /// have been such that the client could go on. Whether a reply was awaited.
    fn assume(&mut self, next: &[u8], cx: &mut Context<'_>) -> bool;

    /// The client's next `most` bytes were not recorded: counts those that are message data, but not the last of
    /// a chunk. How many they are.
    fn pass_over(&mut self, most: u64, cx: &mut Context<'_>) -> u64;

    /// Bytes of the client were not recorded that are no message data: whether a transaction is open is not known.
    fn lose(&mut self);

    /// How many of the client's next bytes are message data, whatever they are. `u64::MAX` where only the data itself
    /// tells its end.
    fn data_awaited(&self) -> u64;
}

/// What became of the front of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// This many bytes were consumed, and there may be more to do.
    Took(usize),
    /// Nothing was consumed.
    Wants(Wants),
}
