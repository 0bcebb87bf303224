//! Debian's Dovecot in a folder of its own, as a server that keeps mailboxes and speaks LMTP.

use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use crate::process::{Failure, Folder, Process, eventually, free_address, run, wait_until_listening};
use crate::server::DOMAIN;

/// A mailbox that holds ten bytes: its owner is accepted as a recipient, and the message is not.
pub(crate) const FULL: &str = "full";

#[derive(Debug)]
pub(crate) struct Dovecot {
    // Before the folder: the processes go first.
    _master: Process,
    folder: Folder,
    address: SocketAddr,
    /// Where a header of the PROXY protocol is expected.
    told: SocketAddr,
}

impl Dovecot {
    pub(crate) fn start() -> Result<Self, Failure> {
        let folder = Folder::new("dovecot");
        let root = folder.path().display();
        let mut install = Command::new("install");
        run(install.args(["-d", "-o", "mail", "-g", "mail"]).arg(folder.join("mail")))?;
        let users = ["alice", "bob"].map(|user| format!("{user}::8:8::{root}/mail/{user}::\n"));
        let full = format!("{FULL}::8:8::{root}/mail/{FULL}::userdb_quota_rule=*:bytes=10\n");
        folder.write("users", users.concat() + &full);
        let (address, told) = (free_address(), free_address());
        let file = folder.write("dovecot.conf", configuration(&folder, address, told));
        let mut command = Command::new("dovecot");
        command.arg("-F").arg("-c").arg(file).process_group(0).stdout(Stdio::null()).stderr(Stdio::null());
        let mut master = Process::spawn(&mut command)?;
        wait_until_listening(&mut master, address).map_err(|why| format!("{why}: {}", folder.read("log")))?;
        Ok(Self { _master: master, folder, address, told })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn told(&self) -> SocketAddr {
        self.told
    }

    pub(crate) fn folder(&self) -> &Folder {
        &self.folder
    }

    pub(crate) fn logs(&self, text: &str) -> bool {
        eventually(5, || self.folder.read("log").contains(text).then_some(())).is_some()
    }
}

/// `user@domain` of one of its mailboxes, or of none.
pub(crate) fn mailbox(user: &str) -> String {
    format!("{user}@{DOMAIN}")
}

fn configuration(folder: &Folder, address: SocketAddr, told: SocketAddr) -> String {
    let root = folder.path().display();
    format!(
        "protocols = lmtp
base_dir = {root}/run
state_dir = {root}/state
log_path = {root}/log
listen = {host}
ssl = no
first_valid_uid = 1
first_valid_gid = 0
mail_location = maildir:{root}/mail/%Ln
mail_plugins = quota
auth_username_format = %Ln
login_trusted_networks = 127.0.0.0/8
haproxy_trusted_networks = 127.0.0.0/8
passdb {{
  driver = static
  args = nopassword=y
}}
userdb {{
  driver = passwd-file
  args = username_format=%Ln {root}/users
}}
plugin {{
  quota = maildir:of the user
}}
service lmtp {{
  inet_listener lmtp {{
    port = {port}
  }}
  inet_listener lmtp-told {{
    port = {told}
    haproxy = yes
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
",
        host = address.ip(),
        port = address.port(),
        told = told.port(),
    )
}
