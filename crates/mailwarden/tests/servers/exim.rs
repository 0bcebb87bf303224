//! Debian's Exim, unpacked by `scripts/test-servers`, in a folder of its own.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::process::{Failure, Folder, Process, free_address, run, wait_until_listening};
use crate::requirements;
use crate::server::{DOMAIN, MailServer, ORIGIN_DOMAIN, Role, TLS_DOMAIN, certificate, mailboxes};

#[derive(Debug)]
pub(crate) struct Exim {
    // In this order: the processes go before the folder.
    queue_runner: Option<Process>,
    _daemon: Process,
    folder: Folder,
    address: SocketAddr,
    program: PathBuf,
}

impl Exim {
    pub(crate) fn start(role: Role) -> Result<Self, Failure> {
        let unpacked = requirements::exim().ok_or("no cache folder")?;
        Self::start_settings(&unpacked, role, "hostlist relay_from_hosts = *\n")
    }

    /// With settings of its own, among them who may relay.
    pub(crate) fn start_settings(unpacked: &Path, role: Role, own: &str) -> Result<Self, Failure> {
        let folder = Folder::new("exim");
        // Exim executes itself as its own user, to whom a cache folder in root's home is closed.
        let program = folder.join("exim4");
        run(Command::new("install").args(["-m", "755"]).arg(unpacked).arg(&program))?;
        certificate(&folder)?;
        let mut install = Command::new("install");
        install.args(["-d", "-o", "Debian-exim", "-g", "Debian-exim"]);
        run(install.args(["spool", "log", "mail"].map(|name| folder.join(name))))?;
        run(Command::new("chgrp").arg("Debian-exim").arg(folder.join("key.pem")))?;
        run(Command::new("chmod").arg("640").arg(folder.join("key.pem")))?;
        let address = free_address();
        folder.write("exim.conf", configuration(&folder, &program.to_string_lossy(), role, address, own));
        let mut command = exim(&program, &folder);
        let mut daemon = Process::spawn(command.arg("-bdf"))?;
        wait_until_listening(&mut daemon, address).map_err(|why| format!("{why}: {}", log(&folder)))?;
        Ok(Self { queue_runner: None, _daemon: daemon, folder, address, program })
    }
}

impl MailServer for Exim {
    fn name(&self) -> &'static str {
        "Exim"
    }

    fn address(&self) -> SocketAddr {
        self.address
    }

    fn folder(&self) -> &Folder {
        &self.folder
    }

    fn queue(&self) -> Vec<PathBuf> {
        vec![self.folder.join("spool/input")]
    }

    fn log(&self) -> String {
        log(&self.folder)
    }

    fn run_queue(&mut self, next_hop: SocketAddr) -> Result<(), Failure> {
        // Two passes: the second sends many messages over each connection.
        self.start_queue_runner("-qqff", next_hop)
    }

    fn run_queue_in_turn(&mut self, next_hop: SocketAddr) -> Result<(), Failure> {
        self.start_queue_runner("-q", next_hop)
    }

    fn refused_recipients(&self) -> BTreeSet<String> {
        let log = self.folder.read("log/mainlog");
        let refused = log.lines().filter_map(|line| {
            let recipient = line.split_once(" ** ")?.1.split(' ').next()?;
            Some(format!("{recipient} {}", line.split_once(": 5")?.1))
        });
        refused.collect()
    }
}

impl Exim {
    fn start_queue_runner(&mut self, how: &str, next_hop: SocketAddr) -> Result<(), Failure> {
        let mut command = exim(&self.program, &self.folder);
        command.env("NEXT_HOST", next_hop.ip().to_string()).env("NEXT_PORT", next_hop.port().to_string());
        self.queue_runner = Some(Process::spawn(command.arg(how))?);
        Ok(())
    }
}

fn exim(program: &PathBuf, folder: &Folder) -> Command {
    let mut command = Command::new(program);
    command
        .arg("-C")
        .arg(folder.join("exim.conf"))
        .process_group(0)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

fn log(folder: &Folder) -> String {
    format!("{}{}", folder.read("log/mainlog"), folder.read("log/paniclog"))
}

fn configuration(folder: &Folder, program: &str, role: Role, address: SocketAddr, own: &str) -> String {
    let sections = [
        settings(folder, program, role, address),
        own.to_owned(),
        acl(role),
        routers(),
        transports(folder),
        "begin retry\n* * F,1h,1m\n".to_owned(),
    ];
    sections.concat()
}

fn settings(folder: &Folder, program: &str, role: Role, address: SocketAddr) -> String {
    let (host, local_domains) = match role {
        Role::Receiver => ("receiver", format!("{DOMAIN} : {TLS_DOMAIN}")),
        Role::Sender => ("sender", String::new()),
    };
    let root = folder.path().display();
    let users = mailboxes().collect::<Vec<_>>().join(" : ");
    format!(
        "primary_hostname = {host}.exim.test
domainlist local_domains = {local_domains}
localpartlist users = {users}
exim_path = {program}
spool_directory = {root}/spool
log_file_path = {root}/log/%slog
pid_file_path = {root}/exim.pid
local_interfaces = <; [{ip}]:{port}
daemon_smtp_ports = {port}
tls_advertise_hosts = *
tls_certificate = {root}/cert.pem
tls_privatekey = {root}/key.pem
tls_dhparam = none
chunking_advertise_hosts = *
smtputf8_advertise_hosts = *
dsn_advertise_hosts = *
host_lookup =
dns_ipv4_lookup = *
rfc1413_hosts =
message_size_limit = 40M
smtp_accept_max = 0
smtp_accept_max_nonmail = 100
smtp_accept_queue_per_connection = 0
deliver_drop_privilege = true
keep_environment = NEXT_HOST : NEXT_PORT
never_users =
acl_smtp_rcpt = recipients
acl_smtp_data = accept
acl_smtp_vrfy = accept
acl_smtp_etrn = deny
",
        ip = address.ip(),
        port = address.port()
    )
}

fn acl(role: Role) -> String {
    let queueing = match role {
        Role::Receiver => "",
        // Only what comes by SMTP: the sender's own bounces go at once.
        Role::Sender => "control = queue_only",
    };
    format!(
        "begin acl
recipients:
  accept domains = +local_domains
         local_parts = +users
  deny domains = +local_domains
       message = 5.1.1 no such user
  accept hosts = +relay_from_hosts
         {queueing}
  deny message = relay not permitted
"
    )
}

fn routers() -> String {
    format!(
        "begin routers
local:
  driver = accept
  domains = +local_domains
  local_parts = +users
  transport = maildir
origin:
  driver = redirect
  domains = {ORIGIN_DOMAIN}
  data = :blackhole:
tls:
  driver = manualroute
  domains = {TLS_DOMAIN}
  route_list = * ${{env{{NEXT_HOST}}}}
  self = send
  transport = smtp_tls
# As a client Exim 4.96 forgets on a connection it uses again that SMTPUTF8 was offered.
utf8:
  driver = manualroute
  local_parts = rené
  route_list = * ${{env{{NEXT_HOST}}}}
  self = send
  transport = smtp_one_by_one
smtp:
  driver = manualroute
  route_list = * ${{env{{NEXT_HOST}}}}
  self = send
  transport = smtp_clear
"
    )
}

fn transports(folder: &Folder) -> String {
    let root = folder.path().display();
    format!(
        "begin transports
maildir:
  driver = appendfile
  maildir_format
  directory = {root}/mail/$local_part_data
  create_directory
  user = Debian-exim
  return_path_add
  envelope_to_add
  delivery_date_add
smtp_clear:
  driver = smtp
  port = ${{env{{NEXT_PORT}}}}
  hosts_try_chunking = *
  hosts_avoid_tls = *
  allow_localhost
smtp_one_by_one:
  driver = smtp
  port = ${{env{{NEXT_PORT}}}}
  hosts_try_chunking = *
  hosts_avoid_tls = *
  connection_max_messages = 1
  allow_localhost
# In TLS Exim 4.96 now and then misses the reply to data behind which it has sent QUIT, and sends the mail again.
smtp_tls:
  driver = smtp
  port = ${{env{{NEXT_PORT}}}}
  hosts_try_chunking = *
  hosts_avoid_pipelining = *
  hosts_require_tls = *
  tls_verify_hosts =
  tls_try_verify_hosts =
  allow_localhost
"
    )
}
