//! What both sides do, as the octets of an input tell: one octet an act, from tables or as it comes.

use engine::End;
use proto::Side;

use crate::input::Input;

use super::pick;

/// What each side may say, sensible and mad.
#[derive(Debug)]
pub(crate) struct Words {
    pub(crate) client: &'static [&'static str],
    pub(crate) server: &'static [&'static str],
}

/// What happens, in this order.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) acts: Vec<Act>,
    /// The client says one thing at a time where the protocol wants it, and the server only answers.
    pub(crate) polite: bool,
}

#[derive(Debug)]
pub(crate) enum Act {
    /// Octets arrive, whoever waits for what.
    Says(Side, Vec<u8>),
    /// A client that keeps to the protocol says its next: a command, or what was asked of it.
    Next(u8),
    /// The server answers the oldest of what it was asked.
    Answer(u8),
    End(Side, End),
    Seconds(u64),
    Drain,
}

const ACTS_MAX: usize = 300;
const OCTETS_MAX: usize = 200_000;

impl Script {
    pub(crate) fn read(words: &Words, mut input: Input<'_>) -> Self {
        let polite = input.octet() % 2 == 1;
        let mut script = Self { acts: Vec::new(), polite };
        let mut octets = 0;
        while let Some(octet) = input.next()
            && script.acts.len() < ACTS_MAX
            && octets < OCTETS_MAX
        {
            let act = if polite { polite_act(octet, &mut input) } else { any_act(octet, words, &mut input) };
            octets += act.octets();
            script.push(act);
        }
        script
    }

    /// What one side says without anything between is one piece of the whole script.
    fn push(&mut self, act: Act) {
        match (self.acts.last_mut(), act) {
            (Some(Act::Says(side, said)), Act::Says(again, more)) if *side == again => said.extend(more),
            (_, act) => self.acts.push(act),
        }
    }

    pub(crate) fn octets(&self) -> usize {
        self.acts.iter().map(Act::octets).sum()
    }
}

/// Tells the script when the run of it panics.
impl Drop for Script {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("polite: {}", self.polite);
            for act in &self.acts {
                match act {
                    Act::Says(side, said) => {
                        let (front, rest) = said.split_at_checked(200).unwrap_or((said, b""));
                        eprintln!("{side:?}: {} and {} octets", front.escape_ascii(), rest.len());
                    }
                    act => eprintln!("{act:?}"),
                }
            }
        }
    }
}

impl Act {
    fn octets(&self) -> usize {
        if let Self::Says(_, said) = self { said.len() } else { 1 }
    }
}

fn any_act(octet: u8, words: &Words, input: &mut Input<'_>) -> Act {
    match octet {
        0..=119 => Act::Says(Side::Client, pick(words.client, octet)),
        120..=135 => Act::Says(Side::Client, raw(input)),
        136..=199 => Act::Answer(octet - 136),
        200..=235 => Act::Says(Side::Server, pick(words.server, octet - 200)),
        236..=241 => Act::Says(Side::Server, raw(input)),
        242..=245 => {
            let (letter, count) = (input.octet(), u16::from_be_bytes([input.octet(), input.octet()]));
            Act::Says(Side::Client, vec![letter; usize::from(count)])
        }
        _ => event(octet, input),
    }
}

fn polite_act(octet: u8, input: &mut Input<'_>) -> Act {
    match octet {
        0..=127 => Act::Next(octet),
        128..=245 => Act::Answer(octet - 128),
        _ => event(octet, input),
    }
}

fn event(octet: u8, input: &mut Input<'_>) -> Act {
    match octet {
        246 => Act::End(Side::Client, End::Fin),
        247 => Act::End(Side::Server, End::Fin),
        248 => Act::End(Side::Client, End::Reset),
        249 => Act::End(Side::Server, End::Reset),
        250 => Act::Drain,
        _ => Act::Seconds(16 * u64::from(input.octet())),
    }
}

fn raw(input: &mut Input<'_>) -> Vec<u8> {
    let len = input.octet() % 64;
    input.take(usize::from(len)).to_vec()
}

#[cfg(test)]
pub(crate) fn generate(words: &Words, random: &mut fastrand::Rng) -> Vec<u8> {
    let mut input = vec![random.u8(..), random.u8(..), random.u8(..) & 0x5F];
    let count = random.u8(..4);
    input.push(count);
    input.extend((0..count).map(|_| random.u8(..8)));
    let polite = random.u8(..2);
    input.push(polite);
    for _ in 0..random.usize(1..60) {
        match random.u8(..20) {
            0 => input.extend([random.u8(120..), random.u8(..), random.u8(..)]),
            1..11 if polite == 0 => {
                input.push(random.u8(..u8::try_from(words.client.len()).unwrap_or(u8::MAX)));
            }
            1..11 => input.push(random.u8(..128)),
            // The answers that let things go on stand first.
            _ if random.u8(..4) > 0 => input.push(if polite == 0 { 136 } else { 128 }),
            _ => input.push(random.u8(136..200)),
        }
    }
    input
}
