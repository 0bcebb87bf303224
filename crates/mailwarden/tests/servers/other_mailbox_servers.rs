//! Courier and Cyrus, which Debian does not let be installed beside Dovecot: unpacked, and run in a mount namespace.

use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use crate::mailbox_clients::Mailboxes;
use crate::mailbox_server::{MESSAGE, PASSWORD, USER};
use crate::process::{Failure, Folder, Process, eventually, free_address, run};
use crate::requirements;
use crate::server::certificate;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Other {
    Courier,
    Cyrus,
}

#[derive(Debug)]
pub(crate) struct OtherServer {
    // In this order: the process goes before the folder.
    _process: Process,
    folder: Folder,
    pop3: SocketAddr,
    imap: SocketAddr,
    other: Other,
}

impl OtherServer {
    /// Nothing where it is not unpacked.
    pub(crate) fn start(other: Other) -> Result<Option<Self>, Failure> {
        let (name, script) = match other {
            Other::Courier => ("courier", include_str!("courier.sh")),
            Other::Cyrus => ("cyrus", include_str!("cyrus.sh")),
        };
        let Some(unpacked) = requirements::unpacked_for_matrix(name) else { return Ok(None) };
        let folder = Folder::new(name);
        certificate(&folder)?;
        folder.write("message", MESSAGE);
        run(Command::new("chmod").arg("755").arg(folder.path()))?;
        let script = folder.write("start.sh", script);
        let (pop3, imap) = (free_address(), free_address());
        let mut command = Command::new("unshare");
        // With the namespace of processes all of them end.
        command.args(["-m", "-p", "-f", "--kill-child", "--mount-proc", "sh"]).arg(script).arg(unpacked);
        command.arg(folder.path()).arg(pop3.ip().to_string());
        command.args([pop3.port().to_string(), imap.port().to_string()]).args([USER, PASSWORD]);
        let mut process =
            Process::spawn(command.process_group(0).stdout(Stdio::null()).stderr(Stdio::null()))?;
        let ready = || (folder.join("ready").exists() || process.has_ended()).then_some(());
        eventually(30, ready);
        if !folder.join("ready").exists() {
            return Err(format!("{name} does not start: {}", folder.read("log")));
        }
        Ok(Some(Self { _process: process, folder, pop3, imap, other }))
    }

    pub(crate) fn mailboxes(&self) -> Mailboxes {
        // Courier has no timestamp in its greeting, and Debian's Cyrus none that it would accept. Where an initial
        // response is possible mutt writes a blank behind CRAM-MD5, which Cyrus takes for an empty one.
        let lacks: &[&str] = match self.other {
            Other::Courier => &["apop", "digest", "scram"],
            Other::Cyrus => &["apop", "mutt cram-md5"],
        };
        Mailboxes { pop3: self.pop3, imap: self.imap, certificate: self.folder.join("cert.pem"), lacks }
    }
}
