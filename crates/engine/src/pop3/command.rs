//! What a command of a client is before the login: whether it is valid, begins a login, waits, and what is owed for it.

use proto::pop3::command::{Auth, Command};
use proto::pop3::verb::Verb;

use super::{Asked, Exchange, State, User};
use crate::login::Attempt;

/// What a login by USER and PASS is called.
pub(super) const USER: &[u8] = b"USER";

/// The login that a command begins.
pub(super) fn login(command: &Command<'_>, user: User) -> Option<Attempt> {
    match (command.verb, user) {
        (Verb::User, _) | (Verb::Pass, User::None) => Some(Attempt::by(USER)),
        (Verb::Apop, _) => Some(Attempt::by(b"APOP")),
        (Verb::Auth, _) => match command.auth() {
            Auth::Login { mechanism, .. } => Some(Attempt::by(mechanism)),
            Auth::Listing => None,
        },
        _ => None,
    }
}

/// The response that an AUTH command brings along.
pub(super) fn initial_response<'b>(command: &Command<'b>) -> Option<&'b [u8]> {
    command.argument.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).nth(1)
}

/// Whether a client may say this before it is logged in, and in this form.
pub(super) fn is_valid(command: &Command<'_>) -> bool {
    let is_before_login = command.verb.row().is_some_and(|row| row.before_login);
    let auth = command.verb == Verb::Auth;
    command.is_strict
        && is_before_login
        && !(auth && matches!(command.auth(), Auth::Login { is_strict: false, .. }))
}

/// Whether a command may change what its successors mean, or make a server lose them.
pub(super) const fn waits_alone(command: &Command<'_>) -> bool {
    matches!(command.verb, Verb::Pass | Verb::Apop | Verb::Auth | Verb::Stls)
}

/// Whether a client that has left may come back by this command.
pub(super) const fn may_return(verb: Verb) -> bool {
    verb.is_login() || matches!(verb, Verb::Capa | Verb::Stls)
}

/// What a forwarded command makes of the client's state, and what the server owes for it.
pub(super) fn asked_by(command: &Command<'_>, user: User) -> (State, Asked) {
    let state = State::Authorization;
    match command.verb {
        Verb::User => (state(User::Named), Asked::User),
        Verb::Pass => (state(User::None), Asked::Password(Attempt::by(USER))),
        Verb::Apop => (state(User::None), Asked::Password(Attempt::by(b"APOP"))),
        Verb::Stls => (state(user), Asked::Stls),
        Verb::Quit => (State::Left { answered: true }, Asked::Line),
        Verb::Capa => (state(user), Asked::Listing),
        // RFC 6856 §3: without an argument it lists the languages.
        Verb::Lang if command.argument.trim_ascii().is_empty() => (state(user), Asked::Listing),
        Verb::Auth => match command.auth() {
            Auth::Listing => (state(user), Asked::Listing),
            Auth::Login { mechanism, initial, is_strict } => {
                let attempt = Attempt::by(mechanism);
                // What some servers take for a listing opens nothing by itself.
                let is_open = initial && is_strict;
                (state(user), Asked::Auth(Exchange { attempt, is_open, is_strict }))
            }
        },
        _ => (state(user), Asked::Line),
    }
}

/// The argument as it may be shown: no secret.
pub(super) fn public_argument<'b>(command: &Command<'b>) -> &'b [u8] {
    match (command.verb, command.verb.row()) {
        (Verb::Pass, _) | (_, None) => b"",
        (Verb::Apop, _) => command.argument.split(|byte| *byte == b' ').next().unwrap_or_default(),
        (Verb::Auth, _) => match command.auth() {
            Auth::Login { mechanism, .. } if proto::sasl::is_name(mechanism) => mechanism,
            Auth::Login { .. } | Auth::Listing => b"",
        },
        _ => command.argument,
    }
}

/// Whether the line at the front may be AUTH, whose initial response may be long.
pub(super) fn is_auth(input: &[u8]) -> bool {
    input.trim_ascii_start().get(..4).is_some_and(|verb| verb.eq_ignore_ascii_case(b"AUTH"))
}
