//! A command to a running daemon: sends it, and prints what comes back.

use std::io::{self, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;

use super::wire::{EXEC, Frame, LINE_MAX};
use crate::cli::ExecFlags;
use crate::{Exit, terminal};

/// `mailwarden show …`, and the other commands whose first word is their name.
pub(crate) fn run(command: &str, flags: &ExecFlags) -> Exit {
    let mut words = vec![command];
    words.extend(flags.words.iter().map(String::as_str));
    execute(&words.join(" "), &flags.socket)
}

/// Sends a command, and prints its answer while it comes.
fn execute(command: &str, socket: &Path) -> Exit {
    let mut answer = match ask(command, socket) {
        Ok(answer) => answer,
        Err(why) => {
            terminal::complain(&format!("mailwarden: {why}\n"));
            return Exit::System;
        }
    };
    loop {
        match Frame::read(&mut answer) {
            Ok(Some(Frame::Text(text))) => match terminal::print(&text) {
                Exit::Done => {}
                failed => return failed,
            },
            Ok(Some(Frame::Complaint(text))) => terminal::complain(&text),
            Ok(Some(Frame::Exit(code))) => return Exit::of_code(code),
            Ok(None) => {
                terminal::complain("mailwarden: the daemon ended before its answer did\n");
                return Exit::System;
            }
            Err(error) => {
                terminal::complain(&format!("mailwarden: {}: {error}\n", socket.display()));
                return Exit::System;
            }
        }
    }
}

/// What a daemon prints for a command, or why there is nothing.
pub(crate) fn text_of(command: &str, socket: &Path) -> Result<String, String> {
    let mut answer = ask(command, socket)?;
    let mut printed = String::new();
    loop {
        match Frame::read(&mut answer) {
            Ok(Some(Frame::Text(text))) => printed.push_str(&text),
            Ok(Some(Frame::Complaint(text))) => return Err(text),
            Ok(Some(Frame::Exit(_))) => return Ok(printed),
            Ok(None) => return Err("the daemon ended before its answer did".to_owned()),
            Err(error) => return Err(error.to_string()),
        }
    }
}

fn ask(command: &str, socket: &Path) -> Result<BufReader<UnixStream>, String> {
    let place = socket.display();
    let line = format!("{EXEC}{command}\n");
    if line.len() > LINE_MAX || command.contains('\n') {
        return Err(format!("a command is one line of at most {} bytes", LINE_MAX - EXEC.len() - 1));
    }
    let mut stream = UnixStream::connect(socket).map_err(|error| {
        let help = match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                "; no daemon listens there: `control-socket` in the configuration names the place, and `--socket` here"
            }
            io::ErrorKind::PermissionDenied => "; root and members of the group of the socket may connect",
            _ => "",
        };
        format!("cannot connect to {place}: {error}{help}")
    })?;
    // A daemon that does not want to hear all of it has answered already.
    let _ = stream.write_all(line.as_bytes());
    Ok(BufReader::new(stream))
}
