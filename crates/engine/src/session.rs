//! A session: two sides, one protocol, and the configuration it was accepted under.

use std::net::SocketAddr;
use std::sync::Arc;

use proto::{Side, Time};

use crate::config::{Inspect, SessionConfig};
use crate::context::Context;
pub use crate::dialogue::Counts;
use crate::dialogue::Dialogue;
use crate::effect::{End, Out, Output, TlsFailure, Took, Wants};
use crate::event::{AnomalyKind, Event, Reason};
use crate::imap::Imap;
use crate::opaque::Opaque;
use crate::pop3::Pop3;
use crate::smtp::Smtp;

/// One client and one server, from accept to the end of both.
#[derive(Debug)]
pub struct Session {
    config: Arc<SessionConfig>,
    dialogue: AnyDialogue,
    /// The time that a side wants before it is offered again, until it comes.
    wake: Option<Time>,
}

/// The protocols that are inspected.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "nearly every session is inspected, and saves an allocation")]
enum AnyDialogue {
    Smtp(Smtp),
    Pop3(Pop3),
    Imap(Imap),
    Opaque(Opaque),
    /// A protocol of a test.
    #[cfg(test)]
    Double(Box<dyn Dialogue>),
}

impl Session {
    /// A session that begins now; nothing was offered of either side.
    pub fn new(config: Arc<SessionConfig>, now: Time) -> Self {
        Self::named(config, now, 0)
    }

    /// The same; the references of its refusals begin with the lower 24 bits of `name`.
    pub fn named(config: Arc<SessionConfig>, now: Time, name: u32) -> Self {
        let dialogue = match config.inspect {
            Inspect::Smtp => AnyDialogue::Smtp(Smtp::new(&config, now, name)),
            Inspect::Pop3 => AnyDialogue::Pop3(Pop3::new(now, name)),
            Inspect::Imap => AnyDialogue::Imap(Imap::new(now, name)),
            Inspect::Opaque | Inspect::Drop => AnyDialogue::Opaque(Opaque::new(now)),
        };
        Self { config, dialogue, wake: None }
    }

    /// The server was reached, for a client with this address.
    pub fn connected(&mut self, now: Time, client: SocketAddr, out: &mut dyn Output) {
        let (dialogue, mut cx) = self.call(now, out);
        cx.out.report(Event::SessionStart);
        dialogue.connected(client, &mut cx);
    }

    /// Before a server was connected, the client did what ends the session: it gets an error in place of a greeting.
    pub fn refused(&mut self, now: Time, kind: AnomalyKind, value: &[u8], out: &mut dyn Output) {
        let (dialogue, mut cx) = self.call(now, out);
        dialogue.refused(kind, value, &mut cx);
    }

    /// No server could be reached: the client gets an error in place of a greeting.
    pub fn unreachable(&mut self, now: Time, out: &mut dyn Output) {
        let (dialogue, mut cx) = self.call(now, out);
        dialogue.unreachable(&mut cx);
    }

    /// Offers what is held of one side: bytes that came and were not consumed yet, in order.
    ///
    /// - **Answer.** Units are consumed from the front; [`Took::bytes`] says how many bytes, and
    ///   [`Took::wants`] what must happen before the rest is offered again. A byte that was not consumed was
    ///   not forwarded either. A unit is decided on in one call, and once: what is offered again is not
    ///   learned or reported again.
    /// - **Gates.** A side is read only while its last answer was [`Wants::More`] and there is room for what
    ///   comes of it: on the other side, and for replies to the client on its own. After any call, the
    ///   driver offers again what it holds of a side that wants [`Wants::Peer`] or [`Wants::At`], until
    ///   nothing is consumed any more; offering early does no harm.
    /// - **Bounds.** `held` may be as long as `Bounds::held` and is then never answered with no byte consumed
    ///   and `More`: something is consumed, or refused. [`Self::portion`] says how much to offer at once.
    /// - **Endings.** After `Effect::Finish` or `Effect::Abort` of a side nothing is sent to it. After
    ///   [`Wants::Nothing`] the side need not be offered; what it still sends is read and discarded.
    ///   The session is over when both sides were closed.
    /// - **Cuts.** However the bytes of a side are cut into calls, both sides get the same bytes and endings,
    ///   and the same events are reported in the same order. Only of a message that is refused may one cut
    ///   have forwarded more bytes than another, and never its end.
    ///
    /// Nothing that is offered makes it panic, and it keeps nothing that grows with the length of a message.
    pub fn offer(&mut self, now: Time, from: Side, held: &[u8], out: &mut dyn Output) -> Took {
        let (dialogue, mut cx) = self.call(now, out);
        let took = dialogue.offer(from, held, &mut cx);
        if let Wants::At(time) = took.wants {
            self.wake = Some(self.wake.map_or(time, |wake| wake.min(time)));
        }
        took
    }

    /// How many bytes of a side are best offered at once: of a dialogue few, so that their answers
    /// cannot pile up before the driver sees whether anybody takes them.
    pub fn portion(&self, from: Side) -> usize {
        self.dialogue.dialogue().portion(from, &self.config.bounds)
    }

    /// One side ended; what it had sent before has been offered.
    pub fn ended(&mut self, now: Time, from: Side, how: End, out: &mut dyn Output) {
        let (dialogue, mut cx) = self.call(now, out);
        dialogue.ended(from, how, &mut cx);
    }

    /// The deadline has come: a timer ends the session or moves it on to its next state. Sides that want
    /// this time are to be offered again after this. Before the deadline it does nothing.
    pub fn expire(&mut self, now: Time, out: &mut dyn Output) {
        self.wake = self.wake.filter(|&wake| wake > now);
        let (dialogue, mut cx) = self.call(now, out);
        if now >= dialogue.deadline(&cx.config.timers) {
            dialogue.expire(&mut cx);
        }
    }

    /// The program is shutting down: the session ends as soon as no message is lost by it.
    pub fn drain(&mut self, now: Time, out: &mut dyn Output) {
        let (dialogue, mut cx) = self.call(now, out);
        dialogue.drain(&mut cx);
    }

    /// An operator wants the session to end: it does as soon as no message is lost by it. One that is relayed ends
    /// now.
    pub fn clear(&mut self, now: Time, out: &mut dyn Output) {
        let (dialogue, mut cx) = self.call(now, out);
        dialogue.drain(&mut cx);
        if dialogue.is_relayed() && !dialogue.ends().are_finished() {
            dialogue.expire(&mut cx);
            dialogue.ends_mut().set_reason(Reason::Drained);
        }
    }

    /// TLS began on a side, or could not, after `Effect::Secure` of it. What is offered of the side from
    /// now on was sent under TLS; what was held of it before was not, and must not be offered.
    pub fn secured(&mut self, now: Time, side: Side, outcome: Result<(), TlsFailure>, out: &mut dyn Output) {
        let (dialogue, mut cx) = self.call(now, out);
        dialogue.secured(side, outcome, &mut cx);
    }

    /// For a replay whose recording lacks the reply that is awaited next, while the client went on with
    /// `next`: takes it to have been such that the client could go on, and reports nothing of it but a login that this
    /// shows. Whether a reply was awaited.
    pub fn assume(&mut self, now: Time, next: &[u8], out: &mut dyn Output) -> bool {
        let (dialogue, mut cx) = self.call(now, out);
        dialogue.bridge().is_some_and(|bridge| bridge.assume(next, &mut cx))
    }

    /// For a replay whose recording lacks the client's next `most` bytes: counts those of them that belong to
    /// the message, and goes on behind them. How many they are. Their text is taken to be a blank, so that a hole
    /// costs nothing, whatever its size; the last byte of a chunk is never among them.
    pub fn pass_over(&mut self, now: Time, most: u64, out: &mut dyn Output) -> u64 {
        let (dialogue, mut cx) = self.call(now, out);
        dialogue.bridge().map_or(0, |bridge| bridge.pass_over(most, &mut cx))
    }

    /// For a replay whose recording lacks bytes of the client that are no message data.
    pub fn lose(&mut self) {
        if let Some(bridge) = self.dialogue.dialogue_mut().bridge() {
            bridge.lose();
        }
    }

    /// For a replay whose recording lacks bytes of the client: how many of its next bytes are message
    /// data, whatever they are.
    pub fn data_awaited(&mut self) -> u64 {
        self.dialogue.dialogue_mut().bridge().map_or(0, |bridge| bridge.data_awaited())
    }

    /// When `expire` is due, if nothing happens before: a timer, or a time that a side wants.
    pub fn deadline(&self) -> Time {
        let deadline = self.dialogue.dialogue().deadline(&self.config.timers);
        self.wake.map_or(deadline, |wake| wake.min(deadline))
    }

    /// Why the session ended, once both sides have.
    pub fn reason(&self) -> Reason {
        self.dialogue.dialogue().ends().reason()
    }

    /// What was counted so far.
    pub fn counts(&self) -> Counts {
        self.dialogue.dialogue().counts()
    }

    /// What the session was created with.
    pub const fn config(&self) -> &Arc<SessionConfig> {
        &self.config
    }

    fn call<'c>(&'c mut self, now: Time, output: &'c mut dyn Output) -> (&'c mut dyn Dialogue, Context<'c>) {
        (self.dialogue.dialogue_mut(), Context { config: &self.config, out: Out { now, output } })
    }
}

impl AnyDialogue {
    fn dialogue(&self) -> &dyn Dialogue {
        match self {
            Self::Smtp(smtp) => smtp,
            Self::Pop3(pop3) => pop3,
            Self::Imap(imap) => imap,
            Self::Opaque(opaque) => opaque,
            #[cfg(test)]
            Self::Double(double) => &**double,
        }
    }

    fn dialogue_mut(&mut self) -> &mut dyn Dialogue {
        match self {
            Self::Smtp(smtp) => smtp,
            Self::Pop3(pop3) => pop3,
            Self::Imap(imap) => imap,
            Self::Opaque(opaque) => opaque,
            #[cfg(test)]
            Self::Double(double) => &mut **double,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialogue::Step;
    use crate::effect::Effect;
    use crate::ends::{Ends, Limit};

    /// A protocol of one-byte commands: `T` begins TLS with the client, `W` waits for ten seconds before it
    /// is forwarded, and anything else is forwarded.
    #[derive(Debug)]
    struct Double {
        ends: Ends,
        tls: Tls,
        waits_until: Option<Time>,
    }

    #[derive(Debug, PartialEq)]
    enum Tls {
        Clear,
        Awaited,
        Encrypted,
    }

    impl Dialogue for Double {
        fn step(&mut self, from: Side, input: &[u8], cx: &mut Context<'_>) -> Step {
            let Some((first, _)) = input.split_at_checked(1) else { return Step::Wants(Wants::More) };
            match (first, &self.tls) {
                (_, Tls::Awaited) => return Step::Wants(Wants::Peer),
                (b"T", Tls::Clear) => {
                    self.tls = Tls::Awaited;
                    cx.out.output.emit(Effect::Secure(from));
                    return Step::Took(1);
                }
                (b"W", _) => {
                    let now = cx.out.now;
                    let until = *self.waits_until.get_or_insert_with(|| now.plus_seconds(10));
                    if now < until {
                        return Step::Wants(Wants::At(until));
                    }
                    self.waits_until = None;
                }
                _ => {}
            }
            cx.out.pass(from.other(), first);
            Step::Took(1)
        }

        fn secured(&mut self, side: Side, outcome: Result<(), TlsFailure>, cx: &mut Context<'_>) {
            match outcome {
                Ok(()) => self.tls = Tls::Encrypted,
                Err(_) => {
                    self.ends.finish(side, &mut cx.out);
                }
            }
        }

        fn ended(&mut self, _: Side, _: End, _: &mut Context<'_>) {}
        fn expire(&mut self, cx: &mut Context<'_>) {
            self.ends.abort(Side::Client, &mut cx.out);
        }
        fn is_relayed(&self) -> bool {
            false
        }

        fn drain(&mut self, _: &mut Context<'_>) {}
        fn unreachable(&mut self, _: &mut Context<'_>) {}
        fn refused(&mut self, _: AnomalyKind, _: &[u8], _: &mut Context<'_>) {}
        fn ends(&self) -> &Ends {
            &self.ends
        }
        fn ends_mut(&mut self) -> &mut Ends {
            &mut self.ends
        }
        fn limit(&self) -> Limit {
            Limit::Idle
        }
    }

    fn session() -> Session {
        let double = Double { ends: Ends::new(Time(0)), tls: Tls::Clear, waits_until: None };
        let dialogue = AnyDialogue::Double(Box::new(double));
        Session { config: Arc::new(SessionConfig::default()), dialogue, wake: None }
    }

    /// What the client offers at a time, how many bytes of it are consumed, and the effects.
    fn offer(session: &mut Session, seconds: u64, held: &[u8]) -> (Took, Vec<String>) {
        let mut effects = Vec::new();
        let now = Time(0).plus_seconds(seconds);
        let took = session.offer(now, Side::Client, held, &mut |effect: Effect<'_>| {
            effects.push(format!("{effect:?}"));
        });
        (took, effects)
    }

    #[test]
    fn a_protocol_asks_for_tls_and_goes_on_when_it_has_begun() {
        let mut session = session();
        let (took, effects) = offer(&mut session, 0, b"Tx");
        assert_eq!(
            (took, effects),
            (Took { bytes: 1, wants: Wants::Peer }, vec!["Secure(Client)".to_owned()])
        );
        session.secured(Time(0), Side::Client, Ok(()), &mut |_: Effect<'_>| {});
        let (took, effects) = offer(&mut session, 0, b"x");
        assert_eq!(took, Took { bytes: 1, wants: Wants::More });
        assert_eq!(effects.len(), 1, "{effects:?}");
    }

    #[test]
    fn a_protocol_is_told_that_tls_could_not_begin() {
        for failure in [TlsFailure::Unavailable, TlsFailure::Handshake] {
            let mut session = session();
            offer(&mut session, 0, b"T");
            let mut effects = Vec::new();
            session.secured(Time(0), Side::Client, Err(failure), &mut |effect: Effect<'_>| {
                effects.push(format!("{effect:?}"));
            });
            assert_eq!(effects, ["Finish(Client)"]);
        }
    }

    #[test]
    fn smtp_and_a_pinhole_ask_for_no_tls_and_ignore_its_outcome() {
        for inspect in [Inspect::Smtp, Inspect::Opaque] {
            let config = SessionConfig { inspect, ..SessionConfig::default() };
            let mut session = Session::new(Arc::new(config), Time(0));
            let mut effects = 0;
            session.secured(Time(0), Side::Server, Err(TlsFailure::Unavailable), &mut |_: Effect<'_>| {
                effects += 1;
            });
            assert_eq!(effects, 0);
        }
    }

    #[test]
    fn commands_and_refusals_are_counted_and_what_is_said_in_the_closing_state_is_not() {
        let mut session = Session::new(Arc::new(SessionConfig::default()), Time(0));
        let mut say = |from, text: &str| {
            session.offer(Time(0), from, text.as_bytes(), &mut |_: Effect<'_>| {});
            session.counts()
        };
        say(Side::Server, "220 mx\r\n");
        say(Side::Client, "EHLO c\r\n");
        assert_eq!(say(Side::Server, "250 mx\r\n"), Counts { commands: 1, refusals: 0 });
        assert_eq!(say(Side::Client, "RCPT TO:<a@x>\r\n"), Counts { commands: 2, refusals: 1 });
        let strict = say(Side::Client, "MAIL FROM:<|a@x>\r\nNOOP\r\nQUIT\r\n");
        assert_eq!(strict.refusals, 2);
    }

    #[test]
    fn a_side_is_offered_again_at_the_time_it_wants() {
        let mut session = session();
        let idle = session.deadline();
        let at = Time(0).plus_seconds(13);
        assert_eq!(offer(&mut session, 3, b"xWx").0, Took { bytes: 1, wants: Wants::At(at) });
        assert_eq!(session.deadline(), at);
        // Too early: nothing is consumed, and the time stays.
        assert_eq!(offer(&mut session, 5, b"Wx").0, Took { bytes: 0, wants: Wants::At(at) });
        session.expire(Time(0).plus_seconds(5), &mut |_: Effect<'_>| {});
        assert_eq!(session.deadline(), at);
        let mut effects = 0;
        session.expire(at, &mut |_: Effect<'_>| effects += 1);
        assert_eq!(effects, 0, "no timer has run out");
        assert!(session.deadline() > at && session.deadline() >= idle);
        assert_eq!(offer(&mut session, 13, b"Wx").0, Took { bytes: 2, wants: Wants::More });
    }

    #[test]
    fn a_timer_that_runs_out_before_the_wanted_time_is_not_put_off() {
        let mut session = session();
        offer(&mut session, 0, b"W");
        session.wake = Some(session.deadline().plus_seconds(1_000_000));
        let mut effects = Vec::new();
        let deadline = session.dialogue.dialogue().deadline(&session.config.timers);
        session.expire(deadline, &mut |effect: Effect<'_>| effects.push(format!("{effect:?}")));
        assert_eq!(effects, ["Abort(Client)"]);
    }
}
