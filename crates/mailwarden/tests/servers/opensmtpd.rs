//! Debian's OpenSMTPD as a sender, unpacked by `scripts/test-servers --matrix` and run in a mount namespace.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::process::{Failure, Folder, Process, free_address, run, wait_until_listening};
use crate::requirements;
use crate::server::{MailServer, ORIGIN_DOMAIN, TLS_DOMAIN};

#[derive(Debug)]
pub(crate) struct OpenSmtpd {
    // Before the folder: the processes go first.
    daemon: Process,
    folder: Folder,
    address: SocketAddr,
    unpacked: PathBuf,
}

impl OpenSmtpd {
    pub(crate) fn start() -> Result<Self, Failure> {
        let unpacked = requirements::unpacked_for_matrix("opensmtpd").ok_or("it is not unpacked")?;
        let folder = Folder::new("opensmtpd");
        run(Command::new("chmod").arg("755").arg(folder.path()))?;
        run(Command::new("mkdir").arg(folder.join("spool")))?;
        folder.write("start.sh", include_str!("opensmtpd.sh"));
        let address = free_address();
        folder.write("smtpd.conf", configuration(address, None));
        let daemon = start_daemon(&unpacked, &folder, address, &["-P", "mta"])?;
        Ok(Self { daemon, folder, address, unpacked })
    }
}

impl MailServer for OpenSmtpd {
    fn name(&self) -> &'static str {
        "OpenSMTPD"
    }

    fn address(&self) -> SocketAddr {
        self.address
    }

    fn folder(&self) -> &Folder {
        &self.folder
    }

    fn queue(&self) -> Vec<PathBuf> {
        ["incoming", "queue"].map(|name| self.folder.join("spool/smtpd").join(name)).to_vec()
    }

    fn log(&self) -> String {
        self.folder.read("log")
    }

    /// A new daemon, because the next hop is configuration, and because it tries at its start all that it finds queued.
    fn run_queue(&mut self, next_hop: SocketAddr) -> Result<(), Failure> {
        self.daemon.end();
        self.folder.write("smtpd.conf", configuration(self.address, Some(next_hop)));
        self.daemon = start_daemon(&self.unpacked, &self.folder, self.address, &[])?;
        Ok(())
    }

    fn refused_recipients(&self) -> BTreeSet<String> {
        let log = self.log();
        let refused = log.lines().filter(|line| line.contains(" result=\"PermFail\""));
        let refused = refused.filter_map(|line| {
            let recipient = line.split_once(" to=<")?.1.split_once('>')?.0;
            Some(format!("{recipient} {}", line.split_once(" stat=\"")?.1))
        });
        refused.collect()
    }
}

fn start_daemon(
    unpacked: &Path,
    folder: &Folder,
    address: SocketAddr,
    options: &[&str],
) -> Result<Process, Failure> {
    let mut command = Command::new("unshare");
    // With the namespace of processes all of them end.
    command.args(["-m", "-p", "-f", "--kill-child", "--mount-proc", "sh"]).arg(folder.join("start.sh"));
    command.arg(unpacked).arg(folder.path()).args(options);
    let mut daemon = Process::spawn(command.process_group(0).stdout(Stdio::null()).stderr(Stdio::null()))?;
    wait_until_listening(&mut daemon, address).map_err(|why| format!("{why}: {}", folder.read("log")))?;
    Ok(daemon)
}

/// Mail for fifty recipients goes in TLS if it is offered, mail for one domain only in TLS, the rest in clear.
fn configuration(address: SocketAddr, next_hop: Option<SocketAddr>) -> String {
    let (host, port) = (address.ip(), address.port());
    // A queue first, a queue run later.
    let next_hop = next_hop.map_or_else(|| "127.0.0.1:9".to_owned(), |address| address.to_string());
    format!(
        "smtp max-message-size 40M
smtp limit max-mails 1000
listen on {host} port {port} hostname sender.opensmtpd.test
table guesses {{ \"^[rx][0-9]+@\" }}
table nobody {{ \"@\" = nobody }}
action \"drop\" mda \"cat >/dev/null\" virtual <nobody>
action \"tls\" relay helo sender.opensmtpd.test host smtp+tls://{next_hop} tls no-verify
action \"may-tls\" relay helo sender.opensmtpd.test host smtp://{next_hop}
action \"clear\" relay helo sender.opensmtpd.test host smtp+notls://{next_hop}
match from any for domain {ORIGIN_DOMAIN} action \"drop\"
match from any for domain {TLS_DOMAIN} action \"tls\"
match from any for rcpt-to regex <guesses> action \"may-tls\"
match from any for any action \"clear\"
"
    )
}
