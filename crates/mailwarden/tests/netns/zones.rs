//! The table of zones, row by row, with real packets.

use crate::lab::{Family, Host, Lab, lab_can_run};
use crate::probe::{Kind, Outcome, probe};

use Host::{A, A1, B, Firewall, N, N1};
use Kind::{Ping, Tcp, Udp};
use Outcome::{Answered, Arrived, Nothing, Refused};

/// Two interfaces in zone `a`, one in zone `b`, two in none.
const ZONES: &str = "\
    zone security a\nzone security b\n\
    interface a0\n zone-member security a\n\
    interface a1\n zone-member security a\n\
    interface b0\n zone-member security b\n\
    interface n0\n description in no zone\n";

const CLASSES: &str = "\
    class-map type inspect match-any web\n match protocol http\n\
    class-map type inspect match-any names\n match protocol dns\n\
    class-map type inspect match-any pings\n match protocol icmp\n\
    class-map type inspect match-any mail\n match protocol smtp\n\
    class-map type inspect smtp match-any many\n match recipient count gt 100\n\
    policy-map type inspect smtp few\n class many\n  reset\n";

struct Row {
    claim: &'static str,
    /// What is said beside the zones and the classes.
    policy: &'static str,
    probes: &'static [(Host, Host, Kind, Outcome)],
}

/// The claims are the rows of the table of Cisco's zone-based firewall.
const ROWS: &[Row] = &[
    Row {
        claim: "no zone to no zone: everything passes",
        policy: "",
        probes: &[
            (N, N1, Tcp(80), Answered),
            (N1, N, Udp(53), Answered),
            (N, N1, Ping, Answered),
            (N, N1, Tcp(25), Answered),
        ],
    },
    Row {
        claim: "zone to no zone and the reverse: nothing passes",
        policy: "",
        probes: &[
            (A, N, Tcp(80), Nothing),
            (A, N, Udp(53), Nothing),
            (A, N, Ping, Nothing),
            (N, A, Tcp(80), Nothing),
            (N, A, Udp(53), Nothing),
            (N, A, Ping, Nothing),
        ],
    },
    Row {
        claim: "two members of one zone: everything passes without a zone-pair",
        policy: "",
        probes: &[
            (A, A1, Tcp(80), Answered),
            (A1, A, Udp(53), Answered),
            (A, A1, Ping, Answered),
            (A, A1, Tcp(25), Answered),
        ],
    },
    Row {
        claim: "zone to zone without a zone-pair: nothing passes",
        policy: "",
        probes: &[
            (A, B, Tcp(80), Nothing),
            (B, A, Udp(53), Nothing),
            (A, B, Ping, Nothing),
            (A, B, Tcp(25), Nothing),
        ],
    },
    Row {
        claim: "a zone-pair without a policy: nothing passes",
        policy: "zone-pair security ab source a destination b\n",
        probes: &[(A, B, Tcp(80), Nothing), (A, B, Udp(53), Nothing), (A, B, Ping, Nothing)],
    },
    Row {
        claim: "inspect: sessions of the class pass with their answers, one way, and class-default drops",
        policy: "policy-map type inspect t\n class type inspect web\n  inspect\n class type inspect names\n  inspect\n\
            \u{20}class type inspect pings\n  inspect\n\
            zone-pair security ab source a destination b\n service-policy type inspect t\n",
        probes: &[
            (A, B, Tcp(80), Answered),
            (A1, B, Tcp(80), Answered),
            (A, B, Udp(53), Answered),
            (A, B, Ping, Answered),
            (A, B, Tcp(81), Nothing),
            (A, B, Udp(54), Nothing),
            (B, A, Tcp(80), Nothing),
            (B, A, Udp(53), Nothing),
            (B, A, Ping, Nothing),
        ],
    },
    Row {
        claim: "pass: packets of the class pass one way, and no answer by it",
        policy: "policy-map type inspect t\n class type inspect names\n  pass\n class type inspect pings\n  pass\n\
            \u{20}class type inspect web\n  pass\n\
            zone-pair security ab source a destination b\n service-policy type inspect t\n",
        probes: &[
            (A, B, Udp(53), Arrived),
            (A, B, Ping, Nothing),
            (A, B, Tcp(80), Nothing),
            (B, A, Udp(53), Nothing),
        ],
    },
    Row {
        claim: "pass both ways: answers come by the other zone-pair",
        policy: "policy-map type inspect t\n class class-default\n  pass\n\
            zone-pair security ab source a destination b\n service-policy type inspect t\n\
            zone-pair security ba source b destination a\n service-policy type inspect t\n",
        probes: &[(A, B, Tcp(80), Answered), (B, A, Udp(53), Answered), (A, B, Ping, Answered)],
    },
    Row {
        claim: "drop: what a class drops does not pass, what class-default passes does",
        policy: "policy-map type inspect t\n class type inspect names\n  drop log\n class class-default\n  inspect\n\
            zone-pair security ab source a destination b\n service-policy type inspect t\n",
        probes: &[(A, B, Udp(53), Nothing), (A, B, Tcp(80), Answered), (A, B, Ping, Answered)],
    },
    Row {
        claim: "a class is what its lists permit and its other lines ask, nested and negated",
        policy: "ip access-list extended L\n deny tcp any any eq 81\n permit tcp any any range 80 82\n\
            ipv6 access-list L6\n deny tcp any any eq 81\n permit tcp any any range 80 82\n\
            class-map type inspect match-any listed\n match access-group name L\n match access-group name L6\n\
            class-map type inspect match-all rest\n match class-map listed\n match not protocol http\n\
            policy-map type inspect t\n class type inspect rest\n  inspect\n\
            zone-pair security ab source a destination b\n service-policy type inspect t\n",
        probes: &[
            (A, B, Tcp(80), Nothing),
            (A, B, Tcp(81), Nothing),
            (A, B, Tcp(82), Answered),
            (A, B, Udp(82), Nothing),
        ],
    },
    Row {
        claim: "self and a zone without a zone-pair: everything passes in both directions",
        policy: "",
        probes: &[
            (A, Firewall, Tcp(80), Answered),
            (Firewall, A, Udp(53), Answered),
            (A, Firewall, Ping, Answered),
            (Firewall, N, Ping, Answered),
        ],
    },
    Row {
        claim: "zone to self with a policy: its actions, and nothing changes for other zones",
        policy: "policy-map type inspect t\n class type inspect pings\n  inspect\n\
            zone-pair security as source a destination self\n service-policy type inspect t\n",
        probes: &[
            (A, Firewall, Ping, Answered),
            (A, Firewall, Tcp(80), Nothing),
            (B, Firewall, Tcp(80), Answered),
            (N, Firewall, Tcp(80), Answered),
            // Without a policy from self the answer is none to a session that is known.
            (Firewall, A, Udp(53), Arrived),
        ],
    },
    Row {
        claim: "self to zone with a policy: its actions",
        policy: "policy-map type inspect t\n class type inspect names\n  inspect\n\
            zone-pair security sa source self destination a\n service-policy type inspect t\n",
        probes: &[
            (Firewall, A, Udp(53), Answered),
            (Firewall, A, Tcp(80), Nothing),
            (Firewall, B, Tcp(80), Answered),
            (A, Firewall, Tcp(80), Nothing),
        ],
    },
    Row {
        claim: "a zone-pair of default is for interfaces in no zone",
        policy: "policy-map type inspect t\n class type inspect web\n  inspect\n\
            zone-pair security da source default destination a\n service-policy type inspect t\n\
            zone-pair security ad source a destination default\n service-policy type inspect t\n",
        probes: &[
            (N, A, Tcp(80), Answered),
            (N, A, Udp(53), Nothing),
            (A, N, Tcp(80), Answered),
            (N, B, Tcp(80), Nothing),
        ],
    },
    Row {
        claim: "mail that is inspected is reset while nobody listens, and other mail is not touched",
        policy: "policy-map type inspect t\n class type inspect mail\n  inspect\n  service-policy smtp few\n\
            \u{20}class class-default\n  inspect\n\
            zone-pair security ab source a destination b\n service-policy type inspect t\n",
        probes: &[
            (A, B, Tcp(25), Refused),
            (A, B, Tcp(80), Answered),
            (A, A1, Tcp(25), Answered),
            (A, Firewall, Tcp(25), Answered),
            (B, A, Tcp(25), Nothing),
        ],
    },
];

pub(crate) fn zones_decide_by_every_row_of_their_table() {
    if !lab_can_run() {
        return;
    }
    let lab = Lab::new();
    let mut failures = Vec::new();
    for row in ROWS {
        lab.install(&format!("{ZONES}{CLASSES}{}", row.policy));
        for &(from, to, kind, expected) in row.probes {
            for family in [Family::V4, Family::V6] {
                let found = probe(&lab, [from, to], kind, family, expected);
                if found != expected {
                    let claim = row.claim;
                    failures.push(format!(
                        "{claim}: {from:?} to {to:?}, {kind:?}, {family:?}: {found:?}, expected {expected:?}"
                    ));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
