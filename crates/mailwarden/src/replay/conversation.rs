//! One TCP session of a capture, from its first packet: is it mail, and what came of it?
//!
//! Who says what when is the reassembler's business, and what it means `dialogue`'s.

use std::net::SocketAddr;

use proto::{Side, Time};

use super::dialogue::Dialogue;
use super::recognise::{Recognised, recognise, recognise_at_last};
use super::smtp::begins_reply;
use super::spoken::{Configs, Spoken};
use super::transcript::Transcript;

#[derive(Debug)]
pub(super) struct Conversation {
    pub(super) client: SocketAddr,
    pub(super) server: SocketAddr,
    /// Places where the capture lacks octets.
    pub(super) gaps: u64,
    syn_seen: bool,
    state: Recognition,
}

#[derive(Debug)]
enum Recognition {
    /// The protocol is not known yet.
    Undecided(Vec<EarlyPiece>),
    Following(Box<Dialogue>),
    /// Not mail, or unreadable.
    LeftOut,
}

/// Bytes of one side, or a gap, from before the protocol was known.
#[derive(Debug)]
struct EarlyPiece {
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
        Self { client, server, gaps: 0, syn_seen, state: Recognition::Undecided(Vec::new()) }
    }

    pub(super) fn data(&mut self, from: Side, time: Time, octets: &[u8], at: &Configs) {
        match &mut self.state {
            Recognition::Following(dialogue) => dialogue.data(from, time, octets),
            Recognition::LeftOut => {}
            Recognition::Undecided(early) => {
                early.push(EarlyPiece { from, time, piece: Piece::Octets(octets.to_vec()) });
                self.decide(recognise, at);
            }
        }
    }

    pub(super) fn gap(&mut self, from: Side, time: Time, octets: u64) {
        self.gaps += 1;
        match &mut self.state {
            Recognition::Following(dialogue) => dialogue.gap(from, time, octets),
            Recognition::Undecided(early) => early.push(EarlyPiece { from, time, piece: Piece::Gap(octets) }),
            Recognition::LeftOut => {}
        }
    }

    /// Bytes that it takes, roughly.
    pub(super) fn size(&self) -> usize {
        let state = match &self.state {
            Recognition::Undecided(early) => early.iter().map(EarlyPiece::size).sum(),
            Recognition::Following(dialogue) => dialogue.size(),
            Recognition::LeftOut => 0,
        };
        size_of::<Self>() + state
    }

    pub(super) const fn is_left_out(&self) -> bool {
        matches!(self.state, Recognition::LeftOut)
    }

    /// No more of it follows: the transcript, if it was mail.
    pub(super) fn close(&mut self, at: &Configs) -> Option<Transcript> {
        self.decide(recognise_at_last, at);
        match std::mem::replace(&mut self.state, Recognition::LeftOut) {
            Recognition::Following(dialogue) => Some(dialogue.close()),
            Recognition::Undecided(_) | Recognition::LeftOut => None,
        }
    }

    fn decide(&mut self, judge: fn(u16, &[u8], &[u8]) -> Recognised, at: &Configs) {
        let Recognition::Undecided(early) = &mut self.state else { return };
        let (client, server) = (opening(early, Side::Client), opening(early, Side::Server));
        let port = self.server.port();
        let judge = if early.len() < OPENING_PIECES { judge } else { recognise_at_last };
        match judge(port, &client, &server) {
            Recognised::Unclear => {}
            Recognised::Other => self.state = Recognition::LeftOut,
            Recognised::Mail(spoken) => {
                let early = std::mem::take(early);
                let begun = early.first().map_or(Time(0), |early| early.time);
                let mut dialogue = Dialogue::new(at.of(spoken), spoken, begun);
                if self.has_begun(spoken, &early, &server) {
                    dialogue.join();
                }
                for EarlyPiece { from, time, piece } in early {
                    match piece {
                        Piece::Octets(octets) => dialogue.data(from, time, &octets),
                        Piece::Gap(octets) => dialogue.gap(from, time, octets),
                    }
                }
                self.state = Recognition::Following(Box::new(dialogue));
            }
        }
    }

    /// Whether no greeting is to be waited for: a server that was not recorded did greet, and one that we join late
    /// has greeted, so that its client is no early talker.
    fn has_begun(&self, spoken: Spoken, early: &[EarlyPiece], server: &[u8]) -> bool {
        match spoken {
            Spoken::Smtp => begins_reply(server).is_none() || !self.syn_seen && !server.starts_with(b"220"),
            // Their replies look like their greetings.
            Spoken::Pop3 | Spoken::Imap => {
                let client_began = early.first().is_some_and(|early| early.from == Side::Client);
                server.is_empty() || !self.syn_seen && client_began
            }
        }
    }
}

impl EarlyPiece {
    fn size(&self) -> usize {
        let octets = if let Piece::Octets(octets) = &self.piece { octets.len() } else { 0 };
        size_of::<Self>() + octets
    }
}

/// The first octets that a side said.
fn opening(early: &[EarlyPiece], side: Side) -> Vec<u8> {
    let pieces = early.iter().filter(|early| early.from == side);
    let octets = pieces.filter_map(|early| match &early.piece {
        Piece::Octets(octets) => Some(octets.as_slice()),
        Piece::Gap(_) => None,
    });
    octets.flatten().copied().take(OPENING_OCTETS).collect()
}

/// Octets of a side that tell what it speaks: a line of a greeting.
const OPENING_OCTETS: usize = 512;

// Limit: segments early before a session is judged by what there is; whoever is that silent is not there.
const OPENING_PIECES: usize = 64;
