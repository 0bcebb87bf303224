//! After a refusal that ends the session: the client's further commands are answered until it leaves.
//!
//! Many clients lose a refusal when the connection ends right behind it, or hold it against the whole host;
//! with QUIT answered they report it. Nothing goes to the server any more, nothing is judged or reported, and
//! what announces bytes that are no commands is refused, or skipped.

use proto::line;
use proto::smtp::command::Command;
use proto::smtp::verb::Verb;
use proto::{Progress, Side, Time};

use super::outcome::Asked;
use super::{Client, Server, Smtp, wording};
use crate::context::Context;
use crate::dialogue::Step;
use crate::effect::Wants;
use crate::refusal::{Cause, Refusal};
use crate::replies::{After, Last, Slot};
use policy::model::Refusals;

/// How far the closing state is. It begins when our last reply has left; before, nothing more is read.
#[derive(Debug)]
pub(super) struct Closing {
    next: Next,
    /// Commands answered in it.
    answered: u32,
    /// Bytes of lines over their bound.
    of_lines: u64,
    /// Bytes of chunks.
    of_chunks: u64,
    /// When the client was heard last.
    pub(super) heard: Time,
}

/// What the client's next bytes are.
#[derive(Clone, Copy, Debug)]
enum Next {
    Command,
    /// The rest of a line over its bound, which was answered.
    Line,
    /// This many bytes of a chunk; whether its BDAT is answered behind them.
    Chunk {
        left: u64,
        owed: bool,
    },
}

impl Closing {
    fn new(next: Next, now: Time) -> Box<Self> {
        Box::new(Self { next, answered: 0, of_lines: 0, of_chunks: 0, heard: now })
    }

    /// The command that was refused announced bytes, which are no commands.
    pub(super) const fn skip_chunk(&mut self, size: u64) {
        self.next = if size == 0 { Next::Command } else { Next::Chunk { left: size, owed: false } };
    }
}

/// What follows a last reply of ours. After a 421 the client expects us to close (RFC 5321 §3.8).
pub(super) fn after(refusal: Refusal, cx: &Context<'_>) -> After {
    let leaves = wording::code(refusal) == 421 && refusal.cause != Cause::AnsweredEarly;
    if leaves || cx.config.refusals == Refusals::Close || !cx.carries_out() {
        return After::Finish;
    }
    match refusal.cause {
        Cause::MessageFraming => After::Reset,
        _ => After::Closing,
    }
}

impl Smtp {
    /// Nothing of the client is forwarded any more. Where it is not known what its next bytes are, they
    /// cannot be answered either.
    pub(super) fn stop_client(&mut self, after: After, cx: &Context<'_>) {
        let next = match (after, &self.client) {
            (After::Closing, Client::Command | Client::AuthLine) => Some(Next::Command),
            (After::Closing, Client::Skip(_)) => Some(Next::Line),
            (After::Closing, Client::SkipChunk(left)) => Some(Next::Chunk { left: *left, owed: false }),
            (After::Closing, Client::Chunk(chunk)) => {
                Some(Next::Chunk { left: chunk.decoder.left(), owed: false })
            }
            (After::Closing | After::Finish | After::Reset, _) => None,
        };
        self.client = match next {
            Some(next) => Client::Closing(Closing::new(next, cx.out.now)),
            None => Client::Discard,
        };
    }

    /// The rest of a refused message was discarded, up to its end: commands follow.
    pub(super) fn stop_client_after_message(&mut self, after: After, cx: &Context<'_>) {
        self.client = match after {
            After::Closing => Client::Closing(Closing::new(Next::Command, cx.out.now)),
            After::Finish | After::Reset => Client::Discard,
        };
    }

    /// Our last reply leaves the queue.
    pub(super) fn say_last(&mut self, last: Last, cx: &mut Context<'_>) {
        let closing = matches!(self.client, Client::Closing(_));
        // That we close is said when we do.
        let times = if closing && wording::code(last.refusal) == 421 { 0 } else { last.times.count() };
        (0..times).for_each(|_| self.answer(last.refusal, cx));
        self.server = Server::Discard;
        if last.to_message || last.after == After::Reset {
            self.abort(Side::Server, cx);
        } else {
            self.finish(Side::Server, cx);
        }
        if let Client::Closing(closing) = &mut self.client {
            closing.heard = cx.out.now;
            self.ends.start_timer(cx.out.now);
        } else {
            self.client = Client::Discard;
            self.finish(Side::Client, cx);
        }
    }

    /// Answers what the server owed behind the reply in whose place our last one was sent.
    pub(super) fn answer_owed(&mut self, slots: impl Iterator<Item = Slot<Asked>>, cx: &mut Context<'_>) {
        for slot in slots {
            if !matches!(self.client, Client::Closing(_)) {
                return;
            }
            match slot {
                Slot::Server { asked: Asked::Quit, .. } => self.leave(Cause::Farewell, cx),
                Slot::Server { .. } => self.answer_in_closing(cx),
                Slot::Ours(refusal) => self.answer(refusal, cx),
            }
        }
    }

    pub(super) fn closing_step(&mut self, input: &[u8], cx: &mut Context<'_>) -> Step {
        // What was sent behind a refused command waits for its refusal.
        if self.replies.has_last() {
            return Step::Wants(Wants::Peer);
        }
        let Client::Closing(closing) = &mut self.client else { return Step::Wants(Wants::Nothing) };
        if input.is_empty() {
            return Step::Wants(Wants::More);
        }
        closing.heard = cx.out.now;
        match closing.next {
            Next::Command => self.command_in_closing(input, cx),
            Next::Line => {
                let lf = memchr::memchr(b'\n', input);
                self.skip_line(lf.map_or(input.len(), |lf| lf + 1), lf.is_some(), cx)
            }
            Next::Chunk { left, owed } => {
                let len = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
                self.skip_of_chunk(len, left - len as u64, owed, cx)
            }
        }
    }

    fn command_in_closing(&mut self, input: &[u8], cx: &mut Context<'_>) -> Step {
        match line::decode(input, cx.config.bounds.command_line) {
            Progress::NeedMore => Step::Wants(Wants::More),
            Progress::Oversize { len, ends } => {
                self.answer_in_closing(cx);
                self.skip_line(len, ends, cx)
            }
            Progress::Unit { unit: line, len } => {
                let command = Command::read(line.text.trim_ascii_start());
                match (command.verb, command.chunk()) {
                    (Verb::Quit, _) => self.leave(Cause::Farewell, cx),
                    // It is unknown which of the bytes that follow are commands.
                    (Verb::Bdat, None) => self.leave(Cause::NotLeaving, cx),
                    (Verb::Bdat, Some(chunk)) if chunk.size > 0 => {
                        self.skip_of_chunk(0, chunk.size, true, cx);
                    }
                    _ => self.answer_in_closing(cx),
                }
                Step::Took(len)
            }
        }
    }

    fn answer_in_closing(&mut self, cx: &mut Context<'_>) {
        let Client::Closing(closing) = &mut self.client else { return };
        closing.answered += 1;
        if closing.answered > cx.config.bounds.closing_commands {
            self.leave(Cause::NotLeaving, cx);
        } else {
            self.answer(Cause::Closing.into(), cx);
        }
    }

    fn skip_line(&mut self, len: usize, ends: bool, cx: &mut Context<'_>) -> Step {
        if let Client::Closing(closing) = &mut self.client {
            closing.next = if ends { Next::Command } else { Next::Line };
            closing.of_lines += len as u64;
            if closing.of_lines > cx.config.bounds.skip {
                self.leave(Cause::NotLeaving, cx);
            }
        }
        Step::Took(len)
    }

    fn skip_of_chunk(&mut self, len: usize, left: u64, owed: bool, cx: &mut Context<'_>) -> Step {
        if let Client::Closing(closing) = &mut self.client {
            closing.next = if left == 0 { Next::Command } else { Next::Chunk { left, owed } };
            closing.of_chunks += len as u64;
            if closing.of_chunks > cx.config.bounds.swallow {
                self.leave(Cause::NotLeaving, cx);
            } else if left == 0 && owed {
                self.answer_in_closing(cx);
            }
        }
        Step::Took(len)
    }

    /// The end of a closing state, with the last word to the client.
    pub(super) fn leave(&mut self, word: Cause, cx: &mut Context<'_>) {
        self.answer(word.into(), cx);
        self.client = Client::Discard;
        // A client that says QUIT gets to read the answer.
        if self.inspector.resets() && word != Cause::Farewell {
            self.abort(Side::Client, cx);
        } else {
            self.finish(Side::Client, cx);
        }
    }
}
