use super::*;

type OwnedFrame = (Time, i32, Vec<u8>);

/// The frames of a file and what was wrong with it.
fn read(file: &[u8]) -> (Vec<OwnedFrame>, Vec<Problem>) {
    // Three octets a read: a record's parts never come together.
    let mut capture = match Capture::open(ThreeAtATime(file)) {
        Ok(capture) => capture,
        Err(problem) => return (Vec::new(), vec![problem]),
    };
    let (mut frames, mut problems) = (Vec::new(), Vec::new());
    while let Some(next) = capture.next_frame() {
        match next {
            Ok(frame) => frames.push((frame.time, frame.link, frame.bytes.to_vec())),
            Err(problem) => problems.push(problem),
        }
    }
    (frames, problems)
}

struct ThreeAtATime<'b>(&'b [u8]);

impl Read for ThreeAtATime<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = buffer.len().min(3);
        self.0.read(&mut buffer[..len])
    }
}

fn frame(number: u8) -> Vec<u8> {
    vec![number; 20 + usize::from(number)]
}

#[derive(Clone, Copy)]
enum Order {
    Little,
    Big,
}

impl Order {
    fn u16(self, value: u16) -> [u8; 2] {
        match self {
            Self::Little => value.to_le_bytes(),
            Self::Big => value.to_be_bytes(),
        }
    }

    fn u32(self, value: u32) -> [u8; 4] {
        match self {
            Self::Little => value.to_le_bytes(),
            Self::Big => value.to_be_bytes(),
        }
    }
}

fn pcap_header(order: Order, magic: u32) -> Vec<u8> {
    let mut file = order.u32(magic).to_vec();
    file.extend([order.u16(2), order.u16(4)].concat());
    file.extend([order.u32(0), order.u32(0), order.u32(65_535), order.u32(1)].concat());
    file
}

fn pcap_record(order: Order, fraction: u32, bytes: &[u8]) -> Vec<u8> {
    let len = order.u32(u32::try_from(bytes.len()).unwrap());
    let mut record = [order.u32(1_000), order.u32(fraction), len, len].concat();
    record.extend(bytes);
    record
}

/// A pcap file of frames 1, 2, … `count`.
fn pcap(order: Order, count: u8) -> Vec<u8> {
    let mut file = pcap_header(order, 0xa1b2_c3d4);
    file.extend((1..=count).flat_map(|number| pcap_record(order, u32::from(number), &frame(number))));
    file
}

fn block(order: Order, kind: u32, body: &[u8]) -> Vec<u8> {
    let padding = body.len().next_multiple_of(4) - body.len();
    let len = order.u32(u32::try_from(12 + body.len() + padding).unwrap());
    [&order.u32(kind)[..], &len, body, &vec![0; padding], &len].concat()
}

fn section(order: Order) -> Vec<u8> {
    let body = [&order.u32(0x1a2b_3c4d)[..], &order.u16(1), &order.u16(0), &[0xff; 8]].concat();
    block(order, 0x0a0d_0d0a, &body)
}

/// An interface of link type `link` whose clock ticks as `if_tsresol` says.
fn interface(order: Order, link: u16, resolution: u8) -> Vec<u8> {
    let body = [
        &order.u16(link)[..],
        &order.u16(0),
        &order.u32(0),
        &order.u16(9),
        &order.u16(1),
        &[resolution, 0, 0, 0],
        &order.u16(0),
        &order.u16(0),
    ];
    block(order, 1, &body.concat())
}

fn enhanced_packet(order: Order, interface: u32, ticks: u64, bytes: &[u8]) -> Vec<u8> {
    let (high, low) = (u32::try_from(ticks >> 32).unwrap(), u32::try_from(ticks & 0xffff_ffff).unwrap());
    let len = order.u32(u32::try_from(bytes.len()).unwrap());
    let head = [order.u32(interface), order.u32(high), order.u32(low), len, len].concat();
    block(order, 6, &[&head, bytes].concat())
}

fn pcapng(order: Order, count: u8) -> Vec<u8> {
    let packets = (1..=count)
        .flat_map(|number| enhanced_packet(order, 0, 1_000_000 + u64::from(number), &frame(number)));
    [section(order), interface(order, 1, 6)].concat().into_iter().chain(packets).collect()
}

#[test]
fn every_octet_order_and_precision_yields_the_same_frames() {
    for order in [Order::Little, Order::Big] {
        let microseconds = pcap(order, 2);
        let (frames, problems) = read(&microseconds);
        assert!(problems.is_empty());
        assert_eq!(frames[1], (Time(1_000_000_002_000), 1, frame(2)));

        let mut nanoseconds = pcap_header(order, 0xa1b2_3c4d);
        nanoseconds.extend(pcap_record(order, 7, &frame(1)));
        assert_eq!(read(&nanoseconds).0, [(Time(1_000_000_000_007), 1, frame(1))]);

        let (frames, problems) = read(&pcapng(order, 2));
        assert!(problems.is_empty());
        assert_eq!(frames[1], (Time(1_000_002_000), 1, frame(2)));
    }
}

#[test]
fn patched_pcap_headers_are_eight_octets_longer() {
    let mut file = pcap_header(Order::Little, 0xa1b2_cd34);
    let record = pcap_record(Order::Little, 1, &frame(1));
    file.extend([&record[..16], &[0; 8], &record[16..]].concat());
    assert_eq!(read(&file).0, [(Time(1_000_000_001_000), 1, frame(1))]);
}

#[test]
fn each_pcapng_section_has_its_own_order_and_interfaces() {
    let file = [
        pcapng(Order::Little, 1),
        section(Order::Big),
        interface(Order::Big, 101, 0x80 | 10),
        interface(Order::Big, 113, 9),
        enhanced_packet(Order::Big, 0, 3 * 1024 + 512, &frame(2)),
        enhanced_packet(Order::Big, 1, 5, &frame(3)),
    ];
    let (frames, problems) = read(&file.concat());
    assert!(problems.is_empty());
    assert_eq!(frames[1], (Time(3_500_000_000), 101, frame(2)));
    assert_eq!(frames[2], (Time(5), 113, frame(3)));
}

#[test]
fn simple_packets_belong_to_the_first_interface() {
    let bytes = frame(1);
    let body = [&Order::Little.u32(u32::try_from(bytes.len()).unwrap())[..], &bytes].concat();
    let file = [section(Order::Little), interface(Order::Little, 1, 6), block(Order::Little, 3, &body)];
    assert_eq!(read(&file.concat()).0, [(Time(0), 1, frame(1))]);
}

#[test]
fn a_frame_of_an_unknown_interface_is_a_problem_and_not_the_end() {
    let file = [
        pcapng(Order::Little, 1),
        enhanced_packet(Order::Little, 9, 1, &frame(2)),
        enhanced_packet(Order::Little, 0, 1, &frame(3)),
    ];
    let (frames, problems) = read(&file.concat());
    assert_eq!(frames.len(), 2);
    assert!(matches!(problems[..], [Problem { what: Damage::Broken { .. }, .. }]));
}

#[test]
fn a_file_cut_at_any_octet_yields_its_whole_records_and_says_where_it_ends() {
    for whole in
        [pcap(Order::Little, 4), pcap(Order::Big, 4), pcapng(Order::Little, 4), pcapng(Order::Big, 4)]
    {
        let (all, _) = read(&whole);
        let mut seen = 0;
        for len in 0..whole.len() {
            let (frames, problems) = read(&whole[..len]);
            assert!(frames.len() >= seen && frames == all[..frames.len()], "cut at {len}");
            assert!(problems.len() <= 1, "cut at {len}: {problems:?}");
            if let Some(Problem { at, what }) = problems.first() {
                let held = match what {
                    Damage::Cut { held } => *held,
                    Damage::NotACapture(_) => len,
                    other => panic!("cut at {len}: {other:?}"),
                };
                assert_eq!(usize::try_from(*at).unwrap() + held, len);
            }
            seen = frames.len();
        }
        assert_eq!(seen, 3);
    }
}

#[test]
fn whole_records_behind_a_damaged_length_are_found_again() {
    for length in [u32::MAX, 100_000, 0x0001_0000] {
        let mut file = pcap(Order::Little, 5);
        // The record of frame 2 begins behind the file's header and the record of frame 1.
        let at = 24 + 16 + frame(1).len();
        file[at + 8..at + 12].copy_from_slice(&length.to_le_bytes());
        let (frames, problems) = read(&file);
        let numbers: Vec<_> = frames.iter().map(|(_, _, bytes)| bytes[0]).collect();
        assert_eq!(numbers, [1, 3, 4, 5]);
        let [Problem { at: reported, what: Damage::Broken { skipped } }] = problems[..] else {
            panic!("{problems:?}")
        };
        assert_eq!((reported, skipped), (at as u64, 16 + frame(2).len()));
    }
}

#[test]
fn octets_inserted_into_a_file_cost_only_the_record_they_are_in() {
    let mut file = pcap(Order::Little, 5);
    let at = 24 + 16 + frame(1).len() + 16 + 3;
    file.splice(at..at, [0xee; 7]);
    let (frames, problems) = read(&file);
    assert_eq!(frames.len(), 5, "frame 2 is read wrongly, but read");
    assert!(matches!(problems[..], [Problem { what: Damage::Broken { skipped: 7 }, .. }]), "{problems:?}");
}

#[test]
fn whole_blocks_behind_a_damaged_one_are_found_again() {
    let before = pcapng(Order::Little, 1);
    let mut damaged = enhanced_packet(Order::Little, 0, 1, &frame(2));
    let closing = damaged.len() - 4;
    damaged[closing] ^= 0x40;
    let file = [before.clone(), damaged, enhanced_packet(Order::Little, 0, 1, &frame(3))].concat();
    let (frames, problems) = read(&file);
    assert_eq!(frames.last().unwrap().2, frame(3));
    assert_eq!(frames.len(), 2);
    assert!(
        matches!(problems[..], [Problem { at, what: Damage::Broken { .. } }] if at == before.len() as u64)
    );
}

#[test]
fn damage_with_nothing_behind_it_ends_the_file() {
    let mut file = pcap(Order::Little, 1);
    file.extend([0xff; 40]);
    let (frames, problems) = read(&file);
    assert_eq!(frames.len(), 1);
    assert!(matches!(problems[..], [Problem { what: Damage::Lost, .. }]));
}

#[test]
fn what_is_no_capture_is_named() {
    for (file, says) in [
        (&b""[..], "not a capture file: it is empty"),
        (b"\x1f\x8b\x08\0\0\0", "not a capture file: it is compressed with gzip"),
        (
            b"From: a@b.example\r\nSubject: x\r\n",
            "not a capture file: it begins with neither a pcap nor a pcapng header",
        ),
        (
            b"\xd4\xc3\xb2",
            "the file ends within the record at byte 0, after 3 bytes of it; everything before it was read",
        ),
    ] {
        let (frames, problems) = read(file);
        assert!(frames.is_empty());
        assert_eq!(problems.iter().map(Problem::to_string).collect::<Vec<_>>(), [says]);
    }
}

#[test]
fn no_octet_set_to_any_value_makes_reading_panic_or_run_on() {
    for whole in [pcap(Order::Little, 3), pcapng(Order::Little, 3)] {
        for at in 0..whole.len() {
            for value in [0, 1, 0x0a, 0x7f, 0x80, 0xff] {
                let mut file = whole.clone();
                file[at] = value;
                let (frames, problems) = read(&file);
                assert!(frames.len() + problems.len() <= 12);
            }
        }
    }
}
