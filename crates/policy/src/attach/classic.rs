//! Sessions under a rule of classic inspection.

use std::sync::Arc;

use super::{Attachment, Handling, LimitDomain, Selector, Stage, Traffic};
use crate::compile::CompiledPolicy;
use crate::criterion::Counter;
use crate::diagnostic::{Code, Diagnostic};
use crate::judge::Ending;
use crate::model::{
    Action, CLASSIC_DEFAULTS, Condition, Configuration, Criterion, Direction, Extended, InspectOptions,
    InspectRule, Interface, L7Class, L7Policy, L7Rule, MAX_DATA_DEFAULT, MailInspection, MatchMode, Name,
    Protocol,
};
use crate::profile::{LoginDemands, Mechanisms, Profile};

/// The class of the data that a session may carry.
const MAX_DATA: &str = "max-data";

impl Stage<'_, '_> {
    /// What a rule does with the sessions of a proxy.
    pub(super) fn classic_proxy(&mut self, attachment: &mut Attachment, rule: &InspectRule) {
        attachment.rule = Some(rule.name.text.clone());
        let Some(inspection) = rule.of_mail(attachment.protocol) else {
            attachment.handling = Handling::Relay;
            // Of a proxy that relays TCP it is said that no rule has an effect.
            if attachment.protocol != Protocol::Tcp {
                self.diagnostics.push(not_inspected(attachment, rule));
            }
            return;
        };
        if inspection.protocol == Protocol::Smtp
            && inspection.line.options.max_data.is_none()
            && self.told_of_max_data.insert(inspection.line.protocol.at)
        {
            self.diagnostics.push(default_max_data(rule, inspection));
        }
        self.inspect_by(attachment, rule, inspection);
    }

    /// An attachment for each direction and mail protocol in which rules inspect the traffic of an interface.
    pub(super) fn interface(&mut self, interface: &Interface) {
        let directions = [
            (Direction::In, &interface.inspect_in, &interface.access_group_in),
            (Direction::Out, &interface.inspect_out, &interface.access_group_out),
        ];
        for (direction, rule, access_group) in directions {
            let rule = rule.as_ref().and_then(|rule| self.configuration.inspect_rules.get(&rule.text));
            let Some(rule) = rule else { continue };
            for protocol in [Protocol::Smtp, Protocol::Pop3, Protocol::Imap] {
                let Some(inspection) = rule.of_mail(protocol) else { continue };
                let traffic = Traffic::Interface { direction, access_group: access_group.clone() };
                let mut attachment =
                    self.attachment(&interface.name, traffic, Selector::All, protocol, super::Route::INSPECT);
                attachment.rule = Some(rule.name.text.clone());
                self.inspect_by(&mut attachment, rule, inspection);
                self.attachments.push(attachment);
            }
        }
    }

    fn inspect_by(
        &mut self,
        attachment: &mut Attachment,
        rule: &InspectRule,
        inspection: MailInspection<'_>,
    ) {
        let classic = &self.configuration.settings.classic;
        let limits = classic.limits.clone().with_options(&inspection.line.options);
        let own = std::mem::take(&mut attachment.limits);
        if !own.counts_sessions() {
            attachment.domain = LimitDomain::Classic;
        }
        attachment.limits = own.or(limits).or(CLASSIC_DEFAULTS);
        if inspection.protocol != Protocol::Smtp {
            attachment.profile = Profile { login: login_demands(&inspection.line.options), ..Profile::NONE };
            return;
        }
        let profile = match inspection.extensions {
            Extended::Smtp => Profile::CLASSIC_SMTP,
            Extended::Esmtp => Profile::CLASSIC_ESMTP,
        };
        let max_data = inspection.line.options.max_data.unwrap_or(MAX_DATA_DEFAULT);
        attachment.profile = profile;
        attachment.policy =
            ending_after(&rule.name, max_data, attachment.limits.alert != Some(false), &profile);
    }
}

/// What a rule demands of the login to a mailbox.
const fn login_demands(options: &InspectOptions) -> LoginDemands {
    LoginDemands {
        mechanisms: if options.secure_login { Mechanisms::Secure } else { Mechanisms::Any },
        ending: if options.reset { Ending::Reset } else { Ending::Close },
        ..LoginDemands::VALID
    }
}

/// The one rule of a session that may carry so many bytes of message data.
fn ending_after(name: &Name, bytes: u32, log: bool, profile: &Profile) -> Option<Arc<CompiledPolicy>> {
    let mut made = Configuration::default();
    let class = Name::new(MAX_DATA, name.at);
    let criterion = Criterion::Count { counter: Counter::DataLength, over: u64::from(bytes) };
    made.l7_classes.open(&class, |class| L7Class {
        protocol: Protocol::Smtp,
        name: class,
        mode: MatchMode::Any,
        description: None,
        conditions: vec![Condition { criterion, negated: false, at: name.at }],
    });
    made.l7_policies.open(name, |name| L7Policy {
        protocol: Protocol::Smtp,
        rules: vec![L7Rule { class, log, action: Some((Action::Reset, name.at)), inspect: false }],
        name,
        description: None,
    });
    // It has no pattern that could be too large.
    CompiledPolicy::compile(&made, &name.text, profile).ok().map(Arc::new)
}

fn not_inspected(attachment: &Attachment, rule: &InspectRule) -> Diagnostic {
    let speaks = attachment.protocol;
    let keyword = if speaks == Protocol::Smtp { "esmtp" } else { speaks.name() };
    let message = format!(
        "mail of proxy `{}` is relayed without inspection: rule `{}` does not inspect `{keyword}`",
        attachment.name, rule.name
    );
    // A port that tells nothing is taken for one of SMTP.
    let other = [Protocol::Pop3, Protocol::Imap].into_iter().find(|other| rule.of_mail(*other).is_some());
    let help = match other.filter(|_| speaks == Protocol::Smtp) {
        Some(other) => format!("write `proxy {} / protocol {other}`", attachment.name),
        None => format!("add `ip inspect name {} {keyword}`", rule.name),
    };
    Diagnostic::new(Code::Pinhole, attachment.name.at, message).related(rule.name.at, "the rule").help(help)
}

fn default_max_data(rule: &InspectRule, inspection: MailInspection<'_>) -> Diagnostic {
    let protocol = &inspection.line.protocol;
    let message = format!(
        "rule `{}` ends a session that carries more than {MAX_DATA_DEFAULT} bytes of message data, the default",
        rule.name
    );
    Diagnostic::new(Code::MaxDataDefault, protocol.at, message)
        .help(format!("write `{protocol} {MAX_DATA} {MAX_DATA_DEFAULT}`, or a number up to {}", u32::MAX))
}
