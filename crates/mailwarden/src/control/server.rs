//! The daemon's end of the control socket: who may connect, what they may ask, and that nobody waits for them.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::execute::execute;
use super::wire::{EXEC, Frame, LINE_MAX};
use crate::Exit;
use crate::running::Running;

/// Limit: clients at a time. Those above it wait.
const CLIENTS_MAX: usize = 32;

/// How long a client may take to send its line, and to take a piece of its answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Bytes of an answer that are gathered before they are sent.
const GATHER: usize = 32 << 10;

/// The group whose members may look.
const GROUP: &str = "mailwarden";

/// A socket on which the daemon is asked; removed when it is dropped.
#[derive(Debug)]
pub(crate) struct Socket {
    path: PathBuf,
    /// Which file it is: another daemon may have put its own there.
    file: Option<(u64, u64)>,
    listener: Option<UnixListener>,
    accepting: Option<AbortHandle>,
}

/// What the daemon itself must do for a command.
#[derive(Debug)]
pub(crate) enum Asked {
    Reload(oneshot::Sender<Answer>),
    /// The log is to say that a user executed a command.
    Record {
        user: String,
        command: String,
    },
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) text: String,
    pub(crate) complaints: String,
    pub(crate) exit: Exit,
}

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caller {
    /// Whether it may change something: root and the user of the daemon.
    pub(super) may_change: bool,
    pub(super) uid: u32,
}

impl Caller {
    fn of(stream: &UnixStream) -> Self {
        let own = rustix::process::geteuid().as_raw();
        let uid = stream.peer_cred().ok().map(|peer| peer.uid());
        Self { may_change: uid.is_some_and(|uid| uid == 0 || uid == own), uid: uid.unwrap_or(u32::MAX) }
    }

    /// As the system calls the user; by number where it has no name.
    pub(super) fn name(self) -> String {
        let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let mut named = users.lines().filter_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?;
            (fields.nth(1)?.parse() == Ok(self.uid)).then(|| name.to_owned())
        });
        named.next().unwrap_or_else(|| self.uid.to_string())
    }
}

/// Where an answer goes, frame by frame.
pub(super) struct Out {
    stream: UnixStream,
    gathered: Vec<u8>,
}

impl Socket {
    /// Opens the socket; an error says why it cannot be. A socket that nobody listens on any more is replaced.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let place = path.display();
        let refuse = |error: io::Error| {
            let help = match error.kind() {
                io::ErrorKind::NotFound => "; its folder does not exist",
                io::ErrorKind::PermissionDenied => "; the daemon's user may not write into its folder",
                _ => "",
            };
            format!("cannot open the control socket {place}: {error}{help}")
        };
        match fs::symlink_metadata(path) {
            Ok(there) if !there.file_type().is_socket() => {
                return Err(format!(
                    "cannot open the control socket {place}: there is a file that is no socket"
                ));
            }
            Ok(_) if StdUnixStream::connect(path).is_ok() => {
                return Err(format!("cannot open the control socket {place}: another daemon listens there"));
            }
            Ok(_) => fs::remove_file(path).map_err(refuse)?,
            Err(_) => {}
        }
        let listener = UnixListener::bind(path).map_err(refuse)?;
        // Connecting takes the right to write.
        fs::set_permissions(path, fs::Permissions::from_mode(0o660)).map_err(refuse)?;
        if let Some(group) = group_id(GROUP) {
            // An unprivileged daemon that is not in the group keeps the socket to itself.
            let _ = std::os::unix::fs::chown(path, None, Some(group));
        }
        let file = fs::symlink_metadata(path).ok().map(|file| (file.dev(), file.ino()));
        Ok(Self { path: path.to_owned(), file, listener: Some(listener), accepting: None })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Answers clients from now on, beside whatever else the thread does.
    pub(crate) fn serve(&mut self, running: Arc<Running>, daemon: UnboundedSender<Asked>) {
        if let Some(listener) = self.listener.take() {
            let accepting = accept(listener, running, daemon);
            self.accepting = Some(tokio::task::spawn_local(accepting).abort_handle());
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.accepting.iter().for_each(AbortHandle::abort);
        let there = fs::symlink_metadata(&self.path).ok().map(|file| (file.dev(), file.ino()));
        if there.is_some() && there == self.file {
            let _ = fs::remove_file(&self.path);
        }
    }
}

async fn accept(listener: UnixListener, running: Arc<Running>, daemon: UnboundedSender<Asked>) {
    let room = Arc::new(Semaphore::new(CLIENTS_MAX));
    loop {
        // It is never closed.
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let (running, daemon) = (Arc::clone(&running), daemon.clone());
                tokio::task::spawn_local(async move {
                    // Whoever leaves early has no use for the rest.
                    let _ = serve(stream, &running, &daemon).await;
                    drop(permit);
                });
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn serve(mut stream: UnixStream, running: &Running, daemon: &UnboundedSender<Asked>) -> io::Result<()> {
    let caller = Caller::of(&stream);
    let line = timeout(PATIENCE, read_line(&mut stream)).await??;
    let mut out = Out { stream, gathered: Vec::new() };
    let exit = match line.strip_prefix(EXEC) {
        Some(command) => execute(command, caller, running, daemon, &mut out).await?,
        None => {
            out.complain("mailwarden: this is a control socket: `mailwarden show …` speaks to it\n").await?;
            Exit::Usage
        }
    };
    Frame::put_exit(&mut out.gathered, exit as u8);
    out.flush().await
}

/// The client's line, without its end.
async fn read_line(stream: &mut UnixStream) -> io::Result<String> {
    let mut line = Vec::new();
    let mut buffer = [0; 512];
    loop {
        let read = stream.read(&mut buffer).await?;
        line.extend_from_slice(buffer.get(..read).unwrap_or_default());
        let end = line.iter().position(|byte| *byte == b'\n');
        if let Some(end) = end {
            line.truncate(end);
            return Ok(String::from_utf8_lossy(&line).into_owned());
        }
        if read == 0 || line.len() >= LINE_MAX {
            // Half a command may mean something else.
            return Ok(String::new());
        }
    }
}

impl Out {
    pub(super) async fn print(&mut self, text: &str) -> io::Result<()> {
        Frame::put_text(&mut self.gathered, text);
        self.flush_if_long().await
    }

    pub(super) async fn complain(&mut self, text: &str) -> io::Result<()> {
        Frame::put_complaint(&mut self.gathered, text);
        self.flush_if_long().await
    }

    async fn flush_if_long(&mut self) -> io::Result<()> {
        if self.gathered.len() >= GATHER { self.flush().await } else { Ok(()) }
    }

    /// Until the client is gone.
    pub(super) async fn closed(&mut self) {
        let mut rest = [0; 64];
        // What it still says is not asked for.
        while self.stream.read(&mut rest).await.is_ok_and(|read| read > 0) {}
    }

    /// Sends what was gathered. A client that takes nothing for too long has left, as far as the daemon is concerned.
    pub(super) async fn flush(&mut self) -> io::Result<()> {
        timeout(PATIENCE, self.stream.write_all(&self.gathered)).await??;
        self.gathered.clear();
        Ok(())
    }
}

/// The number of a group: group(5).
fn group_id(name: &str) -> Option<u32> {
    let groups = fs::read_to_string("/etc/group").ok()?;
    groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next()? == name).then_some(())?;
        fields.nth(1)?.parse().ok()
    })
}
