//! Debian's Dovecot in a folder of its own, as a server whose mailboxes are read: POP3 and IMAP with STLS and STARTTLS, one user.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use crate::mailbox_clients::Mailboxes;
use crate::process::{Failure, Folder, Process, free_address, run, wait_until_listening};
use crate::server::certificate;

/// The user, and the password that no log and no server may see where it is refused.
pub(crate) const USER: &str = "alice";
pub(crate) const PASSWORD: &str = "wonderland-7";

/// What is in the mailbox.
pub(crate) const MESSAGE: &str = "From: <a@example.test>\r\nSubject: one\r\n\r\nUSER is no command here\r\n";

#[derive(Debug)]
pub(crate) struct MailboxServer {
    // In this order: the process goes before the folder.
    _master: Process,
    folder: Folder,
    pop3: SocketAddr,
    imap: SocketAddr,
}

impl MailboxServer {
    pub(crate) fn start() -> Result<Self, Failure> {
        let folder = Folder::new("dovecot");
        certificate(&folder)?;
        let mail = folder.join("mail/new");
        fs::create_dir_all(&mail).map_err(|error| error.to_string())?;
        fs::write(mail.join("1"), MESSAGE).map_err(|error| error.to_string())?;
        run(Command::new("chown").args(["-R", "mail:mail"]).arg(folder.join("mail")))?;
        run(Command::new("chmod").arg("755").arg(folder.path()))?;
        let id = |option: &str| -> Result<String, Failure> {
            let output = run(Command::new("id").args([option, "mail"]))?;
            Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
        };
        let home = folder.join("mail");
        let (uid, gid, home) = (id("-u")?, id("-g")?, home.display());
        folder.write("users", format!("{USER}:{{PLAIN}}{PASSWORD}:{uid}:{gid}::{home}::\n"));
        let (pop3, imap) = (free_address(), free_address());
        let file = folder.write("dovecot.conf", configuration(&folder, pop3, imap));
        let mut command = Command::new("/usr/sbin/dovecot");
        command.arg("-F").arg("-c").arg(file).process_group(0).stdout(Stdio::null()).stderr(Stdio::null());
        let mut master = Process::spawn(&mut command)?;
        for address in [pop3, imap] {
            wait_until_listening(&mut master, address)
                .map_err(|why| format!("MailboxServer {why}: {}", folder.read("log")))?;
        }
        Ok(Self { _master: master, folder, pop3, imap })
    }

    pub(crate) fn mailboxes(&self) -> Mailboxes {
        let certificate = self.folder.join("cert.pem");
        Mailboxes { pop3: self.pop3, imap: self.imap, certificate, lacks: &[] }
    }
}

fn configuration(folder: &Folder, pop3: SocketAddr, imap: SocketAddr) -> String {
    let path = folder.path().display();
    let (pop3_port, imap_port, address) = (pop3.port(), imap.port(), pop3.ip());
    format!(
        "protocols = imap pop3\nbase_dir = {path}/run\nstate_dir = {path}/state\nlog_path = {path}/log\n\
         listen = {address}\ndisable_plaintext_auth = no\n\
         auth_mechanisms = plain login cram-md5 digest-md5 scram-sha-256 apop\nauth_failure_delay = 0\nlogin_trusted_networks = {address}\n\
         first_valid_uid = 1\nfirst_valid_gid = 0\nmail_location = maildir:{path}/mail\nmail_access_groups =\n\
         ssl = yes\nssl_cert = <{path}/cert.pem\nssl_key = <{path}/key.pem\n\
         passdb {{\n  driver = passwd-file\n  args = scheme=PLAIN {path}/users\n}}\n\
         userdb {{\n  driver = passwd-file\n  args = {path}/users\n}}\n\
         namespace inbox {{\n  inbox = yes\n}}\n\
         service imap-login {{\n  chroot =\n  inet_listener imap {{\n    port = {imap_port}\n  }}\n  \
         inet_listener imaps {{\n    port = 0\n  }}\n}}\n\
         service pop3-login {{\n  chroot =\n  inet_listener pop3 {{\n    port = {pop3_port}\n  }}\n  \
         inet_listener pop3s {{\n    port = 0\n  }}\n}}\n\
         service anvil {{\n  chroot =\n}}\nservice stats {{\n  chroot =\n}}\n"
    )
}
