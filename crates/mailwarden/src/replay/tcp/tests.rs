use super::*;

/// One segment between client 10.0.0.1:40000 and server 10.0.0.2:25, unless told otherwise.
#[derive(Clone, Debug)]
struct Sent {
    from: Side,
    ports: (u16, u16),
    sequence: u32,
    acknowledged: Option<u32>,
    flags: u8,
    bytes: Vec<u8>,
}

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;

fn client(sequence: u32, acknowledged: u32, text: &str) -> Sent {
    Sent {
        from: Side::Client,
        ports: (40_000, 25),
        sequence,
        acknowledged: Some(acknowledged),
        flags: 0,
        bytes: text.into(),
    }
}

fn server(sequence: u32, acknowledged: u32, text: &str) -> Sent {
    Sent { from: Side::Server, ..client(sequence, acknowledged, text) }
}

impl Sent {
    fn flag(self, flag: u8) -> Self {
        Self { flags: self.flags | flag, ..self }
    }

    fn without_ack(self) -> Self {
        Self { acknowledged: None, ..self }
    }

    fn ports(self, client: u16, server: u16) -> Self {
        Self { ports: (client, server), ..self }
    }

    fn tcp(&self) -> Vec<u8> {
        let (source, destination) = match self.from {
            Side::Client => self.ports,
            Side::Server => (self.ports.1, self.ports.0),
        };
        let flags = self.flags | if self.acknowledged.is_some() { ACK } else { 0 };
        let mut tcp = [source.to_be_bytes(), destination.to_be_bytes()].concat();
        tcp.extend([self.sequence.to_be_bytes(), self.acknowledged.unwrap_or(0).to_be_bytes()].concat());
        tcp.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        tcp.extend(&self.bytes);
        tcp
    }

    fn ipv4(&self) -> Vec<u8> {
        ipv4(self.from, 6, &self.tcp())
    }

    fn ipv6(&self) -> Vec<u8> {
        ipv6(self.from, 6, &self.tcp())
    }
}

fn ipv4(from: Side, protocol: u8, payload: &[u8]) -> Vec<u8> {
    ipv4_fragment(from, protocol, 0, payload)
}

/// `place` is the offset in eights, with 0x2000 if more fragments follow.
fn ipv4_fragment(from: Side, protocol: u8, place: u16, payload: &[u8]) -> Vec<u8> {
    let [source, destination] = match from {
        Side::Client => [[10, 0, 0, 1], [10, 0, 0, 2]],
        Side::Server => [[10, 0, 0, 2], [10, 0, 0, 1]],
    };
    let len = u16::try_from(20 + payload.len()).unwrap().to_be_bytes();
    let place = place.to_be_bytes();
    let mut packet = vec![0x45, 0, len[0], len[1], 0x77, 0x77, place[0], place[1], 64, protocol, 0, 0];
    packet.extend([source, destination].concat());
    packet.extend(payload);
    packet
}

fn ipv6(from: Side, next_header: u8, payload: &[u8]) -> Vec<u8> {
    let [mut source, mut destination] = [[0; 16]; 2];
    (source[15], destination[15]) = if from == Side::Client { (1, 2) } else { (2, 1) };
    let len = u16::try_from(payload.len()).unwrap().to_be_bytes();
    let mut packet = vec![0x60, 0, 0, 0, len[0], len[1], next_header, 64];
    packet.extend([source, destination].concat());
    packet.extend(payload);
    packet
}

fn ethernet(ether_type: u16, payload: &[u8]) -> Vec<u8> {
    [&[0; 12][..], &ether_type.to_be_bytes(), payload].concat()
}

/// A capture as it is taken, and what was told of it.
#[derive(Default)]
struct Wire {
    reassembler: Reassembler,
    told: Vec<String>,
}

impl Wire {
    /// With a session opened: the client's first octet is number 1001, the server's 5001.
    fn opened() -> Self {
        let mut wire = Self::default();
        wire.see(&client(1000, 0, "").without_ack().flag(SYN));
        wire.see(&server(5000, 1001, "").flag(SYN));
        wire.see(&client(1001, 5001, ""));
        assert_eq!(wire.told(), ["0 open 10.0.0.1:40000 > 10.0.0.2:25"]);
        wire
    }

    fn see(&mut self, sent: &Sent) {
        self.frame(1, &ethernet(0x0800, &sent.ipv4()));
    }

    fn frame(&mut self, link: i32, bytes: &[u8]) {
        let told = &mut self.told;
        self.reassembler.push(&Frame { time: Time(0), link, bytes }, &mut |flow| told.extend(text(flow)));
    }

    fn finish(&mut self) {
        let told = &mut self.told;
        self.reassembler.finish(&mut |flow| told.extend(text(flow)));
    }

    /// What was told since this was asked last.
    fn told(&mut self) -> Vec<String> {
        std::mem::take(&mut self.told)
    }
}

/// What happened on the wire; that nothing more is told of a session is none of it.
fn text(flow: Flow<'_>) -> Option<String> {
    let side = |from| if from == Side::Client { 'C' } else { 'S' };
    Some(match flow {
        Flow::Forgotten { .. } => return None,
        Flow::Opened { id, client, server, syn_seen, .. } => {
            format!("{} {} {client} > {server}", id.0, if syn_seen { "open" } else { "join" })
        }
        Flow::Data { from, bytes, .. } => format!("{} {}", side(from), String::from_utf8_lossy(bytes)),
        Flow::Gap { from, octets, .. } => format!("{} gap {octets}", side(from)),
        Flow::Conflict { from, octets, .. } => format!("{} conflict {octets}", side(from)),
        Flow::Ended { from, how: End::Fin, .. } => format!("{} fin", side(from)),
        Flow::Ended { from, how: End::Reset, .. } => format!("{} reset", side(from)),
    })
}

#[test]
fn a_dialogue_is_told_as_it_was_captured() {
    let mut wire = Wire::opened();
    wire.see(&server(5001, 1001, "220"));
    wire.see(&client(1001, 5004, "QUIT"));
    wire.see(&server(5004, 1005, "221").flag(FIN));
    wire.see(&client(1005, 5008, "").flag(FIN));
    assert_eq!(wire.told(), ["S 220", "C QUIT", "S 221", "S fin", "C fin"]);
    wire.see(&server(5008, 1006, ""));
    wire.finish();
    assert!(wire.told().is_empty());
}

#[test]
fn sequence_numbers_wrap() {
    let mut wire = Wire::default();
    wire.see(&client(u32::MAX - 2, 0, "").without_ack().flag(SYN));
    wire.see(&server(u32::MAX, u32::MAX - 1, "").flag(SYN));
    wire.see(&client(2, 0, "ef"));
    wire.see(&client(u32::MAX - 1, 0, "abcd"));
    wire.see(&server(0, 4, "ok").flag(FIN));
    assert_eq!(wire.told(), ["0 open 10.0.0.1:40000 > 10.0.0.2:25", "C abcd", "C ef", "S ok", "S fin"]);
}

#[test]
fn segments_out_of_order_wait_for_those_before_them() {
    let mut wire = Wire::opened();
    wire.see(&client(1007, 5001, "gh"));
    wire.see(&client(1004, 5001, "def"));
    assert!(wire.told().is_empty());
    wire.see(&client(1001, 5001, "abc"));
    assert_eq!(wire.told(), ["C abc", "C def", "C gh"]);
}

#[test]
fn repeated_octets_are_told_once() {
    let mut wire = Wire::opened();
    wire.see(&client(1001, 5001, "abcd"));
    wire.see(&client(1001, 5001, "abcd"));
    wire.see(&client(1003, 5001, "cdef"));
    wire.see(&client(1009, 5001, "ij"));
    wire.see(&client(1009, 5001, "ijk"));
    wire.see(&client(1005, 5001, "efghij"));
    assert_eq!(wire.told(), ["C abcd", "C ef", "C gh", "C ij", "C k"]);
    assert_eq!(wire.reassembler.counts().conflicting, 0);
}

#[test]
fn the_first_copy_of_differing_octets_stands_and_the_conflict_is_told() {
    let mut wire = Wire::opened();
    wire.see(&client(1001, 5001, "abcd"));
    wire.see(&client(1002, 5001, "XcYef"));
    assert_eq!(wire.told(), ["C abcd", "C ef", "C conflict 2"]);
    wire.see(&client(1009, 5001, "ij"));
    wire.see(&client(1007, 5001, "ghZZkl"));
    assert_eq!(wire.told(), ["C conflict 2", "C gh", "C ij", "C kl"]);
    assert_eq!(wire.reassembler.counts().conflicting, 2);
}

#[test]
fn a_keep_alive_repeats_an_octet_and_is_no_conflict() {
    let mut wire = Wire::opened();
    wire.see(&client(1001, 5001, "abcd"));
    wire.see(&client(1004, 5001, "\0"));
    wire.see(&client(1005, 5001, "e"));
    assert_eq!(wire.told(), ["C abcd", "C e"]);
}

#[test]
fn a_hole_is_a_gap_when_it_was_acknowledged_and_the_sender_went_on() {
    let mut wire = Wire::opened();
    wire.see(&client(1001, 5001, "ab"));
    wire.see(&client(1008, 5001, "hi"));
    assert_eq!(wire.told(), ["C ab"]);
    wire.see(&server(5001, 1008, "ok"));
    assert_eq!(wire.told(), ["C gap 5", "C hi", "S ok"]);
    // An acknowledgement from behind the hole shows as well that the sender went on.
    wire.see(&server(5003, 1110, "250"));
    assert!(wire.told().is_empty());
    wire.see(&client(1110, 5006, ""));
    assert_eq!(wire.told(), ["C gap 100", "S 250"]);
    // What comes too late was given up.
    wire.see(&client(1010, 5006, "late"));
    wire.finish();
    assert!(wire.told().is_empty());
}

#[test]
fn an_answer_captured_before_its_question_is_told_after_it() {
    let mut wire = Wire::opened();
    wire.see(&server(5001, 1007, "250 ok"));
    assert!(wire.told().is_empty());
    wire.see(&client(1001, 5001, "NOOP\r\n"));
    assert_eq!(wire.told(), ["C NOOP\r\n", "S 250 ok"]);
}

#[test]
fn an_acknowledgement_of_what_was_never_sent_loses_nothing() {
    let mut wire = Wire::opened();
    wire.see(&server(5001, 900_000_000, "220"));
    wire.see(&client(1001, 5004, "EHLO"));
    wire.see(&client(1005, 5004, " a"));
    assert_eq!(wire.told(), ["S 220", "C EHLO", "C  a"]);
}

#[test]
fn a_side_that_stays_unseen_does_not_hold_the_other_up_for_long() {
    let mut wire = Wire::opened();
    for number in 0..30 {
        wire.see(&server(5001 + number, 1100, "x"));
    }
    assert_eq!(wire.told().len(), 14);
    wire.finish();
    assert_eq!(wire.told()[0], "C gap 99");
}

#[test]
fn one_side_alone_is_told_at_once() {
    let mut wire = Wire::default();
    wire.see(&server(5000, 1001, "").flag(SYN));
    wire.see(&server(5001, 1001, "220"));
    wire.see(&server(5004, 1020, "250"));
    assert_eq!(wire.told(), ["0 join 10.0.0.1:40000 > 10.0.0.2:25", "S 220", "S 250"]);
    wire.finish();
    assert!(wire.told().is_empty());
}

#[test]
fn the_end_of_the_capture_tells_what_waits_behind_gaps() {
    let mut wire = Wire::opened();
    wire.see(&client(1003, 5001, "cd"));
    wire.see(&client(1008, 5001, "hi").flag(FIN));
    wire.see(&server(5004, 1001, "ok"));
    wire.finish();
    assert_eq!(wire.told(), ["C gap 2", "C cd", "C gap 3", "C hi", "C fin", "S gap 3", "S ok"]);
}

#[test]
fn octets_acknowledged_and_never_seen_are_a_gap_at_the_end() {
    let mut wire = Wire::opened();
    wire.see(&client(1001, 5001, "ab"));
    wire.see(&server(5001, 1103, ""));
    wire.finish();
    assert_eq!(wire.told(), ["C ab", "C gap 100"]);
}

#[test]
fn one_octet_acknowledged_at_the_end_is_an_unseen_fin() {
    let mut wire = Wire::opened();
    wire.see(&client(1001, 5001, "ab"));
    wire.see(&server(5001, 1004, ""));
    wire.finish();
    assert_eq!(wire.told(), ["C ab"]);
}

#[test]
fn a_fin_takes_a_number_and_is_no_gap() {
    let mut wire = Wire::opened();
    wire.see(&client(1001, 5004, "").flag(FIN));
    wire.see(&client(1002, 5004, ""));
    wire.see(&server(5001, 1002, ""));
    wire.see(&server(5001, 1002, "221"));
    assert_eq!(wire.told(), ["S 221", "C fin"]);
    // The server's FIN was not captured, its numbers say so.
    wire.see(&server(5005, 1002, ""));
    wire.see(&client(1002, 5005, ""));
    wire.finish();
    assert!(wire.told().is_empty());
}

#[test]
fn a_link_type_that_is_not_read_is_counted() {
    let mut wire = Wire::default();
    wire.frame(105, &[0; 60]);
    assert_eq!(wire.reassembler.counts().unknown_link, 1);
}

#[test]
fn a_fin_waits_for_the_octets_before_it() {
    let mut wire = Wire::opened();
    wire.see(&client(1003, 5001, "cd").flag(FIN));
    wire.see(&client(1001, 5001, "ab"));
    assert_eq!(wire.told(), ["C ab", "C cd", "C fin"]);
    wire.see(&client(1005, 5001, "more"));
    wire.finish();
    assert!(wire.told().is_empty());
    assert_eq!(wire.reassembler.counts().late, 1);
}

#[test]
fn a_syn_may_carry_data() {
    let mut wire = Wire::default();
    wire.see(&client(1000, 0, "EHLO").without_ack().flag(SYN));
    wire.see(&client(1005, 5001, " a"));
    assert_eq!(wire.told()[1..], ["C EHLO", "C  a"]);
}

#[test]
fn a_reset_ends_its_side_after_what_waits() {
    let mut wire = Wire::opened();
    wire.see(&client(1001, 5001, "ab"));
    wire.see(&client(1005, 5001, "ef"));
    wire.see(&client(1007, 0, "").without_ack().flag(RST));
    assert_eq!(wire.told(), ["C ab", "C gap 2", "C ef", "C reset"]);
    wire.see(&server(5001, 1003, "451"));
    assert_eq!(wire.told(), ["S 451"]);
}

#[test]
fn a_reset_that_no_receiver_would_obey_ends_nothing() {
    let mut wire = Wire::opened();
    wire.see(&client(1001, 5001, "ab"));
    wire.see(&client(90_000, 5001, "").flag(RST));
    wire.see(&client(1003, 5001, "cd"));
    assert_eq!(wire.told(), ["C ab", "C cd"]);
    assert_eq!(wire.reassembler.counts().implausible, 1);
}

#[test]
fn a_refused_connection_is_a_reset_of_the_server() {
    let mut wire = Wire::default();
    wire.see(&client(1000, 0, "").without_ack().flag(SYN));
    wire.see(&server(0, 1001, "").flag(RST));
    assert_eq!(wire.told(), ["0 open 10.0.0.1:40000 > 10.0.0.2:25", "S reset"]);
}

#[test]
fn without_a_syn_the_server_is_known_by_its_port() {
    for (source, destination, session) in [
        (40_000, 25, "40000 > 10.0.0.2:25"),
        (2525, 1024, "1024 > 10.0.0.1:2525"),
        (587, 25, "587 > 10.0.0.2:25"),
        (6379, 50_000, "50000 > 10.0.0.1:6379"),
        (50_000, 6379, "50000 > 10.0.0.2:6379"),
    ] {
        let mut wire = Wire::default();
        wire.see(&client(7, 9, "x").ports(source, destination));
        let opened = wire.told().remove(0);
        assert!(opened.starts_with("0 join") && opened.ends_with(session), "{opened}");
    }
}

#[test]
fn a_syn_with_a_new_number_opens_a_new_session_on_the_same_ports() {
    let mut wire = Wire::opened();
    wire.see(&client(1000, 0, "").without_ack().flag(SYN));
    wire.see(&client(1001, 5001, "old"));
    assert_eq!(wire.told(), ["C old"], "the repeated SYN is not new");
    wire.see(&client(900, 0, "").without_ack().flag(SYN));
    wire.see(&server(6000, 901, "").flag(SYN));
    wire.see(&client(901, 6001, "new"));
    assert_eq!(wire.told(), ["1 open 10.0.0.1:40000 > 10.0.0.2:25", "C new"]);
}

#[test]
fn a_forged_syn_does_not_take_the_session_away() {
    let mut wire = Wire::opened();
    wire.see(&client(1001, 5001, "EHLO"));
    for forged in [800_000, 3_000_000_000] {
        wire.see(&client(forged, 0, "").without_ack().flag(SYN));
    }
    wire.see(&server(5001, 1005, "250"));
    wire.see(&client(1005, 5004, "MAIL"));
    let open = |id| format!("{id} open 10.0.0.1:40000 > 10.0.0.2:25");
    assert_eq!(wire.told(), ["C EHLO", &open(1), &open(2), "S 250", "C MAIL"]);
    // An answer makes it real.
    wire.see(&server(7000, 3_000_000_001, "").flag(SYN));
    wire.see(&server(7001, 3_000_000_001, "220"));
    assert_eq!(wire.told(), ["S 220"]);
}

#[test]
fn a_server_may_change_its_mind_about_its_first_number_before_it_speaks() {
    let mut wire = Wire::opened();
    wire.see(&server(8000, 1001, "").flag(SYN));
    wire.see(&server(8001, 1001, "220"));
    assert_eq!(wire.told(), ["S 220"]);
}

#[test]
fn every_way_to_carry_ip_leads_to_the_segment() {
    let (v4, v6) = (client(1, 1, "x").ipv4(), client(1, 1, "x").ipv6());
    let tagged = |tag: u16, payload: &[u8]| [&[0, 7][..], &tag.to_be_bytes(), payload].concat();
    let with = |header: &[u8], payload: &[u8]| [header, payload].concat();
    let udp = |port: u16, payload: &[u8]| [&[0x99, 0x99][..], &port.to_be_bytes(), &[0; 4], payload].concat();
    let vxlan = with(&[8, 0, 0, 0, 0, 0, 1, 0], &ethernet(0x0800, &v4));
    let other_side = Side::Server;
    for (way, link, frame) in [
        ("ethernet", 1, ethernet(0x0800, &v4)),
        ("ethernet, IPv6", 1, ethernet(0x86dd, &v6)),
        ("padded ethernet", 1, with(&ethernet(0x0800, &v4), &[0xee; 9])),
        ("VLAN", 1, ethernet(0x8100, &tagged(0x0800, &v4))),
        ("VLAN in VLAN", 1, ethernet(0x88a8, &tagged(0x8100, &tagged(0x86dd, &v6)))),
        ("BSD loopback", 0, with(&[2, 0, 0, 0], &v4)),
        ("OpenBSD loopback", 108, with(&[0, 0, 0, 30], &v6)),
        ("raw IP", 101, v4.clone()),
        ("raw IPv6", 229, v6.clone()),
        ("cooked", 113, with(&[0; 14], &with(&[0x08, 0x00], &v4))),
        ("cooked, version 2", 276, with(&[0x86, 0xdd], &with(&[0; 18], &v6))),
        ("PPP", 9, with(&[0xff, 0x03, 0x00, 0x21], &v4)),
        ("PPPoE", 1, ethernet(0x8864, &with(&[0x11, 0, 0, 1, 0, 0, 0x00, 0x57], &v6))),
        ("Cisco HDLC", 104, with(&[0x0f, 0, 0x08, 0x00], &v4)),
        ("MPLS", 1, ethernet(0x8847, &with(&[0, 1, 0, 64, 0, 2, 1, 64], &v4))),
        ("IP in IP", 101, ipv4(other_side, 4, &v4)),
        ("6in4", 101, ipv4(other_side, 41, &v6)),
        ("GRE", 101, ipv4(other_side, 47, &with(&[0, 0, 0x08, 0], &v4))),
        (
            "GRE, key and number",
            101,
            ipv4(other_side, 47, &with(&[0x30, 0, 0x86, 0xdd, 1, 2, 3, 4, 5, 6, 7, 8], &v6)),
        ),
        ("Ethernet in GRE", 101, ipv4(other_side, 47, &with(&[0, 0, 0x65, 0x58], &ethernet(0x0800, &v4)))),
        ("VXLAN", 101, ipv4(other_side, 17, &udp(4789, &vxlan))),
        (
            "IPv6 options",
            101,
            ipv6(Side::Client, 60, &with(&[6, 0, 1, 4, 0, 0, 0, 0], &client(1, 1, "x").tcp())),
        ),
    ] {
        let mut wire = Wire::default();
        wire.frame(link, &frame);
        let told = wire.told();
        let ends = ["0 join 10.0.0.1:40000 > 10.0.0.2:25", "0 join [::1]:40000 > [::2]:25"];
        assert!(told.len() == 2 && ends.contains(&told[0].as_str()) && told[1] == "C x", "{way}: {told:?}");
    }
}

#[test]
fn what_the_snap_length_cut_off_is_a_gap() {
    let mut wire = Wire::opened();
    let frame = ethernet(0x0800, &client(1001, 5001, "abcdef").ipv4());
    wire.frame(1, &frame[..frame.len() - 4]);
    wire.see(&client(1007, 5001, "gh"));
    assert_eq!(wire.told(), ["C ab"]);
    wire.see(&server(5001, 1009, ""));
    assert_eq!(wire.told(), ["C gap 4", "C gh"]);
    let frame = ethernet(0x0800, &client(1009, 5001, "ijk").ipv4());
    wire.frame(1, &frame[..frame.len() - 2]);
    wire.finish();
    assert_eq!(wire.told(), ["C i", "C gap 2"]);
}

#[test]
fn fragments_are_put_together_in_any_order() {
    let tcp = client(1001, 5001, "a message in three fragments").tcp();
    let mut wire = Wire::opened();
    wire.frame(101, &ipv4_fragment(Side::Client, 6, 4, &tcp[32..]));
    wire.frame(101, &ipv4_fragment(Side::Client, 6, 0x2000, &tcp[..16]));
    assert!(wire.told().is_empty());
    wire.frame(101, &ipv4_fragment(Side::Client, 6, 0x2000 + 2, &tcp[16..32]));
    assert_eq!(wire.told(), ["C a message in three fragments"]);
    // IPv6: the fragment header stands between.
    let tcp = client(1, 1, "six").tcp();
    let piece = |place: u16, bytes: &[u8]| {
        let head = [&[6, 0][..], &place.to_be_bytes(), &[0, 0, 0, 9], bytes].concat();
        ipv6(Side::Client, 44, &head)
    };
    wire.frame(101, &piece(1, &tcp[..16]));
    wire.frame(101, &piece(16, &tcp[16..]));
    assert_eq!(wire.told(), ["1 join [::1]:40000 > [::2]:25", "C six"]);
}

#[test]
fn incomplete_packets_give_way_to_newer_ones() {
    let mut wire = Wire::default();
    for identification in 0..2_000u16 {
        let mut fragment = ipv4_fragment(Side::Client, 6, 0x2000, &[0; 64]);
        fragment[4..6].copy_from_slice(&identification.to_be_bytes());
        wire.frame(101, &fragment);
    }
    assert_eq!(wire.reassembler.counts().fragments, 2_000);
    assert!(format!("{:?}", wire.reassembler.fragments).matches("PacketId").count() <= 2 * 256);
}

#[test]
fn a_hole_with_too_much_behind_it_is_a_gap() {
    let mut wire = Wire::opened();
    for number in 0..1_001 {
        wire.see(&client(1003 + 2 * number, 5001, "x"));
    }
    assert_eq!(wire.told(), ["C gap 2", "C x"]);
    let mut wire = Wire::opened();
    let segment = "y".repeat(60_000);
    for number in 0..70 {
        wire.see(&client(1002 + 60_000 * number, 5001, &segment));
    }
    assert_eq!(wire.told()[0], "C gap 1");
}

#[test]
fn too_many_sessions_make_the_silent_ones_go() {
    let mut wire = Wire::opened();
    wire.see(&client(1002, 5001, "b"));
    for number in 0..70_000u32 {
        let mut frame = client(1, 0, "").without_ack().flag(SYN).ipv4();
        frame[12..16].copy_from_slice(&(0x0b00_0000 + number).to_be_bytes());
        wire.frame(101, &frame);
    }
    let told = wire.told();
    assert!(told.contains(&"C gap 1".to_owned()) && told.contains(&"C b".to_owned()));
    assert!(wire.reassembler.sessions.len() <= SESSIONS_MAX);
}

#[test]
fn what_all_sessions_keep_to_compare_repeated_octets_is_bounded() {
    let mut wire = Wire::opened();
    let said = "y".repeat(8 << 10);
    for number in 0..3_000u32 {
        let mut frame = client(1001, 5001, &said).ipv4();
        frame[12..16].copy_from_slice(&(0x0b00_0000 + number).to_be_bytes());
        wire.frame(101, &frame);
        assert!(wire.reassembler.recent_octets <= RECENT_OCTETS_MAX);
    }
    let kept = wire.reassembler.sessions.values().map(Tracked::recent_octets);
    assert_eq!(kept.sum::<usize>(), wire.reassembler.recent_octets);
}

#[test]
fn whatever_is_opened_is_forgotten_once() {
    let mut reassembler = Reassembler::default();
    let mut opened = HashMap::new();
    let mut count = |flow: Flow<'_>| match flow {
        Flow::Opened { id, .. } => assert_eq!(opened.insert(id, 0), None),
        Flow::Forgotten { id } => *opened.get_mut(&id).unwrap() += 1,
        _ => {}
    };
    for number in 0..70_000u32 {
        // Some between the same ends, some answered.
        let mut frame = client(number, 0, "").without_ack().flag(SYN).ipv4();
        frame[12..16].copy_from_slice(&(0x0b00_0000 + number / 3 * 2).to_be_bytes());
        reassembler.push(&Frame { time: Time(0), link: 101, bytes: &frame }, &mut count);
    }
    for sequence in 1..5 {
        for sent in [client(sequence, 0, "").without_ack(), server(sequence, sequence + 1, "")] {
            let bytes = sent.flag(SYN).ipv4();
            reassembler.push(&Frame { time: Time(0), link: 101, bytes: &bytes }, &mut count);
        }
    }
    reassembler.finish(&mut count);
    assert!(opened.len() > 70_000 && opened.values().all(|&forgotten| forgotten == 1));
}

#[test]
fn any_frame_cut_or_altered_is_survived() {
    let mut wire = Wire::default();
    let inner = ethernet(0x0800, &client(1, 1, "x").ipv4());
    let frame = ethernet(0x8100, &[&[0, 7, 0x86, 0xdd][..], &ipv6(Side::Client, 47, &inner)].concat());
    for len in 0..frame.len() {
        for link in [0, 1, 9, 12, 51, 104, 108, 113, 276, 999] {
            wire.frame(link, &frame[..len]);
        }
    }
    let mut random = fastrand::Rng::with_seed(1);
    for _ in 0..20_000 {
        let mut frame = frame.clone();
        for _ in 0..random.usize(1..6) {
            let at = random.usize(..frame.len());
            frame[at] = random.u8(..);
        }
        wire.frame(1, &frame);
    }
    // A tunnel in a tunnel in a tunnel …: read to a depth, not to the end.
    let nested = (0..500).fold(client(1, 1, "x").ipv4(), |inner, _| ipv4(Side::Client, 4, &inner));
    wire.frame(101, &nested);
    wire.finish();
}

#[test]
fn any_order_and_repetition_of_a_dialogue_tells_the_same_octets() {
    for seed in 0..200 {
        let mut random = fastrand::Rng::with_seed(seed);
        let message: String = (0..400).map(|_| random.alphanumeric()).collect();
        let mut segments = Vec::new();
        let mut at = 0;
        while at < message.len() {
            let len = random.usize(1..40).min(message.len() - at);
            segments.push(client(1001 + u32::try_from(at).unwrap(), 5001, &message[at..at + len]));
            at += len;
        }
        let copies: Vec<_> = segments.iter().filter(|_| random.bool()).cloned().collect();
        segments.extend(copies);
        random.shuffle(&mut segments);
        let mut wire = Wire::opened();
        segments.iter().for_each(|segment| wire.see(segment));
        let told: String =
            wire.told().iter().map(|told| told.strip_prefix("C ").unwrap().to_owned()).collect();
        assert_eq!(told, message, "seed {seed}");
    }
}
