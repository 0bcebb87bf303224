//! What the client says: commands, and what the rules and the table make of them.

use std::borrow::Cow;

use policy::RuleId;
use policy::fact::{Close, Counter, Fact, Kind, Scope};
use proto::line::{self, Line, LineEnd};
use proto::smtp::address::Path;
use proto::smtp::body;
use proto::smtp::command::{Chunk, Command, decimal};
use proto::smtp::verb::Verb;
use proto::{Progress, Side};

use super::{Asked, ChunkOnItsWay, Client, SetAside, Smtp, Step, Transaction, policy_of};
use crate::act::{self, Masked, Refusal, Row};
use crate::attachment::{Attachment, Watch};
use crate::effect::{Took, Wants};
use crate::event::{AnomalyKind, Observed, Treatment, Via};
use crate::message::{Decision, Message};
use crate::session::Cx;

/// One command with everything that was read of it.
struct Said<'b> {
    wire: &'b [u8],
    line: Line<'b>,
    command: Command<'b>,
    /// The path of MAIL or RCPT.
    path: Option<Path<'b>>,
    number: u32,
}

/// What conformance makes of a command.
enum Check {
    Fine,
    Answer(Refusal),
    Reset,
}

impl Said<'_> {
    /// What BDAT announces, if every server reads it so: Exim knows the verb only at the start of the line
    /// and with a blank behind it, and what is a chunk for Postfix are commands for Exim.
    fn chunk(&self) -> Option<Chunk> {
        let behind = self.line.text.strip_prefix(self.command.token)?;
        behind.starts_with(b" ").then(|| self.command.chunk()).flatten()
    }
}

impl Smtp {
    pub(crate) fn offer_client(&mut self, held: &[u8], cx: &mut Cx<'_>) -> Took {
        if !held.is_empty() {
            self.heard = cx.out.now;
        }
        let mut bytes = 0;
        loop {
            let input = held.get(bytes..).unwrap_or_default();
            match self.client_step(input, cx) {
                Step::Took(len) => bytes += len,
                Step::Wants(wants) => return Took { bytes, wants },
            }
            self.flush(cx);
        }
    }

    fn client_step(&mut self, input: &[u8], cx: &mut Cx<'_>) -> Step {
        match &mut self.client {
            Client::Command => self.next_command(input, cx),
            Client::Done => Step::Wants(Wants::Nothing),
            _ if input.is_empty() => Step::Wants(Wants::More),
            Client::Skip(_) => self.skip(input, cx),
            Client::AuthLine => self.auth_line(input, cx),
            Client::Data(_) => self.data(input, cx),
            Client::Chunk(_) => self.chunk(input, cx),
            Client::SkipChunk(left) => {
                let len = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
                *left -= len as u64;
                if *left == 0 {
                    self.client = Client::Command;
                }
                Step::Took(len)
            }
            Client::Relay { fresh } => {
                let fresh = std::mem::replace(fresh, false);
                self.relay(Side::Client, fresh, input, cx)
            }
            Client::Swallow(_) => self.swallow(input),
        }
    }

    /// Encrypted octets pass; but what stands first must be a record of TLS, or it was said in clear
    /// (RFC 3207 §4.2).
    pub(super) fn relay(&mut self, from: Side, fresh: bool, input: &[u8], cx: &mut Cx<'_>) -> Step {
        const HANDSHAKE: u8 = 0x16;
        const ALERT: u8 = 0x15;
        // A server answers the client's hello and says nothing before it.
        let unasked = from == Side::Server && matches!(self.client, Client::Relay { fresh: true });
        if fresh && (unasked || !matches!(input.first(), Some(&HANDSHAKE | &ALERT))) {
            let treatment = self.anomaly(AnomalyKind::TlsInjection, from, first(input), cx);
            if treatment == Treatment::Reset {
                self.reset(cx);
                return Step::Took(input.len());
            }
        }
        cx.out.pass(from.other(), input);
        Step::Took(input.len())
    }

    fn next_command(&mut self, input: &[u8], cx: &mut Cx<'_>) -> Step {
        let Some(&first) = input.first() else {
            // Before the greeting we listen, to hear who cannot wait.
            let wants = if self.barrier || self.is_full(cx.at) { Wants::Peer } else { Wants::More };
            return Step::Wants(wants);
        };
        if self.commands == 0 && is_binary(first) && self.is_foreign(input, cx) {
            return Step::Took(input.len());
        }
        if !self.greeted {
            return self.out_of_turn(AnomalyKind::EarlyTalker, input, cx);
        }
        if self.barrier || self.is_full(cx.at) {
            return Step::Wants(Wants::Peer);
        }
        if !self.replies.is_empty() && !self.may_pipeline() && cx.at.watch == Watch::Enforce {
            return self.out_of_turn(AnomalyKind::Unpipelined, input, cx);
        }
        let allowed = if is_auth(input) { cx.at.bounds.auth_line } else { cx.at.bounds.command_line };
        let bound = match cx.at.watch {
            Watch::Enforce => allowed,
            Watch::Observe => cx.at.bounds.observed_line,
        };
        match line::decode(input, bound) {
            Progress::NeedMore => Step::Wants(Wants::More),
            Progress::Oversize { len, ends } => self.too_long(input, len, ends, cx),
            Progress::Unit { unit: line, len } => {
                if len > allowed {
                    self.anomaly(AnomalyKind::CommandTooLong, Side::Client, self.told(line.text), cx);
                }
                let command = read_command(line.text, cx.at);
                if self.is_undecided(command.verb) {
                    return Step::Wants(Wants::Peer);
                }
                self.command(input.get(..len).unwrap_or_default(), line, command, cx);
                Step::Took(len)
            }
        }
    }

    /// What MAIL and RSET mean depends on whether the transaction stands; and a MAIL within one begins
    /// another, to which no answer may count that is owed to this one.
    fn is_undecided(&self, verb: Verb) -> bool {
        let Some(transaction) = &self.transaction else { return false };
        match verb {
            Verb::Mail => transaction.provisional || !self.replies.is_empty(),
            Verb::Rset => transaction.provisional,
            _ => false,
        }
    }

    fn is_full(&self, at: &Attachment) -> bool {
        self.replies.len() >= at.bounds.outstanding
    }

    /// LMTP servers offer PIPELINING by definition (RFC 2033 §4.1).
    fn may_pipeline(&self) -> bool {
        self.lmtp || (self.offered.contains("PIPELINING") && !self.masked.contains("PIPELINING"))
    }

    fn out_of_turn(&mut self, kind: AnomalyKind, input: &[u8], cx: &mut Cx<'_>) -> Step {
        // What waits is offered again and again, and is odd only once.
        if self.told.contains(kind) {
            return Step::Wants(Wants::Peer);
        }
        if self.anomaly(kind, Side::Client, first(input), cx) != Treatment::Reset {
            return Step::Wants(Wants::Peer);
        }
        if self.greeted {
            self.last_word(act::OUT_OF_TURN, cx);
        } else {
            self.refused_now(cx);
            self.last_word_now(act::OUT_OF_TURN, cx);
        }
        Step::Took(input.len())
    }

    /// The first octet of a session is no text: another protocol, TLS, or noise.
    fn is_foreign(&mut self, input: &[u8], cx: &mut Cx<'_>) -> bool {
        if self.told.contains(AnomalyKind::NotSmtp) {
            return false;
        }
        let foreign = self.anomaly(AnomalyKind::NotSmtp, Side::Client, first(input), cx) == Treatment::Reset;
        if foreign {
            self.reset(cx);
        }
        foreign
    }

    fn too_long(&mut self, input: &[u8], len: usize, ends: bool, cx: &mut Cx<'_>) -> Step {
        let value = input.get(..cx.at.bounds.command_line).unwrap_or(input);
        self.anomaly(AnomalyKind::CommandTooLong, Side::Client, self.told(value), cx);
        self.commands += 1;
        self.replies.ours(act::LINE_TOO_LONG);
        self.skipped(len as u64, ends, cx);
        Step::Took(len)
    }

    fn skip(&mut self, input: &[u8], cx: &mut Cx<'_>) -> Step {
        let Client::Skip(skipped) = self.client else { return Step::Took(0) };
        let lf = memchr::memchr(b'\n', input);
        let len = lf.map_or(input.len(), |lf| lf + 1);
        self.skipped(skipped + len as u64, lf.is_some(), cx);
        Step::Took(len)
    }

    /// So many octets of a line over its bound are gone, perhaps with its end.
    fn skipped(&mut self, octets: u64, ends: bool, cx: &mut Cx<'_>) {
        self.client = if ends { Client::Command } else { Client::Skip(octets) };
        if octets > cx.at.bounds.skip {
            self.last_word(act::ENDLESS_LINE, cx);
        }
    }

    fn auth_line(&mut self, input: &[u8], cx: &mut Cx<'_>) -> Step {
        if self.barrier {
            return Step::Wants(Wants::Peer);
        }
        match line::decode(input, cx.at.bounds.auth_line) {
            Progress::NeedMore => Step::Wants(Wants::More),
            Progress::Oversize { len, .. } => {
                self.anomaly(AnomalyKind::CommandTooLong, Side::Client, b"", cx);
                self.last_word(act::LINE_TOO_LONG, cx);
                Step::Took(len)
            }
            Progress::Unit { unit: line, len } => {
                if line.flaws.control && self.control_in_auth_line(cx) {
                    return Step::Took(len);
                }
                pass_line(Side::Server, input.get(..len).unwrap_or_default(), &line, cx);
                self.replies.await_server(Asked::Auth, self.commands.saturating_sub(1));
                self.barrier = true;
                Step::Took(len)
            }
        }
    }

    /// A bare CR could hide a command from us that a server reads. The server is in the middle of the
    /// exchange, so a refusal is our last word; whether it was. The line may hold a password: it is not told.
    fn control_in_auth_line(&mut self, cx: &mut Cx<'_>) -> bool {
        match self.anomaly(AnomalyKind::CommandControl, Side::Client, b"", cx) {
            Treatment::Counted | Treatment::Noted | Treatment::Mended => return false,
            Treatment::Refused => self.last_word(act::BAD_OCTET, cx),
            Treatment::Reset => self.reset(cx),
        }
        true
    }

    fn command(&mut self, wire: &[u8], line: Line<'_>, command: Command<'_>, cx: &mut Cx<'_>) {
        let number = self.commands;
        self.commands += 1;
        match command.verb {
            Verb::Auth => self.after_auth = true,
            Verb::Unknown => {}
            _ => self.after_auth = false,
        }
        let path = match command.verb {
            Verb::Mail => Some(Path::read(command.argument, "FROM:")),
            Verb::Rcpt => Some(Path::read(command.argument, "TO:")),
            _ => None,
        };
        let said = Said { wire, line, command, path, number };
        self.observe(cx, Observed::Command { number, verb: command.token, argument: command.argument });
        match self.check(&said, cx) {
            Check::Fine => self.consider(&said, cx),
            Check::Answer(refusal) => {
                self.count_recipient(&said, cx);
                self.replies.ours(refusal);
            }
            Check::Reset => self.reset(cx),
        }
    }

    /// Conformance: is this legal here?
    fn check(&mut self, said: &Said<'_>, cx: &mut Cx<'_>) -> Check {
        let Line { end, flaws, .. } = said.line;
        let text = self.told(said.line.text);
        if said.number == 0 && is_http(&said.command) {
            return self.treat(AnomalyKind::NotSmtp, text, act::OUT_OF_TURN, cx);
        }
        if end == LineEnd::Lf {
            let check = self.treat(AnomalyKind::CommandBareLf, text, act::BARE_LF, cx);
            if !matches!(check, Check::Fine) {
                return check;
            }
        }
        if flaws.control {
            let check = self.treat(AnomalyKind::CommandControl, text, act::BAD_OCTET, cx);
            if !matches!(check, Check::Fine) {
                return check;
            }
        }
        if flaws.eight_bit && !self.is_utf8(said) {
            let check = self.treat(AnomalyKind::CommandEightBit, text, act::EIGHT_BIT, cx);
            if !matches!(check, Check::Fine) {
                return check;
            }
        }
        self.check_path(said, cx)
    }

    fn check_path(&mut self, said: &Said<'_>, cx: &mut Cx<'_>) -> Check {
        let Some(path) = &said.path else { return Check::Fine };
        if !path.readable {
            let check = self.treat(AnomalyKind::UnreadablePath, path.text, act::UNREADABLE_PATH, cx);
            if !matches!(check, Check::Fine) {
                return check;
            }
        }
        if path.is_hostile() {
            return self.treat(AnomalyKind::HostilePath, path.text, act::HOSTILE_PATH, cx);
        }
        let locked = path.parameters().find(|(keyword, value)| self.masked.unlock_parameter(keyword, value));
        match locked {
            Some((keyword, _)) => {
                self.treat(AnomalyKind::LockedParameter, keyword, act::LOCKED_PARAMETER, cx)
            }
            None => Check::Fine,
        }
    }

    fn treat(&mut self, kind: AnomalyKind, value: &[u8], refusal: Refusal, cx: &mut Cx<'_>) -> Check {
        match self.anomaly(kind, Side::Client, value, cx) {
            Treatment::Counted | Treatment::Noted | Treatment::Mended => Check::Fine,
            Treatment::Refused => Check::Answer(refusal),
            Treatment::Reset => Check::Reset,
        }
    }

    fn is_utf8(&self, said: &Said<'_>) -> bool {
        let here = said.path.as_ref().is_some_and(|path| has_parameter(path, "SMTPUTF8").is_some());
        here || self.transaction.as_ref().is_some_and(|transaction| transaction.utf8)
    }

    /// The rules: what does the policy make of it?
    fn consider(&mut self, said: &Said<'_>, cx: &mut Cx<'_>) {
        if said.command.verb == Verb::Rcpt && self.over_limit(cx) {
            return;
        }
        self.begin_transaction(said, cx);
        match self.judge_command(said, cx) {
            Decision::Pass => self.go_on(said, cx),
            Decision::Mask => {
                self.undo_mail(said);
                match (said.command.verb, said.chunk()) {
                    (Verb::Bdat, None) => self.refuse_bad_chunk(said, cx),
                    (Verb::Bdat, Some(chunk)) => {
                        self.mask_command(said, cx);
                        self.skip_chunk(chunk.size);
                    }
                    _ => self.mask_command(said, cx),
                }
            }
            Decision::Refuse { rule, kind } => {
                self.undo_mail(said);
                self.refuse_command(said.command.verb, kind, rule, cx);
            }
        }
    }

    /// A surplus recipient under `recipient-limit refuse`, answered without asking the rules again.
    fn over_limit(&mut self, cx: &mut Cx<'_>) -> bool {
        let Some(transaction) = &mut self.transaction else { return false };
        let Some(rule) = transaction.over_limit else { return false };
        transaction.recipients += 1;
        transaction.surplus += 1;
        if transaction.surplus <= cx.at.bounds.surplus {
            self.replies.ours(Refusal { rule: Some(rule), ..act::TOO_MANY });
        } else {
            self.anomaly(AnomalyKind::Surplus, Side::Client, b"", cx);
            self.last_word(Refusal { rule: Some(rule), ..act::SURPLUS }, cx);
        }
        true
    }

    /// A transaction begins provisionally with MAIL. One that is open is set aside: only the server knows
    /// whether it takes a second MAIL, and what that names must not count in the first.
    fn begin_transaction(&mut self, said: &Said<'_>, cx: &mut Cx<'_>) {
        let (Verb::Mail, Some(path)) = (said.command.verb, &said.path) else { return };
        self.set_aside = self
            .transaction
            .take()
            .map(|transaction| Box::new(SetAside { transaction, held: self.rules.held() }));
        if let Some(policy) = policy_of(cx.at) {
            policy.begin(&mut self.rules, Scope::Transaction);
        }
        let mut transaction = Transaction::new(self.transactions, path.text);
        self.transactions += 1;
        transaction.declared = has_parameter(path, "SIZE").and_then(decimal);
        transaction.binary =
            has_parameter(path, "BODY").is_some_and(|body| body.eq_ignore_ascii_case(b"BINARYMIME"));
        transaction.utf8 = has_parameter(path, "SMTPUTF8").is_some();
        if self.set_aside.is_none() {
            self.observe(cx, Observed::Begin { transaction: transaction.number, sender: path.text });
        }
        self.transaction = Some(Box::new(transaction));
    }

    fn undo_mail(&mut self, said: &Said<'_>) {
        if said.command.verb == Verb::Mail {
            self.transaction = None;
            self.take_back();
        }
    }

    /// Learns everything a command tells, then judges once.
    fn judge_command(&mut self, said: &Said<'_>, cx: &mut Cx<'_>) -> Decision {
        let recipients = self.count_recipient(said, cx);
        let line = self.told(said.line.text);
        let Some(policy) = policy_of(cx.at) else { return Decision::Pass };
        let rules = &mut self.rules;
        policy.begin(rules, Scope::Command);
        policy.learn(rules, Fact::Count(Counter::CommandLength, said.line.wire_len() as u64));
        policy.learn(rules, Fact::Verb(said.command.token));
        match (said.command.verb, &said.path) {
            (Verb::Mail, Some(path)) => {
                policy.learn(rules, Fact::Sender(path.text));
                path.plain().iter().for_each(|text| policy.learn(rules, Fact::Sender(text)));
            }
            (Verb::Rcpt, Some(path)) => {
                policy.learn(rules, Fact::Recipient(path.text));
                path.plain().iter().for_each(|text| policy.learn(rules, Fact::Recipient(text)));
                policy.learn(rules, Fact::Count(Counter::Recipients, u64::from(recipients)));
            }
            (Verb::Data | Verb::Bdat, _)
                if self.transaction.as_ref().is_some_and(|t| t.message.is_none()) =>
            {
                policy.close(rules, Close::Envelope);
            }
            _ => {}
        }
        policy.close(rules, Close::Command);
        self.ears(cx).judge(&|kind| match kind {
            Kind::SenderAddress | Kind::RecipientAddress => {
                Cow::Borrowed(said.path.as_ref().map_or(&b""[..], |path| path.text))
            }
            Kind::RecipientCount => Cow::Owned(recipients.to_string().into_bytes()),
            Kind::CommandVerb => Cow::Borrowed(said.command.token),
            _ => Cow::Borrowed(line),
        })
    }

    /// Every RCPT of a transaction counts, whatever becomes of it.
    fn count_recipient(&mut self, said: &Said<'_>, cx: &mut Cx<'_>) -> u32 {
        let Some(transaction) = &mut self.transaction else { return 0 };
        if said.command.verb == Verb::Rcpt {
            transaction.recipients += 1;
        }
        let (number, recipients) = (transaction.number, transaction.recipients);
        if let (Verb::Rcpt, Some(path)) = (said.command.verb, &said.path) {
            let recipient =
                Observed::Recipient { transaction: number, number: said.number, address: path.text };
            self.observe(cx, recipient);
        }
        recipients
    }

    fn refuse_command(&mut self, verb: Verb, kind: Option<Kind>, rule: RuleId, cx: &mut Cx<'_>) {
        match act::command_row(verb, kind, rule, cx.at) {
            Row::Last(refusal) => self.last_word(refusal, cx),
            Row::Answer(refusal) => {
                self.replies.ours(refusal);
                if let Some(transaction) = &mut self.transaction {
                    transaction.over_limit = Some(rule);
                    transaction.surplus = 1;
                }
            }
        }
    }

    /// The rules let it pass; what the dialect hides is hidden all the same.
    fn go_on(&mut self, said: &Said<'_>, cx: &mut Cx<'_>) {
        let verb = said.command.verb;
        let enforced = cx.at.watch == Watch::Enforce;
        if verb == Verb::Bdat {
            return self.begin_chunk(said, cx);
        }
        let unknown = policy_of(cx.at).is_some() && !verb.known_to_ios();
        if enforced && (unknown || self.masked.unlock_verb(verb)) {
            self.unknown_verb(said, cx);
            self.undo_mail(said);
            return self.mask_command(said, cx);
        }
        pass_line(Side::Server, said.wire, &said.line, cx);
        let (asked, barrier) = match verb {
            Verb::Ehlo => (Asked::Ehlo, true),
            Verb::Lhlo => (Asked::Lhlo, true),
            Verb::Helo => (Asked::Helo, true),
            Verb::Mail if self.set_aside.is_some() => (Asked::NestedMail, true),
            Verb::Mail => (Asked::Mail, false),
            Verb::Rcpt => (Asked::Rcpt, false),
            // Its answer comes when the next transaction may have begun: only one that stands is ended by it.
            Verb::Rset if self.transaction.is_some() => (Asked::Rset, true),
            Verb::Data => (Asked::Data, true),
            Verb::Auth => (Asked::Auth, true),
            Verb::Starttls => (Asked::StartTls, true),
            Verb::Quit => (Asked::Quit, false),
            _ => (Asked::Other, false),
        };
        self.replies.await_server(asked, said.number);
        self.barrier = barrier;
    }

    fn unknown_verb(&mut self, said: &Said<'_>, cx: &mut Cx<'_>) {
        let token = if self.after_auth { b"" } else { said.command.token };
        self.anomaly(AnomalyKind::UnknownVerb, Side::Client, token, cx);
    }

    /// A command line as it may be reported. What stands behind AUTH may be a password, and so may what a
    /// client says that does not wait for the answer to it.
    fn told<'b>(&self, line: &'b [u8]) -> &'b [u8] {
        let command = Command::read(line.trim_ascii_start());
        match command.verb {
            Verb::Auth => command.token,
            Verb::Unknown if self.after_auth => b"",
            _ => line,
        }
    }

    /// Octets of the same number in place of the command; the server answers as to any it does not know.
    fn mask_command(&mut self, said: &Said<'_>, cx: &mut Cx<'_>) {
        for ink in act::mask(Masked::Command, said.line.text.len()) {
            cx.out.rewrite(Side::Server, ink);
        }
        cx.out.rewrite(Side::Server, b"\r\n");
        self.replies.await_server(Asked::Other, said.number);
    }

    fn begin_chunk(&mut self, said: &Said<'_>, cx: &mut Cx<'_>) {
        let enforced = cx.at.watch == Watch::Enforce;
        let Some(chunk) = said.chunk() else { return self.refuse_bad_chunk(said, cx) };
        let offered = self.offered.contains("CHUNKING");
        if !offered {
            self.anomaly(AnomalyKind::UnofferedChunk, Side::Client, said.line.text, cx);
        }
        if enforced && (policy_of(cx.at).is_some() || !offered) {
            if offered {
                self.unknown_verb(said, cx);
            }
            self.mask_command(said, cx);
            self.skip_chunk(chunk.size);
            return;
        }
        self.open_chunk(said, chunk, cx);
    }

    /// Nobody knows which octets behind it are commands.
    fn refuse_bad_chunk(&mut self, said: &Said<'_>, cx: &mut Cx<'_>) {
        let treatment = self.anomaly(AnomalyKind::BadChunk, Side::Client, said.line.text, cx);
        self.mask_or_pass(said, cx.at.watch == Watch::Enforce, cx);
        if treatment == Treatment::Reset {
            self.last_word(act::LOCKED_PARAMETER, cx);
        }
    }

    fn mask_or_pass(&mut self, said: &Said<'_>, mask: bool, cx: &mut Cx<'_>) {
        if mask {
            self.mask_command(said, cx);
        } else {
            pass_line(Side::Server, said.wire, &said.line, cx);
            self.replies.await_server(Asked::Other, said.number);
        }
    }

    fn skip_chunk(&mut self, size: u64) {
        if size > 0 {
            self.client = Client::SkipChunk(size);
        }
    }

    /// A chunk that the server will count: a chunk without a transaction is counted all the same.
    fn open_chunk(&mut self, said: &Said<'_>, chunk: Chunk, cx: &mut Cx<'_>) {
        let transaction = self.transaction.get_or_insert_with(|| {
            self.transactions += 1;
            Box::new(Transaction::without_mail(self.transactions - 1))
        });
        let (binary, after_cr) = (transaction.binary, transaction.after_cr);
        if transaction.message.is_none() {
            transaction.message = Some(Box::new(Message::new(Via::Bdat, cx.at)));
        }
        let octets = body::Chunk::new(chunk.size, chunk.last, binary, after_cr);
        let asked = if chunk.last { Asked::LastChunk { replies: 0 } } else { Asked::Chunk };
        if chunk.last && chunk.size == 0 {
            // The command is the end of the message: it is judged before it goes on.
            self.replies.await_server(asked, said.number);
            if let Some(refusal) = self.finish_message(cx) {
                return self.refuse_message(refusal, super::Swallowed::Chunk(0), cx);
            }
            pass_line(Side::Server, said.wire, &said.line, cx);
            return self.end_of_message(cx);
        }
        pass_line(Side::Server, said.wire, &said.line, cx);
        self.replies.await_server(asked, said.number);
        if chunk.size > 0 {
            self.client = Client::Chunk(Box::new(ChunkOnItsWay { octets, last: chunk.last }));
        }
    }
}

/// Sends a line on as it came, its end made CRLF where it was not.
pub(super) fn pass_line(to: Side, wire: &[u8], line: &Line<'_>, cx: &mut Cx<'_>) {
    match line.end {
        LineEnd::Lf if cx.at.watch == Watch::Observe => cx.out.pass(to, wire),
        LineEnd::Crlf => cx.out.pass(to, wire),
        LineEnd::Lf => {
            cx.out.pass(to, line.text);
            cx.out.rewrite(to, b"\r\n");
        }
    }
}

fn has_parameter<'b>(path: &Path<'b>, name: &str) -> Option<&'b [u8]> {
    path.parameters()
        .find(|(keyword, _)| keyword.eq_ignore_ascii_case(name.as_bytes()))
        .map(|(_, value)| value)
}

/// Postfix skips blanks in front of a command. IOS does not, and a policy masks what it does not know.
fn read_command<'b>(text: &'b [u8], at: &Attachment) -> Command<'b> {
    let skips = policy_of(at).is_none() || at.watch == Watch::Observe;
    Command::read(if skips { text.trim_ascii_start() } else { text })
}

/// RFC 4954 §4: a line with an initial response may be as long as any line of an exchange.
fn is_auth(input: &[u8]) -> bool {
    input.get(..5).is_some_and(|verb| verb.eq_ignore_ascii_case(b"AUTH "))
}

/// What is told of octets that came too early: how many came with the first is the segments' doing.
fn first(input: &[u8]) -> &[u8] {
    input.get(..1).unwrap_or_default()
}

/// An octet with which no command begins.
const fn is_binary(first: u8) -> bool {
    !matches!(first, b' '..=b'~' | b'\t' | b'\r' | b'\n')
}

/// A request line of HTTP: a browser that was made to talk to a mail server.
fn is_http(command: &Command<'_>) -> bool {
    const METHODS: [&[u8]; 9] =
        [b"GET", b"POST", b"HEAD", b"PUT", b"DELETE", b"OPTIONS", b"CONNECT", b"TRACE", b"PATCH"];
    METHODS.contains(&command.token) && memchr::memmem::rfind(command.argument, b"HTTP/").is_some()
}
