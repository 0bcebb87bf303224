//! Sessions and verdicts: bytes and time come in, effects go out.
//!
//! Decode, check, judge, act: `proto` finds a unit, `conformance` says whether the standards allow it, the
//! compiled policy says what its rules do about it, and the protocol turns that into what the two peers see.
//! No socket and no clock is known here; the proxy, the replay and the tests are three drivers of the same
//! sessions.

pub mod admission;
mod anomaly;
pub mod bounds;
pub mod config;
mod conformance;
mod context;
mod dialogue;
pub mod effect;
mod ends;
pub mod event;
mod imap;
mod inspector;
mod login;
mod mailbox;
mod message;
mod observed;
mod opaque;
mod pace;
mod pop3;
mod refusal;
mod relay;
mod replies;
pub mod session;
mod smtp;
mod tally;
pub mod trace;

pub use config::SessionConfig;
pub use effect::{Effect, End, Origin, Output, TlsFailure, Took, Wants};
pub use event::Event;
pub use session::Session;
