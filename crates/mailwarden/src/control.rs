//! The control socket: commands of exec mode to a running daemon, and what they print.
//!
//! One table of commands serves `mailwarden show …` and whatever else has a prompt. A command is one line; its answer
//! comes in frames, so that the end of it is known from a connection that broke. Screens of sessions are
//! written batch by batch, as fast as their reader takes them: nobody else waits for him.

pub(crate) mod client;
mod commands;
mod execute;
mod server;
mod show;
mod wire;

pub(crate) use commands::{EXEC, typed};
pub(crate) use server::{Answer, Asked, Socket};
