//! Which connections real configurations inspect, and by what: the table `flows.txt` was read by eye from their text,
//! and the attachments are asked the same.

use std::fs;
use std::net::SocketAddr;

use policy::attach::{Attachment, Handling, Traffic};
use policy::model::{Configuration, Direction, Flow, Protocol};
use policy::profile::Profile;
use policy::{Loaded, load};

use crate::corpus;

const TABLE: &str = include_str!("flows.txt");

/// A row of the table, below the name of its file.
struct Row<'t> {
    file: &'t str,
    way: Way<'t>,
    flow: Flow,
    expected: &'t str,
    because: &'t str,
}

/// How a connection meets the device.
#[derive(Clone, Copy, Debug)]
enum Way<'t> {
    Zones(&'t str, &'t str),
    Interface(&'t str, Direction),
    /// By the names of the interfaces that it enters and leaves by.
    Asa(&'t str, &'t str),
}

#[test]
fn every_connection_is_inspected_as_a_reader_of_the_configuration_says() {
    let Some(folder) = corpus::folder("configs") else { return };
    let mut differences = Vec::new();
    for row in rows() {
        let path = folder.join(row.file);
        let octets = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let found = outcome(&load(row.file, &octets), row.way, &row.flow);
        let Row { file, way, flow, expected, because } = &row;
        if found != *expected {
            let Flow { client, server } = flow;
            differences.push(format!(
                "{file}: {way:?} {client} {server}\n  found    {found}\n  expected {expected}: {because}"
            ));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn the_table_has_what_is_inspected_and_what_is_not_of_twelve_configurations() {
    let rows = rows();
    let mut files: Vec<&str> = rows.iter().map(|row| row.file).collect();
    files.dedup();
    assert!(files.len() >= 12, "{}", files.len());
    for file in files {
        let of_file = || rows.iter().filter(|row| row.file == file);
        assert!(of_file().any(|row| !row.expected.starts_with("inspect ")), "{file}");
    }
}

fn rows() -> Vec<Row<'static>> {
    let mut file = "";
    let mut rows = Vec::new();
    for line in TABLE.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        match line.strip_prefix("  ") {
            Some(row) => rows.push(Row::read(file, row).unwrap_or_else(|| panic!("{file}: {row}"))),
            None => file = line,
        }
    }
    rows
}

impl<'t> Row<'t> {
    fn read(file: &'t str, row: &'t str) -> Option<Self> {
        let mut columns = row.split(" | ");
        let way = Way::read(columns.next()?)?;
        let client = SocketAddr::new(columns.next()?.parse().ok()?, 40_000);
        let flow = Flow { client, server: columns.next()?.parse().ok()? };
        let (expected, because) = (columns.next()?, columns.next()?);
        columns.next().is_none().then_some(Row { file, way, flow, expected, because })
    }
}

impl<'t> Way<'t> {
    fn read(words: &'t str) -> Option<Self> {
        match *words.split(' ').collect::<Vec<_>>() {
            ["zones", from, to] => Some(Self::Zones(from, to)),
            ["in", interface] => Some(Self::Interface(interface, Direction::In)),
            ["out", interface] => Some(Self::Interface(interface, Direction::Out)),
            ["asa", from, to] => Some(Self::Asa(from, to)),
            _ => None,
        }
    }
}

/// What becomes of a connection, in the words of the table.
fn outcome(loaded: &Loaded, way: Way<'_>, flow: &Flow) -> String {
    let Some(configuration) = &loaded.configuration else {
        let first =
            loaded.diagnostics.iter().find(|diagnostic| diagnostic.code.severity().as_str() == "error");
        return format!("refused {}", first.unwrap().code.as_str());
    };
    let has = |attachment: &&Attachment| attachment.sessions.has(flow);
    let found = match way {
        Way::Zones(from, to) => loaded.attachments.iter().filter(has).find(|attachment| {
            let Traffic::Pair { from: source, to: destination } = &attachment.traffic else { return false };
            source.text == from && destination.text == to && speaks(attachment, flow)
        }),
        Way::Interface(name, of) => loaded.attachments.iter().filter(has).find(|attachment| {
            let Traffic::Interface { direction, .. } = &attachment.traffic else { return false };
            attachment.name.text == name && *direction == of && speaks(attachment, flow)
        }),
        Way::Asa(from, to) => {
            // A policy of an interface goes before the global one.
            let at = |place: Option<&str>| {
                loaded.attachments.iter().filter(has).find(|attachment| {
                    let Traffic::Service { interface, .. } = &attachment.traffic else { return false };
                    interface.as_ref().map(|name| name.text.as_str()) == place
                })
            };
            at(Some(from)).or_else(|| at(Some(to))).or_else(|| at(None))
        }
    };
    found.map_or_else(|| "nothing".to_owned(), |attachment| described(configuration, attachment, flow))
}

/// Whether the server's port is the one that the protocol of an attachment has without `ip port-map`.
fn speaks(attachment: &Attachment, flow: &Flow) -> bool {
    let port = match attachment.protocol {
        Protocol::Smtp => 25,
        Protocol::Pop3 => 110,
        Protocol::Imap => 143,
        Protocol::Tcp => return true,
    };
    flow.server.port() == port
}

fn described(configuration: &Configuration, attachment: &Attachment, flow: &Flow) -> String {
    if let Traffic::Interface { access_group: Some(list), .. } = &attachment.traffic
        && configuration.access_lists.get(&list.text).is_some_and(|list| !list.permits(flow))
    {
        return format!("deny {list}");
    }
    if let Some(rule) = &attachment.rule {
        let extended = attachment.profile == Profile::CLASSIC_ESMTP;
        let protocol = if extended { "esmtp" } else { attachment.protocol.name() };
        return format!("inspect {rule} {protocol}");
    }
    let class = attachment.class.as_deref().unwrap_or_default();
    match attachment.handling {
        Handling::Inspect => {
            let policy = attachment.policy.as_ref().map_or("", |policy| policy.name());
            format!("inspect {policy} class {class}")
        }
        Handling::Relay => format!("relay class {class}"),
        Handling::Drop => format!("drop class {class}"),
    }
}
