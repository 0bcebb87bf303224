//! The firewall between real programs: Debian's Postfix and Exim as servers and as senders, Dovecot behind LMTP and as a
//! server of POP3 and IMAP, swaks, curl, mutt and Python as clients, all on loopback.
//!
//! Every test plays its mail twice, without the firewall and through it, and compares what was delivered. They need
//! root and the programs that `scripts/test-servers` installs, and say `SKIPPED` otherwise; smuggling is shown to a
//! server of our own as well, which needs neither. Environment:
//!
//! - `MAILWARDEN_REQUIRE_SERVERS=1`: fail instead of skipping;
//! - `MAILWARDEN_SERVERS_CONTROL=1`: play only the part without the firewall;
//! - `MAILWARDEN_BINARY=FILE`: test this binary instead of the one just built;
//! - `MAILWARDEN_TESTS_KEEP=1`: leave the temporary folders (configurations, logs, Maildirs).

#[path = "servers/asa_rules.rs"]
mod asa_rules;
#[path = "servers/authentication.rs"]
mod authentication;
#[path = "servers/by_hand.rs"]
mod by_hand;
#[path = "servers/classic_rules.rs"]
mod classic_rules;
#[path = "servers/client.rs"]
mod client;
#[path = "servers/crooked.rs"]
mod crooked;
#[path = "servers/dovecot.rs"]
mod dovecot;
#[path = "servers/exim.rs"]
mod exim;
#[path = "servers/failed_logins.rs"]
mod failed_logins;
#[path = "servers/introduction.rs"]
mod introduction;
#[path = "servers/lmtp.rs"]
mod lmtp;
#[path = "servers/mailbox_clients.rs"]
mod mailbox_clients;
#[path = "servers/mailbox_server.rs"]
mod mailbox_server;
#[path = "servers/mailbox_stages.rs"]
mod mailbox_stages;
#[path = "servers/mailboxes.rs"]
mod mailboxes;
#[path = "servers/maildir.rs"]
mod maildir;
#[path = "servers/matrix.rs"]
mod matrix;
#[path = "../../engine/tests/readers/mutations.rs"]
mod mutations;
#[path = "servers/notation.rs"]
mod notation;
#[path = "servers/opensmtpd.rs"]
mod opensmtpd;
#[path = "servers/other_mailbox_servers.rs"]
mod other_mailbox_servers;
#[path = "servers/postfix.rs"]
mod postfix;
#[path = "servers/process.rs"]
mod process;
#[path = "servers/proxy.rs"]
mod proxy;
#[path = "servers/queue.rs"]
mod queue;
#[path = "servers/raw.rs"]
mod raw;
#[path = "../../engine/tests/readers/mod.rs"]
mod readers;
#[path = "servers/requirements.rs"]
mod requirements;
#[path = "servers/rules.rs"]
mod rules;
#[path = "servers/scenario.rs"]
mod scenario;
#[path = "servers/sendmail.rs"]
mod sendmail;
#[path = "servers/server.rs"]
mod server;
#[path = "servers/smuggling.rs"]
mod smuggling;
#[path = "servers/tolerant.rs"]
mod tolerant;
#[path = "servers/wiretap.rs"]
mod wiretap;

use server::Kind;

#[test]
fn envelope_rules_before_postfix() {
    scenario::check(Kind::Postfix, &rules::envelope());
}

#[test]
fn envelope_rules_before_exim() {
    scenario::check(Kind::Exim, &rules::envelope());
}

#[test]
fn command_rules_before_postfix() {
    scenario::check(Kind::Postfix, &rules::commands());
}

#[test]
fn command_rules_before_exim() {
    scenario::check(Kind::Exim, &rules::commands());
}

#[test]
fn keyword_rules_before_postfix() {
    scenario::check(Kind::Postfix, &rules::keywords());
}

#[test]
fn keyword_rules_before_exim() {
    scenario::check(Kind::Exim, &rules::keywords());
}

#[test]
fn content_rules_before_postfix() {
    scenario::check(Kind::Postfix, &rules::content());
}

#[test]
fn content_rules_before_exim() {
    scenario::check(Kind::Exim, &rules::content());
}

#[test]
fn smuggling_look_alikes_of_the_end_of_data() {
    smuggling::look_alikes_of_the_end_of_data();
}

#[test]
fn smuggling_chunks_read_as_commands() {
    smuggling::chunks_read_as_commands();
}

#[test]
fn smuggling_masked_bdat_is_skipped_and_the_session_goes_on() {
    smuggling::masked_bdat_is_skipped_and_the_session_goes_on();
}

#[test]
fn smuggling_overlong_lines_are_not_cut() {
    smuggling::overlong_lines_are_not_cut();
}

#[test]
fn smuggling_lf_only_mail_arrives_with_crlf() {
    smuggling::lf_only_mail_arrives_with_crlf();
}

#[test]
fn smuggling_postfix_is_protected() {
    smuggling::postfix_is_protected();
}

#[test]
fn crooked_what_readers_find_a_rule_has_found_before_postfix() {
    crooked::a_rule_has_found_what_a_reader_finds(Kind::Postfix);
}

#[test]
fn crooked_what_readers_find_a_rule_has_found_before_exim() {
    crooked::a_rule_has_found_what_a_reader_finds(Kind::Exim);
}

#[test]
fn lmtp_postfix_delivers_to_dovecot() {
    lmtp::postfix_delivers_to_dovecot();
}

#[test]
fn lmtp_clients_get_a_reply_for_each_recipient() {
    lmtp::clients_get_a_reply_for_each_recipient();
}

#[test]
fn mailboxes_pop3_of_dovecot() {
    mailboxes::pop3();
}

#[test]
fn mailboxes_imap_of_dovecot() {
    mailboxes::imap();
}

#[test]
fn mailboxes_clear_text_is_refused() {
    mailboxes::clear_text();
}

#[test]
fn mailboxes_failed_logins_block_clients_and_accounts() {
    failed_logins::before_dovecot();
}

#[test]
fn mailboxes_up_to_the_login_and_behind_it() {
    mailbox_stages::up_to_the_login_and_behind_it();
}

#[test]
fn mailboxes_reset_by_the_option() {
    mailbox_stages::reset_by_the_option();
}

#[test]
fn mailboxes_under_tls() {
    mailbox_stages::under_tls();
}

#[test]
fn introduction_postfix_knows_its_client() {
    introduction::postfix_knows_its_client();
}

#[test]
fn introduction_exim_knows_its_client() {
    introduction::exim_knows_its_client();
}

#[test]
fn introduction_dovecot_knows_its_client() {
    lmtp::dovecot_knows_its_client();
}

#[test]
fn introduction_the_client_of_haproxy_is_known_to_postfix() {
    introduction::the_client_of_haproxy_is_known_to_postfix();
}

#[test]
fn asa_rules_before_postfix() {
    scenario::check(Kind::Postfix, &asa_rules::of_both_sides());
}

#[test]
fn asa_rules_before_exim() {
    scenario::check(Kind::Exim, &asa_rules::of_both_sides());
}

#[test]
fn asa_rules_of_clients_before_postfix() {
    scenario::check(Kind::Postfix, &asa_rules::of_clients());
}

#[test]
fn classic_rules_before_postfix() {
    scenario::check(Kind::Postfix, &classic_rules::all());
}

#[test]
fn classic_rules_before_exim() {
    scenario::check(Kind::Exim, &classic_rules::all());
}

#[test]
fn by_hand_before_postfix() {
    by_hand::check(Kind::Postfix);
}

#[test]
fn by_hand_before_exim() {
    by_hand::check(Kind::Exim);
}

#[test]
fn authentication_by_postfix() {
    authentication::of_postfix();
}

#[test]
fn authentication_by_exim() {
    authentication::of_exim();
}

#[test]
fn queue_run_from_postfix_to_exim() {
    queue::same_with_and_without_us(Kind::Postfix, Kind::Exim, false);
}

#[test]
fn queue_run_from_exim_to_postfix() {
    queue::same_with_and_without_us(Kind::Exim, Kind::Postfix, true);
}

#[test]
#[ignore = "what other programs do changes with their versions: scripts/test --matrix"]
fn matrix_of_clients_and_refusals() {
    matrix::check();
}

#[test]
#[ignore = "what other programs do changes with their versions: scripts/test --matrix"]
fn matrix_of_queue_runs_from_opensmtpd_and_sendmail() {
    queue::matrix();
}

#[test]
#[ignore = "what other programs do changes with their versions: scripts/test --matrix"]
fn matrix_of_mailbox_clients() {
    mailboxes::matrix();
}
