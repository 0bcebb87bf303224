//! Sessions and verdicts: bytes and time come in, effects go out.
//!
//! Decode, check, judge, act: `proto` finds a unit, `conformance` says whether it is legal
//! here, the compiled policy says what a class makes of it, and the protocol's `wording` turns that into
//! what the two peers see. No socket and no clock is known here; live proxy, replay and tests are three sinks of
//! the same effects.

mod anomaly;
pub mod bounds;
pub mod config;
mod conformance;
mod context;
mod dialogue;
pub mod effect;
mod ends;
pub mod event;
mod inspector;
mod message;
mod observed;
mod opaque;
mod pace;
mod refusal;
mod relay;
mod replies;
pub mod session;
mod smtp;

pub use config::SessionConfig;
pub use effect::{Effect, End, Origin, Output, TlsFailure, Took, Wants};
pub use event::Event;
pub use session::Session;
