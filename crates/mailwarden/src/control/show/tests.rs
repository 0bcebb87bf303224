//! Golden screens: of a configuration, with sessions and counts that are made up.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use engine::Event;
use grammar::{Platforms, resolve, words};
use policy::model::{Action, Facility, LogLevel, Logging};

use super::super::commands::{EXEC, Exec};
use super::*;
use crate::attachments::Attachments;
use crate::configuration;
use crate::golden;
use crate::proxy::names::Directory;
use crate::proxy::sessions::{Stage, View};
use crate::report::{Address, HostView, SessionEnd, SessionId, SessionInfo};

/// A daemon that is not there: its configuration, sessions and counts.
struct World {
    seen: Seen,
    views: Vec<View>,
}

/// A minute of the workers' time.
const MINUTE: u64 = 60_000_000_000;

impl World {
    fn new(text: &str) -> Self {
        let read = configuration::read_bytes("edge.conf", text.as_bytes());
        let complaints = read.complaints();
        let plan = read.plan.unwrap_or_else(|| panic!("{complaints}"));
        let (mut directory, mut attachments) = (Directory::default(), Attachments::default());
        directory.keep(plan.servers());
        let targets = plan.targets(&mut directory, &mut attachments);
        let in_force = InForce::new(2, plan, targets, &attachments);
        let since = SystemTime::UNIX_EPOCH + Duration::from_secs(1_780_218_123);
        let in_force = Arc::new(InForce { since, ..in_force });
        let seen = Seen {
            in_force,
            last_reload: Reloaded { ok: true, at: since, refused: 0 },
            counters: Counters::default(),
            cleared: Cleared::default(),
            carried: HashMap::new(),
            limits: Vec::new(),
            rates: Rates::default(),
            log: None,
            now: Time(90 * MINUTE),
        };
        Self { seen, views: Vec::new() }
    }

    fn number(&self, name: &str, class: &str) -> AttachmentId {
        let all = self.seen.in_force.attachments.iter();
        let found = all.clone().find(|(of, ..)| of.name == name && of.class == class);
        found
            .unwrap_or_else(|| panic!("no {name} {class}: {:?}", all.map(|(of, ..)| of).collect::<Vec<_>>()))
            .1
    }

    /// A session of an attachment that has come so far.
    fn session(&mut self, name: &str, class: &str, stage: Stage) -> &mut Self {
        let attachment = self.number(name, class);
        let in_force = Arc::clone(&self.seen.in_force);
        let (_, _, census) = &in_force.attachments[attachment.index()];
        census.begin(Time(89 * MINUTE));
        if stage != Stage::Opening {
            census.go_on(Stage::Opening, stage);
        }
        let targets = in_force.targets.iter().flat_map(|(_, target)| {
            let choices = target.choices.iter().map(|choice| (choice.attachment, &choice.config));
            choices.chain([(target.attachment, &target.config)])
        });
        let (_, config) = targets.clone().find(|(number, _)| *number == attachment).unwrap();
        let number = self.views.len() as u64 + 1;
        let info = SessionInfo {
            id: SessionId::of_test(number),
            attachment,
            client: format!("192.0.2.7:4011{number}").parse().unwrap(),
            server: "198.51.100.25:25".parse().unwrap(),
            started: Time(89 * MINUTE),
        };
        let [to_server, to_client] = if stage == Stage::Opening { [0, 0] } else { [812, 341] };
        let view = View {
            info,
            config: Arc::clone(config),
            stage,
            age: Duration::from_secs(64),
            bytes_to_client: to_client,
            bytes_to_server: to_server,
            reads: [4, 5],
            quiet: Duration::from_secs(3),
        };
        let carried = self.seen.carried.entry(attachment).or_default();
        carried.add(view.reads.map(u64::from), [to_client, to_server]);
        self.views.push(view);
        self
    }

    /// A session of an attachment that has ended.
    fn ended(&mut self, name: &str, class: &str) -> &mut Self {
        let attachment = self.number(name, class);
        self.seen.counters.see_end(attachment, &SessionEnd::of_test());
        self.seen.counters.see(attachment, &Event::SessionStart);
        let (_, _, census) = &self.seen.in_force.attachments[attachment.index()];
        census.begin(Time(88 * MINUTE));
        census.leave(Stage::Opening);
        self
    }

    /// A class of a policy that acted.
    fn matched(
        &mut self,
        (name, top): (&str, &str),
        (policy, class, criterion): (&str, &str, &str),
        action: Option<Action>,
        times: u32,
    ) -> &mut Self {
        let attachment = self.number(name, top);
        let acted = (policy, class, criterion);
        (0..times).for_each(|_| self.seen.counters.see_match(attachment, acted, action));
        self
    }

    /// What a command prints.
    fn shows(&self, line: &str) -> String {
        let found = resolve(&EXEC, Platforms::ALL, &words(line)).and_then(|found| found.build());
        let Exec::Show(what) = found.unwrap_or_else(|error| panic!("{}", error.render(line))) else {
            panic!("{line} shows nothing")
        };
        let parts = match screen(&what, &self.seen) {
            Ok(parts) => parts,
            Err(why) => return format!("% {why}\n"),
        };
        let mut out = String::new();
        for part in parts {
            match part {
                Part::Text(text) => out.push_str(&text),
                Part::Sessions(list) => {
                    let mut is_first = true;
                    // However many come at a time.
                    self.views.chunks(2).for_each(|views| list.append(&mut out, views, &mut is_first));
                }
            }
        }
        out
    }

    /// Compares screens with `tests/screens`.
    fn golden(&self, name: &str, lines: &[&str]) {
        let mut got = String::new();
        for line in lines {
            write!(got, "edge#{line}\n{}\n", self.shows(line)).unwrap();
        }
        golden::compare(&format!("tests/screens/{name}.expected"), &got);
    }
}

/// A configuration of the tests of policies.
fn configuration(name: &str) -> String {
    std::fs::read_to_string(golden::in_repository(&format!("tests/policies/good/{name}"))).unwrap()
}

#[test]
fn classic_inspection_of_the_guide_is_shown_as_in_the_guide() {
    let world = World::new(&configuration("seed-running-config.conf"));
    world.golden("seed-001", &["show ip inspect all"]);
}

#[test]
fn classic_inspection() {
    let text = "ip inspect name mail-guard tcp\nip inspect name mail-guard udp\nip inspect name mail-guard ftp\n\
                ip inspect audit-trail\nip inspect max-incomplete high 900\nip inspect max-incomplete low 800\n\
                ip inspect tcp max-incomplete host 4294967295 block-time 3\n\
                ip inspect name MX esmtp max-data 5000000 audit-trail off timeout 600\n\
                ip inspect name BOX pop3 alert off reset secure-login\n\
                access-list 101 permit tcp any any eq smtp\naccess-list 101 deny ip any any\n\
                access-list 10 permit 192.0.2.0 0.0.0.255\n\
                ip port-map smtp port 587\nip port-map smtp port 2525 list 10\n\
                interface Ethernet2/0\n ip inspect MX in\n ip access-group 101 in\n\
                interface Ethernet2/1\n ip inspect mail-guard in\n\
                proxy mx\n listen 0.0.0.0:25\n server 198.51.100.25:25\n ip inspect MX\n ip access-group 101 in\n\
                proxy box\n listen 0.0.0.0:110\n server 198.51.100.25:110\n ip inspect BOX\n";
    let mut world = World::new(text);
    world.session("mx", "", Stage::Open).session("box", "", Stage::Open).session("mx", "", Stage::Opening);
    world.session("mx", "", Stage::Closing).ended("mx", "").ended("box", "");
    world.golden(
        "classic",
        &[
            "show ip inspect",
            "show ip inspect config",
            "show ip inspect name BOX",
            "show ip inspect name NONE",
            "show ip inspect interfaces",
            "show ip inspect session",
            "show ip inspect session detail",
            "show ip inspect statistics",
            "show ip port-map smtp",
            "show ip port-map port 587",
            "show access-lists",
            "show ip access-lists 10",
        ],
    );
}

#[test]
fn zone_based_inspection() {
    let text = "parameter-map type regex bad-guys\n pattern \"*deals\\.com\"\n\
                parameter-map type inspect TRACKING\n audit-trail on\n sessions maximum 500\n\
                class-map type inspect smtp match-any c1\n match sender address regex bad-guys\n\
                 match recipient count gt 25\n\
                class-map type inspect smtp match-any c2\n match cmd verb ATRN\n\
                policy-map type inspect smtp p1\n class type inspect smtp c1\n  log\n  reset\n\
                 class type inspect smtp c2\n  mask\n\
                class-map type inspect match-any mail\n match protocol smtp\n match protocol pop3\n\
                policy-map type inspect out-in\n class type inspect mail\n  inspect TRACKING\n  service-policy smtp p1\n\
                 class class-default\n  drop log\n\
                zone security inside\n description Inside network\nzone security outside\n\
                zone-pair security oi source outside destination inside\n service-policy type inspect out-in\n\
                interface Ethernet0/0\n zone-member security inside\n\
                proxy mx\n listen 0.0.0.0:25\n server 198.51.100.25:25\n service-policy type inspect out-in\n\
                proxy sub\n listen 0.0.0.0:587\n server 198.51.100.25:587\n service-policy type inspect smtp p1\n";
    let mut world = World::new(text);
    world.session("mx", "mail", Stage::Open).session("mx", "mail", Stage::Opening).ended("mx", "mail");
    world.session("sub", "", Stage::Open);
    let mail = world.number("mx", "mail");
    for (minute, bytes) in [(88, 1_000), (89, 91_000)] {
        world.seen.rates.sample(Time(minute * MINUTE), HashMap::from([(mail, bytes)]));
    }
    let deals = ("p1", "c1", "sender address regex bad-guys");
    world.matched(("mx", "mail"), deals, Some(Action::Reset), 3);
    world.matched(("sub", ""), ("p1", "c2", "cmd verb ATRN"), Some(Action::Mask), 1);
    world.golden(
        "zone-based",
        &[
            "show policy-map type inspect zone-pair",
            "show policy-map type inspect zone-pair mx sessions",
            "show policy-map type inspect zone-pair none",
            "show policy-firewall session",
            "show policy-firewall session zone-pair sub",
            "show policy-firewall stats",
            "show policy-firewall config",
            "show policy-firewall config zone-pair none",
            "show policy-map type inspect smtp p1",
            "show policy-map type inspect",
            "show class-map type inspect smtp",
            "show class-map type inspect",
            "show parameter-map type regex bad-guys",
            "show parameter-map type inspect",
            "show parameter-map type inspect default",
            "show parameter-map type inspect NONE",
            "show zone security",
            "show zone-pair security",
            "show zone-pair security source inside destination outside",
        ],
    );
}

#[test]
fn inspection_of_an_asa() {
    let text = "ASA Version 9.8(2)\nhostname asa\n\
                interface GigabitEthernet0/0\n nameif outside\n security-level 0\n\
                access-list SMTP extended deny tcp any host 192.0.2.25 eq smtp\n\
                access-list SMTP extended permit tcp any any eq smtp\n\
                class-map SMTP-CLASS\n match access-list SMTP\n\
                policy-map type inspect esmtp MX-MAP\n parameters\n  mask-banner\n\
                 match header line length gt 4096\n  drop-connection log\n match cmd verb VRFY\n  mask\n\
                policy-map global_policy\n class SMTP-CLASS\n  inspect esmtp MX-MAP\n\
                service-policy global_policy global\n\
                proxy mx\n listen 0.0.0.0:25\n server 198.51.100.25:25\n service-policy global_policy\n\
                proxy sub\n listen 0.0.0.0:587\n server 198.51.100.25:587\n inspect esmtp\n";
    let mut world = World::new(text);
    world.session("mx", "SMTP-CLASS", Stage::Open).session("sub", "", Stage::Opening);
    world.session("sub", "", Stage::Closing).ended("mx", "SMTP-CLASS").ended("sub", "");
    let long = ("MX-MAP", "Class 1", "header line length gt 4096");
    world.matched(("mx", "SMTP-CLASS"), long, Some(Action::Close), 2);
    let of_default = ("_default_esmtp_map", "Class 7", "ehlo-reply-parameter others");
    world.matched(("sub", ""), of_default, Some(Action::Mask), 5);
    world.golden(
        "asa",
        &[
            "show service-policy",
            "show service-policy inspect esmtp",
            "show service-policy global",
            "show service-policy interface outside",
            "show conn",
            "show conn detail",
            "show conn count",
            "show conn address 192.0.2.7",
            "show conn address 192.0.2.99",
            "show conn address mx",
            "show access-list SMTP",
            "show policy-map type inspect esmtp",
            "show policy-map type inspect esmtp _default_esmtp_map",
        ],
    );
}

#[test]
fn the_daemon() {
    let text = "hostname edge\nproxy mx\n listen 0.0.0.0:25\n listen [::]:25\n server 198.51.100.25:25\n\
                 server mx.example:25\n";
    let mut world = World::new(text);
    world.session("mx", "", Stage::Open).ended("mx", "");
    let limits = engine::admission::Thresholds {
        sessions: Some(500),
        host: Some(engine::admission::HostLimit { sessions: 50, block_minutes: 2 }),
        incomplete: engine::admission::HighLow { high: 500, low: 400 },
        logins: Some(engine::admission::LoginLimit { failures: 5, block_minutes: 15 }),
        ..engine::admission::Thresholds::default()
    };
    let view = DomainView {
        thresholds: limits,
        sessions: 34,
        incomplete: 7,
        rate: 120,
        sessions_max: 80,
        incomplete_max: 501,
        rate_max: 900,
        is_aggressive: true,
        blocked: vec![engine::admission::BlockedHost {
            host: "192.0.2.25".parse().unwrap(),
            left: Duration::from_secs(61),
        }],
        counted: vec![(
            engine::admission::Limit::MaxIncompleteHost,
            engine::admission::Counted { refused: 3, evicted: 51, blocked: 1 },
        )],
    };
    world.seen.limits.push(("ip inspect".to_owned(), view));
    let server = &world.seen.in_force.targets[0].1.servers[0];
    server.failed(Time(89 * MINUTE));
    world.seen.log = Some(log());
    world.golden(
        "daemon",
        &[
            "show version",
            "show proxies",
            "show servers",
            "show limits",
            "show logging",
            "show running-config",
            "show running-config proxy mx",
            "show running-config policy-map",
            "show running-config all",
        ],
    );
}

/// A log with a destination of each kind.
fn log() -> LogView {
    let host = |address, up, lost| HostView { address, up, sent: 12, lost };
    LogView {
        logging: Logging { trap: Some(LogLevel::Notifications), ..Logging::default() },
        facility: Facility::LOCAL7,
        dropped: 0,
        file: "standard error output".to_owned(),
        written: 31,
        kept: 31,
        size: 65_536,
        lines: "*Nov 22 10:15:00.123: %FW-4-ALERT_ON: getting aggressive\n".to_owned(),
        hosts: vec![
            host(Address::Udp("192.0.2.9:514".parse().unwrap()), true, 0),
            host(Address::Tcp("[2001:db8::9]:601".parse().unwrap()), false, 3),
            host(Address::Local("/dev/log".into()), true, 0),
        ],
    }
}
