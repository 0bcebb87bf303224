//! Offline inspection of captures: files become frames, frames become the two streams of each TCP session.
//!
//! Nothing here knows mail; what the streams say is the engine's business.

pub(crate) mod pcap;
pub(crate) mod segments;
