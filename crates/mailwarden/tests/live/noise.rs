//! Random octets from either side: a named anomaly or a refusal, and the daemon goes on.

use std::time::Duration;

use crate::daemon::{Daemon, RULED};
use crate::server::{Host, Server};
use crate::wire::Wire;

const CONNECTIONS: usize = 300;

/// Words that lead somewhere, between octets that lead nowhere.
const WORDS: [&str; 16] = [
    "EHLO x\r\n",
    "MAIL FROM:<a@b>\r\n",
    "RCPT TO:<c@d>\r\n",
    "DATA\r\n",
    "\r\n.\r\n",
    "BDAT 10 LAST\r\n",
    "RSET\r\n",
    "AUTH LOGIN\r\n",
    "STARTTLS\r\n",
    "Content-Type: multipart/mixed; boundary=b\r\n",
    "\r\n--b\r\n",
    "220 x\r\n",
    "250-PIPELINING\r\n",
    "250 ok\r\n",
    "354 go\r\n",
    "421 bye\r\n",
];

fn noise(random: &mut fastrand::Rng) -> Vec<u8> {
    let mut octets = Vec::new();
    for _ in 0..random.usize(1..20) {
        if random.u8(..4) > 0 {
            octets.extend_from_slice(WORDS[random.usize(..WORDS.len())].as_bytes());
        } else {
            octets.extend((0..random.usize(..200)).map(|_| random.u8(..)));
        }
    }
    octets
}

fn babble(wire: &mut Wire, random: &mut fastrand::Rng) {
    for _ in 0..random.usize(1..6) {
        if !wire.send(noise(random)) {
            return;
        }
        if random.bool() {
            wire.is_silent(Duration::from_millis(2));
        }
    }
}

#[test]
fn noise_from_either_side_ends_sessions_and_nothing_else() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let server = Server::start(move |wire, number| {
        let mut random = fastrand::Rng::with_seed(seed ^ number as u64);
        let mut host = Host::new(wire);
        // Every fourth is sound, and so is the last.
        if number % 4 == 3 || number >= CONNECTIONS {
            host.serve();
        } else {
            babble(&mut host.wire, &mut random);
        }
    });
    let daemon = Daemon::start(RULED, &[server.address()]);
    let mut random = fastrand::Rng::with_seed(seed);
    for number in 0..CONNECTIONS {
        let mut client = daemon.connect();
        babble(&mut client, &mut random);
        if number % 2 == 0 {
            client.reset();
        }
    }
    daemon.passes_clean_mail();
    daemon.ended(CONNECTIONS + 1);
    assert!(!daemon.named("anomaly").is_empty());
}
