//! What servers make of the client that they are told of: whether it may relay, and whom they log and write into
//! `Received`. A balancer in front says who the client is; without one it would be this host, which they trust.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::process::{Command, Stdio};

use crate::exim::Exim;
use crate::postfix::Postfix;
use crate::process::{Failure, Folder, Process, eventually, free_address, wait_until_listening};
use crate::proxy::{Configuration, Proxy};
use crate::raw::Raw;
use crate::requirements;
use crate::server::{DOMAIN, MailServer, Role};

/// smtpd as docs/deployment.md has it; `mynetworks` is Debian's, which trusts this host.
const SMTPD: &str = "inet n - n - - smtpd
  -o inet_protocols=all
  -o smtpd_relay_restrictions=permit_mynetworks,reject_unauth_destination
  -o smtpd_upstream_proxy_protocol=haproxy";
const POSTSCREEN: &str = "inet n - n - 1 postscreen
  -o inet_protocols=all
  -o postscreen_greet_wait=1s
  -o postscreen_upstream_proxy_protocol=haproxy
smtpd pass - - n - - smtpd
  -o inet_protocols=all
  -o smtpd_relay_restrictions=permit_mynetworks,reject_unauth_destination";
const XCLIENT: &str = "inet n - n - - smtpd
  -o inet_protocols=all
  -o smtpd_relay_restrictions=permit_mynetworks,reject_unauth_destination
  -o smtpd_authorized_xclient_hosts=127.0.0.0/8";

/// Clients, as a balancer names them.
const CLIENTS: [(&str, &str); 2] = [
    ("PROXY TCP4 192.0.2.7 198.51.100.25 40112 25\r\n", "192.0.2.7"),
    ("PROXY TCP6 2001:db8::7 2001:db8::25 40112 25\r\n", "2001:db8::7"),
];

/// A connection of the balancer's own: its client is this host.
const OWN: &str = "PROXY UNKNOWN\r\n";

pub(crate) fn postfix_knows_its_client() {
    if !requirements::servers_can_run() {
        return;
    }
    for (service, line) in [
        (SMTPD, "send-proxy v1"),
        (SMTPD, "send-proxy v2"),
        (POSTSCREEN, "send-proxy v2"),
        (XCLIENT, "send-xclient"),
    ] {
        let server = Postfix::start_service(Role::Receiver, service);
        let told = server.and_then(|server| knows_its_client(&server, line, "554 5.7.1"));
        told.unwrap_or_else(|failure| panic!("{line}, {service}: {failure}"));
    }
}

pub(crate) fn exim_knows_its_client() {
    if !requirements::servers_can_run() {
        return;
    }
    let Some(exim) = requirements::exim_that_reads_proxy_headers() else { return };
    for line in ["send-proxy v1", "send-proxy v2"] {
        let own = "hostlist relay_from_hosts = 127.0.0.0/8\nhosts_proxy = 127.0.0.0/8\n";
        let server = Exim::start_settings(&exim, Role::Receiver, own);
        let told = server.and_then(|server| knows_its_client(&server, line, "550 relay not permitted"));
        told.unwrap_or_else(|failure| panic!("{line}: {failure}"));
    }
}

/// HAProxy in front, which tells us, and Postfix behind, which we tell: the client is the one that HAProxy has.
pub(crate) fn the_client_of_haproxy_is_known_to_postfix() {
    if !requirements::servers_can_run() || !requirements::haproxy_can_run() {
        return;
    }
    for version in ["send-proxy", "send-proxy-v2"] {
        the_client_of(version).unwrap_or_else(|failure| panic!("{version}: {failure}"));
    }
}

fn the_client_of(version: &str) -> Result<(), Failure> {
    let server = Postfix::start_service(Role::Receiver, SMTPD)?;
    let proxy = told(server.address(), "send-proxy v2")?;
    let folder = Folder::new("haproxy");
    let address = free_address();
    let configuration = format!(
        "defaults
  mode tcp
  timeout connect 5s
  timeout client 30s
  timeout server 30s
listen smtp
  bind {address}
  server mailwarden {} {version}
",
        proxy.address()
    );
    let file = folder.write("haproxy.cfg", configuration);
    let mut command = Command::new("haproxy");
    command.arg("-db").arg("-f").arg(file).stdout(Stdio::null()).stderr(Stdio::null());
    let mut balancer = Process::spawn(&mut command)?;
    wait_until_listening(&mut balancer, address)?;
    // An address of this host that neither HAProxy nor the firewall speaks from; Postfix trusts it like the others.
    let here = IpAddr::from([127, 0, 0, 9]);
    let mut client = Raw::connect_from(here, address)?;
    client.command("EHLO client.test\r\n", "250")?;
    client.command("MAIL FROM:<a@origin.test>\r\n", "250")?;
    client.command("RCPT TO:<b@elsewhere.test>\r\n", "250")?;
    client.command("QUIT\r\n", "221")?;
    let here = here.to_string();
    let of_client = || proxy.events().iter().any(|event| event["client"]["address"] == here.as_str());
    let named = eventually(5, || of_client().then_some(())).is_some();
    let known = logged(&server, &format!("connect from unknown[{here}]"));
    if named && known { Ok(()) } else { Err(format!("{here} is not known: {}", server.log())) }
}

/// The firewall, behind a balancer on this host.
fn told(server: SocketAddr, line: &str) -> Result<Proxy, Failure> {
    let attachment = format!("accept-proxy 127.0.0.0/8\n {line}");
    Proxy::start(Configuration { policy: "", settings: "", attachment: &attachment }, server)
}

/// A client elsewhere may not relay, mail for our domain is delivered, and the server names the client; this host may.
fn knows_its_client(server: &dyn MailServer, line: &str, refusal: &str) -> Result<(), Failure> {
    let proxy = told(server.address(), line)?;
    for (header, address) in CLIENTS {
        let mut client = Raw::connect_and_say(proxy.address(), header)?;
        client.command("EHLO client.test\r\n", "250")?;
        client.command("MAIL FROM:<a@origin.test>\r\n", "250")?;
        client.command("RCPT TO:<b@elsewhere.test>\r\n", refusal)?;
        client.command(format!("RCPT TO:<alice@{DOMAIN}>\r\n"), "250")?;
        client.command("DATA\r\n", "354")?;
        client.command("Subject: x\r\n\r\nx\r\n.\r\n", "250")?;
        client.command("QUIT\r\n", "221")?;
        if !logged(server, &format!("[{address}]")) {
            return Err(format!("{address} is not logged: {}", server.log()));
        }
        if eventually(20, || received(server, address)).is_none() {
            return Err(format!("no Received field names {address}: {}", server.log()));
        }
    }
    let mut own = Raw::connect_and_say(proxy.address(), OWN)?;
    own.command("EHLO client.test\r\n", "250")?;
    own.command("MAIL FROM:<a@origin.test>\r\n", "250")?;
    own.command("RCPT TO:<b@elsewhere.test>\r\n", "250")
        .map_err(|why| format!("this host is trusted: {why}"))?;
    Ok(())
}

fn logged(server: &dyn MailServer, text: &str) -> bool {
    eventually(5, || server.log().contains(text).then_some(())).is_some()
}

/// Whether a message of alice's has a `Received` field with this address.
fn received(server: &dyn MailServer, address: &str) -> Option<()> {
    let messages = fs::read_dir(server.folder().join("mail/alice/new")).ok()?;
    let texts = messages.flatten().filter_map(|message| fs::read_to_string(message.path()).ok());
    let names = |text: String| {
        let field = text.split("\n\n").next().unwrap_or_default().contains(&format!("[{address}]"));
        field || text.contains(&format!("[IPv6:{address}]"))
    };
    texts.into_iter().any(names).then_some(())
}
