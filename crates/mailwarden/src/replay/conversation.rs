//! One TCP session of a capture, from its first packet: is it mail, and what came of it?
//!
//! Who says what when is the reassembler's business, and what it means `dialogue`'s.

use std::net::SocketAddr;
use std::sync::Arc;

use engine::SessionConfig;
use proto::{Side, Time};

use super::dialogue::Dialogue;
use super::recognise::{Spoken, recognise, recognise_at_last};
use super::smtp::begins_reply;
use super::transcript::Transcript;

#[derive(Debug)]
pub(super) struct Conversation {
    pub(super) client: SocketAddr,
    pub(super) server: SocketAddr,
    /// Places where the capture lacks octets.
    pub(super) gaps: u64,
    syn_seen: bool,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Nobody knows yet what is spoken.
    Listening(Vec<Heard>),
    Following(Box<Dialogue>),
    /// No mail, or nothing that can be read.
    LeftOut,
}

/// Something that one side said, or that was lost of it.
#[derive(Debug)]
struct Heard {
    from: Side,
    time: Time,
    piece: Piece,
}

#[derive(Debug)]
pub(super) enum Piece {
    Octets(Vec<u8>),
    /// So many octets that the capture lacks.
    Gap(u64),
}

impl Conversation {
    pub(super) fn new(client: SocketAddr, server: SocketAddr, syn_seen: bool) -> Self {
        Self { client, server, gaps: 0, syn_seen, state: State::Listening(Vec::new()) }
    }

    pub(super) fn data(&mut self, from: Side, time: Time, octets: &[u8], at: &Arc<SessionConfig>) {
        match &mut self.state {
            State::Following(dialogue) => dialogue.data(from, time, octets),
            State::LeftOut => {}
            State::Listening(heard) => {
                heard.push(Heard { from, time, piece: Piece::Octets(octets.to_vec()) });
                self.decide(recognise, at);
            }
        }
    }

    pub(super) fn gap(&mut self, from: Side, time: Time, octets: u64) {
        self.gaps += 1;
        match &mut self.state {
            State::Following(dialogue) => dialogue.gap(from, time, octets),
            State::Listening(heard) => heard.push(Heard { from, time, piece: Piece::Gap(octets) }),
            State::LeftOut => {}
        }
    }

    pub(super) const fn is_left_out(&self) -> bool {
        matches!(self.state, State::LeftOut)
    }

    /// No more of it follows: the transcript, if it was mail.
    pub(super) fn close(&mut self, at: &Arc<SessionConfig>) -> Option<Transcript> {
        self.decide(recognise_at_last, at);
        match std::mem::replace(&mut self.state, State::LeftOut) {
            State::Following(dialogue) => Some(dialogue.close()),
            State::Listening(_) | State::LeftOut => None,
        }
    }

    fn decide(&mut self, judge: fn(u16, &[u8], &[u8]) -> Spoken, at: &Arc<SessionConfig>) {
        let State::Listening(heard) = &mut self.state else { return };
        let (client, server) = (opening(heard, Side::Client), opening(heard, Side::Server));
        let port = self.server.port();
        let judge = if heard.len() < OPENING_PIECES { judge } else { recognise_at_last };
        match judge(port, &client, &server) {
            Spoken::Unclear => {}
            Spoken::Other => self.state = State::LeftOut,
            Spoken::Smtp => {
                let heard = std::mem::take(heard);
                let begun = heard.first().map_or(Time(0), |heard| heard.time);
                let mut dialogue = Dialogue::new(at, begun);
                // A server that was not recorded did greet, and one that we join late has greeted: its
                // client is no early talker.
                let joined = !self.syn_seen && !server.starts_with(b"220");
                if begins_reply(&server).is_none() || joined {
                    dialogue.join();
                }
                for Heard { from, time, piece } in heard {
                    match piece {
                        Piece::Octets(octets) => dialogue.data(from, time, &octets),
                        Piece::Gap(octets) => dialogue.gap(from, time, octets),
                    }
                }
                self.state = State::Following(Box::new(dialogue));
            }
        }
    }
}

/// The first octets that a side said.
fn opening(heard: &[Heard], side: Side) -> Vec<u8> {
    let pieces = heard.iter().filter(|heard| heard.from == side);
    let octets = pieces.filter_map(|heard| match &heard.piece {
        Piece::Octets(octets) => Some(octets.as_slice()),
        Piece::Gap(_) => None,
    });
    octets.flatten().copied().take(OPENING_OCTETS).collect()
}

/// Octets of a side that tell what it speaks: a line of a greeting.
const OPENING_OCTETS: usize = 512;

// Limit: segments heard before a session is judged by what there is; whoever is that silent is not there.
const OPENING_PIECES: usize = 64;
