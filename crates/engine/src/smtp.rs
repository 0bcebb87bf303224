//! SMTP (RFC 5321), LMTP (RFC 2033) and what belongs to them: pipelining, BDAT, STARTTLS, AUTH.
//!
//! Three machines run side by side, because a pipelining client is ahead of its server:
//!
//! - [`Client`]: what the client's next bytes are. `client` finds the units and decides whose turn it is;
//!   `command`, `chunk` and `content` handle a command line, a BDAT chunk and message data.
//! - [`Server`]: what the server's next bytes are. `replies_in` finds the lines and which command each
//!   answers; `capabilities` handles the reply to EHLO.
//! - [`Replies`]: what the client is owed, in order, by the server or by us.
//!
//! They are coupled in few places. A forwarded command adds a slot, and a `barrier` keeps the client's next
//! bytes from being interpreted before the reply that decides what they are. A complete reply changes the
//! client machine and the transaction in one function, `settle` in `outcome`. A refusal takes a slot, and our
//! last reply, when it leaves the queue in `flush`, ends the server's side; what the client says after it is
//! answered in `closing`. What we say to the server before the client does is in `introduction`. `transaction` is what MAIL began, `offer` which extensions are open; what a refusal
//! says is in `wording`, and what of a transaction is kept to be reported in `particulars`. Where a message has a reply for each recipient, `recipients` counts them.

mod capabilities;
mod chunk;
mod client;
mod closing;
mod command;
mod content;
mod foreign;
mod introduction;
mod limits;
mod login;
pub(crate) mod offer;
mod outcome;
pub(crate) mod particulars;
mod recipients;
mod replies_in;
mod transaction;
mod wording;

use std::net::SocketAddr;

use policy::Held;
use policy::model::Refusals;
use policy::scope::Scope;
use proto::smtp::body;
use proto::smtp::command::Command;
use proto::smtp::verb::Verb;
use proto::{Side, Time};

use crate::bounds::Bounds;
use crate::config::SessionConfig;
use crate::context::Context;
use crate::dialogue::{Bridge, Counts, Dialogue, Step};
use crate::effect::{End, Wants};
use crate::ends::{Ends, Limit};
use crate::event::{AnomalyKind, Author, Observed, Outcome, Reason, ReplyCode, Treatment};
use crate::inspector::{Decision, Inspector, Value};
use crate::login::Attempt;
use crate::refusal::{Cause, Refusal};
use crate::relay::Relay;
use crate::replies::{After, Front, Ready, Replies, Times};

use closing::Closing;
use introduction::Introduction;
use offer::Offer;
use outcome::Asked;
use transaction::OpenTransaction;
use wording::Details;

#[derive(Debug)]
pub(crate) struct Smtp {
    client: Client,
    server: Server,
    replies: Replies<Asked>,
    inspector: Inspector,
    transaction: Option<Box<OpenTransaction>>,
    /// The transaction that was open, while the reply to a nested MAIL is awaited.
    suspended: Option<Box<SuspendedTransaction>>,
    /// The verb of a command that was judged, and waits at the front of the input because it is paced.
    paced: Option<Verb>,
    /// What of the server's extensions the client may use.
    offer: Offer,
    /// Nothing of the client is interpreted before the reply to its last command.
    barrier: bool,
    /// The server's greeting has passed.
    greeted: bool,
    /// The client has sent a line that is not blank.
    spoken: bool,
    /// An EHLO came before the greeting; whether that is allowed, its reply tells.
    early: bool,
    /// Of a recording, bytes of the client are missing since its last transaction.
    lost: bool,
    /// The login whose reply is awaited, or the client's response.
    login: Option<Box<Attempt>>,
    /// The client has sent no known command since AUTH.
    after_auth: bool,
    lmtp: bool,
    draining: bool,
    commands: u32,
    transactions: u32,
    invalid_recipients: u32,
    /// Commands that were refused or masked.
    refused: u32,
    /// Replies of ours that refuse something; those of the closing state are not counted.
    refusals: u32,
    /// What the client called itself; absent where nobody reads it.
    helo: Option<Box<[u8]>>,
    data_bytes: u64,
    /// Lines and code of the reply under way.
    reply_lines: u32,
    reply_code: u16,
    relay: Relay,
    ends: Ends,
}

/// What the client's next bytes are.
#[derive(Debug)]
enum Client {
    /// A command line.
    Command,
    /// The rest of a command line over its bound; this many bytes were skipped so far.
    Skip(u64),
    /// The answer to a 334 reply: not a command, and no rule may see it.
    AuthLine,
    /// Message data, up to the line with a dot.
    Data(body::Data),
    /// The bytes of a BDAT chunk.
    Chunk(Box<OpenChunk>),
    /// The bytes of a BDAT that was masked, this many: they must not be read as commands.
    SkipChunk(u64),
    /// Encrypted, after STARTTLS.
    Relay,
    /// The rest of message data that is not forwarded.
    Swallow(Box<Swallow>),
    /// Commands after our last reply.
    Closing(Box<Closing>),
    /// Input is read and discarded.
    Discard,
}

/// A transaction during which the client sent another MAIL, and the conditions that were true in it.
#[derive(Debug)]
struct SuspendedTransaction {
    transaction: Box<OpenTransaction>,
    held: Held,
}

#[derive(Debug)]
struct OpenChunk {
    decoder: body::Chunk,
    last: bool,
}

/// Message data that is read and not forwarded.
#[derive(Debug)]
struct Swallow {
    what: Swallowed,
    budget: u64,
    /// Our last reply follows, and then this; in a recording commands do.
    after: Option<After>,
}

#[derive(Debug)]
enum Swallowed {
    Data(body::Data),
    Chunk(u64),
}

/// What the server's next bytes are.
#[derive(Debug)]
enum Server {
    /// Replies to what we say before the client does, which nobody but us gets to see.
    Introduction(Box<Introduction>),
    /// Reply lines.
    Replies,
    /// The rest of a reply line over its bound, and the code of the reply if it is the last of it.
    LongLine(Option<u16>),
    /// Encrypted, after STARTTLS.
    Relay,
    /// Input is read and discarded.
    Discard,
}

impl Smtp {
    pub(crate) fn new(config: &SessionConfig, now: Time, name: u32) -> Self {
        let mut replies = Replies::default();
        replies.await_server(Asked::Greeting, 0);
        Self {
            client: Client::Command,
            server: Server::Replies,
            replies,
            inspector: Inspector::new(name),
            transaction: None,
            suspended: None,
            paced: None,
            offer: Offer::none(config),
            barrier: false,
            greeted: false,
            spoken: false,
            early: false,
            lost: false,
            login: None,
            after_auth: false,
            lmtp: false,
            draining: false,
            commands: 0,
            transactions: 0,
            invalid_recipients: 0,
            refused: 0,
            refusals: 0,
            helo: None,
            data_bytes: 0,
            reply_lines: 0,
            reply_code: 0,
            relay: Relay::default(),
            ends: Ends::new(now),
        }
    }
}

impl Dialogue for Smtp {
    #[inline]
    fn step(&mut self, from: Side, input: &[u8], cx: &mut Context<'_>) -> Step {
        let step = match from {
            Side::Client => self.client_step(input, cx),
            Side::Server if input.is_empty() => Step::Wants(Wants::More),
            Side::Server => self.server_step(input, cx),
        };
        if matches!(step, Step::Took(_)) {
            self.flush(cx);
            if from == Side::Server {
                self.end_if_draining(cx);
            }
        }
        step
    }

    fn ended(&mut self, from: Side, how: End, cx: &mut Context<'_>) {
        self.observe_unfinished(cx);
        self.relay.ended(from);
        if from == Side::Server && std::mem::take(&mut self.early) {
            self.early_talker(b"E", cx);
        }
        // A command that still waits will not go on.
        if let Some(verb) = self.paced.take() {
            self.undo_mail(verb);
        }
        match from {
            Side::Client => self.client_ended(how, cx),
            Side::Server => self.server_ended(how, cx),
        }
        self.flush(cx);
    }

    fn expire(&mut self, cx: &mut Context<'_>) {
        match self.limit() {
            Limit::Swallow => {
                // What the server owes from before the message has been owed as long.
                self.client = Client::Discard;
                self.replies.ready();
                self.fail_pending(Cause::Unanswered, cx);
                self.flush(cx);
            }
            Limit::BeforeLast => {
                self.fail_pending(Cause::Unanswered, cx);
                self.flush(cx);
            }
            Limit::Closing { .. } => self.leave(Cause::NotLeaving, cx),
            Limit::EndOfData => {
                self.ends.set_reason(Reason::ServerLost);
                self.last_reply_now(Cause::Unanswered, cx);
            }
            Limit::Idle | Limit::Login if matches!(self.server, Server::Relay) => {
                // An encrypted dialogue can only be ended, not answered.
                self.ends.set_reason(Reason::Idle);
                self.client = Client::Discard;
                self.server = Server::Discard;
                self.finish(Side::Client, cx);
                self.finish(Side::Server, cx);
            }
            Limit::Idle | Limit::Login => {
                self.ends.set_reason(Reason::Idle);
                self.last_reply_now(Cause::Idle, cx);
            }
        }
    }

    /// A session between two transactions ends now, any other when it gets there.
    fn drain(&mut self, cx: &mut Context<'_>) {
        self.draining = true;
        self.end_if_draining(cx);
    }

    fn is_relayed(&self) -> bool {
        matches!(self.server, Server::Relay)
    }

    fn connected(&mut self, client: SocketAddr, cx: &mut Context<'_>) {
        if cx.config.send_xclient && !cx.is_recorded() {
            self.server = Server::Introduction(Introduction::of(client, cx.config));
        }
    }

    fn unreachable(&mut self, cx: &mut Context<'_>) {
        self.ends.set_reason(Reason::ServerUnreachable);
        self.server = Server::Discard;
        self.last_reply_now(Cause::Unreachable, cx);
    }

    fn refused(&mut self, kind: AnomalyKind, value: &[u8], cx: &mut Context<'_>) {
        self.anomaly(kind, Side::Client, value, cx);
        self.note_refusal(cx);
        self.last_reply_now_then(self.because_of(kind, Cause::NoProxyHeader), After::Reset, cx);
    }

    fn counts(&self) -> Counts {
        Counts { commands: self.commands, refusals: self.refusals }
    }

    fn ends(&self) -> &Ends {
        &self.ends
    }

    fn ends_mut(&mut self) -> &mut Ends {
        &mut self.ends
    }

    /// While the answer to an end of data is outstanding, only its own timer ends the session.
    fn limit(&self) -> Limit {
        if matches!(&self.client, Client::Swallow(swallow) if swallow.after.is_some()) {
            Limit::Swallow
        } else if self.replies.has_last() {
            Limit::BeforeLast
        } else if let Client::Closing(closing) = &self.client {
            Limit::Closing { heard: closing.heard }
        } else if self.awaits_verdict() {
            Limit::EndOfData
        } else {
            Limit::Idle
        }
    }

    fn is_peers_turn(&self, from: Side) -> bool {
        from == Side::Server && self.replies.is_empty() && matches!(self.server, Server::Replies)
    }

    fn bridge(&mut self) -> Option<&mut dyn Bridge> {
        Some(self)
    }

    /// Commands and replies are offered in portions; what is only forwarded, in any number of bytes.
    fn portion(&self, from: Side, bounds: &Bounds) -> usize {
        let parses = match from {
            Side::Client => {
                matches!(
                    self.client,
                    Client::Command | Client::Skip(_) | Client::AuthLine | Client::Closing(_)
                )
            }
            Side::Server => {
                matches!(self.server, Server::Introduction(_) | Server::Replies | Server::LongLine(_))
            }
        };
        if parses { bounds.portion } else { usize::MAX }
    }
}

impl Bridge for Smtp {
    fn assume(&mut self, next: &[u8], cx: &mut Context<'_>) -> bool {
        let Front::Server { asked, number } = self.replies.front() else { return false };
        let ends_message = matches!(asked, Asked::EndOfData { .. } | Asked::LastChunk { .. });
        let under_way = matches!(self.client, Client::Data(_) | Client::Chunk(_));
        if !cx.is_recorded() || ends_message && under_way {
            return false;
        }
        let code = match asked {
            Asked::Data => 354,
            // A line that is not a command answers a challenge.
            Asked::Auth if !next.is_empty() && Command::read(first_line(next)).verb == Verb::Unknown => 334,
            // TLS is not assumed: the bytes that follow show whether it began.
            Asked::StartTls => 454,
            _ => 250,
        };
        self.reply_lines = 0;
        self.lost = true;
        self.settle(asked, number, code, cx);
        true
    }

    fn pass_over(&mut self, most: u64, cx: &mut Context<'_>) -> u64 {
        if !cx.is_recorded() {
            return 0;
        }
        let lost = match &mut self.client {
            Client::Data(decoder) => {
                decoder.pass_over();
                most
            }
            Client::Chunk(chunk) => {
                let lost = most.min(chunk.decoder.left().saturating_sub(1));
                chunk.decoder.pass_over(lost);
                lost
            }
            _ => 0,
        };
        self.learn_lost(lost, cx);
        lost
    }

    fn lose(&mut self) {
        self.lost = true;
    }

    fn data_awaited(&self) -> u64 {
        match &self.client {
            Client::Data(_) => u64::MAX,
            Client::Chunk(chunk) => chunk.decoder.left(),
            _ => 0,
        }
    }
}

impl Smtp {
    /// What the client sent is still answered, but a message it did not finish is never finished for it.
    fn client_ended(&mut self, how: End, cx: &mut Context<'_>) {
        let unfinished = matches!(self.client, Client::Data(_) | Client::Chunk(_));
        let open = !matches!(self.client, Client::Discard | Client::Relay | Client::Closing(_));
        let left = matches!(self.client, Client::Closing(_)) && !self.replies.has_last();
        if open && (unfinished || how == End::Reset) {
            self.ends.add_reason(Reason::ClientLost);
        }
        self.replies.ready();
        self.client = Client::Discard;
        match how {
            End::Fin if left => self.finish(Side::Client, cx),
            End::Fin if self.replies.refuses_message() => {}
            End::Fin => self.finish(Side::Server, cx),
            // The server has the whole message: it must get to answer, or two servers may deliver it.
            End::Reset if self.awaits_end_of_data() && !unfinished => self.finish(Side::Server, cx),
            End::Reset => self.abort(Side::Server, cx),
        }
        // Nothing can be sent to a client that was reset; the driver closes what is left of it.
        if how == End::Reset {
            self.abort(Side::Client, cx);
        }
    }

    fn server_ended(&mut self, how: End, cx: &mut Context<'_>) {
        if matches!(self.server, Server::Discard) {
            return;
        }
        let relayed = matches!(self.server, Server::Relay);
        self.server = Server::Discard;
        if self.replies.refuses_message() {
            self.fail_pending(Cause::ServerLost, cx);
            return self.flush(cx);
        }
        if !relayed && !self.replies.is_empty() {
            let answer = if self.greeted { Cause::ServerLost } else { Cause::Unreachable };
            self.ends.add_reason(Reason::ServerLost);
            self.fail_pending(answer, cx);
            self.flush(cx);
        }
        // Our last reply has left: the client leaves in its turn.
        if matches!(self.client, Client::Closing(_)) {
            return;
        }
        self.client = Client::Discard;
        match (how, relayed) {
            (End::Reset, true) => self.abort(Side::Client, cx),
            _ => self.finish(Side::Client, cx),
        }
        self.finish(Side::Server, cx);
    }

    fn end_if_draining(&mut self, cx: &mut Context<'_>) {
        let idle = self.greeted && self.replies.is_empty() && self.transaction.is_none();
        if self.draining && idle && matches!(self.client, Client::Command) {
            self.ends.set_reason(Reason::Drained);
            self.last_reply_now(Cause::ShuttingDown, cx);
        }
    }

    fn awaits_end_of_data(&self) -> bool {
        self.replies.awaits(|asked| matches!(asked, Asked::EndOfData { .. } | Asked::LastChunk { .. }))
    }

    /// The server has a whole message and has not answered it.
    fn awaits_verdict(&self) -> bool {
        self.awaits_end_of_data() && !matches!(self.client, Client::Data(_) | Client::Chunk(_))
    }

    /// Sends the replies of ours that have reached the front of the queue.
    fn flush(&mut self, cx: &mut Context<'_>) {
        while let Some(reply) = self.replies.pop_ready() {
            match reply {
                Ready::Ours(refusal) => self.answer(refusal, cx),
                Ready::Last(last) => self.say_last(last, cx),
            }
        }
        self.cut_off_server(cx);
    }

    fn answer(&mut self, refusal: Refusal, cx: &mut Context<'_>) {
        if !self.ends.is_finished(Side::Client) {
            let refuses = !matches!(refusal.cause, Cause::Farewell | Cause::Closing);
            self.refusals += u32::from(refuses);
            cx.out.answer(self.worded(refusal, cx).as_bytes());
            cx.replied(Author::Ours, ReplyCode::Number(wording::code(refusal)));
        }
    }

    /// The line that a refusal is for the client.
    fn worded(&self, refusal: Refusal, cx: &Context<'_>) -> String {
        let parameter = match refusal.cause {
            Cause::LockedParameter(locked) => Some(self.offer.name(locked)),
            _ => None,
        };
        let named = refusal.rule.filter(|_| cx.config.refusals == Refusals::Detail);
        let class = named.and_then(|rule| Some(cx.policy()?.class(rule)));
        let reference = refusal.reference.map(|number| self.inspector.reference(number));
        wording::line(refusal.cause, Details { parameter, class, reference })
    }

    fn helo(&self) -> &[u8] {
        self.helo.as_deref().unwrap_or_default()
    }

    /// A refusal because of an anomaly that was reported.
    fn because_of(&self, kind: AnomalyKind, cause: Cause) -> Refusal {
        cause.reported(self.inspector.reference_of(kind))
    }

    /// The server will not answer any more; a client that takes its leave gets what it waits for.
    fn fail_pending(&mut self, cause: Cause, cx: &Context<'_>) {
        let newest = self.replies.newest();
        let again = newest.map_or(0, |asked| self.owed(asked) - 1);
        newest.into_iter().for_each(|asked| self.note_refusals(asked, cause.into(), cx));
        self.replies.fail_pending(|asked| match asked {
            Asked::Quit => Cause::Farewell.into(),
            _ => cause.into(),
        });
        (0..again).for_each(|_| self.replies.ours(cause));
    }

    /// A command is answered in the server's place, and the session goes on; unless that was one too many.
    fn refuse(&mut self, refusal: impl Into<Refusal>, cx: &mut Context<'_>) {
        if !self.is_one_too_many(cx) {
            self.replies.ours(refusal);
        }
    }

    /// Counts a command that is refused or masked. Whether the session ends instead.
    fn is_one_too_many(&mut self, cx: &mut Context<'_>) -> bool {
        self.refused += 1;
        if self.refused <= cx.config.bounds.refused || !cx.carries_out() {
            return false;
        }
        self.anomaly(AnomalyKind::ManyRefused, Side::Client, b"", cx);
        self.last_reply(self.because_of(AnomalyKind::ManyRefused, Cause::TooManyRefused), cx);
        true
    }

    /// Our last reply, in its turn: from here on nothing of the client is forwarded.
    fn last_reply(&mut self, refusal: impl Into<Refusal>, cx: &mut Context<'_>) {
        let refusal = refusal.into();
        self.last_reply_then(refusal, closing::after(refusal, cx), cx);
    }

    fn last_reply_then(&mut self, refusal: impl Into<Refusal>, after: After, cx: &mut Context<'_>) {
        self.note_refusal(cx);
        self.stop_client(after, cx);
        self.replies.last(refusal.into(), after);
        self.flush(cx);
    }

    /// Our last reply, in place of the reply that is owed next.
    fn last_reply_now(&mut self, refusal: impl Into<Refusal>, cx: &mut Context<'_>) {
        let refusal = refusal.into();
        self.last_reply_now_then(refusal, closing::after(refusal, cx), cx);
    }

    fn last_reply_now_then(&mut self, refusal: Refusal, after: After, cx: &mut Context<'_>) {
        self.stop_client(after, cx);
        let times = match self.replies.front() {
            Front::Server { asked, .. } => {
                self.note_refusals(asked, refusal, cx);
                self.times(asked)
            }
            Front::Empty | Front::Waiting => Times::Once,
        };
        let behind = self.replies.last_now(refusal, times, after);
        self.flush(cx);
        self.answer_owed(behind.into_iter(), cx);
    }

    /// Ends the session because of a peer that does not speak the protocol.
    fn reset(&mut self, cx: &mut Context<'_>) {
        self.note_refusal(cx);
        self.client = Client::Discard;
        self.server = Server::Discard;
        self.finish(Side::Client, cx);
        self.abort(Side::Server, cx);
    }

    fn note_refusal(&mut self, cx: &Context<'_>) {
        if let Some(transaction) = &mut self.transaction {
            transaction.outcome = Outcome::RefusedByPolicy;
        }
        self.ends.set_reason(Reason::Refused);
        self.ends.start_timer(cx.out.now);
    }

    fn finish(&mut self, side: Side, cx: &mut Context<'_>) {
        if self.ends.finish(side, &mut cx.out) {
            self.conclude(cx);
        }
    }

    fn abort(&mut self, side: Side, cx: &mut Context<'_>) {
        if self.ends.abort(side, &mut cx.out) {
            self.conclude(cx);
        }
    }

    /// Once both sides are closed, an open transaction will not be answered any more.
    fn conclude(&mut self, cx: &mut Context<'_>) {
        if self.ends.are_finished() {
            self.end_transaction(None, cx);
            self.inspector.sum_up(cx);
        }
    }

    fn anomaly(&mut self, kind: AnomalyKind, from: Side, value: &[u8], cx: &mut Context<'_>) -> Treatment {
        self.inspector.anomaly(kind, from, value, cx)
    }

    fn judge(&mut self, value: Value<'_, '_>, cx: &mut Context<'_>) -> Decision {
        let within = self.transaction.as_ref().map(|transaction| transaction.within());
        self.inspector.judge(within, value, cx)
    }

    /// A nested MAIL was refused: the transaction during which it was sent goes on.
    fn resume_suspended(&mut self) {
        let Some(aside) = self.suspended.take() else { return };
        self.transaction = Some(aside.transaction);
        self.inspector.restore(aside.held);
        self.transactions -= 1;
    }

    /// A nested MAIL was accepted: the server has given up the transaction before it.
    fn commit_nested(&mut self, cx: &mut Context<'_>) {
        let Some(aside) = self.suspended.take() else { return };
        let begun = self.transaction.replace(aside.transaction);
        self.observe_unfinished(cx);
        let Some(given_up) = std::mem::replace(&mut self.transaction, begun) else { return };
        given_up.report(None, self.helo(), cx);
        if let Some(begun) = &mut self.transaction {
            begun.provisional = false;
            let begins = Observed::Begin { transaction: begun.number, sender: &begun.sender };
            cx.observe(begins);
        }
    }

    /// Ends the open transaction; its conditions no longer hold.
    fn end_transaction(&mut self, reply: Option<u16>, cx: &mut Context<'_>) {
        self.resume_suspended();
        self.observe_unfinished(cx);
        let Some(transaction) = self.transaction.take() else { return };
        let reply = match transaction.replies.iter().max() {
            Some(&worst) if self.lmtp => reply.max(Some(worst)),
            _ => reply,
        };
        transaction.report(reply, self.helo(), cx);
        self.inspector.begin(Scope::Transaction, cx);
    }
}

fn first_line(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default()
}
