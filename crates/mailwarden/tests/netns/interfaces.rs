//! Access lists and security levels of interfaces, with real packets.

use crate::lab::{Family, Host, Lab, lab_can_run};
use crate::probe::{Kind, Outcome, probe};

use Family::{V4, V6};
use Host::{A, B, Firewall, N};
use Kind::{Ping, Tcp, Udp};
use Outcome::{Answered, Arrived, Nothing, Refused};

fn assert_probes(lab: &Lab, probes: &[(Host, Host, Kind, Family, Outcome)]) {
    let mut failures = Vec::new();
    for &(from, to, kind, family, expected) in probes {
        let found = probe(lab, [from, to], kind, family, expected);
        if found != expected {
            failures
                .push(format!("{from:?} to {to:?}, {kind:?}, {family:?}: {found:?}, expected {expected:?}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

pub(crate) fn inspection_lets_answers_in_past_the_list_of_a_router() {
    if !lab_can_run() {
        return;
    }
    let lab = Lab::new();
    let interface = "interface Vlan2\n linux-interface b0\n ip access-group 101 in\n ip inspect OUT out\n ip inspect IN in\n";
    lab.install(&format!(
        "ip inspect name OUT tcp\nip inspect name OUT icmp\nip inspect name IN smtp\n{interface}\
         access-list 101 permit tcp any host 10.77.1.2 eq smtp\naccess-list 101 permit udp any any eq domain\n"
    ));
    assert_probes(
        &lab,
        &[
            (A, B, Tcp(80), V4, Answered),
            (A, B, Ping, V4, Answered),
            // UDP is not inspected: its answer is asked about.
            (A, B, Udp(99), V4, Arrived),
            (B, A, Udp(53), V4, Answered),
            (B, A, Tcp(80), V4, Nothing),
            (B, A, Ping, V4, Nothing),
            (B, Firewall, Tcp(80), V4, Nothing),
            (B, A, Tcp(25), V4, Refused),
            (B, N, Tcp(25), V4, Nothing),
            // A list of IPv4 says nothing of IPv6.
            (B, A, Tcp(80), V6, Answered),
            (A, N, Tcp(80), V4, Answered),
        ],
    );
    lab.install(&interface.replace(" ip inspect OUT out\n ip inspect IN in\n", ""));
    assert_probes(&lab, &[(B, A, Tcp(80), V4, Answered)]);
}

pub(crate) fn levels_decide_on_an_asa_where_no_list_does() {
    if !lab_can_run() {
        return;
    }
    let lab = Lab::new();
    let interfaces = "ASA Version 9.8(2)\n\
        interface G0/0\n linux-interface a0\n nameif inside\n security-level 100\n\
        interface G0/1\n linux-interface b0\n nameif outside\n security-level 0\n\
        interface G0/2\n linux-interface a1\n nameif other\n security-level 100\n";
    lab.install(interfaces);
    let mut probes = Vec::new();
    for family in [V4, V6] {
        probes.extend([
            (A, B, Tcp(80), family, Answered),
            (A, B, Udp(53), family, Answered),
            (B, A, Tcp(80), family, Nothing),
            (B, A, Udp(53), family, Nothing),
            (A, Host::A1, Tcp(80), family, Nothing),
            // No inspection of ICMP: the answer comes from the outside.
            (A, B, Ping, family, Nothing),
            (A, N, Tcp(80), family, Nothing),
            (N, A, Tcp(80), family, Nothing),
            (A, Firewall, Tcp(80), family, Answered),
        ]);
    }
    assert_probes(&lab, &probes);
    lab.install(&format!(
        "{interfaces}access-list IN extended permit tcp any any eq www\naccess-list IN extended permit icmp any any\n\
         access-list IN extended permit tcp any any eq smtp\naccess-list ALL extended permit tcp any any eq 81\n\
         access-group IN in interface outside\naccess-group ALL global\n\
         class-map MAIL\n match default-inspection-traffic\npolicy-map P\n class MAIL\n  inspect esmtp\n\
         service-policy P interface outside\n"
    ));
    let mut probes = Vec::new();
    for family in [V4, V6] {
        probes.extend([
            (B, A, Tcp(80), family, Answered),
            (B, A, Tcp(81), family, Answered),
            (B, A, Tcp(82), family, Nothing),
            (B, A, Tcp(25), family, Refused),
            // The list of all interfaces stands in the place of levels.
            (A, B, Tcp(80), family, Nothing),
            (A, B, Tcp(81), family, Answered),
            (A, B, Tcp(25), family, Nothing),
            (A, Host::A1, Tcp(25), family, Nothing),
        ]);
    }
    assert_probes(&lab, &probes);
}

pub(crate) fn lines_of_lists_decide_in_their_order_and_count() {
    if !lab_can_run() {
        return;
    }
    let lab = Lab::new();
    lab.install(
        "interface Vlan1\n linux-interface a0\n ip access-group 101 in\n\
         access-list 101 deny tcp host 10.77.1.2 any eq 80\n\
         access-list 101 permit tcp 10.77.1.0 0.0.0.255 any range 80 90\n\
         access-list 101 deny tcp any host 10.77.3.2 eq 91\n\
         access-list 101 permit udp any neq 7 any eq 53 log\n\
         access-list 101 permit tcp 10.0.0.2 0.255.255.0 any eq 91\n\
         access-list 101 permit icmp any any echo\n",
    );
    assert_probes(
        &lab,
        &[
            (A, B, Tcp(80), V4, Nothing),
            (A, B, Tcp(81), V4, Answered),
            (A, B, Tcp(91), V4, Nothing),
            (A, N, Tcp(91), V4, Answered),
            (A, B, Udp(53), V4, Answered),
            (A, B, Udp(54), V4, Nothing),
            (A, B, Ping, V4, Answered),
        ],
    );
    let listed = lab.listed();
    for line in [
        "deny tcp host 10.77.1.2 any eq 80",
        "permit tcp 10.77.1.0 0.0.0.255 any range 80 90",
        "deny tcp any host 10.77.3.2 eq 91",
        "permit udp any neq 7 any eq 53 log",
        "permit tcp 10.0.0.2 0.255.255.0 any eq 91",
        "permit icmp any any echo",
        "deny any, the end of the list",
    ] {
        let counting = listed.lines().find(|listed| listed.contains(&format!("\"{line}\""))).unwrap();
        assert!(counting.contains("counter packets ") && !counting.contains(" packets 0 "), "{counting}");
    }
}
