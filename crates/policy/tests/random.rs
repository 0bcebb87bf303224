//! Policies and texts nobody wrote: what is printed loads as the same policy, and damaged text gives
//! complaints that lie inside it, in bounded time.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test reports by panicking; clippy exempts only functions marked as tests"
)]

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use fastrand::Rng;
use policy::criterion::{Counter, Text};
use policy::diagnostic::{Code, Severity};
use policy::model::{
    Access, AccessList, AccessListForm, Action, AnnounceLimits, AsaDirection, ClassicSettings, ClockZone,
    Condition, Configuration, Conformance, Criterion, DatetimeStamp, Encoding, Entry, EventsDetail, Facility,
    ImapPreauth, InspectMap, InspectOptions, InspectRule, InspectedProtocol, Interface, Introduction,
    L3Class, L3Condition, L3Criterion, L3Policy, L3Rule, L7Class, L7Policy, L7Rule, Limits, LocalLog,
    LogBuffer, LogFormat, LogHost, LogLevel, LogStamps, Logging, MatchMode, Name, Network, Objects,
    PatternText, Police, PortMapping, Protocol, Proxy, ProxyPolicy, RecipientLimit, Refusals, RegexMap, Said,
    Selection, Service, Settings, StartTls, TopAction, Transport, Zone, ZonePair,
};
use policy::source::Span;
use policy::{load, render};
use proto::mime::TransferEncoding;
use proto::proxy_protocol::Version;

const SEED: u64 = 0x6d61_696c;

#[test]
fn what_is_printed_loads_as_the_same_policy() {
    for seed in SEED..SEED + 1000 {
        let made = made_up(&mut Rng::with_seed(seed));
        let text = made.to_string();
        let loaded = load("printed", text.as_bytes());
        let complaints = render::diagnostics(&loaded.source, &loaded.diagnostics);
        let found = loaded.configuration.unwrap_or_else(|| panic!("seed {seed}:\n{complaints}\n{text}"));
        assert_eq!(found.clone().without_places(), made.without_places(), "seed {seed}:\n{text}");
        assert_eq!(found.to_string(), text, "seed {seed}");
    }
}

#[test]
fn damaged_text_gives_complaints_inside_it() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/policies");
    let mut texts: Vec<Vec<u8>> = Vec::new();
    for kind in ["good", "bad"] {
        let files = fs::read_dir(folder.join(kind)).unwrap().map(|entry| entry.unwrap().path());
        texts.extend(
            files.filter(|path| path.extension().is_some_and(|e| e == "conf")).map(|p| fs::read(p).unwrap()),
        );
    }
    let mut rng = Rng::with_seed(SEED);
    for round in 0..3000 {
        let mut text = texts[rng.usize(..texts.len())].clone();
        for _ in 0..=rng.usize(..6) {
            damage(&mut text, &texts, &mut rng);
        }
        let loaded = load("damaged", &text);
        for diagnostic in &loaded.diagnostics {
            let places = std::iter::once(diagnostic.at).chain(diagnostic.related.iter().map(|(at, _)| *at));
            for Span { start, end } in places {
                assert!(start <= end, "round {round}: {diagnostic:?}");
                assert!(loaded.source.text.get(start as usize..end as usize).is_some(), "round {round}");
            }
        }
        render::diagnostics(&loaded.source, &loaded.diagnostics);
        assert_eq!(loaded.configuration.is_none(), loaded.diagnostics.has_errors());
        if let Some(policy) = loaded.configuration {
            let text = policy.to_string();
            let again = load("printed", text.as_bytes()).configuration;
            let again = again.unwrap_or_else(|| panic!("round {round}:\n{text}"));
            assert_eq!(again.without_places(), policy.without_places(), "round {round}:\n{text}");
        }
    }
}

/// The same line many times over must not cost its square.
#[test]
fn large_texts_take_linear_time() {
    let lines = [
        "class-map type inspect smtp c1\n",
        "match cmd verb A\n",
        "interface x\n",
        "no class-map type inspect smtp c1\n",
        "banner motd ^C\n",
        "certificate ca 01\n",
        "ip route 1.1.1.1\n",
        " x\n",
        "class-map c\n",
        "exit\n",
        "\"\n",
        "mathc cmd verb A\n",
        "zone security a\n",
        "!\n",
        "parameter-map type regex r\n",
        " pattern a\n",
    ];
    for line in lines {
        let text = line.repeat(100_000 / line.len());
        load("large", text.as_bytes());
    }
    let many: String = (0..4_000)
        .map(|i| format!("class-map type inspect smtp c{i}\n match sender address regex r{i}\n"))
        .collect();
    load("large", many.as_bytes());
}

fn damage(text: &mut Vec<u8>, others: &[Vec<u8>], rng: &mut Rng) {
    if text.is_empty() {
        return;
    }
    let at = rng.usize(..text.len());
    let end = (at + rng.usize(..40)).min(text.len());
    match rng.u8(..8) {
        0 => drop(text.drain(at..end)),
        1 => text[at] = rng.u8(..),
        2 => text.insert(at, rng.u8(..)),
        3 => text.insert(at, *rng.choice(b"\n \"'\t\r\0!^$*\x03\\").unwrap()),
        4 => text.extend_from_within(at..end),
        5 => text.truncate(at),
        6 => {
            let other = &others[rng.usize(..others.len())];
            let from = rng.usize(..=other.len());
            let piece = other[from..(from + rng.usize(..200)).min(other.len())].to_vec();
            text.splice(at..at, piece);
        }
        _ => text[at..end].rotate_left((end - at) / 2),
    }
}

fn made_up(rng: &mut Rng) -> Configuration {
    let mut policy = Configuration::default();
    let regex_maps = names(rng, 4);
    let l7_classes = names(rng, 5);
    let l7_policies = names(rng, 3);
    let inspect_maps = names(rng, 2);
    let mut lists = names(rng, 3);
    lists.extend(rng.bool().then(|| name("25")));
    let l3_classes = names(rng, 4);
    let l3_policies: Vec<Name> =
        names(rng, 3).into_iter().filter(|name| !l7_policies.contains(name)).collect();
    let zones = names(rng, 3);
    let rules = names(rng, 2);
    policy.inspect_rules = rules.iter().map(|n| inspect_rule(n.clone(), rng)).collect();
    policy.hostname = rng.bool().then(|| name("edge"));
    policy.settings = settings(rng);
    policy.regex_maps = regex_maps.iter().map(|n| regex_map(n.clone(), rng)).collect();
    policy.inspect_maps = inspect_maps.iter().map(|n| inspect_map(n.clone(), rng)).collect();
    policy.l7_classes = l7_classes.iter().map(|n| smtp_class(n.clone(), &regex_maps, rng)).collect();
    policy.l7_policies =
        l7_policies.iter().map(|n| smtp_policy(n.clone(), &policy.l7_classes, rng)).collect();
    policy.access_lists = lists.iter().map(|n| access_list(n.clone(), rng)).collect();
    policy.l3_classes = l3_classes
        .iter()
        .enumerate()
        .map(|(at, n)| inspect_class(n.clone(), &lists, &l3_classes[..at], rng))
        .collect();
    policy.l3_policies = l3_policies
        .iter()
        .map(|n| inspect_policy(n.clone(), &policy.l3_classes, &l7_policies, &inspect_maps, rng))
        .collect();
    policy.zones = zones.iter().map(|n| Zone { name: n.clone(), description: description(rng) }).collect();
    if !zones.is_empty() {
        let mut ends = zones.clone();
        ends.push(name("self"));
        let pairs = names(rng, 2).into_iter().map(|name| ZonePair {
            name,
            source: any(&ends, rng),
            destination: any(&ends, rng),
            description: description(rng),
            policy: maybe(&l3_policies, rng),
        });
        policy.zone_pairs = pairs.collect();
    }
    for at in 0..rng.usize(..3) {
        let (zone, linux) = (maybe(&zones, rng), rng.bool().then(|| name("eth0")));
        if zone.is_some() || linux.is_some() {
            let name = name(&format!("Ethernet{at}/0"));
            let description = description(rng);
            let interface = |name| Interface {
                description,
                zone,
                linux_interface: linux,
                inspect_in: maybe(&rules, rng),
                inspect_out: maybe(&rules, rng),
                access_group_in: maybe(&lists, rng),
                access_group_out: maybe(&lists, rng),
                ..Interface::new(name)
            };
            policy.interfaces.open(&name, interface);
        }
    }
    let attached: Vec<Name> = l7_policies.iter().chain(&l3_policies).cloned().collect();
    policy.proxies =
        names(rng, 2).into_iter().map(|n| proxy(n, &attached, &rules, &inspect_maps, &lists, rng)).collect();
    policy
}

fn name(text: &str) -> Name {
    Name::new(text, Span::default())
}

fn said<T>(value: T) -> Said<T> {
    Said { value, at: Span::default() }
}

/// Some names, no two alike.
fn names(rng: &mut Rng, max: usize) -> Vec<Name> {
    let mut all =
        ["c1", "bad-guys", "A->B", "m", "id3C4E.dst.net.0", "AES/GCM", "x_y", "ünïcode", "p"].to_vec();
    rng.shuffle(&mut all);
    all.into_iter().take(rng.usize(..=max)).map(name).collect()
}

fn any(names: &[Name], rng: &mut Rng) -> Name {
    names[rng.usize(..names.len())].clone()
}

fn maybe(names: &[Name], rng: &mut Rng) -> Option<Name> {
    (!names.is_empty() && rng.bool()).then(|| any(names, rng))
}

fn description(rng: &mut Rng) -> Option<String> {
    let all = ["mail  from outside", "\"quoted\"", "it's 5\" wide", "! no comment", "ünï"];
    rng.bool().then(|| (*rng.choice(&all).unwrap()).to_owned())
}

fn regex_map(name: Name, rng: &mut Rng) -> RegexMap {
    let mut all = [
        r"*deals\.com",
        "a b",
        " lead",
        "trail ",
        r#"say\"so"#,
        r#"in"side"#,
        r"\\",
        "x?",
        "^$",
        "[\"']",
        "é+",
    ]
    .to_vec();
    rng.shuffle(&mut all);
    let patterns = all.into_iter().take(rng.usize(..5));
    let patterns = patterns
        .map(|text| PatternText { text: text.to_owned(), at: Span::default(), line: None, regex: None })
        .collect();
    RegexMap { name, patterns, files: Vec::new() }
}

fn inspect_map(name: Name, rng: &mut Rng) -> InspectMap {
    let some = |rng: &mut Rng| rng.bool().then(|| rng.u32(1..=2_147_483));
    let limits = Limits {
        alert: rng.bool().then(|| rng.bool()),
        audit_trail: rng.bool().then(|| rng.bool()),
        dns_timeout: some(rng),
        icmp_idle: some(rng),
        udp_idle: some(rng),
        tcp_idle: some(rng),
        tcp_synwait: some(rng),
        tcp_finwait: some(rng),
        tcp_max_incomplete_host: rng.bool().then(|| (rng.u32(1..), rng.u32(..=35791))),
        max_incomplete_low: rng.bool().then(|| rng.u32(1..400)),
        max_incomplete_high: rng.bool().then(|| rng.u32(400..1000)),
        one_minute_low: rng.bool().then(|| rng.u32(1..400)),
        one_minute_high: rng.bool().then(|| rng.u32(400..1000)),
        sessions_maximum: some(rng),
        login_failures: rng.bool().then(|| (rng.u32(1..=65535), rng.u32(1..=35791))),
        // Of `set connection` alone.
        conn_max: None,
        embryonic_conn_max: None,
        per_client_max: None,
        per_client_embryonic_max: None,
    };
    InspectMap { name, limits }
}

fn smtp_class(name: Name, maps: &[Name], rng: &mut Rng) -> L7Class {
    let mode = if rng.bool() { MatchMode::All } else { MatchMode::Any };
    // In match-all a condition on the command stands alone.
    let alone = mode == MatchMode::All && rng.bool();
    let mut conditions: Vec<Condition> = Vec::new();
    for _ in 0..rng.usize(..5) {
        let criterion = if alone { of_command(rng) } else { of_mail(maps, mode, rng) };
        let seen = conditions.iter().any(|c| c.criterion == criterion)
            || alone
                && conditions
                    .iter()
                    .any(|c| std::mem::discriminant(&c.criterion) == std::mem::discriminant(&criterion));
        if !seen {
            let negated = criterion != Criterion::Protocol && rng.u8(..4) == 0;
            conditions.push(Condition { criterion, negated, at: Span::default() });
        }
    }
    L7Class { protocol: Protocol::Smtp, name, mode, description: description(rng), conditions }
}

fn of_command(rng: &mut Rng) -> Criterion {
    if rng.bool() {
        return Criterion::Count { counter: Counter::CommandLength, over: rng.u64(1..=65535) };
    }
    let verb = *rng.choice(&["MAIL", "ATRN", "STARTTLS", "X-Y"]).unwrap();
    Criterion::CommandVerb { verb: verb.to_owned() }
}

fn of_mail(maps: &[Name], mode: MatchMode, rng: &mut Rng) -> Criterion {
    let over = rng.u64(1..=65535);
    let encodings = [
        Encoding::Standard(TransferEncoding::SevenBit),
        Encoding::Standard(TransferEncoding::EightBit),
        Encoding::Standard(TransferEncoding::Base64),
        Encoding::Standard(TransferEncoding::Binary),
        Encoding::Standard(TransferEncoding::QuotedPrintable),
        Encoding::Standard(TransferEncoding::Uuencode),
        Encoding::Unknown,
        Encoding::Private("X-mine".to_owned()),
    ];
    match rng.u8(..12) {
        0 => Criterion::Protocol,
        1 => Criterion::Count { counter: Counter::Recipients, over },
        2 => Criterion::Count { counter: Counter::InvalidRecipients, over },
        3 => Criterion::Count { counter: Counter::HeaderLength, over },
        4 => Criterion::Count { counter: Counter::DataLength, over: u64::from(rng.u32(..)) },
        5 => Criterion::EhloReply { keyword: (*rng.choice(&["ETRN", "X-PRIVATE"]).unwrap()).to_owned() },
        6 if mode == MatchMode::Any => of_command(rng),
        7.. if !maps.is_empty() => {
            let texts = [Text::Sender, Text::Recipient, Text::Header, Text::ContentType, Text::Body];
            Criterion::Regex { text: *rng.choice(&texts).unwrap(), map: any(maps, rng) }
        }
        _ => Criterion::MimeEncoding { encoding: rng.choice(&encodings).unwrap().clone() },
    }
}

fn smtp_policy(name: Name, classes: &Objects<L7Class>, rng: &mut Rng) -> L7Policy {
    let mut classes: Vec<&L7Class> = classes.iter().collect();
    rng.shuffle(&mut classes);
    let rules = classes.into_iter().take(rng.usize(..4)).map(|class| {
        let maskable = |c: &Condition| {
            matches!(c.criterion, Criterion::CommandVerb { .. } | Criterion::EhloReply { .. })
        };
        let action = match rng.u8(..4) {
            0 => None,
            1 => Some(Action::Allow),
            2 if class.conditions.iter().all(maskable) => Some(Action::Mask),
            _ => Some(Action::Reset),
        };
        let action = action.map(|action| (action, Span::default()));
        L7Rule { class: class.name.clone(), log: rng.bool(), action, inspect: rng.u8(..8) == 0 }
    });
    let rules = rules.collect();
    L7Policy { protocol: Protocol::Smtp, name, description: description(rng), rules }
}

fn access_list(name: Name, rng: &mut Rng) -> AccessList {
    let forms = [AccessListForm::Standard, AccessListForm::Extended, AccessListForm::V6];
    let (form, text, selection) = match name.text.as_str() {
        "25" => (AccessListForm::Lines, "permit any", from(Network::ANY_V4)),
        _ => match *rng.choice(&forms).unwrap() {
            AccessListForm::V6 => (AccessListForm::V6, "deny icmp any any", Selection::None),
            AccessListForm::Extended => {
                (AccessListForm::Extended, "permit ip any any", from(Network::ANY_V4))
            }
            form => {
                let network = Network::V4 {
                    address: Ipv4Addr::new(10, 1, 0, 0),
                    wildcard: Ipv4Addr::new(0, 2, 255, 255),
                };
                (form, "deny 10.1.0.0 0.2.255.255", from(network))
            }
        },
    };
    let access = if text.starts_with("permit") { Access::Permit } else { Access::Deny };
    let mut list = AccessList::new(name, form);
    let entry = Entry { text: Name::new(text, Span::default()), access, selection };
    match rng.bool() && form != AccessListForm::Lines {
        true => list.insert(rng.u32(1..100), entry).unwrap(),
        false => list.append(entry),
    }
    list
}

fn from(network: Network) -> Selection {
    Selection::Connections {
        services: [Service::any()].into(),
        sources: [network].into(),
        destinations: [Network::ANY_V4].into(),
    }
}

fn inspect_class(name: Name, lists: &[Name], classes: &[Name], rng: &mut Rng) -> L3Class {
    let condition = |criterion, negated| L3Condition { criterion, negated };
    let protocol = |text| L3Criterion::Protocol(Name::new(text, Span::default()));
    let mut conditions = vec![condition(protocol("smtp"), false)];
    conditions.extend(maybe(lists, rng).map(|list| condition(L3Criterion::AccessGroup(list), false)));
    conditions.extend(maybe(classes, rng).map(|class| condition(L3Criterion::Class(class), false)));
    if rng.bool() {
        conditions.push(condition(protocol("http"), true));
    }
    let mode = if rng.bool() { MatchMode::All } else { MatchMode::Any };
    L3Class { name, mode, description: description(rng), conditions }
}

fn inspect_policy(
    name: Name,
    classes: &Objects<L3Class>,
    smtp: &[Name],
    maps: &[Name],
    rng: &mut Rng,
) -> L3Policy {
    let rules = classes.iter().take(rng.usize(..4)).map(|class| {
        let class = class.name.clone();
        let action = top_action(maps, rng);
        if !matches!(action, TopAction::Inspect { .. }) {
            return L3Rule { class, action: Some(action), service_policy: None, police: None };
        }
        let service_policy = maybe(smtp, rng).map(|policy| (Name::new("smtp", Span::default()), policy));
        let police = rng.bool().then(|| Police {
            rate: rng.u64(8000..=2_000_000_000),
            burst: rng.u64(1000..=512_000_000),
            at: Span::default(),
        });
        L3Rule { class, action: Some(action), service_policy, police }
    });
    let rules = rules.collect();
    let default = rng.bool().then(|| top_action(maps, rng));
    L3Policy { name, description: description(rng), rules, default }
}

fn top_action(maps: &[Name], rng: &mut Rng) -> TopAction {
    match rng.u8(..4) {
        0 => TopAction::Drop { log: rng.bool() },
        1 => TopAction::Pass { log: rng.bool() },
        _ => TopAction::Inspect { parameters: maybe(maps, rng) },
    }
}

fn inspect_rule(rule: Name, rng: &mut Rng) -> InspectRule {
    let mut protocols = Vec::new();
    for protocol in
        ["tcp", *rng.choice(&["smtp", "esmtp"]).unwrap(), "pop3", "http", "fragment", "rpc", "ftp"]
    {
        let is = |of: &[&str]| of.contains(&protocol);
        let logs = !is(&["fragment"]);
        let options = InspectOptions {
            max_data: is(&["smtp", "esmtp"]).then(|| rng.u32(1..)),
            alert: rng.bool().then(|| rng.bool()).filter(|_| logs),
            audit_trail: rng.bool().then(|| rng.bool()).filter(|_| logs),
            timeout: rng.bool().then(|| rng.u32(5..=1000)),
            reset: is(&["pop3"]) && rng.bool(),
            secure_login: is(&["pop3"]) && rng.bool(),
            router_traffic: is(&["tcp"]) && rng.bool(),
            java_list: (is(&["http"]) && rng.bool()).then(|| name("12")),
            urlfilter: is(&["http"]) && rng.bool(),
            maximum: is(&["fragment"]).then(|| rng.u32(..=10000)),
            rpc: is(&["rpc"]).then(|| (rng.u32(1..), rng.bool().then(|| rng.u32(..=35791)))),
        };
        protocols.push(InspectedProtocol { protocol: name(protocol), options });
    }
    rng.shuffle(&mut protocols);
    protocols.truncate(rng.usize(1..=7));
    InspectRule { name: rule, protocols }
}

fn classic(rng: &mut Rng) -> ClassicSettings {
    let mut some = |max: u32| rng.bool().then(|| rng.u32(1..=max));
    let limits = Limits {
        tcp_idle: some(2_147_483),
        tcp_synwait: some(2_147_483),
        udp_idle: some(2_147_483),
        one_minute_high: some(2_147_483_647),
        tcp_max_incomplete_host: some(u32::MAX).map(|hosts| (hosts, 35791)),
        ..Limits::default()
    };
    let limits =
        Limits { alert: rng.bool().then_some(false), audit_trail: rng.bool().then_some(true), ..limits };
    let port_maps = vec![
        PortMapping {
            application: name("smtp"),
            transport: Transport::Tcp,
            ports: 587..=587,
            list: None,
            description: rng.bool().then(|| "submission of mail".to_owned()),
        },
        PortMapping {
            application: name("user-x"),
            transport: Transport::Udp,
            ports: 8000..=8010,
            list: Some(name("50")),
            description: None,
        },
    ];
    ClassicSettings { limits, port_maps: if rng.bool() { port_maps } else { Vec::new() } }
}

fn proxy(
    name: Name,
    policies: &[Name],
    rules: &[Name],
    maps: &[Name],
    lists: &[Name],
    rng: &mut Rng,
) -> Proxy {
    let protocols = [Protocol::Smtp, Protocol::Pop3, Protocol::Imap, Protocol::Tcp];
    let policy = match rng.bool() {
        true => maybe(policies, rng).map(ProxyPolicy::Named),
        false => maybe(rules, rng).map(ProxyPolicy::Classic),
    };
    let protocol = rng.bool().then(|| *rng.choice(&protocols).unwrap());
    // An address belongs to one proxy, and no two of these have one name.
    let port = name.text.bytes().fold(0_u16, |sum, octet| sum.wrapping_mul(31).wrapping_add(octet.into()));
    let port = port.max(1);
    Proxy {
        name,
        description: description(rng),
        access_group: maybe(lists, rng),
        listen: vec![said((Ipv4Addr::UNSPECIFIED, port).into()), said((Ipv6Addr::UNSPECIFIED, port).into())],
        servers: vec![said("192.0.2.1:25".parse().unwrap())],
        // Where nothing is inspected there is no XCLIENT.
        introduction: rng.bool().then(|| {
            let version = if rng.bool() { Version::One } else { Version::Two };
            (Introduction::Proxy(version), Span::default())
        }),
        accept_proxy: if rng.bool() { vec![said("2001:db8::/32".parse().unwrap())] } else { Vec::new() },
        protocol,
        lmtp: protocol == Some(Protocol::Smtp) && rng.bool(),
        policy: policy.or_else(|| rng.bool().then_some(ProxyPolicy::Pinhole)),
        parameters: maybe(maps, rng),
    }
}

fn settings(rng: &mut Rng) -> Settings {
    if rng.bool() {
        return Settings::default();
    }
    let path = |rng: &mut Rng, path: &str| rng.bool().then(|| name(path));
    Settings {
        classic: classic(rng),
        workers: rng.bool().then(|| rng.u16(1..=1024)),
        conformance: *rng.choice(&[Conformance::Compat, Conformance::Standard, Conformance::Strict]).unwrap(),
        refusals: *rng
            .choice(&[Refusals::Smtp, Refusals::Close, Refusals::Silent, Refusals::Detail])
            .unwrap(),
        starttls: rng
            .choice([None, Some(StartTls::Pass), Some(StartTls::Mask), Some(StartTls::Device)])
            .unwrap(),
        recipient_limit: *rng
            .choice(&[None, Some(RecipientLimit::Device), Some(RecipientLimit::Refuse)])
            .unwrap(),
        announce_limits: *rng.choice(&[AnnounceLimits::On, AnnounceLimits::Off]).unwrap(),
        imap_preauth: *rng.choice(&[ImapPreauth::Refuse, ImapPreauth::Pass]).unwrap(),
        asa_direction: *rng.choice(&[AsaDirection::Both, AsaDirection::Inbound]).unwrap(),
        control_socket: path(rng, "/run/mailwarden/control.sock"),
        metrics: rng.bool().then(|| "127.0.0.1:9125".parse().unwrap()),
        events: path(rng, "/var/log/events.jsonl"),
        events_detail: *rng
            .choice(&[EventsDetail::None, EventsDetail::Envelope, EventsDetail::Headers])
            .unwrap(),
        log_file: path(rng, "/var/log/mail.log"),
        logging: logging(rng),
        acknowledged: acknowledged(rng),
    }
}

fn logging(rng: &mut Rng) -> Logging {
    if rng.bool() {
        return Logging::default();
    }
    let level = |rng: &mut Rng| LogLevel::numbered(rng.u64(..8)).unwrap();
    let address = |rng: &mut Rng| IpAddr::from([192, 0, 2, rng.u8(..)]);
    let transport = |rng: &mut Rng| if rng.bool() { Transport::Tcp } else { Transport::Udp };
    let mut hosts: Vec<_> = (0..rng.usize(..3))
        .map(|_| LogHost {
            address: address(rng),
            transport: transport(rng),
            port: rng.u16(1..),
            interface: None,
        })
        .collect();
    hosts.sort_by_key(|host| host.address);
    hosts.dedup_by_key(|host| host.address);
    let stamp = DatetimeStamp {
        msec: rng.bool(),
        localtime: rng.bool(),
        show_timezone: rng.bool(),
        year: rng.bool(),
    };
    Logging {
        off: rng.bool(),
        hosts,
        local: rng.bool().then(|| LocalLog { path: rng.bool().then(|| name("/dev/log")) }),
        trap: rng.bool().then(|| level(rng)),
        facility: rng.bool().then(|| Facility::numbered(rng.u64(..24)).unwrap()),
        buffer: *rng
            .choice(&[
                LogBuffer::default(),
                LogBuffer { off: true, ..LogBuffer::default() },
                LogBuffer { size: Some(8192), level: Some(LogLevel::Errors), off: false },
            ])
            .unwrap(),
        messages: Vec::new(),
        format: *rng.choice(&[LogFormat::Rfc3164, LogFormat::Rfc5424]).unwrap(),
        device: rng.bool().then(|| name("edge1")),
        stamps: rng
            .choice([None, Some(LogStamps::None), Some(LogStamps::Uptime), Some(LogStamps::Datetime(stamp))])
            .unwrap(),
        zone: rng.bool().then(|| ClockZone {
            name: "CET".to_owned(),
            hours: rng.i8(-23..24),
            minutes: rng.u8(..60),
        }),
    }
}

fn acknowledged(rng: &mut Rng) -> Vec<Code> {
    let warnings = Code::ALL.iter().copied().filter(|code| code.severity() != Severity::Error);
    let mut codes: Vec<Code> = warnings.filter(|_| rng.u8(..8) == 0).collect();
    codes.sort_unstable();
    codes
}
