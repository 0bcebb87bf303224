//! Debian's sendmail as a sender, unpacked by `scripts/test-servers --matrix`.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::process::{Failure, Folder, Process, free_address, run, wait_until_listening};
use crate::requirements;
use crate::server::{MailServer, ORIGIN_DOMAIN, TLS_DOMAIN};

#[derive(Debug)]
pub(crate) struct Sendmail {
    // In this order: the processes go before the folder.
    queue_runner: Option<Process>,
    _daemon: Process,
    folder: Folder,
    address: SocketAddr,
    unpacked: PathBuf,
}

impl Sendmail {
    pub(crate) fn start() -> Result<Self, Failure> {
        let unpacked = requirements::unpacked_for_matrix("sendmail").ok_or("it is not unpacked")?;
        let folder = Folder::new("sendmail");
        run(Command::new("chmod").arg("755").arg(folder.path()))?;
        run(Command::new("install").args(["-d", "-m", "700"]).arg(folder.join("queue")))?;
        run(Command::new("install").args(["-d", "-o", "mail", "-g", "mail"]).arg(folder.join("bounces")))?;
        folder.write("start.sh", include_str!("sendmail.sh"));
        folder.write(
            "keep.sh",
            format!("exec cat >\"$(mktemp {}/XXXXXX)\"\n", folder.join("bounces").display()),
        );
        folder.write("switch", "hosts files\naliases files\npasswd files\n");
        let address = free_address();
        configure(&unpacked, &folder, "queue", "", address, address)?;
        let mut daemon = start_in(&unpacked, &folder, "queue")?;
        wait_until_listening(&mut daemon, address).map_err(|why| format!("{why}: {}", folder.read("log")))?;
        Ok(Self { queue_runner: None, _daemon: daemon, folder, address, unpacked })
    }

    /// What came back to the senders of refused mail.
    fn bounces(&self) -> Vec<String> {
        let files = fs::read_dir(self.folder.join("bounces")).into_iter().flatten().flatten();
        files
            .filter_map(|file| fs::read(file.path()).ok())
            .map(|text| String::from_utf8_lossy(&text).into_owned())
            .collect()
    }
}

impl MailServer for Sendmail {
    fn name(&self) -> &'static str {
        "sendmail"
    }

    fn address(&self) -> SocketAddr {
        self.address
    }

    fn folder(&self) -> &Folder {
        &self.folder
    }

    fn queue(&self) -> Vec<PathBuf> {
        vec![self.folder.join("queue")]
    }

    /// It has no log but syslog's; this is what it says while it runs the queue.
    fn log(&self) -> String {
        self.folder.read("log")
    }

    fn run_queue(&mut self, next_hop: SocketAddr) -> Result<(), Failure> {
        let encrypted = format!("TLS_Rcpt:{TLS_DOMAIN} ENCR:112\n");
        configure(&self.unpacked, &self.folder, "clear", "Try_TLS: NO\n", self.address, next_hop)?;
        configure(&self.unpacked, &self.folder, "tls", &encrypted, self.address, next_hop)?;
        self.queue_runner = Some(start_in(&self.unpacked, &self.folder, "send")?);
        Ok(())
    }

    fn refused_recipients(&self) -> BTreeSet<String> {
        let bounces = self.bounces();
        let refused = bounces.iter().flat_map(|bounce| bounce.split("\nFinal-Recipient: RFC822; ").skip(1));
        let refused = refused.filter_map(|fields| {
            let (recipient, rest) = fields.split_once('\n')?;
            let reply = rest.split_once("\nDiagnostic-Code: SMTP; ")?.1.split('\n').next()?;
            Some(format!("{} {reply}", recipient.trim_end()))
        });
        refused.collect()
    }
}

fn start_in(unpacked: &Path, folder: &Folder, mode: &str) -> Result<Process, Failure> {
    let log = fs::File::options().create(true).append(true).open(folder.join("log"));
    let log = log.map_err(|error| error.to_string())?;
    let mut command = Command::new("unshare");
    command.arg("-u").arg("sh").arg(folder.join("start.sh")).arg(unpacked).arg(folder.path()).arg(mode);
    Process::spawn(command.process_group(0).stdout(Stdio::null()).stderr(log))
}

/// Has m4 make `NAME.cf`, as administrators do; what `access` says of TLS is all that differs from one to the next.
fn configure(
    unpacked: &Path,
    folder: &Folder,
    name: &str,
    access: &str,
    address: SocketAddr,
    next_hop: SocketAddr,
) -> Result<(), Failure> {
    folder.write(&format!("{name}.access"), access);
    let macros = folder.write(&format!("{name}.mc"), macros(folder, name, address, next_hop));
    let cf = unpacked.join("usr/share/sendmail/cf");
    let mut m4 = Command::new(unpacked.join("usr/bin/m4"));
    m4.env("LD_LIBRARY_PATH", unpacked.join("usr/lib/x86_64-linux-gnu"));
    m4.arg(format!("-D_CF_DIR_={}/", cf.display())).arg(cf.join("m4/cf.m4")).arg(macros);
    folder.write(&format!("{name}.cf"), run(&mut m4)?.stdout);
    Ok(())
}

fn macros(folder: &Folder, name: &str, address: SocketAddr, next_hop: SocketAddr) -> String {
    let root = folder.path().display();
    let (host, port) = (address.ip(), address.port());
    let (next_host, next_port) = (next_hop.ip(), next_hop.port());
    // Maps below /tmp are not read else, nor programs run that lie there.
    format!(
        "divert(0)dnl
OSTYPE(`gnu')dnl
define(`confDONT_BLAME_SENDMAIL', `MapInUnsafeDirPath')dnl
define(`confDEF_USER_ID', `mail:mail')dnl
define(`confSERVICE_SWITCH_FILE', `{root}/switch')dnl
define(`confPID_FILE', `{root}/{name}.pid')dnl
define(`STATUS_FILE', `{root}/statistics')dnl
define(`QUEUE_DIR', `{root}/queue')dnl
define(`confTO_IDENT', `0')dnl
define(`confBAD_RCPT_THROTTLE', `0')dnl
define(`confQUEUE_LA', `1000')dnl
define(`confREFUSE_LA', `1000')dnl
define(`SMART_HOST', `relay:[{next_host}]')dnl
define(`RELAY_MAILER_ARGS', `TCP $h {next_port}')dnl
define(`LOCAL_MAILER_PATH', `/bin/sh')dnl
define(`LOCAL_MAILER_ARGS', `sh {root}/keep.sh $u')dnl
MODIFY_MAILER_FLAGS(`LOCAL', `-Arw')dnl
FEATURE(`nocanonify')dnl
FEATURE(`promiscuous_relay')dnl
FEATURE(`accept_unresolvable_domains')dnl
FEATURE(`access_db', `text -k0 -v1 -T<TMPF> {root}/{name}.access')dnl
FEATURE(`no_default_msa')dnl
DAEMON_OPTIONS(`Name=MTA, Addr={host}, Port={port}')dnl
LOCAL_DOMAIN(`{ORIGIN_DOMAIN}')dnl
MAILER(`local')dnl
MAILER(`smtp')dnl
"
    )
}
