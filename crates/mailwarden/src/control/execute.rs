//! Carries out a command of exec mode.

use std::io;

use grammar::{Platforms, resolve, words};
use tokio::sync::mpsc::{self, UnboundedSender};
use tokio::sync::oneshot;

use super::commands::{Clear, ClearSessions, Debug, EXEC, Exec};
use super::server::{Asked, Caller, Out};
use super::show::{self, Part, Seen};
use crate::Exit;
use crate::proxy::debugging::Subscriber;
use crate::proxy::worker::Cleared;
use crate::running::Running;
use crate::text::counted;

/// Carries out a command as it was typed, and prints what comes of it. An error is of the client's connection.
pub(super) async fn execute(
    line: &str,
    caller: Caller,
    running: &Running,
    daemon: &UnboundedSender<Asked>,
    out: &mut Out,
) -> io::Result<Exit> {
    let read = resolve(&EXEC, Platforms::ALL, &words(line)).and_then(|found| found.build());
    let command = match read {
        Ok(command) => command,
        Err(mismatch) => {
            out.complain(&mismatch.render(line)).await?;
            return Ok(Exit::Usage);
        }
    };
    if command.changes() && !caller.may_change {
        out.complain("% Only root and the user of the daemon may change something\n").await?;
        return Ok(Exit::System);
    }
    if command.changes() {
        let _ = daemon.send(Asked::Record { user: caller.name(), command: line.trim().to_owned() });
    }
    match command {
        Exec::Show(what) => show(&what, running, out).await,
        Exec::Clear(Clear::Counters(of)) => clear_counters(of.as_deref(), running, out).await,
        Exec::Clear(Clear::Sessions(which)) => clear(&which, running, out).await,
        Exec::Debug(what) => debug(what, running, out).await,
        Exec::Reload => reload(daemon, out).await,
    }
}

async fn show(what: &show::Show, running: &Running, out: &mut Out) -> io::Result<Exit> {
    let seen = Seen::look(running, what).await;
    let parts = match show::screen(what, &seen) {
        Ok(parts) => parts,
        Err(why) => {
            out.complain(&format!("% {why}\n")).await?;
            return Ok(Exit::Finding);
        }
    };
    let mut text = String::new();
    for part in parts {
        match part {
            Part::Text(part) => out.print(&part).await?,
            Part::Sessions(list) => {
                let mut batches = running.mailboxes().sessions();
                let mut is_first = true;
                while let Some(views) = batches.next().await {
                    list.append(&mut text, &views, &mut is_first);
                    out.print(&text).await?;
                    text.clear();
                }
            }
        }
    }
    Ok(Exit::Done)
}

async fn clear_counters(of: Option<&str>, running: &Running, out: &mut Out) -> io::Result<Exit> {
    let in_force = running.in_force();
    let numbers = match of {
        Some(name) => in_force.attachments_named(name),
        None => Ok(in_force.numbers(|_| true)),
    };
    match numbers {
        Ok(numbers) => {
            running.clear(&numbers, &running.mailboxes().counters().await);
            Ok(Exit::Done)
        }
        Err(why) => {
            out.complain(&format!("% {why}\n")).await?;
            Ok(Exit::Finding)
        }
    }
}

async fn clear(which: &ClearSessions, running: &Running, out: &mut Out) -> io::Result<Exit> {
    let found = match which {
        ClearSessions::All => Ok(Cleared::All),
        ClearSessions::Place(name) => running.in_force().attachments_named(name).map(Cleared::Under),
        ClearSessions::Which(word) => match (word.parse(), u32::from_str_radix(word, 16)) {
            (Ok(host), _) => Ok(Cleared::Of(host)),
            (_, Ok(number)) => Ok(Cleared::Numbered(number)),
            _ => Err(format!("{word} is neither the number of a session nor an address")),
        },
    };
    match found {
        Ok(which) => {
            let cleared = running.mailboxes().clear(&which).await;
            out.print(&format!("{} cleared\n", counted(cleared as u64, "session"))).await?;
            Ok(if cleared > 0 { Exit::Done } else { Exit::Finding })
        }
        Err(why) => {
            out.complain(&format!("% {why}\n")).await?;
            Ok(Exit::Finding)
        }
    }
}

/// Lines that may wait for the client. Those behind them are lost, and counted.
const DEBUG_LINES: usize = 1024;

/// Streams until the client is gone.
async fn debug(what: Debug, running: &Running, out: &mut Out) -> io::Result<Exit> {
    let (lines, mut told) = mpsc::channel(DEBUG_LINES);
    running.mailboxes().debug(&Subscriber { topics: what.topics, lines });
    out.print(&format!("{}\n", what.acknowledgement)).await?;
    out.flush().await?;
    loop {
        let line = tokio::select! {
            line = told.recv() => line,
            () = out.closed() => return Ok(Exit::Done),
        };
        let Some(line) = line else { return Ok(Exit::Done) };
        out.print(&line).await?;
        // What has come meanwhile goes along.
        while let Ok(line) = told.try_recv() {
            out.print(&line).await?;
        }
        out.flush().await?;
    }
}

async fn reload(daemon: &UnboundedSender<Asked>, out: &mut Out) -> io::Result<Exit> {
    let (reply, answer) = oneshot::channel();
    let _ = daemon.send(Asked::Reload(reply));
    let Ok(answer) = answer.await else {
        out.complain("% The daemon is stopping\n").await?;
        return Ok(Exit::System);
    };
    out.complain(&answer.complaints).await?;
    out.print(&answer.text).await?;
    Ok(answer.exit)
}
