//! Where the session was accepted: one of a few policies, and settings of all kinds.

use std::sync::{Arc, OnceLock};

use engine::SessionConfig;
use engine::bounds::Bounds;
use engine::config::{Inspect, Watch};
use policy::model::{Conformance, EventsDetail, RecipientLimit, Refusals, StartTls};
use policy::profile::Profile;
use policy::{CompiledPolicy, load};

use crate::input::Input;

pub(crate) fn of(input: &mut Input<'_>) -> SessionConfig {
    let choice = usize::from(input.octet());
    let (how, flags) = (input.octet(), input.octet());
    let policy = policies().get(choice % (POLICIES.len() + 1)).cloned();
    SessionConfig {
        inspect: if flags & 0x3F == 0x3F { Inspect::Opaque } else { Inspect::Smtp },
        profile: policy.as_deref().map_or(Profile::NONE, CompiledPolicy::profile),
        policy,
        conformance: [Conformance::Standard, Conformance::Compat, Conformance::Strict][usize::from(how % 3)],
        refusals: [Refusals::Smtp, Refusals::Close, Refusals::Detail][usize::from(how / 3 % 3)],
        starttls: [StartTls::Pass, StartTls::Mask, StartTls::Device][usize::from(how / 9 % 3)],
        recipient_limit: [RecipientLimit::Device, RecipientLimit::Refuse][usize::from(how / 27 % 2)],
        send_xclient: how / 54 % 4 == 1,
        watch: if flags % 8 == 7 { Watch::Observe } else { Watch::Enforce },
        bounds: if flags & 64 == 0 { Bounds::default() } else { narrow() },
        detail: if flags & 128 == 0 { EventsDetail::Headers } else { EventsDetail::None },
        ..SessionConfig::default()
    }
}

/// Bounds that a short script can reach; but what a refused message may still send, which counts from
/// where the refusal was known, and that is not the same octet for every cut.
fn narrow() -> Bounds {
    Bounds {
        command_line: 64,
        auth_line: 48,
        reply_line: 80,
        reply_lines: 4,
        capability_lines: 6,
        capability_bytes: 300,
        header: 200,
        outstanding: 4,
        skip: 100,
        surplus: 2,
        ..Bounds::default()
    }
}

fn policies() -> &'static [Arc<CompiledPolicy>] {
    static COMPILED: OnceLock<Vec<Arc<CompiledPolicy>>> = OnceLock::new();
    COMPILED.get_or_init(|| POLICIES.iter().map(|conditions| Arc::new(compiled(conditions))).collect())
}

fn compiled(classes: &[&str]) -> CompiledPolicy {
    let mut text = String::from("parameter-map type regex r\n pattern \"bad[0-9]\"\n pattern \"^*spam\"\n");
    let mut rules = String::from("policy-map type inspect smtp p\n");
    for (number, class) in classes.iter().enumerate() {
        let (conditions, actions) = class.split_once(" -> ").unwrap();
        let (mode, conditions) = match conditions.strip_prefix("all ") {
            Some(conditions) => ("match-all", conditions),
            None => ("match-any", conditions),
        };
        text += &format!("class-map type inspect smtp {mode} c{number}\n");
        conditions.split(", ").for_each(|condition| text += &format!(" match {condition}\n"));
        rules += &format!(" class type inspect smtp c{number}\n");
        actions.split(", ").for_each(|action| rules += &format!("  {action}\n"));
    }
    text += &rules;
    let loaded = load("session", text.as_bytes());
    let complaints = policy::render::diagnostics(&loaded.source, &loaded.diagnostics);
    let policy = loaded.configuration.unwrap_or_else(|| panic!("{complaints}"));
    CompiledPolicy::compile(&policy, "p", &Profile::C3PL).unwrap()
}

/// Each policy is a list of classes: conditions, then actions.
const POLICIES: &[&[&str]] = &[
    &["sender address regex r, recipient address regex r -> log, reset"],
    &["recipient count gt 2 -> reset"],
    &["recipient invalid count gt 1 -> log, reset"],
    &["cmd verb ETRN, cmd verb EHLO, reply ehlo PIPELINING, reply ehlo 8BITMIME -> log, mask"],
    &["header regex r -> log, reset"],
    &["body regex r -> reset"],
    &["header length gt 40 -> reset", "data-length gt 90 -> log, reset"],
    &["mime content-type regex r, mime encoding base64, mime encoding unknown -> reset"],
    &["all not header regex r, sender address regex r -> reset"],
    &[
        "all body regex r, header regex r -> log",
        "cmd line length gt 60 -> reset",
        "reply ehlo SIZE -> reset",
    ],
    &["cmd verb VRFY -> allow", "cmd verb RSET, cmd verb VRFY -> reset", "data-length gt 10 -> log"],
    &["header regex r, body regex r, mime encoding 8-bit, recipient count gt 1 -> log"],
];
