//! What the dialogue scripts and the property tests of the engine stand on.
//!
//! `world` makes a policy and settings into the configuration of a session, `driver` plays the two
//! peers and the part of the program between them, `record` is what came of it, `script` reads a
//! script, and `play` runs one in every cut.

pub(crate) mod driver;
pub(crate) mod play;
pub(crate) mod record;
pub(crate) mod script;
pub(crate) mod world;
