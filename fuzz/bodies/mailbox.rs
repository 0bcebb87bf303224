//! What POP3 and IMAP have in common: where a session was accepted, and what must not reach the server there.

use std::sync::{Arc, OnceLock};

use engine::SessionConfig;
use engine::bounds::Bounds;
use engine::config::{Inspect, Watch};
use policy::model::{Conformance, ImapPreauth, Refusals};
use policy::profile::{Commands, LoginDemands, Mechanisms, Profile};
use policy::{CompiledPolicy, Ending, load};

use crate::input::Input;

/// What clients of both protocols say where a secret belongs.
const SECRET: &[u8] = b"s3cr3t";

/// Whether a text has the secret in it, in any case.
pub(crate) fn has_secret(text: &[u8]) -> bool {
    text.windows(SECRET.len()).any(|window| window.eq_ignore_ascii_case(SECRET))
}

/// What must not reach a server before the login.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Forbidden {
    pub(crate) invalid_commands: bool,
    pub(crate) clear_text: bool,
}

impl Forbidden {
    /// Where a session was accepted with these settings.
    pub(crate) fn by(at: &SessionConfig) -> Self {
        if let Some(policy) = &at.policy {
            let compiled = policies(at.inspect).iter().zip(POLICIES);
            let mut of = compiled.filter(|(compiled, _)| Arc::ptr_eq(compiled, policy));
            return of.next().map(|(_, (_, forbidden))| *forbidden).unwrap();
        }
        Self {
            invalid_commands: at.profile.login.commands == Commands::Valid,
            clear_text: at.profile.login.mechanisms == Mechanisms::Secure,
        }
    }
}

/// A session of this protocol, under one of a few policies or demands.
pub(crate) fn settings(inspect: Inspect, input: &mut Input<'_>) -> SessionConfig {
    let (choice, how, flags) = (usize::from(input.octet()), input.octet(), input.octet());
    let policy = policies(inspect).get(choice % (2 * POLICIES.len())).cloned();
    let login = LoginDemands {
        commands: if choice & 16 == 0 { Commands::Any } else { Commands::Valid },
        mechanisms: if choice & 32 == 0 { Mechanisms::Any } else { Mechanisms::Secure },
        ending: if choice & 64 == 0 { Ending::Close } else { Ending::Reset },
    };
    SessionConfig {
        inspect,
        profile: policy.as_deref().map_or(Profile { login, ..Profile::NONE }, CompiledPolicy::profile),
        policy,
        conformance: [Conformance::Standard, Conformance::Compat, Conformance::Strict][usize::from(how % 3)],
        refusals: [Refusals::Smtp, Refusals::Close, Refusals::Detail][usize::from(how / 3 % 3)],
        imap_preauth: [ImapPreauth::Refuse, ImapPreauth::Pass][usize::from(how / 9 % 2)],
        watch: if flags % 8 == 7 { Watch::Observe } else { Watch::Enforce },
        bounds: if flags & 64 == 0 { Bounds::default() } else { narrow() },
        ..SessionConfig::default()
    }
}

/// Bounds that a short script can reach.
fn narrow() -> Bounds {
    Bounds { command_line: 40, auth_line: 60, reply_line: 80, outstanding: 3, ..Bounds::default() }
}

fn policies(inspect: Inspect) -> &'static [Arc<CompiledPolicy>] {
    static OF_POP3: OnceLock<Vec<Arc<CompiledPolicy>>> = OnceLock::new();
    static OF_IMAP: OnceLock<Vec<Arc<CompiledPolicy>>> = OnceLock::new();
    let (compiled, protocol) = match inspect {
        Inspect::Imap => (&OF_IMAP, "imap"),
        _ => (&OF_POP3, "pop3"),
    };
    compiled
        .get_or_init(|| POLICIES.iter().map(|(classes, _)| Arc::new(compile(protocol, classes))).collect())
}

fn compile(protocol: &str, classes: &[&str]) -> CompiledPolicy {
    let mut text = String::new();
    let mut rules = format!("policy-map type inspect {protocol} p\n");
    for (number, class) in classes.iter().enumerate() {
        let (condition, actions) = class.split_once(" -> ").unwrap();
        text += &format!("class-map type inspect {protocol} match-any c{number}\n match {condition}\n");
        rules += &format!(" class type inspect {protocol} c{number}\n");
        actions.split(", ").for_each(|action| rules += &format!("  {action}\n"));
    }
    text += &rules;
    let loaded = load("mailbox", text.as_bytes());
    let complaints = policy::render::diagnostics(&loaded.source, &loaded.diagnostics);
    let policy = loaded.configuration.unwrap_or_else(|| panic!("{complaints}"));
    CompiledPolicy::compile(&policy, "p", &Profile::C3PL).unwrap()
}

const fn forbidden(invalid_commands: bool, clear_text: bool) -> Forbidden {
    Forbidden { invalid_commands, clear_text }
}

/// Each policy is a list of classes, a condition and actions each, and what must not pass under it.
const POLICIES: &[(&[&str], Forbidden)] = &[
    (&["invalid-command -> log, reset"], forbidden(true, false)),
    (&["login clear-text -> reset"], forbidden(false, true)),
    (&["login clear-text -> log, reset", "invalid-command -> reset"], forbidden(true, true)),
    (&["invalid-command -> log", "login clear-text -> log"], forbidden(false, false)),
    // A clear-text login is let through although its line may be invalid.
    (&["login clear-text -> allow", "invalid-command -> reset"], forbidden(false, false)),
];
