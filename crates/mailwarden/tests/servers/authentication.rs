//! AUTH before servers that offer it: by every mechanism of every client as without the firewall, no line of an exchange
//! is taken for a command, and no secret is in a log.

use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use crate::exim::Exim;
use crate::postfix::{Postfix, SMTPD};
use crate::process::{Failure, Folder, Process, free_address, run, wait_until_listening};
use crate::proxy::{Configuration, Proxy};
use crate::requirements;
use crate::server::{MailServer, Role};

/// In base64, as AUTH LOGIN sends it, `TURN`: a command that is overwritten everywhere.
const USER: &str = "MDM";
/// In base64 `TURNTURN`.
const PASSWORD: &str = "MDMMDM";
/// The password and the wrong one, as they are and as PLAIN and LOGIN send them.
const SECRETS: [&str; 6] =
    [PASSWORD, "TURNTURN", "AE1ETQBNRE1NRE0=", "wrong-5", "d3JvbmctNQ==", "AE1ETQB3cm9uZy01"];

/// Logs in by every mechanism, with and without an initial response, with the right and a wrong password, sends a mail
/// if it could, and says TURN.
const SMTPLIB: &str = r"
import smtplib, sys
host, port, user, password = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
for mechanism in ('PLAIN', 'LOGIN', 'CRAM-MD5'):
    for secret in (password, 'wrong-5'):
        for initial in (True, False):
            client = smtplib.SMTP(host, port, local_hostname='client.test', timeout=60)
            client.ehlo()
            client.user, client.password = user, secret
            method = getattr(client, 'auth_' + mechanism.lower().replace('-', '_'))
            try:
                print(mechanism, initial, client.auth(mechanism, method, initial_response_ok=initial))
                client.sendmail('carol@client.test', ['bob@example.test'], 'Subject: ' + mechanism + '\r\n\r\ntext\r\n')
            except smtplib.SMTPAuthenticationError as error:
                print(mechanism, initial, error)
            print(client.docmd('TURN'))
            client.quit()
";
/// What it does, in sessions and mails.
const SMTPLIB_SESSIONS: usize = 12;
const SMTPLIB_MAILS: usize = 6;

const MECHANISMS: [&str; 3] = ["PLAIN", "LOGIN", "CRAM-MD5"];

const CLASSIC: Configuration<'_> =
    Configuration { policy: "ip inspect name R esmtp\n", settings: "", attachment: "ip inspect R" };
const ASA: Configuration<'_> =
    Configuration { policy: "ASA Version 9.8(2)\n", settings: "", attachment: "inspect esmtp" };

pub(crate) fn of_exim() {
    if !requirements::servers_can_run() {
        return;
    }
    let unpacked = requirements::exim().ok_or_else(|| "no cache folder".to_owned());
    unpacked
        .and_then(|unpacked| Exim::start_settings(&unpacked, Role::Receiver, AUTHENTICATORS))
        .and_then(|server| with_and_without(&server, ASA))
        .unwrap_or_else(|failure| panic!("{failure}"));
}

pub(crate) fn of_postfix() {
    if !requirements::servers_can_run() || !requirements::dovecot_can_run() {
        return;
    }
    let done = Authenticator::start().and_then(|authenticator| {
        let service = format!(
            "{SMTPD}\n  -o smtpd_sasl_auth_enable=yes\n  -o smtpd_sasl_type=dovecot\n  -o smtpd_sasl_path=inet:{}",
            authenticator.address
        );
        with_and_without(&Postfix::start_service(Role::Receiver, &service)?, CLASSIC)
    });
    done.unwrap_or_else(|failure| panic!("{failure}"));
}

fn with_and_without(server: &dyn MailServer, configuration: Configuration<'_>) -> Result<(), Failure> {
    let direct = by_all_clients(server, server.address())?;
    for succeeded in MECHANISMS.map(|mechanism| format!("{mechanism} True (235")) {
        if !direct.contains(&succeeded) {
            return Err(format!(
                "`{succeeded}` is not in what smtplib was told without the firewall:\n{direct}"
            ));
        }
    }
    let proxy = Proxy::start(configuration, server.address())?;
    let through = by_all_clients(server, proxy.address())?;
    if direct != through {
        return Err(format!("without the firewall:\n{direct}\nthrough it:\n{through}\n{}", proxy.log()));
    }
    proxy.acted_in(SMTPLIB_SESSIONS + 2 * MECHANISMS.len())?;
    let events = proxy.events();
    // Of each session of smtplib the last command, and no line of an exchange.
    let overwritten = events.iter().filter(|event| event["kind"] == "unknown-verb");
    let overwritten: Vec<_> = overwritten.map(|event| (&event["value"], &event["count"])).collect();
    let is_turn = overwritten.iter().all(|(value, count)| **value == "TURN" && **count == 1);
    if overwritten.len() != SMTPLIB_SESSIONS || !is_turn {
        return Err(format!("these commands were overwritten: {overwritten:?}"));
    }
    let told = format!("{events:?}\n{}", proxy.log());
    let secret = SECRETS.iter().find(|secret| told.contains(**secret));
    secret.map_or(Ok(()), |secret| Err(format!("`{secret}` is in:\n{told}")))
}

/// Lets all clients log in there and send their mail, and tells what smtplib was answered.
fn by_all_clients(server: &dyn MailServer, address: SocketAddr) -> Result<String, Failure> {
    let said = smtplib(address)?;
    for mechanism in MECHANISMS {
        swaks(mechanism, address)?;
        curl(mechanism, address)?;
    }
    let (delivered, sent) = (server.delivered()?.len(), SMTPLIB_MAILS + 2 * MECHANISMS.len());
    if delivered == sent { Ok(said) } else { Err(format!("{delivered} mails instead of {sent}:\n{said}")) }
}

fn smtplib(server: SocketAddr) -> Result<String, Failure> {
    let mut python = Command::new("python3");
    python.args(["-c", SMTPLIB, &server.ip().to_string(), &server.port().to_string(), USER, PASSWORD]);
    run(&mut python).map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// It sends nothing where it may not log in.
fn swaks(mechanism: &str, server: SocketAddr) -> Result<(), Failure> {
    let mut swaks = Command::new("swaks");
    swaks.args(["--server", &server.ip().to_string(), "--port", &server.port().to_string()]);
    swaks.args(["--ehlo", "client.test", "--from", "carol@client.test", "--to", "bob@example.test"]);
    swaks.args(["--auth", mechanism, "--auth-user", USER, "--auth-password", PASSWORD]);
    run(&mut swaks).map(drop)
}

/// Nor does it.
fn curl(mechanism: &str, server: SocketAddr) -> Result<(), Failure> {
    let folder = Folder::new("curl");
    let message = folder.write("message", "Subject: by curl\r\n\r\ntext\r\n");
    let mut curl = Command::new("curl");
    curl.args([
        "-sS",
        "--max-time",
        "60",
        "--mail-from",
        "carol@client.test",
        "--mail-rcpt",
        "bob@example.test",
    ]);
    curl.args(["--login-options", &format!("AUTH={mechanism}"), "-u", &format!("{USER}:{PASSWORD}")]);
    curl.arg("--upload-file").arg(message).arg(format!("smtp://{server}/client.test"));
    run(&mut curl).map(drop)
}

/// Who may relay, and who is who.
const AUTHENTICATORS: &str = "hostlist relay_from_hosts = *
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${if and {{eq{$auth2}{MDM}}{eq{$auth3}{MDMMDM}}}}
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = ${if and {{eq{$auth1}{MDM}}{eq{$auth2}{MDMMDM}}}}
cram:
  driver = cram_md5
  public_name = CRAM-MD5
  server_secret = ${if eq{$auth1}{MDM}{MDMMDM}fail}
";

/// Dovecot as the one whom Postfix asks, and nothing else of it.
#[derive(Debug)]
struct Authenticator {
    // Before the folder: the processes go first.
    _master: Process,
    _folder: Folder,
    address: SocketAddr,
}

impl Authenticator {
    fn start() -> Result<Self, Failure> {
        let folder = Folder::new("dovecot");
        let (root, address) = (folder.path().display(), free_address());
        folder.write("users", format!("{USER}:{{PLAIN}}{PASSWORD}\n"));
        // Without a penalty: each wrong password of a host would let it wait longer.
        let file = folder.write(
            "dovecot.conf",
            format!(
                "protocols =\nbase_dir = {root}/run\nstate_dir = {root}/state\nlog_path = {root}/log\nssl = no\n\
                 auth_mechanisms = plain login cram-md5\nauth_failure_delay = 0\nauth_username_chars =\n\
                 auth_username_format = %u\npassdb {{\n  driver = passwd-file\n  args = {root}/users\n}}\n\
                 service auth {{\n  inet_listener {{\n    address = {}\n    port = {}\n  }}\n}}\n\
                 service anvil {{\n  chroot =\n  unix_listener anvil-auth-penalty {{\n    mode = 0\n  }}\n}}\nservice stats {{\n  chroot =\n}}\n",
                address.ip(),
                address.port()
            ),
        );
        let mut command = Command::new("dovecot");
        command.arg("-F").arg("-c").arg(file).process_group(0).stdout(Stdio::null()).stderr(Stdio::null());
        let mut master = Process::spawn(&mut command)?;
        wait_until_listening(&mut master, address).map_err(|why| format!("{why}: {}", folder.read("log")))?;
        Ok(Self { _master: master, _folder: folder, address })
    }
}
