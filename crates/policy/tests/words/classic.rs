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
