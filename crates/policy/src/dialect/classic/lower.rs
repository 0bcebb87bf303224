//! What the statements of classic inspection do to the model.

use super::{InnerLine, InterfaceLine, Statement};
use crate::diagnostic::{Code, Diagnostic};
use crate::dialect::lowering::Lowering;
use crate::model::{
    ClassicSettings, Direction, InspectOptions, InspectRule, InspectedProtocol, Interface, Name, ObjectKind,
    PortMapping, SYSTEM_PORTS,
};
use crate::nearest::nearest;
use crate::source::Span;

pub(in crate::dialect) fn add(lowering: &mut Lowering<'_>, statement: Statement, at: Span) {
    let limits = &mut lowering.configuration.settings.classic.limits;
    match statement {
        Statement::Rule { name, protocol: Some(protocol), options } => {
            rule(lowering, &name, protocol, *options, at);
        }
        // Only their `no` forms are in the tables.
        Statement::Rule { protocol: None, .. } | Statement::Everything => lowering.misplaced(at),
        Statement::Limit { set, value } => {
            set(limits, value);
            lowering.thresholds.say(limits, at);
        }
        Statement::HostLimit(limit) => limits.tcp_max_incomplete_host = limit,
        Statement::Alert { off } => limits.alert = off.then_some(false),
        Statement::AuditTrail => limits.audit_trail = Some(true),
        Statement::PortMap(mapping) => port_map(lowering, *mapping),
        Statement::OfPackets => {}
        Statement::Line(InnerLine::Interface(_)) => lowering.misplaced(at),
    }
}

pub(in crate::dialect) fn remove(lowering: &mut Lowering<'_>, statement: Statement, at: Span) {
    let classic = &mut lowering.configuration.settings.classic;
    match statement {
        Statement::Rule { name, protocol: Some(protocol), .. } => {
            let rules = &mut lowering.configuration.inspect_rules;
            let is_said = rules.get(&name.text).is_some_and(|rule| rule.line(&protocol.text).is_some());
            if !is_said {
                let known = rules.get(&name.text).map(|rule| rule.protocols.as_slice()).unwrap_or_default();
                let meant = nearest(&protocol.text, known.iter().map(|line| line.protocol.text.as_str()));
                let why = format!("rule `{name}` has no such line");
                let told = lowering.outline.takes_no_other_back(at, &why, &protocol, meant);
                return lowering.complaints.extend(told);
            }
            let rule = rules.open(&name, |name| InspectRule { name, protocols: Vec::new() });
            rule.protocols.retain(|line| line.protocol.text != protocol.text);
            if rule.protocols.is_empty() {
                rules.remove(&name.text);
            }
        }
        Statement::Rule { name, protocol: None, .. } => {
            lowering.configuration.remove(ObjectKind::InspectRule, &name.text);
        }
        Statement::Everything => {
            lowering.configuration.inspect_rules.retain(|_| false);
            classic.limits = ClassicSettings::default().limits;
        }
        Statement::Limit { set, .. } => set(&mut classic.limits, None),
        Statement::HostLimit(_) => classic.limits.tcp_max_incomplete_host = None,
        Statement::Alert { .. } => classic.limits.alert = None,
        Statement::AuditTrail => classic.limits.audit_trail = None,
        Statement::PortMap(mapping) => classic.port_maps.retain(|other| !is_same(other, &mapping)),
        Statement::OfPackets => {}
        Statement::Line(InnerLine::Interface(_)) => lowering.misplaced(at),
    }
}

/// What is only known when all lines are read.
pub(in crate::dialect) fn finish(lowering: &mut Lowering<'_>) {
    let limits = &lowering.configuration.settings.classic.limits;
    lowering.complaints.extend(lowering.thresholds.complaints(limits, "ip inspect ", ""));
}

pub(in crate::dialect) fn interface_line(interface: &mut Interface, line: InterfaceLine, negated: bool) {
    match line {
        InterfaceLine::Inspect { rule, direction } => {
            let place = match direction {
                Direction::In => &mut interface.inspect_in,
                Direction::Out => &mut interface.inspect_out,
            };
            *place = (!negated).then_some(rule);
        }
        InterfaceLine::AccessGroup { list, direction } => {
            let place = match direction {
                Direction::In => &mut interface.access_group_in,
                Direction::Out => &mut interface.access_group_out,
            };
            *place = list.filter(|_| !negated);
        }
    }
}

/// A line of a rule. A protocol that is named again has the later line's options.
fn rule(lowering: &mut Lowering<'_>, name: &Name, protocol: Name, options: InspectOptions, at: Span) {
    if let Some(meant) = misspelt(&protocol.text) {
        let message = format!("unknown protocol `{protocol}`");
        let complaint = Diagnostic::new(Code::InvalidInput, protocol.at, message);
        lowering.complaints.push(complaint.help(format!("did you mean `{meant}`?")));
        return;
    }
    let rules = &mut lowering.configuration.inspect_rules;
    let rule = rules.open(name, |name| InspectRule { name, protocols: Vec::new() });
    let excluded = match protocol.text.as_str() {
        "smtp" => rule.line("esmtp"),
        "esmtp" => rule.line("smtp"),
        _ => None,
    };
    if let Some(other) = excluded {
        let message =
            format!("rule `{name}` already inspects `{}`, which excludes `{protocol}`", other.protocol);
        lowering.complaints.push(
            Diagnostic::new(Code::SmtpAndEsmtp, protocol.at, message)
                .related(other.protocol.at, "the other protocol")
                .help(format!("first write `no ip inspect name {name} {}`", other.protocol)),
        );
        return;
    }
    let is_same = |line: &&mut InspectedProtocol| {
        line.protocol.text == protocol.text
            && line.options.rpc.map(|(program, _)| program) == options.rpc.map(|(program, _)| program)
    };
    match rule.protocols.iter_mut().find(is_same) {
        Some(line) => {
            if line.options != options {
                lowering.complaints.extend(lowering.outline.replaces(at, line.protocol.at));
            }
            *line = InspectedProtocol { protocol, options };
        }
        None => rule.protocols.push(InspectedProtocol { protocol, options }),
    }
}

/// The protocol that was meant by one that the device does not know. Names of port maps begin with `user-`.
fn misspelt(protocol: &str) -> Option<&'static str> {
    if protocol.starts_with("user-") || PROTOCOLS.split_ascii_whitespace().any(|known| known == protocol) {
        return None;
    }
    nearest(protocol, PROTOCOLS.split_ascii_whitespace())
}

fn port_map(lowering: &mut Lowering<'_>, mapping: PortMapping) {
    let known = SYSTEM_PORTS.iter().find(|(_, port)| mapping.ports.contains(port));
    if let Some((application, port)) = known
        && mapping.list.is_none()
        && *application != mapping.application.text
    {
        let message =
            format!("port {port} is that of `{application}`, which only the hosts of a list may differ from");
        let place = mapping.application.at;
        lowering.complaints.push(Diagnostic::new(Code::PortOfAnother, place, message).help(format!(
            "append `list NUMBER` with an access list of the hosts of `{}`",
            mapping.application
        )));
        return;
    }
    let maps = &mut lowering.configuration.settings.classic.port_maps;
    maps.retain(|other| !is_same(other, &mapping));
    maps.push(mapping);
}

/// Whether two statements map the same ports of the same hosts for an application.
fn is_same(one: &PortMapping, other: &PortMapping) -> bool {
    let list = |mapping: &PortMapping| mapping.list.as_ref().map(|list| list.text.clone());
    one.application.text == other.application.text
        && one.transport == other.transport
        && one.ports == other.ports
        && list(one) == list(other)
}

/// The protocols that a rule may name.
const PROTOCOLS: &str = "\
    802-11-iapp ace-svr aol appfw appleqtc bgp biff bliff bootpc bootps cddbp cifs cisco-fna cisco-net-mgmt \
    cisco-svcs cisco-sys cisco-tdp cisco-tna citrix citriximaclient clp creativepartnr creativeserver cuseeme \
    daytime dbase dbcontrol_agent ddns-v3 dhcp-failover discard dns dnsix echo entrust-svc-handler entrust-svcs \
    esmtp exec fcip-port finger fragment ftp ftps gdoi giop gopher gtpv0 gtpv1 h225ras h323 h323-annexe \
    h323-nxg h323callsigalt h323gatestat hp-alarm-mgr hp-collector hp-managed-node hsrp http https ica \
    icabrowser icmp ident igmpv3lite imap imap3 imaps ipass ipsec-msft ipx irc irc-serv ircs ircu isakmp iscsi \
    iscsi-target kazaa kerberos kermit l2tp ldap ldap-admin ldaps login lotusmtap lotusnote mgcp microsoft-ds \
    ms-cluster-net ms-dotnetster ms-sna ms-sql ms-sql-m msexch-routing msnmsgr msrpc mysql n2h2server ncp \
    net8-cman netbios-dgm netbios-ns netbios-ssn netshow netstat nfs nntp ntp oem-agent oracle oracle-em-vp \
    oraclenames orasrv parameter pcanywheredata pcanywherestat pop3 pop3s pptp pwdgen qmtp r-winsock radius rcmd \
    rdb-dbs-disp realaudio realmedia realsecure router rpc rsvd rsvp-encap rsvp_tunnel rtc-pm-port rtelnet rtsp \
    send shell sip sip-tls skinny sms smtp snmp snmptrap socks sql-net sqlnet sqlserv sqlsrv ssh sshell ssp \
    streamworks stun sunrpc syslog syslog-conn tacacs tacacs-ds tarantella tcp telnet telnets tftp time timed \
    tr-rsrb tto udp uucp vdolive vqp webster who wins x11 xdmcp ymsgr";
