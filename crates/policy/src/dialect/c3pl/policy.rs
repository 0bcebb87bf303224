//! The sub-modes of `policy-map type inspect [PROTOCOL]` and of the classes in them.

use grammar::{Claim, Command, Matched, Mode};

use super::{L3PolicyLine, L3RuleLine, L7PolicyLine, L7RuleLine};
use crate::dialect::{AnyStatement, Built, built, description, maybe_name, name, name_unless_no};
use crate::model::{Action, Name, TopAction};

pub(super) static SMTP_POLICY: Mode<AnyStatement> = Mode::new(
    "policy-map-smtp",
    "(config-pmap)#",
    &[&[
        description::<L7PolicyLine>(&["Describe the policy-map", "Up to 200 characters"]),
        Command::new(
            "[no] class type inspect smtp WORD$name",
            "Configure the actions for a class",
            &["Actions for a class", "Its type", "A class for inspection", "An SMTP class", "Name"],
            |m| built(L7PolicyLine::Class(name(m, "name")?)),
        )
        .enters(&SMTP_RULE),
        Command::new("[no] class WORD$name", "Configure the actions for a class", &["", "Name"], |m| {
            built(L7PolicyLine::Class(name(m, "name")?))
        })
        .enters(&SMTP_RULE),
    ]],
);

static SMTP_RULE: Mode<AnyStatement> = Mode::new(
    "policy-map-smtp-class",
    "(config-pmap-c)#",
    &[&[
        Command::new("[no] log", "Send a message for each match", &["Send a message"], |_| {
            built(L7RuleLine::Log)
        }),
        Command::new("[no] allow", "Allow matching mail", &["Allow it"], |_| {
            built(L7RuleLine::Action(Action::Allow))
        }),
        Command::new(
            "[no] reset",
            "Refuse matching mail and end the session",
            &["Send an error reply and close the connection"],
            |_| built(L7RuleLine::Action(Action::Reset)),
        ),
        Command::new(
            "[no] mask",
            "Overwrite a matching command or EHLO keyword with `x`",
            &["Overwrite the command or EHLO keyword with `x`"],
            |_| built(L7RuleLine::Action(Action::Mask)),
        ),
        Command::new(
            "[no] inspect",
            "Allow matching mail without inspection",
            &["Allow the session without inspecting its mail"],
            |_| built(L7RuleLine::Inspect),
        ),
    ]],
);

pub(super) static MAILBOX_POLICY: Mode<AnyStatement> = Mode::new(
    "policy-map-pop3-imap",
    "(config-pmap)#",
    &[&[
        description::<L7PolicyLine>(&["Describe the policy-map", "Up to 200 characters"]),
        Command::new(
            "[no] class type inspect {pop3 | imap} WORD$name",
            "Configure the actions for a class",
            &[
                "Actions for a class",
                "Its type",
                "A class for inspection",
                "A POP3 class",
                "An IMAP class",
                "Name",
            ],
            |m| built(L7PolicyLine::Class(name(m, "name")?)),
        )
        .enters(&MAILBOX_RULE),
        Command::new("[no] class WORD$name", "Configure the actions for a class", &["", "Name"], |m| {
            built(L7PolicyLine::Class(name(m, "name")?))
        })
        .enters(&MAILBOX_RULE),
    ]],
);

static MAILBOX_RULE: Mode<AnyStatement> = Mode::new(
    "policy-map-pop3-imap-class",
    "(config-pmap-c)#",
    &[&[
        Command::new("[no] log", "Send a message for each match", &["Send a message"], |_| {
            built(L7RuleLine::Log)
        }),
        Command::new("[no] allow", "Allow matching commands", &["Allow it"], |_| {
            built(L7RuleLine::Action(Action::Allow))
        }),
        Command::new(
            "[no] reset",
            "Refuse matching commands and end the session",
            &["Send an error reply and close the connection"],
            |_| built(L7RuleLine::Action(Action::Reset)),
        ),
    ]],
);

pub(super) static INSPECT_POLICY: Mode<AnyStatement> = Mode::new(
    "policy-map-inspect",
    "(config-pmap)#",
    &[&[
        description::<L3PolicyLine>(&["Describe the policy-map", "Up to 200 characters"]),
        Command::new(
            "[no] class type inspect WORD$name",
            "Configure the actions for a class",
            &["Actions for a class", "Its type", "A class for inspection", "Name"],
            |m| built(l3_class(name(m, "name")?)),
        )
        .enters(&INSPECT_RULE),
        Command::new(
            "[no] class class-default",
            "Configure the action for all other traffic",
            &["", "Traffic that no other class matches"],
            |_| built(L3PolicyLine::ClassDefault),
        )
        .enters(&INSPECT_RULE),
        Command::new("[no] class WORD$name", "Configure the actions for a class", &["", "Name"], |m| {
            built(L3PolicyLine::Class(name(m, "name")?))
        })
        .enters(&INSPECT_RULE),
    ]],
);

static INSPECT_RULE: Mode<AnyStatement> = Mode::new(
    "policy-map-inspect-class",
    "(config-pmap-c)#",
    &[&[
        Command::new(
            "[no] inspect [WORD$map]",
            "Inspect matching sessions",
            &["Inspect the sessions", "Name of a parameter-map of type inspect"],
            |m| built(L3RuleLine::Action(TopAction::Inspect { parameters: maybe_name(m, "map")? })),
        ),
        Command::new(
            "[no] drop [log]",
            "Drop matching traffic",
            &["Drop the traffic", "Send a message"],
            |m| built(L3RuleLine::Action(TopAction::Drop { log: m.has("log") })),
        ),
        Command::new(
            "[no] pass [log]",
            "Pass matching traffic in one direction, without inspection",
            &["Pass the traffic in one direction", "Send a message"],
            |m| built(L3RuleLine::Action(TopAction::Pass { log: m.has("log") })),
        ),
        Command::new(
            "[no] service-policy {smtp | pop3 | imap | http | sunrpc | im | p2p | avc | sip | h323}$protocol \
             [WORD$policy]",
            "Apply a policy to the content of matching sessions",
            &[
                "Enforce a policy on the content",
                "SMTP and ESMTP",
                "Post Office Protocol",
                "Internet Message Access Protocol",
                "HTTP",
                "Sun RPC",
                "Instant messengers",
                "Peer to peer",
                "Application visibility",
                "SIP",
                "H.323",
                "Name of the policy-map",
            ],
            l7_policy,
        )
        .claims(Claim::Whole),
        Command::new(
            "[no] police [rate (8000-2000000000)$rate] [burst (1000-512000000)$burst]",
            "Limit the rate of matching traffic",
            &["Limit the rate", "Rate", "Bits per second", "Burst", "Bytes"],
            police,
        ),
    ]],
);

/// `class type inspect class-default` is `class class-default` with words to spare.
fn l3_class(name: Name) -> L3PolicyLine {
    let is_default = name.text.eq_ignore_ascii_case("class-default");
    if is_default { L3PolicyLine::ClassDefault } else { L3PolicyLine::Class(name) }
}

fn l7_policy(m: &Matched<'_>) -> Built {
    let mut protocol = name(m, "protocol")?;
    protocol.text = m.choice("protocol").unwrap_or_default().to_owned();
    let policy = name_unless_no(m, "policy")?;
    built(L3RuleLine::ServicePolicy { protocol, policy })
}

fn police(m: &Matched<'_>) -> Built {
    let Some(rate) = m.number("rate") else {
        let expected = vec!["rate"];
        return if m.negated() {
            built(L3RuleLine::Police(None))
        } else {
            Err(grammar::Mismatch::Incomplete { expected })
        };
    };
    // IOS takes the bytes of a quarter of a second if no burst is given.
    let burst = m.number("burst").unwrap_or_else(|| (rate / 32).clamp(1000, 512_000_000));
    built(L3RuleLine::Police(Some((rate, burst))))
}
