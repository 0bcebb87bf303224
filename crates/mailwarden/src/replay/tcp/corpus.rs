//! The captures of a collection, against the facts an independent reader found in them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;

use serde_json::Value;

use super::*;
use crate::replay::pcap::Capture;

#[path = "../../../../../tests/common/corpus.rs"]
mod common;

/// What one session of a capture came to.
#[derive(Debug, Default, PartialEq)]
struct Measured {
    client: String,
    server: String,
    syn_seen: bool,
    both_sides: bool,
    client_bytes: u64,
    server_bytes: u64,
    /// (side, offset, octets)
    gaps: BTreeSet<(String, u64, u64)>,
}

#[test]
fn streams_agree_with_an_independent_reader() {
    let Some(folder) = common::folder("pcap") else { return };
    let (mut compared, mut differences) = (0, Vec::new());
    for (name, facts) in &common::facts(&folder) {
        let found = sessions(File::open(folder.join(name)).unwrap());
        compared += 1;
        if facts["tcp_streams"] != found.len() {
            differences.push(format!("{name}: {} sessions, not {}", found.len(), facts["tcp_streams"]));
        }
        for expected in facts["sessions"].as_array().unwrap() {
            compared += 1;
            let number = u32::try_from(expected["stream"].as_u64().unwrap()).unwrap();
            let expected = from_facts(expected);
            match found.get(&number) {
                Some(found) if *found == expected => {}
                found => differences.push(format!("{name} {number}: found {found:?}, expected {expected:?}")),
            }
        }
    }
    println!("{compared} compared, {} differ", differences.len());
    differences.iter().for_each(|difference| println!("{difference}"));
    assert!(compared > 0 && differences.len() * 100 <= compared);
}

fn sessions(file: File) -> BTreeMap<u32, Measured> {
    let mut found = BTreeMap::new();
    let mut note = |flow: Flow<'_>| note(&mut found, flow);
    let mut capture = Capture::open(file).unwrap();
    let mut reassembler = Reassembler::default();
    while let Some(frame) = capture.next_frame() {
        reassembler.push(&frame.unwrap(), &mut note);
    }
    reassembler.finish(&mut note);
    for session in found.values_mut() {
        let Measured { both_sides, client_bytes, server_bytes, .. } = session;
        *both_sides = *client_bytes > 0 && *server_bytes > 0;
    }
    found
}

fn note(found: &mut BTreeMap<u32, Measured>, flow: Flow<'_>) {
    match flow {
        Flow::Opened { id, client, server, syn_seen, .. } => {
            let (client, server) = (plain(client), plain(server));
            found.insert(id.0, Measured { client, server, syn_seen, ..Measured::default() });
        }
        Flow::Data { id, from, bytes, .. } => *octets(found, id, from) += bytes.len() as u64,
        Flow::Gap { id, from, octets: missing, .. } => {
            let before = octets(found, id, from);
            let at = *before;
            *before += missing;
            let side = if from == Side::Client { "C" } else { "S" };
            found.get_mut(&id.0).unwrap().gaps.insert((side.to_owned(), at, missing));
        }
        Flow::Conflict { .. } | Flow::Ended { .. } | Flow::Forgotten { .. } => {}
    }
}

fn octets(found: &mut BTreeMap<u32, Measured>, id: FlowId, from: Side) -> &mut u64 {
    let session = found.get_mut(&id.0).unwrap();
    match from {
        Side::Client => &mut session.client_bytes,
        Side::Server => &mut session.server_bytes,
    }
}

/// The facts write IPv6 addresses without brackets, like IPv4 ones.
fn plain(address: SocketAddr) -> String {
    format!("{}:{}", address.ip(), address.port())
}

fn from_facts(facts: &Value) -> Measured {
    let text = |name: &str| facts[name].as_str().unwrap().to_owned();
    let number = |value: &Value| value.as_u64().unwrap();
    let gaps = facts["gaps"].as_array().unwrap().iter();
    // `::a08:53` is how the facts shorten what we write as `0:a08:53`; both are the same address.
    let end = |name: &str| {
        let (address, port) = text(name).rsplit_once(':').map(|(a, p)| (a.to_owned(), p.to_owned())).unwrap();
        plain(SocketAddr::new(address.parse().unwrap(), port.parse().unwrap()))
    };
    Measured {
        client: end("client"),
        server: end("server"),
        syn_seen: facts["syn_seen"].as_bool().unwrap(),
        both_sides: facts["both_sides"].as_bool().unwrap(),
        client_bytes: number(&facts["client_bytes"]),
        server_bytes: number(&facts["server_bytes"]),
        gaps: gaps
            .map(|gap| {
                (gap["side"].as_str().unwrap().to_owned(), number(&gap["offset"]), number(&gap["length"]))
            })
            .collect(),
    }
}
