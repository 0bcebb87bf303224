//! May the server tests run here? Root, Debian's programs and an unpacked Exim are needed; `scripts/test-servers`
//! brings all but the first.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// `false`: the caller returns, and the reason has been printed. With `MAILWARDEN_REQUIRE_SERVERS=1` it fails instead.
pub(crate) fn servers_can_run() -> bool {
    let missing = missing();
    if missing.is_empty() {
        return true;
    }
    let reason = format!("{} (scripts/test-servers installs them)", missing.join(", "));
    assert!(
        std::env::var_os("MAILWARDEN_REQUIRE_SERVERS").is_none_or(|value| value != "1"),
        "missing: {reason}"
    );
    println!("SKIPPED: servers: missing: {reason}");
    false
}

/// Whether HAProxy is there too.
pub(crate) fn haproxy_can_run() -> bool {
    let there = succeeds("haproxy", &["-v"]);
    if !there {
        println!("SKIPPED: servers: missing: haproxy (scripts/test-servers installs it)");
    }
    there
}

/// Whether Dovecot is there too.
pub(crate) fn dovecot_can_run() -> bool {
    let services = ["lmtp", "pop3", "imap"];
    let there = services.iter().all(|service| Path::new("/usr/lib/dovecot").join(service).exists());
    if !there {
        println!("SKIPPED: servers: missing: Dovecot's services (scripts/test-servers installs them)");
    }
    there
}

/// Exim built to read headers of the PROXY protocol, which Debian's light one is not.
pub(crate) fn exim_that_reads_proxy_headers() -> Option<PathBuf> {
    let heavy =
        unpacked("exim-heavy").map(|folder| folder.join("usr/sbin/exim4")).filter(|exim| exim_runs(exim));
    if heavy.is_none() {
        println!("SKIPPED: servers: missing: exim4-daemon-heavy (scripts/test-servers unpacks it)");
    }
    heavy
}

/// Only the part without the firewall is wanted: `MAILWARDEN_SERVERS_CONTROL=1` shows whether the servers and
/// clients of this machine behave as the tables expect.
pub(crate) fn control_only() -> bool {
    std::env::var_os("MAILWARDEN_SERVERS_CONTROL").is_some_and(|value| value == "1")
}

/// Where `scripts/test-servers` unpacks Exim.
pub(crate) fn exim() -> Option<PathBuf> {
    unpacked("exim").map(|folder| folder.join("usr/sbin/exim4"))
}

/// Where `scripts/test-servers --matrix` unpacks another server, if it has.
pub(crate) fn unpacked_for_matrix(name: &str) -> Option<PathBuf> {
    let folder = unpacked(name).filter(|folder| folder.join("complete").exists());
    if folder.is_none() {
        println!("SKIPPED: servers: missing: {name} (scripts/test-servers --matrix unpacks it)");
    }
    folder
}

/// Whether a client of the matrix is there.
pub(crate) fn client_can_run(name: &str) -> bool {
    let there = match name {
        "imaplib" | "poplib" => succeeds("python3", &["-c", "import imaplib, poplib"]),
        "imapflow" => succeeds("node", &["-e", "require('imapflow')"]),
        "nnimap" => succeeds("emacs", &["--version"]),
        "mutt" => succeeds("mutt", &["-v"]),
        "s-nail" => succeeds("s-nail", &["-V"]),
        other => succeeds(other, &["--version"]),
    };
    if !there {
        println!("SKIPPED: servers: missing: {name} (scripts/test-servers --matrix installs it)");
    }
    there
}

fn unpacked(folder: &str) -> Option<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")))?;
    Some(cache.join("mailwarden-tests").join(folder))
}

fn exim_runs(exim: &Path) -> bool {
    succeeds(&exim.to_string_lossy(), &["-C", "/dev/null", "-bV"])
}

fn missing() -> Vec<&'static str> {
    let needs = [
        ("root", succeeds("sh", &["-c", "test $(id -u) = 0"])),
        ("postfix", PathBuf::from("/usr/lib/postfix/sbin/master").exists()),
        ("swaks", succeeds("swaks", &["--version"])),
        ("curl", succeeds("curl", &["--version"])),
        ("mutt", succeeds("mutt", &["-v"])),
        ("python3", succeeds("python3", &["-c", "import smtplib"])),
        ("openssl", succeeds("openssl", &["version"])),
        ("exim", exim().is_some_and(|exim| exim_runs(&exim))),
    ];
    needs.into_iter().filter(|(_, there)| !there).map(|(need, _)| need).collect()
}

fn succeeds(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    if let Some(modules) = std::env::var_os("MAILWARDEN_NODE_MODULES") {
        command.env("NODE_PATH", modules);
    }
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
