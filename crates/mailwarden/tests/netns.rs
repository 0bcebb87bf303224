//! Tables of nftables in network namespaces: what the kernel takes, and what becomes of real packets.
//!
//! They need root, nft and ip, and say `SKIPPED` otherwise; with `MAILWARDEN_REQUIRE_SERVERS=1` they fail instead. Each
//! test has a laboratory of its own: a firewall with five neighbours, in namespaces that go with it.

#![allow(
    clippy::unwrap_used,
    reason = "a test reports by panicking; clippy exempts only functions marked as tests"
)]

#[path = "netns/golden.rs"]
mod golden;
#[path = "netns/interfaces.rs"]
mod interfaces;
#[path = "netns/lab.rs"]
mod lab;
#[path = "netns/probe.rs"]
mod probe;
#[path = "netns/zones.rs"]
mod zones;

/// The tables of `tests/netfilter` are what the program prints, whoever runs the test.
#[test]
fn tables_are_the_golden_ones() {
    golden::tables_are_the_golden_ones();
}

#[test]
fn the_kernel_takes_every_golden_table_and_what_it_lists_of_it() {
    golden::the_kernel_takes_every_golden_table_and_what_it_lists_of_it();
}

#[test]
fn zones_decide_by_every_row_of_their_table() {
    zones::zones_decide_by_every_row_of_their_table();
}

#[test]
fn inspection_lets_answers_in_past_the_list_of_a_router() {
    interfaces::inspection_lets_answers_in_past_the_list_of_a_router();
}

#[test]
fn levels_decide_on_an_asa_where_no_list_does() {
    interfaces::levels_decide_on_an_asa_where_no_list_does();
}

#[test]
fn lines_of_lists_decide_in_their_order_and_count() {
    interfaces::lines_of_lists_decide_in_their_order_and_count();
}
