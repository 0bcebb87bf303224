//! Classic inspection of IOS.

use super::{check, help};

#[test]
fn a_rule_said_twice_replaces_the_first_and_says_so() {
    check(&[
        (
            "ip inspect name A esmtp max-data 1000\nip inspect name A esmtp max-data 2000\n",
            &["2 warning overridden", "2 warning no-effect"],
        ),
        (
            "ip inspect name A tcp\nip inspect name B tcp\ninterface Vlan1\n ip inspect A in\n ip inspect B in\n",
            &["5 warning overridden"],
        ),
        (
            "ip inspect name A tcp\nip inspect name B tcp\ninterface Vlan1\n ip inspect A in\n ip inspect B out\n",
            &[],
        ),
        (
            "ip inspect name A tcp\nip inspect name B tcp\n\
             interface Vlan1\n ip inspect A in\n no ip inspect A in\n ip inspect B in\n",
            &[],
        ),
        (
            "access-list 1 permit any\naccess-list 2 permit any\ninterface Vlan1\n zone-member security a\n \
             ip access-group 1 in\n ip access-group 2 in\nzone security a\n",
            &["6 warning overridden"],
        ),
    ]);
}

#[test]
fn a_lower_threshold_above_the_higher_one_is_an_error_whichever_comes_first() {
    check(&[
        (
            "ip inspect max-incomplete high 100\nip inspect max-incomplete low 200\n",
            &["2 error low-above-high"],
        ),
        ("ip inspect one-minute low 200\nip inspect one-minute high 100\n", &["2 error low-above-high"]),
        (
            "ip inspect max-incomplete high 100\nip inspect max-incomplete low 200\nip inspect max-incomplete high 300\n",
            &[],
        ),
    ]);
}

#[test]
fn a_no_that_takes_nothing_back_says_so() {
    let rule = "ip inspect name A tcp\n";
    check(&[
        (&format!("{rule}no ip inspect name A udp\n"), &["2 warning no-effect"]),
        (&format!("{rule}no ip inspect name B tcp\n"), &["2 warning no-effect"]),
        (&format!("{rule}no ip inspect name A tcp\n"), &[]),
    ]);
}

#[test]
fn a_rule_that_allows_no_data_is_a_warning() {
    check(&[(
        "ip inspect name A esmtp max-data 0\n",
        &["1 warning refuses-all-mail", "1 warning no-effect"],
    )]);
}

#[test]
fn a_rule_without_the_protocol_of_its_proxy_leaves_a_pinhole() {
    let proxy = |rule: &str, port: &str| {
        format!(
            "ip inspect name A {rule}\nproxy mx\n listen 192.0.2.1:{port}\n server 192.0.2.2:{port}\n ip inspect A\n"
        )
    };
    let esmtp = "esmtp max-data 1000";
    check(&[
        (&proxy(esmtp, "110"), &["1 warning no-effect", "2 warning pinhole"]),
        (&proxy("pop3", "110"), &[]),
        (&proxy("imap", "143"), &[]),
        (&proxy(esmtp, "25\n protocol tcp"), &["1 warning no-effect", "7 warning no-effect"]),
    ]);
    assert_eq!(help(&proxy(esmtp, "110"), "pinhole"), "add `ip inspect name A pop3`");
    assert_eq!(help(&proxy("imap", "2143"), "pinhole"), "write `proxy mx / protocol imap`");
}

#[test]
fn options_in_another_order_are_told_in_theirs() {
    for (typed, meant) in [
        ("esmtp audit-trail on alert on", "esmtp alert on audit-trail on"),
        ("esmtp timeout 600 max-data 5000", "esmtp max-data 5000 timeout 600"),
        ("pop3 secure-login reset", "pop3 reset secure-login"),
    ] {
        let text = format!("ip inspect name X {typed}\n");
        assert_eq!(help(&text, "invalid-input"), format!("write `ip inspect name X {meant}`"));
    }
}

#[test]
fn a_statement_of_a_rule_outside_its_place_is_told_where_it_belongs() {
    assert_eq!(help("ip inspect X esmtp\n", "invalid-input"), "write `ip inspect name X esmtp`");
    assert_eq!(help("ip inspect X in\n", "outside-block"), "write `interface NAME` before it");
}

#[test]
fn a_policy_of_another_sort_is_named_by_its_own_statement() {
    let proxy = |line: &str| {
        format!(
            "ip inspect name A tcp\nclass-map type inspect smtp match-any C\n match recipient count gt 5\n\
             policy-map type inspect smtp P\n class C\n  log\n\
             proxy mx\n listen 192.0.2.1:25\n server 192.0.2.2:25\n {line}\n"
        )
    };
    for (line, meant) in [
        ("service-policy type inspect A", "write `ip inspect A`"),
        ("ip inspect P", "write `service-policy type inspect smtp P`"),
        ("inspect esmtp P", "write `service-policy type inspect smtp P`"),
    ] {
        assert_eq!(help(&proxy(line), "undefined-name"), meant);
    }
    assert_eq!(help(&proxy("ip inspect B"), "undefined-name"), "define it with `ip inspect name B esmtp`");
}

#[test]
fn an_interface_is_one_whether_its_unit_stands_apart_or_not() {
    let text = "ip inspect name A esmtp max-data 1000\ninterface GigabitEthernet 0/0\n ip inspect A in\n\
        interface GigabitEthernet0/0\n ip access-group 1 in\naccess-list 1 permit any\n";
    let interfaces =
        policy::load("test", text.as_bytes()).configuration.map(|it| it.interfaces).unwrap_or_default();
    let found: Vec<_> = interfaces.iter().map(|it| (&*it.name.text, it.access_group_in.is_some())).collect();
    assert_eq!(found, [("GigabitEthernet0/0", true)]);
    check(&[(
        "interface range Gi0/0 - 1\n ip inspect A in\nip inspect name A tcp\n",
        &["1 warning not-supported"],
    )]);
}
