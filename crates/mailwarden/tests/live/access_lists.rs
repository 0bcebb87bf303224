//! `ip access-group`: which clients get to a server.

use crate::daemon::{Configuration, Daemon};
use crate::server::Mailbox;
use crate::wire::End;

#[test]
fn a_client_that_the_list_denies_is_closed_before_a_server_is_asked() {
    let mailbox = Mailbox::start();
    let maps = "access-list 101 permit tcp 192.0.2.0 0.0.0.255 any\n";
    let configuration = Configuration {
        maps,
        proxy: " ip access-group 101 in\n accept-proxy 127.0.0.0/8\n",
        ..Configuration::default()
    };
    let daemon = Daemon::start(configuration, &[mailbox.address()]);
    let mut denied = daemon.connect();
    denied.send("PROXY TCP4 198.51.100.7 192.0.2.25 40112 25\r\nEHLO denied.test\r\n");
    assert_eq!(denied.rest(), (String::new(), End::Reset));
    let mut permitted = daemon.connect();
    permitted.send("PROXY TCP4 192.0.2.7 192.0.2.25 40112 25\r\n");
    assert!(permitted.reply().starts_with("220"));
    permitted.says("QUIT", "221");
    assert_eq!(mailbox.visits(1)[0].commands, ["QUIT"]);
}

#[test]
fn the_list_is_asked_about_the_address_that_the_client_connected_to() {
    let mailbox = Mailbox::start();
    for (list, greeting) in [
        ("access-list 101 permit tcp any 127.0.0.0 0.255.255.255\n", "220"),
        ("access-list 101 permit tcp any host 192.0.2.25\n", ""),
    ] {
        let configuration =
            Configuration { maps: list, proxy: " ip access-group 101 in\n", ..Configuration::default() };
        let daemon = Daemon::start(configuration, &[mailbox.address()]);
        let said = daemon.connect().line().unwrap_or_default();
        assert_eq!(said.get(..3).unwrap_or_default(), greeting, "{list}");
    }
}
