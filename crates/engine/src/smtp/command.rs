//! One command of the client: what conformance and the rules decide about it, and what is forwarded.

use std::borrow::Cow;

use policy::criterion::{Counter, CriterionKind, Text, Word};
use policy::fact::Fact;
use policy::model::EventsDetail;
use policy::profile::{Blanks, Pipes};
use policy::scope::{Close, Scope};
use proto::line::{Line, LineEnd};
use proto::smtp::address::Path;
use proto::smtp::command::{Command, decimal};
use proto::smtp::verb::Verb;
use proto::{Side, Time};

use super::foreign::foreign;
use super::wording::{self, Row};
use super::{Asked, OpenTransaction, Smtp, SuspendedTransaction};
use crate::context::Context;
use crate::event::{AnomalyKind, Observed, Outcome, Treatment};
use crate::inspector::{Acted, Decision, reported_value};
use crate::refusal::{Cause, Refusal};
use crate::replies::After;

/// One command as received, with everything that was read from it.
pub(super) struct ClientCommand<'b> {
    pub(super) wire: &'b [u8],
    pub(super) line: Line<'b>,
    pub(super) command: Command<'b>,
    /// The path of RCPT, MAIL, or what differs from MAIL in name only.
    path: Option<Path<'b>>,
    /// The line as it may be reported.
    reportable: &'b [u8],
    pub(super) number: u32,
}

impl<'b> ClientCommand<'b> {
    /// RCPT names a recipient of the transaction.
    fn note_recipient(&self, transaction: &mut OpenTransaction) {
        if let (Verb::Rcpt, Some(path), Some(particulars)) =
            (self.command.verb, &self.path, &mut transaction.particulars)
        {
            particulars.recipient(self.number, path.text);
        }
    }

    /// We answer RCPT in the place of the server.
    fn note_refusal(&self, refusal: Refusal, transaction: &mut OpenTransaction) {
        if self.command.verb != Verb::Rcpt {
            return;
        }
        transaction.recipient_refused(Outcome::RefusedByPolicy);
        if let Some(particulars) = &mut transaction.particulars {
            particulars.answered(self.number, wording::code(refusal));
        }
    }

    /// The mark of VRFY and EXPN for an argument and a reply in UTF-8 (RFC 6531 §3.7.4.2).
    fn utf8_mark(&self) -> Option<&'b [u8]> {
        if !matches!(self.command.verb, Verb::Vrfy | Verb::Expn) {
            return None;
        }
        let last = self.command.argument.rsplit(|&byte| byte == b' ' || byte == b'\t').next()?;
        (last.len() < self.command.argument.len() && last.eq_ignore_ascii_case(b"SMTPUTF8")).then_some(last)
    }
}

/// What conformance decides about a command.
enum Check {
    Fine,
    Answer(Refusal),
    Reset(Refusal),
}

impl Smtp {
    /// Judges a command, and forwards, masks or answers it. A time where it must wait: then it was judged
    /// and nothing more, and goes to `forward_paced` when the time has come.
    pub(super) fn command(
        &mut self,
        wire: &[u8],
        line: Line<'_>,
        command: Command<'_>,
        cx: &mut Context<'_>,
    ) -> Option<Time> {
        let number = self.commands;
        self.commands += 1;
        let early = std::mem::take(&mut self.early);
        if early && command.verb != Verb::Ehlo {
            self.early_talker(wire, cx);
        }
        match command.verb {
            Verb::Auth | Verb::XExps => self.after_auth = true,
            Verb::Unknown => {}
            _ => self.after_auth = false,
        }
        let received = self.read(wire, line, command, number);
        cx.observe(Observed::Command { number, verb: command.token, argument: command.argument });
        let wait = match self.check(&received, cx) {
            Check::Fine => self.apply_rules(&received, cx),
            Check::Answer(refusal) => {
                self.count_recipient(&received, cx);
                self.answer_command(&received, refusal, cx);
                None
            }
            Check::Reset(refusal) => {
                self.count_recipient(&received, cx);
                if let Some(transaction) = &mut self.transaction {
                    received.note_refusal(refusal, transaction);
                }
                self.last_reply_then(refusal, After::Reset, cx);
                None
            }
        };
        self.spoken |= !is_blank(line.text);
        // Its reply tells whether the server invites early talkers.
        if early && command.verb == Verb::Ehlo {
            self.early = self.replies.awaits(|asked| asked == Asked::Ehlo);
            if !self.early {
                self.early_talker(wire, cx);
            }
        }
        wait
    }

    /// A command is answered by us. The bytes that a BDAT announces must not be read as commands.
    fn answer_command(&mut self, received: &ClientCommand<'_>, refusal: Refusal, cx: &mut Context<'_>) {
        if let Some(transaction) = &mut self.transaction {
            received.note_refusal(refusal, transaction);
        }
        match (received.command.verb, received.chunk()) {
            (Verb::Bdat, None) => self.refuse_bad_chunk(received, cx),
            (Verb::Bdat, Some(chunk)) => {
                self.refuse(refusal, cx);
                self.skip_chunk(chunk.size);
            }
            _ => self.refuse(refusal, cx),
        }
    }

    /// A command that was judged before, and has waited.
    pub(super) fn forward_paced(
        &mut self,
        wire: &[u8],
        line: Line<'_>,
        command: Command<'_>,
        cx: &mut Context<'_>,
    ) {
        let received = self.read(wire, line, command, self.commands.saturating_sub(1));
        self.forward(&received, cx);
    }

    fn read<'b>(
        &self,
        wire: &'b [u8],
        line: Line<'b>,
        command: Command<'b>,
        number: u32,
    ) -> ClientCommand<'b> {
        let path = match command.verb {
            verb if verb.begins_transaction() => Some(Path::read(command.argument, "FROM:")),
            Verb::Rcpt => Some(Path::read(command.argument, "TO:")),
            _ => None,
        };
        let reportable = match line.text.first() {
            Some(b' ' | b'\t') => self.reportable_text(line.text),
            _ => self.reportable(command, line.text),
        };
        ClientCommand { wire, line, command, path, reportable, number }
    }

    /// Conformance: is this legal here?
    fn check(&mut self, received: &ClientCommand<'_>, cx: &mut Context<'_>) -> Check {
        let Line { end, flaws, .. } = received.line;
        let text = received.reportable;
        if !self.spoken
            && let Some(kind) = foreign(line_start(received.line.text))
        {
            return self.treat(kind, text, Cause::OutOfTurn, cx);
        }
        if end == LineEnd::Lf {
            let check = self.treat(AnomalyKind::CommandBareLf, text, Cause::BareLineFeed, cx);
            if !matches!(check, Check::Fine) {
                return check;
            }
        }
        if flaws.control {
            let check = self.treat(AnomalyKind::CommandControl, text, Cause::ControlCharacter, cx);
            if !matches!(check, Check::Fine) {
                return check;
            }
        }
        if flaws.eight_bit && !self.is_utf8(received) {
            let check = self.treat(AnomalyKind::CommandEightBit, text, Cause::EightBit, cx);
            if !matches!(check, Check::Fine) {
                return check;
            }
        }
        match self.check_order(received, cx) {
            Check::Fine => self.check_path(received, cx),
            out_of_order => out_of_order,
        }
    }

    /// RFC 5321 §4.1.4: MAIL, RCPT, DATA; and no second MAIL before the end. What a MAIL that is not answered yet
    /// may begin counts as begun.
    fn check_order(&mut self, received: &ClientCommand<'_>, cx: &mut Context<'_>) -> Check {
        let verb = received.command.verb;
        let sends = matches!(verb, Verb::Data | Verb::Bdat);
        match self.transaction.as_deref().filter(|transaction| !transaction.refused) {
            _ if !(sends || verb == Verb::Rcpt || verb.begins_transaction()) => Check::Fine,
            // A BDAT that is masked, or cannot be read, is the business of `chunk`.
            None if verb == Verb::Bdat && !self.takes_chunk(received, cx) => Check::Fine,
            None if verb.begins_transaction() => Check::Fine,
            None => self.outside_transaction(received, cx),
            Some(open) => {
                let data = verb == Verb::Data;
                let without = data && open.accepted == 0 && !self.awaits_recipient();
                let mixed = data && open.message.is_some();
                let second = verb.begins_transaction() && open.has_mail;
                if (without || mixed || second) && !self.lost {
                    return self.treat(AnomalyKind::OutOfOrder, received.reportable, Cause::OutOfOrder, cx);
                }
                Check::Fine
            }
        }
    }

    fn awaits_recipient(&self) -> bool {
        self.replies.awaits(|asked| asked == Asked::Rcpt)
    }

    /// RCPT, DATA or BDAT although no transaction is open: where that passes, it begins one of its own.
    fn outside_transaction(&mut self, received: &ClientCommand<'_>, cx: &mut Context<'_>) -> Check {
        if !self.lost {
            let check = self.treat(AnomalyKind::NoTransaction, received.reportable, Cause::NoTransaction, cx);
            if !matches!(check, Check::Fine) {
                return check;
            }
        }
        self.end_transaction(None, cx);
        self.inspector.begin(Scope::Transaction, cx);
        self.transaction = Some(Box::new(OpenTransaction::without_mail(self.transactions, cx)));
        self.transactions += 1;
        Check::Fine
    }

    fn check_path(&mut self, received: &ClientCommand<'_>, cx: &mut Context<'_>) -> Check {
        let Some(path) = &received.path else { return self.check_parameters(received, cx) };
        if !path.readable {
            let check = self.treat(AnomalyKind::UnreadablePath, path.text, Cause::UnreadablePath, cx);
            if !matches!(check, Check::Fine) {
                return check;
            }
        }
        let special = path.special_character();
        let found = match cx.config.profile.pipes {
            Pipes::End if special == Some(b'|') => Some(AnomalyKind::Pipe),
            Pipes::Rules if special.is_some() => None,
            Pipes::Conformance | Pipes::End | Pipes::Rules => {
                path.is_hostile().then_some(AnomalyKind::HostilePath)
            }
        };
        if let Some(kind) = found {
            let check = self.treat(kind, path.text, Cause::HostilePath, cx);
            if !matches!(check, Check::Fine) {
                return check;
            }
        }
        self.check_parameters(received, cx)
    }

    fn check_parameters(&mut self, received: &ClientCommand<'_>, cx: &mut Context<'_>) -> Check {
        let locked = match &received.path {
            Some(path) => {
                let mut parameters = path.parameters();
                parameters.find_map(|(name, value)| Some((name, self.offer.locks(name, value)?)))
            }
            None => received.utf8_mark().and_then(|mark| Some((mark, self.offer.locks(mark, b"")?))),
        };
        match locked {
            Some((name, locked)) => {
                self.treat(AnomalyKind::LockedParameter, name, Cause::LockedParameter(locked), cx)
            }
            None => Check::Fine,
        }
    }

    fn treat(&mut self, kind: AnomalyKind, value: &[u8], cause: Cause, cx: &mut Context<'_>) -> Check {
        match self.anomaly(kind, Side::Client, value, cx) {
            Treatment::Silent | Treatment::Logged | Treatment::Normalized | Treatment::Masked => Check::Fine,
            Treatment::Refused => Check::Answer(self.because_of(kind, cause)),
            Treatment::Reset => Check::Reset(self.because_of(kind, cause)),
        }
    }

    fn is_utf8(&self, received: &ClientCommand<'_>) -> bool {
        let here = received.path.as_ref().is_some_and(|path| has_parameter(path, "SMTPUTF8").is_some());
        here || received.utf8_mark().is_some()
            || self.transaction.as_ref().is_some_and(|transaction| transaction.utf8)
    }

    /// Applies the rules. A time where the command must wait.
    fn apply_rules(&mut self, received: &ClientCommand<'_>, cx: &mut Context<'_>) -> Option<Time> {
        if received.command.verb == Verb::Rcpt && self.over_limit(received, cx) {
            return None;
        }
        self.login = Self::attempt(&received.command, cx).map(Box::new);
        if self.login.as_ref().is_some_and(|attempt| attempt.is_blocked(cx)) {
            self.report_blocked_login(cx);
            self.answer_command(received, Cause::AccountBlocked.into(), cx);
            return None;
        }
        self.begin_transaction(received, cx);
        match self.judge_command(received, cx) {
            // A message is not held back by a rule that paces: the next command waits for it.
            Decision::Pass | Decision::Pace if cx.out.now < self.inspector.paced_until() => {
                return self.pace(received, cx);
            }
            Decision::Pass | Decision::Pace => self.forward(received, cx),
            Decision::Mask => {
                self.undo_mail(received.command.verb);
                match (received.command.verb, received.chunk()) {
                    (Verb::Bdat, None) => self.refuse_bad_chunk(received, cx),
                    (Verb::Bdat, Some(chunk)) => {
                        self.mask_command(received, cx);
                        self.skip_chunk(chunk.size);
                    }
                    _ => self.mask_command(received, cx),
                }
            }
            Decision::Refuse(acted) => {
                self.undo_mail(received.command.verb);
                self.refuse_command(received, acted, cx);
            }
        }
        None
    }

    /// A command that may not go on yet waits where it is, and everything after it. One that would have
    /// to wait too long is answered by us.
    fn pace(&mut self, received: &ClientCommand<'_>, cx: &mut Context<'_>) -> Option<Time> {
        let (verb, until) = (received.command.verb, self.inspector.paced_until());
        if until <= cx.out.now.plus_seconds(cx.config.timers.pace) {
            self.paced = Some(verb);
            return Some(until);
        }
        self.undo_mail(verb);
        self.answer_command(received, Cause::TooFast.reported(self.inspector.reference_of_pace()), cx);
        None
    }

    /// A surplus recipient under `recipient-limit refuse`, answered without asking the rules again; and in LMTP one
    /// over the bound.
    fn over_limit(&mut self, received: &ClientCommand<'_>, cx: &mut Context<'_>) -> bool {
        let Some(transaction) = &mut self.transaction else { return false };
        if self.lmtp && cx.carries_out() && transaction.recipients >= cx.config.bounds.recipients {
            transaction.over_limit.get_or_insert_with(|| Cause::SurplusRecipient.into());
        }
        let Some(refusal) = transaction.over_limit else { return false };
        transaction.recipients += 1;
        transaction.surplus += 1;
        received.note_recipient(transaction);
        received.note_refusal(refusal, transaction);
        if transaction.surplus <= cx.config.bounds.surplus {
            self.replies.ours(refusal);
        } else {
            self.anomaly(AnomalyKind::Surplus, Side::Client, b"", cx);
            self.last_reply(self.because_of(AnomalyKind::Surplus, Cause::TooManySurplus), cx);
        }
        true
    }

    /// MAIL begins a transaction provisionally. One that is open is suspended: only the server knows whether
    /// it accepts a second MAIL, and what that names must not count in the first.
    fn begin_transaction(&mut self, received: &ClientCommand<'_>, cx: &mut Context<'_>) {
        let begins = received.command.verb.begins_transaction();
        let Some(path) = received.path.as_ref().filter(|_| begins) else { return };
        self.lost = false;
        self.suspended = self
            .transaction
            .take()
            .map(|transaction| Box::new(SuspendedTransaction { transaction, held: self.inspector.held() }));
        self.inspector.begin(Scope::Transaction, cx);
        let mut transaction = OpenTransaction::new(self.transactions, path.text, cx);
        self.transactions += 1;
        transaction.declared = has_parameter(path, "SIZE").and_then(decimal);
        transaction.binary =
            has_parameter(path, "BODY").is_some_and(|body| body.eq_ignore_ascii_case(b"BINARYMIME"));
        transaction.utf8 = has_parameter(path, "SMTPUTF8").is_some();
        transaction.exdata = has_parameter(path, "EXDATA").is_some();
        if self.suspended.is_none() {
            cx.observe(Observed::Begin { transaction: transaction.number, sender: path.text });
        }
        self.transaction = Some(Box::new(transaction));
    }

    pub(super) fn undo_mail(&mut self, verb: Verb) {
        if verb.begins_transaction() {
            self.transaction = None;
            self.resume_suspended();
        }
    }

    /// Learns all facts of a command, then judges once.
    fn judge_command(&mut self, received: &ClientCommand<'_>, cx: &mut Context<'_>) -> Decision {
        let recipients = self.count_recipient(received, cx);
        if cx.policy().is_none() {
            return Decision::Pass;
        }
        self.inspector.begin(Scope::Command, cx);
        self.inspector.learn(Fact::Count(Counter::CommandLength, received.line.wire_len() as u64), cx);
        self.inspector.learn(Fact::Word(Word::Verb, received.command.token), cx);
        if let Some(path) = &received.path {
            let sends = received.command.verb.begins_transaction();
            let of = if sends { Text::Sender } else { Text::Recipient };
            if cx.policy().is_some_and(|policy| policy.searches(of)) {
                self.inspector.learn(Fact::Text(of, path.text), cx);
                path.each_reading(&mut |reading| self.inspector.learn(Fact::Text(of, reading), cx));
            }
            if sends {
                let length = path.text.len() as u64;
                self.inspector.learn(Fact::Count(Counter::SenderLength, length), cx);
            }
            if let Some(character) = path.special_character() {
                self.inspector.learn(Fact::Word(Word::AddressCharacter, &[character]), cx);
            }
            let asked = cx.policy().is_some_and(|policy| policy.asks(Word::RelayDomain));
            if received.command.verb == Verb::Rcpt && asked {
                path.each_domain(&mut |domain| {
                    self.inspector.learn(Fact::Word(Word::RelayDomain, domain), cx);
                });
            }
        }
        match received.command.verb {
            Verb::Rcpt => {
                self.inspector.learn(Fact::Count(Counter::Recipients, u64::from(recipients)), cx);
            }
            Verb::Data | Verb::Bdat if self.transaction.as_ref().is_some_and(|t| t.message.is_none()) => {
                self.inspector.close(Close::Envelope, cx);
            }
            _ => {}
        }
        self.inspector.close(Close::Command, cx);
        self.judge(
            &|kind| match kind {
                CriterionKind::Sender
                | CriterionKind::SenderLength
                | CriterionKind::Recipient
                | CriterionKind::RelayDomain
                | CriterionKind::AddressCharacter => {
                    Cow::Borrowed(received.path.as_ref().map_or(&b""[..], |path| path.text))
                }
                CriterionKind::Recipients => Cow::Owned(recipients.to_string().into_bytes()),
                CriterionKind::Verb if received.reportable.is_empty() => Cow::Borrowed(b""),
                CriterionKind::Verb => Cow::Borrowed(received.command.token),
                _ => Cow::Borrowed(received.reportable),
            },
            cx,
        )
    }

    /// Every RCPT of a transaction counts, whatever becomes of it.
    fn count_recipient(&mut self, received: &ClientCommand<'_>, cx: &mut Context<'_>) -> u32 {
        let Some(transaction) = &mut self.transaction else { return 0 };
        if received.command.verb == Verb::Rcpt {
            transaction.recipients += 1;
        }
        received.note_recipient(transaction);
        let (number, recipients) = (transaction.number, transaction.recipients);
        // Where a recording has none, whether a transaction began is seen when its message comes.
        if !transaction.has_mail {
            return recipients;
        }
        if let (Verb::Rcpt, Some(path)) = (received.command.verb, &received.path) {
            let recipient =
                Observed::Recipient { transaction: number, number: received.number, address: path.text };
            cx.observe(recipient);
        }
        recipients
    }

    fn refuse_command(&mut self, received: &ClientCommand<'_>, acted: Acted, cx: &mut Context<'_>) {
        let verb = received.command.verb;
        let row = wording::command_row(verb, acted, cx.config);
        if let (Some(transaction), Row::Answer(refusal) | Row::Last(refusal)) = (&mut self.transaction, row) {
            received.note_refusal(refusal, transaction);
        }
        match (row, received.chunk()) {
            (Row::Last(refusal), None) if verb == Verb::Bdat => {
                self.last_reply_then(refusal, After::Finish, cx);
            }
            (Row::Last(refusal), Some(chunk)) if verb == Verb::Bdat => {
                self.last_reply(refusal, cx);
                self.skip_chunk(chunk.size);
            }
            (Row::Last(refusal), _) => self.last_reply(refusal, cx),
            (Row::Answer(refusal), _) => {
                self.replies.ours(refusal);
                if let Some(transaction) = &mut self.transaction {
                    transaction.over_limit = Some(refusal);
                    transaction.surplus = 1;
                }
            }
        }
    }

    /// Forwards a command that the rules let pass, unless the dialect masks it.
    fn forward(&mut self, received: &ClientCommand<'_>, cx: &mut Context<'_>) {
        let verb = received.command.verb;
        let enforced = cx.carries_out();
        if verb == Verb::Bdat {
            return self.begin_chunk(received, cx);
        }
        let unknown = !cx.config.profile.allows(verb);
        if enforced && (unknown || self.offer.shuts(&received.command, &cx.config.profile)) {
            self.unknown_verb(received, cx);
            self.undo_mail(verb);
            return self.mask_command(received, cx);
        }
        if matches!(verb, Verb::Ehlo | Verb::Lhlo | Verb::Helo) && cx.config.detail > EventsDetail::None {
            self.helo = Some(reported_value(received.command.argument).into());
        }
        pass_line(Side::Server, received.wire, &received.line, cx);
        let (asked, barrier) = match verb {
            Verb::Ehlo => (Asked::Ehlo, true),
            Verb::Lhlo => (Asked::Lhlo, true),
            Verb::Helo => (Asked::Helo, true),
            verb if verb.begins_transaction() && self.suspended.is_some() => (Asked::NestedMail, true),
            verb if verb.begins_transaction() => (Asked::Mail, false),
            Verb::Rcpt => (Asked::Rcpt, false),
            // Its reply may come when the next transaction has begun: it ends only one that is open now.
            Verb::Rset if self.transaction.is_some() => (Asked::Rset, true),
            Verb::Data => (Asked::Data, true),
            Verb::Auth | Verb::XExps => (Asked::Auth, true),
            Verb::Starttls | Verb::XAnonymoustls => (Asked::StartTls, true),
            Verb::Quit => (Asked::Quit, false),
            Verb::Unknown => (Asked::Unknown, false),
            _ => (Asked::Other, false),
        };
        self.replies.await_server(asked, received.number);
        self.barrier = barrier;
    }

    pub(super) fn unknown_verb(&mut self, received: &ClientCommand<'_>, cx: &mut Context<'_>) {
        let token = if self.after_auth { b"" } else { received.command.token };
        self.anomaly(AnomalyKind::UnknownVerb, Side::Client, token, cx);
    }

    /// A command line as it may be reported. The argument of AUTH may be a password, and so may what a client
    /// sends that does not wait for the reply to AUTH.
    pub(super) fn reportable_text<'b>(&self, line: &'b [u8]) -> &'b [u8] {
        self.reportable(Command::read(line.trim_ascii_start()), line)
    }

    fn reportable<'b>(&self, command: Command<'b>, line: &'b [u8]) -> &'b [u8] {
        match command.verb {
            // A URL of BURL may carry the right to read a mailbox (RFC 4467 §3).
            Verb::Auth | Verb::XExps | Verb::Burl => command.token,
            Verb::Unknown if self.after_auth => b"",
            _ => line,
        }
    }

    /// Forwards as many bytes in place of the command; the server answers as to any command it does not know.
    pub(super) fn mask_command(&mut self, received: &ClientCommand<'_>, cx: &mut Context<'_>) {
        if self.is_one_too_many(cx) {
            return;
        }
        for ink in wording::mask(cx.config.profile.ink.command, received.line.text.len()) {
            cx.out.rewrite(Side::Server, ink);
        }
        cx.out.rewrite(Side::Server, b"\r\n");
        self.replies.await_server(Asked::Unknown, received.number);
    }
}

/// Forwards a line as it came, its end made CRLF where it was not.
pub(super) fn pass_line(to: Side, wire: &[u8], line: &Line<'_>, cx: &mut Context<'_>) {
    match line.end {
        LineEnd::Lf if cx.is_recorded() => cx.out.pass(to, wire),
        LineEnd::Crlf => cx.out.pass(to, wire),
        LineEnd::Lf => {
            cx.out.pass(to, line.text);
            cx.out.rewrite(to, b"\r\n");
        }
    }
}

/// Postfix skips blanks before a command. IOS does not, and masks a verb that it does not know.
pub(super) fn read_command<'b>(text: &'b [u8], cx: &Context<'_>) -> Command<'b> {
    let skips = cx.config.profile.leading_blanks == Blanks::Skipped || cx.is_recorded();
    Command::read(if skips { text.trim_ascii_start() } else { text })
}

fn has_parameter<'b>(path: &Path<'b>, name: &str) -> Option<&'b [u8]> {
    path.parameters()
        .find(|(keyword, _)| keyword.eq_ignore_ascii_case(name.as_bytes()))
        .map(|(_, value)| value)
}

/// A command as it begins behind the blanks that some servers skip.
fn line_start(text: &[u8]) -> &[u8] {
    text.trim_ascii_start()
}

fn is_blank(text: &[u8]) -> bool {
    text.trim_ascii().is_empty()
}
