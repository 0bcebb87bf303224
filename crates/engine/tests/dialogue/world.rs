//! The head of a script → the configuration of a session: rules in short form or as a configuration, and settings.

use std::fmt::Write as _;
use std::sync::Arc;

use engine::SessionConfig;
use engine::config::{Inspect, Watch};
use policy::attach::Handling;
use policy::model::{
    Action, AnnounceLimits, Configuration, Conformance, EventsDetail, ImapPreauth, PerSecond, Protocol,
    RecipientLimit, Refusals, StartTls,
};
use policy::profile::{Commands, Mechanisms, Profile};
use policy::{CompiledPolicy, Ending, render};

/// What the head of a script says, collected line by line.
#[derive(Debug, Default)]
pub(crate) struct World {
    /// A configuration, or what the short form was made into.
    configuration: String,
    classes: Vec<String>,
    /// What the policy-map of the short form says of each class.
    rules: String,
    maps: usize,
    /// What the session speaks, where a configuration does not say.
    protocol: Option<Protocol>,
    /// Classes that pace, which no dialect can say yet, with their rates.
    paced: Vec<(String, PerSecond)>,
    settings: Vec<(String, String)>,
}

const ARROW: &str = "→";
const BETWEEN_CLASSES: &str = " · ";

impl World {
    /// Whole lines of a configuration.
    pub(crate) fn configure(&mut self, text: &str) {
        self.configuration.push_str(text);
    }

    /// `conformance strict`, `bound held 100`, and so on.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        if name == "inspect" {
            self.protocol = Protocol::inspected(value);
        }
        self.settings.push((name.to_owned(), value.to_owned()));
    }

    /// `bad-guys "pattern" "pattern"`: a map that conditions of the short form may name.
    pub(crate) fn regex_map(&mut self, text: &str) -> Result<(), String> {
        let (name, patterns) = text.split_once(' ').ok_or("a name and patterns were expected")?;
        let _ = writeln!(self.configuration, "parameter-map type regex {name}");
        let mut rest = patterns.trim();
        while !rest.is_empty() {
            let (pattern, behind) = quoted(rest)?;
            let _ = writeln!(self.configuration, " pattern \"{pattern}\"");
            rest = behind.trim();
        }
        Ok(())
    }

    /// `match A or match B → reset log · match C and match D → mask`.
    pub(crate) fn policy(&mut self, text: &str) -> Result<(), String> {
        for class in split_outside_quotes(text, BETWEEN_CLASSES) {
            let (conditions, actions) = class
                .rsplit_once(ARROW)
                .ok_or_else(|| format!("`{class}` has no `{ARROW}` with an action"))?;
            let all = split_outside_quotes(conditions, " and ");
            let any = split_outside_quotes(conditions, " or ");
            let (mode, conditions) = if all.len() > 1 { ("match-all", all) } else { ("match-any", any) };
            let name = format!("c{}", self.classes.len() + 1);
            let protocol = self.protocol();
            let mut class = format!("class-map type inspect {protocol} {mode} {name}\n");
            for condition in conditions {
                let condition = self.with_map(condition.trim())?;
                let _ = writeln!(class, " {condition}");
            }
            let _ = writeln!(self.rules, " class type inspect {protocol} {name}");
            for action in actions.split_whitespace() {
                let rate = action.strip_prefix("pace-").map(str::parse);
                match rate.transpose().map_err(|_| format!("`{action}` has no rate"))? {
                    Some(rate) => self.paced.push((name.clone(), PerSecond(rate))),
                    None => {
                        let _ = writeln!(self.rules, "  {action}");
                    }
                }
            }
            self.classes.push(class);
        }
        Ok(())
    }

    /// A pattern in quotes becomes a map of its own.
    fn with_map(&mut self, condition: &str) -> Result<String, String> {
        let Some((criterion, pattern)) = condition.split_once(" \"") else { return Ok(condition.to_owned()) };
        self.maps += 1;
        let name = format!("r{}", self.maps);
        self.regex_map(&format!("{name} \"{pattern}"))?;
        Ok(format!("{criterion} {name}"))
    }

    /// `inspect esmtp max-data 1000`: what a rule of classic inspection says.
    pub(crate) fn classic(&mut self, text: &str) {
        let _ = write!(
            self.configuration,
            "ip inspect name CLASSIC {text}\nproxy p\n listen 192.0.2.1:25\n server 192.0.2.2:25\n ip inspect CLASSIC\n"
        );
    }

    pub(crate) fn config(&self) -> Result<Arc<SessionConfig>, String> {
        let mut text = self.configuration.clone();
        self.classes.iter().for_each(|class| text.push_str(class));
        if !self.rules.is_empty() {
            let _ = write!(text, "policy-map type inspect {} p\n{}", self.protocol(), self.rules);
        }
        let loaded = policy::load("policy", text.as_bytes());
        let Some(mut configuration) = loaded.configuration else {
            return Err(format!(
                "the policy has errors\n{}{text}",
                render::diagnostics(&loaded.source, &loaded.diagnostics)
            ));
        };
        self.pace(&mut configuration);
        let mut config = match loaded.attachments.first().filter(|_| self.paced.is_empty()) {
            Some(attachment) => SessionConfig::from(attachment),
            None => by_the_last_policy(&configuration)?,
        };
        // Nothing that is only reported may change a dialogue: each is played without that, too.
        config.detail = EventsDetail::Headers;
        for (name, value) in &self.settings {
            set(&mut config, name, value).ok_or_else(|| format!("`{name} {value}` is no setting"))?;
        }
        Ok(Arc::new(config))
    }
}

impl World {
    /// Of the short form of a policy; `inspect` stands before it.
    fn protocol(&self) -> Protocol {
        self.protocol.unwrap_or(Protocol::Smtp)
    }

    /// Gives the rules of classes that pace their action.
    fn pace(&self, configuration: &mut Configuration) {
        for rule in configuration.l7_policies.iter_mut().flat_map(|policy| &mut policy.rules) {
            let paced = self.paced.iter().find(|(class, _)| *class == rule.class.text);
            rule.action = paced.map(|(_, rate)| (Action::Pace(*rate), rule.class.at)).or(rule.action);
        }
    }
}

/// Of a configuration without proxies and zone-pairs, or with a policy that paces, which has no dialect
/// yet: its last layer 7 policy, if there is any.
fn by_the_last_policy(configuration: &Configuration) -> Result<SessionConfig, String> {
    let last = configuration.l7_policies.iter().next_back();
    let compiled = last.map(|last| CompiledPolicy::compile(configuration, &last.name.text, &Profile::C3PL));
    let policy = compiled.transpose().map_err(|too_large| format!("{too_large:?}"))?;
    let settings = &configuration.settings;
    Ok(SessionConfig {
        inspect: match last {
            Some(policy) if policy.is_pinhole() => Inspect::Opaque,
            Some(policy) => Inspect::of(Handling::Inspect, policy.protocol),
            None => Inspect::Smtp,
        },
        profile: policy.as_ref().map_or(Profile::NONE, CompiledPolicy::profile),
        policy: policy.map(Arc::new),
        conformance: settings.conformance,
        refusals: settings.refusals,
        starttls: settings.starttls.unwrap_or_default(),
        recipient_limit: settings.recipient_limit.unwrap_or_default(),
        announce_limits: settings.announce_limits,
        imap_preauth: settings.imap_preauth,
        ..SessionConfig::default()
    })
}

fn set(config: &mut SessionConfig, name: &str, value: &str) -> Option<()> {
    match (name, value) {
        ("conformance", "compat") => config.conformance = Conformance::Compat,
        ("conformance", "standard") => config.conformance = Conformance::Standard,
        ("conformance", "strict") => config.conformance = Conformance::Strict,
        ("limits-logins", "on") => config.limits_logins = true,
        ("refusals", "smtp") => config.refusals = Refusals::Smtp,
        ("refusals", "close") => config.refusals = Refusals::Close,
        ("refusals", "detail") => config.refusals = Refusals::Detail,
        ("refusals", "silent") => config.refusals = Refusals::Silent,
        ("starttls", "pass") => config.starttls = StartTls::Pass,
        ("starttls", "mask") => config.starttls = StartTls::Mask,
        ("starttls", "device") => config.starttls = config.profile.starttls(StartTls::Device),
        ("recipient-limit", "device") => config.recipient_limit = RecipientLimit::Device,
        ("recipient-limit", "refuse") => config.recipient_limit = RecipientLimit::Refuse,
        ("announce-limits", "on") => config.announce_limits = AnnounceLimits::On,
        ("announce-limits", "off") => config.announce_limits = AnnounceLimits::Off,
        ("lmtp", "") => config.lmtp = true,
        ("send-xclient", "") => config.send_xclient = true,
        ("inspect", "opaque") => config.inspect = Inspect::Opaque,
        ("inspect", "pop3") => (config.inspect, config.protocol) = (Inspect::Pop3, Protocol::Pop3),
        ("inspect", "imap") => (config.inspect, config.protocol) = (Inspect::Imap, Protocol::Imap),
        ("imap-preauth", "pass") => config.imap_preauth = ImapPreauth::Pass,
        ("login", "valid") => config.profile.login.commands = Commands::Valid,
        ("login", "secure") => config.profile.login.mechanisms = Mechanisms::Secure,
        ("login", "reset") => config.profile.login.ending = Ending::Reset,
        ("events-detail", "envelope") => config.detail = EventsDetail::Envelope,
        ("events-detail", "none") => config.detail = EventsDetail::None,
        ("watch", "observe") => config.watch = Watch::Observe,
        ("bound", value) => bound(config, value)?,
        ("timer", value) => timer(config, value)?,
        _ => return None,
    }
    Some(())
}

fn bound(config: &mut SessionConfig, text: &str) -> Option<()> {
    let (name, value) = text.split_once(' ')?;
    let (bounds, number) = (&mut config.bounds, value.trim().parse::<usize>().ok()?);
    match name {
        "command-line" => bounds.command_line = number,
        "auth-line" => bounds.auth_line = number,
        "reply-line" => bounds.reply_line = number,
        "reply-lines" => bounds.reply_lines = u32::try_from(number).ok()?,
        "capability-lines" => bounds.capability_lines = number,
        "capability-octets" => bounds.capability_bytes = number,
        "header" => bounds.header = number as u64,
        "outstanding" => bounds.outstanding = number,
        "held" => bounds.held = number,
        "swallow" => bounds.swallow = number as u64,
        "recipients" => bounds.recipients = u32::try_from(number).ok()?,
        "skip" => bounds.skip = number as u64,
        "refused" => bounds.refused = u32::try_from(number).ok()?,
        "closing-commands" => bounds.closing_commands = u32::try_from(number).ok()?,
        "surplus" => bounds.surplus = u32::try_from(number).ok()?,
        _ => return None,
    }
    Some(())
}

fn timer(config: &mut SessionConfig, text: &str) -> Option<()> {
    let (name, value) = text.split_once(' ')?;
    let (timers, seconds) = (&mut config.timers, value.trim().parse::<u64>().ok()?);
    match name {
        "idle" => timers.idle = seconds,
        "before-last" => timers.before_last = seconds,
        "swallow" => timers.swallow = seconds,
        "end-of-data" => timers.end_of_data = seconds,
        "pace" => timers.pace = seconds,
        _ => return None,
    }
    Some(())
}

/// The text in quotes at the front, and what follows it.
fn quoted(text: &str) -> Result<(&str, &str), String> {
    let inner = text.strip_prefix('"').and_then(|inner| inner.split_once('"'));
    inner.ok_or_else(|| format!("`{text}` was expected to begin with a text in quotes"))
}

fn split_outside_quotes<'t>(text: &'t str, between: &str) -> Vec<&'t str> {
    let mut parts = Vec::new();
    let mut start = 0;
    for (at, _) in text.match_indices(between) {
        if at >= start && text[..at].matches('"').count().is_multiple_of(2) {
            parts.push(&text[start..at]);
            start = at + between.len();
        }
    }
    parts.push(&text[start..]);
    parts
}
