//! Debian's Postfix in a folder of its own: only its master process is started, with a configuration for the role.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::process::{Failure, Folder, Process, eventually, free_address, run, wait_until_listening};
use crate::server::{DOMAIN, MailServer, ORIGIN_DOMAIN, Role, TLS_DOMAIN, certificate, mailboxes};

const MASTER: &str = "/usr/lib/postfix/sbin/master";

#[derive(Debug)]
pub(crate) struct Postfix {
    // Before the folder: the processes go first.
    master: Process,
    folder: Folder,
    address: SocketAddr,
}

/// The service of the listener, as in master.cf.
pub(crate) const SMTPD: &str = "inet n - n - - smtpd";

impl Postfix {
    pub(crate) fn start(role: Role) -> Result<Self, Failure> {
        Self::start_service(role, SMTPD)
    }

    /// With another service behind its address, and what belongs to it.
    pub(crate) fn start_service(role: Role, service: &str) -> Result<Self, Failure> {
        let folder = Folder::new("postfix");
        certificate(&folder)?;
        make_folders(folder.path())?;
        let address = free_address();
        write_configuration(&folder, role, address, service, "");
        let master = start_master(&folder, address)?;
        Ok(Self { master, folder, address })
    }
}

impl MailServer for Postfix {
    fn name(&self) -> &'static str {
        "Postfix"
    }

    fn address(&self) -> SocketAddr {
        self.address
    }

    fn folder(&self) -> &Folder {
        &self.folder
    }

    fn queue(&self) -> Vec<PathBuf> {
        ["maildrop", "incoming", "active", "deferred"]
            .map(|name| self.folder.join("queue").join(name))
            .to_vec()
    }

    fn log(&self) -> String {
        self.folder.read("mail.log")
    }

    fn run_queue(&mut self, next_hop: SocketAddr) -> Result<(), Failure> {
        let (ip, port) = (next_hop.ip(), next_hop.port());
        self.run_queue_with(&format!(
            "relayhost = [{ip}]:{port}\n\
             transport_maps = inline:{{ {{{TLS_DOMAIN} = smtp-tls:[{ip}]:{port}}}, {{{ORIGIN_DOMAIN} = discard:}} }}\n"
        ))
    }

    fn refused_recipients(&self) -> BTreeSet<String> {
        let log = self.log();
        let bounces = log.lines().filter(|line| line.contains("status=bounced"));
        let refused = bounces.filter_map(|line| {
            let recipient = line.split_once(" to=<")?.1.split_once('>')?.0;
            Some(format!("{recipient} {}", line.split_once(" said: ")?.1))
        });
        refused.collect()
    }
}

impl Postfix {
    /// As `run_queue`, by LMTP.
    pub(crate) fn run_queue_by_lmtp(&mut self, next_hop: SocketAddr) -> Result<(), Failure> {
        self.run_queue_with(&format!(
            "default_transport = lmtp:inet:{next_hop}\ntransport_maps = inline:{{ {{{ORIGIN_DOMAIN} = discard:}} }}\n"
        ))
    }

    /// A new master, because the queue manager of a fresh one starts with the new next hop and nothing in its head.
    fn run_queue_with(&mut self, routes: &str) -> Result<(), Failure> {
        self.master.end();
        write_configuration(&self.folder, Role::Sender, self.address, SMTPD, routes);
        self.master = start_master(&self.folder, self.address)?;
        // Deferred mail would wait for its retry time; this is `sendmail -q`. Its queue manager may not be up yet.
        let flush = || run(Command::new("postqueue").arg("-c").arg(self.folder.join("etc")).arg("-f"));
        let flushed = eventually(10, || flush().ok());
        flushed.map(drop).ok_or_else(|| {
            format!("postqueue -f fails; the log ends:\n{}", (self as &dyn MailServer).log_end())
        })
    }
}

fn start_master(folder: &Folder, address: SocketAddr) -> Result<Process, Failure> {
    let mut command = Command::new(MASTER);
    // `-s`: in the foreground, as the leader of a session of its own.
    command.arg("-c").arg(folder.join("etc")).arg("-s").stdout(Stdio::null()).stderr(Stdio::null());
    let mut master = Process::spawn(&mut command)?;
    wait_until_listening(&mut master, address)
        .map_err(|why| format!("{why}: {}", folder.read("mail.log")))?;
    // The queue manager opens its socket a moment later, and `postqueue -f` needs it.
    let manager = folder.join("queue/public/qmgr");
    eventually(5, || manager.exists().then_some(())).ok_or("no queue manager after 5 s")?;
    Ok(master)
}

/// What `postfix check` would make in two seconds.
fn make_folders(root: &Path) -> Result<(), Failure> {
    let folders = |options: &[&str], names: &[&str]| {
        let mut install = Command::new("install");
        install.arg("-d").args(options).args(names.iter().map(|name| root.join(name)));
        run(&mut install).map(drop)
    };
    folders(&["-m", "755"], &["etc", "queue", "queue/pid"])?;
    folders(&["-m", "755", "-o", "mail", "-g", "mail"], &["mail"])?;
    folders(&["-m", "700", "-o", "postfix"], &["data"])?;
    let queue = "active bounce corrupt defer deferred flush hold incoming private saved trace";
    let queue: Vec<String> = queue.split(' ').map(|name| format!("queue/{name}")).collect();
    folders(&["-m", "700", "-o", "postfix"], &queue.iter().map(String::as_str).collect::<Vec<_>>())?;
    folders(&["-m", "730", "-o", "postfix", "-g", "postdrop"], &["queue/maildrop"])?;
    folders(&["-m", "710", "-o", "postfix", "-g", "postdrop"], &["queue/public"])
}

fn write_configuration(folder: &Folder, role: Role, address: SocketAddr, service: &str, routes: &str) {
    let (domains, host) = match role {
        Role::Receiver => (format!("{DOMAIN}, {TLS_DOMAIN}"), "receiver"),
        Role::Sender => (String::new(), "sender"),
    };
    let mut users = String::new();
    for mailbox in mailboxes() {
        let _ = writeln!(users, "{mailbox}@{DOMAIN} {mailbox}/\n{mailbox}@{TLS_DOMAIN} {mailbox}/");
    }
    folder.write("etc/users", users);
    let sending = match (role, routes) {
        (Role::Receiver, _) => "",
        // A queue first, a queue run later.
        (Role::Sender, "") => "relayhost = [127.0.0.1]:9\ndefer_transports = smtp\n",
        (Role::Sender, routes) => routes,
    };
    let root = folder.path().display();
    folder.write(
        "etc/main.cf",
        format!(
            "compatibility_level = 3.6
queue_directory = {root}/queue
data_directory = {root}/data
maillog_file = {root}/mail.log
maillog_file_prefixes = /
myhostname = {host}.postfix.test
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
disable_dns_lookups = yes
smtp_host_lookup = native
smtpd_peername_lookup = no
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_error_sleep_time = 0
smtpd_client_connection_count_limit = 0
smtpd_tls_security_level = may
smtpd_tls_cert_file = {root}/cert.pem
smtpd_tls_key_file = {root}/key.pem
message_size_limit = 40000000
virtual_mailbox_limit = 0
in_flow_delay = 0
virtual_mailbox_domains = {domains}
virtual_mailbox_base = {root}/mail
virtual_mailbox_maps = texthash:{root}/etc/users
virtual_uid_maps = static:8
virtual_gid_maps = static:8
virtual_minimum_uid = 1
alias_maps =
fast_flush_domains =
{sending}"
        ),
    );
    folder.write("etc/master.cf", format!("{address} {service}\n{SERVICES}"));
}

const SERVICES: &str = "\
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
lmtp unix - - n - - lmtp
smtp-tls unix - - n - - smtp
  -o smtp_tls_security_level=encrypt
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
";
