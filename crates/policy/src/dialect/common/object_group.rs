//! Groups of objects as IOS has them: without the objects of an ASA, and most members without a keyword.

use grammar::{Claim, Command, Matched, Mode, Platforms, Unknown};

use crate::dialect::asa::{ObjectLine, Statement};
use crate::dialect::common::entry;
use crate::dialect::{AnyStatement, Built, built, description, name, text};
use crate::model::{GroupForm, Member, MemberKind, Name};
use crate::source::Span;

pub(in crate::dialect) static COMMANDS: &[Command<AnyStatement>] = &[
    Command::new(
        "[no] object-group network WORD$name",
        "Name addresses that entries of access lists may use",
        &["A group", "Addresses", "Name"],
        |m| built(Statement::ObjectGroup { name: name(m, "name")?, form: GroupForm::Networks }),
    )
    .on(Platforms::IOS)
    .claims(Claim::Whole)
    .enters(&NETWORKS),
    Command::new(
        "[no] object-group service WORD$name",
        "Name protocols and ports that entries of access lists may use",
        &["", "Protocols and ports", "Name"],
        |m| built(Statement::ObjectGroup { name: name(m, "name")?, form: GroupForm::Services(None) }),
    )
    .on(Platforms::IOS)
    .claims(Claim::Whole)
    .enters(&SERVICES),
];

const ABOUT: Command<AnyStatement> = description::<ObjectLine>(&["Describe it", "Up to 200 characters"]);

const GROUP: Command<AnyStatement> =
    Command::new("[no] group-object WORD$first", "Add another group", &["A group", "Name"], |m| {
        member(m, MemberKind::Group)
    });

static NETWORKS: Mode<AnyStatement> = Mode::new(
    "object-group network (IOS)",
    "(config-network-group)#",
    &[&[
        ABOUT,
        Command::new("[no] host WORD$first", "Add one address", &["One address", "Address"], |m| {
            member(m, MemberKind::Host)
        })
        .claims(Claim::Corrected),
        Command::new("[no] any", "Add every address", &["Every address"], |m| member(m, MemberKind::Any)),
        Command::new(
            "[no] range A.B.C.D$first WORD$second",
            "Add the addresses from one to another",
            &["Addresses", "The first", "The last"],
            |m| member(m, MemberKind::Range),
        )
        .claims(Claim::Corrected),
        Command::new(
            "[no] A.B.C.D$first WORD$second",
            "Add a network",
            &["Address", "Netmask, or `/` and its length"],
            |m| member(m, MemberKind::Network),
        )
        .claims(Claim::Whole),
        GROUP,
    ]],
)
.unknown(Unknown::Warn);

static SERVICES: Mode<AnyStatement> = Mode::new(
    "object-group service (IOS)",
    "(config-service-group)#",
    &[&[
        ABOUT,
        Command::new(
            "[no] {tcp | udp | tcp-udp}$first [{source | eq | lt | gt | range}$second LINE$rest]",
            "Add ports of TCP, UDP or both",
            &[
                "TCP",
                "UDP",
                "Both",
                "Ports of the source, and others of the destination behind them",
                "One port",
                "Lower ones",
                "Higher ones",
                "From one to another",
                "Ports: `smtp`, `25 26`, `eq smtp`",
            ],
            |m| member(m, MemberKind::Protocol),
        )
        .claims(Claim::Whole),
        Command::new(
            "[no] {tcp | udp | tcp-udp}$first WORD$port",
            "Add one port",
            &["", "", "", "Port of the destination, by number or name"],
            |m| match m.text("port").map(|word| (entry::port(word), entry::meant_port(word))) {
                Some((None, meant)) if m.choice("first") != Some("udp") => {
                    Err(m.invalid("port", "expected a port").help(meant))
                }
                _ => member(m, MemberKind::Protocol),
            },
        )
        .claims(Claim::Whole),
        Command::new(
            "[no] {igmp | ahp | esp | gre | eigrp | ospf | pim | ipinip | nos | pcp | (0-255)}$first",
            "Add a protocol without ports",
            &[
                "IGMP",
                "Authentication header",
                "Encapsulated security payload",
                "Generic routing encapsulation",
                "EIGRP",
                "OSPF",
                "PIM",
                "IP in IP",
                "KA9Q NOS",
                "Payload compression",
                "Number",
            ],
            |m| member(m, MemberKind::Protocol),
        )
        .claims(Claim::Whole),
        Command::new(
            "[no] {icmp}$first [WORD$second]",
            "Add a type of ICMP",
            &["ICMP", "Name or number of a type"],
            |m| member(m, MemberKind::Protocol),
        )
        .claims(Claim::Whole),
        // Alone, lest it takes the statements for its own that follow the block.
        Command::new("[no] {ip}$first", "Add every protocol", &["Every protocol"], |m| {
            member(m, MemberKind::Protocol)
        })
        .claims(Claim::Whole),
        GROUP,
    ]],
)
.unknown(Unknown::Warn);

/// What a line says behind its keyword, or all of one without a keyword.
fn member(m: &Matched<'_>, kind: MemberKind) -> Built {
    let words: Vec<Name> = PARTS.iter().filter_map(|part| text(m, part)).collect();
    let at = match (words.first(), words.last()) {
        (Some(first), Some(last)) => Span { start: first.at.start, end: last.at.end },
        _ => m.line_span().into(),
    };
    let mut said = words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ");
    if kind == MemberKind::Any {
        "any".clone_into(&mut said);
    }
    built(ObjectLine::Member(Member { kind, rest: Name::new(said, at) }))
}

/// The values of a member, in their order.
const PARTS: [&str; 4] = ["first", "second", "port", "rest"];

#[cfg(test)]
mod tests {
    use crate::model::Flow;

    const GROUPS: &str = "\
object-group network MX
 description who receives
 host 192.0.2.25
 192.0.2.32 255.255.255.240
 198.51.100.0 /24
 range 203.0.113.5 203.0.113.9
object-group network ALL
 group-object MX
 host 10.0.0.1
object-group network ANYBODY
 any
object-group service MAIL
 tcp eq smtp
 tcp source gt 1023 range 2500 2525
 tcp 587
 tcp smtp
 udp eq 53
 udp ntp
 icmp echo
ip http server
object-group service MORE
 group-object MAIL
 tcp-udp eq 26
";

    fn permits(entry: &str, server: &str) -> bool {
        let text = format!("version 15.2\nip access-list extended L\n {entry}\n{GROUPS}hostname x\n");
        let loaded = crate::load("test", text.as_bytes());
        let configuration = loaded.configuration.unwrap();
        assert_eq!(loaded.diagnostics.iter().next().map(|found| &found.message), None);
        assert!(configuration.hostname.is_some(), "the groups have ended");
        let flow = Flow { client: "10.0.0.1:4000".parse().unwrap(), server: server.parse().unwrap() };
        configuration.access_lists.get("L").unwrap().permits(&flow)
    }

    #[test]
    fn entries_name_groups_of_addresses_and_of_ports() {
        for (entry, server, expected) in [
            ("permit tcp any object-group MX eq smtp", "192.0.2.25:25", true),
            ("permit tcp any object-group MX eq smtp", "192.0.2.25:26", false),
            ("permit tcp any object-group MX", "192.0.2.47:25", true),
            ("permit tcp any object-group MX", "192.0.2.48:25", false),
            ("permit tcp any object-group MX", "198.51.100.255:25", true),
            ("permit tcp any object-group MX", "203.0.113.9:25", true),
            ("permit tcp any object-group MX", "203.0.113.10:25", false),
            ("permit tcp object-group ALL object-group ALL", "192.0.2.25:25", true),
            ("permit tcp object-group MX any", "192.0.2.25:25", false),
            ("permit object-group MAIL object-group ANYBODY any", "192.0.2.1:25", true),
            ("permit object-group MAIL any any", "192.0.2.1:2510", true),
            ("permit object-group MAIL any any", "192.0.2.1:587", true),
            ("permit object-group MAIL any any", "192.0.2.1:53", false),
            ("permit object-group MORE any host 192.0.2.1", "192.0.2.1:25", true),
            ("permit object-group MORE any host 192.0.2.1", "192.0.2.1:26", true),
        ] {
            assert_eq!(permits(entry, server), expected, "{entry} {server}");
        }
    }
}
