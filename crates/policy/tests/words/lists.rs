//! Access lists: an entry that is not in a list changes what the list decides.

use super::{check, help};

const ASA: &str = "ASA Version 9.8(2)\n";

#[test]
fn a_block_that_no_table_has_ends_the_one_before_it() {
    let text = "ASA Version 9.8(2)\nobject-group protocol TCP\nprotocol-object tcp\n\
                object-group icmp-type PINGS\ngroup-object OTHERS\nicmp-object echo\n";
    let configuration = policy::load("test", text.as_bytes()).configuration.unwrap();
    let members = configuration.object_groups.get("TCP").unwrap().members();
    assert_eq!(members.len(), 1, "{members:?}");
}

#[test]
fn a_slip_in_an_entry_of_an_access_list_is_an_error() {
    let asa = |lines: &str| format!("{ASA}{lines}");
    check(&[
        (&asa("access-list L extneded permit tcp any any eq 25\n"), &["2 error invalid-input"]),
        (&asa("access-list L extended premit tcp any any eq 25\n"), &["2 error invalid-input"]),
        (&asa("access-list L line 1 permt tcp any any eq 25\n"), &["2 error invalid-input"]),
        (&asa("access-list L tcp any any eq 25\n"), &["2 error invalid-input"]),
        (&asa("access-list L extended permit\n"), &["2 error incomplete-command"]),
        (&asa("access-list L\n"), &["2 error incomplete-command"]),
        ("access-list 101 premit tcp any any eq smtp\n", &["1 error invalid-input"]),
        ("access-list 101 permit\n", &["1 error incomplete-command"]),
        ("access-list 101 tcp any any\n", &["1 error invalid-input"]),
    ]);
}

#[test]
fn lines_of_access_lists_that_select_no_connections_are_skipped() {
    let asa = "ASA Version 9.8(2)\naccess-list L remark mail\naccess-list L line 2 remark mail\n\
        access-list R standard permit 10.0.0.0 255.0.0.0\naccess-list E ethertype permit bpdu\n\
        access-list W webtype permit url http://x\naccess-list alert-interval 300\n\
        access-list deny-flow-max 4096\naccess-list mode auto-commit\naccess-list commit\n\
        access-list L; 5 elements; name hash: 0x4cd7d86a\nno access-list L remark mail\nno access-list L\n";
    let ios = "access-list 101 remark mail\naccess-list compiled\nno access-list 101\n\
        access-list 101 dynamic LOGIN permit tcp any any\naccess-list rate-limit 1 5\n\
        ip access-list resequence L 10 10\nip access-list logging interval 5\n";
    check(&[(asa, &[]), (ios, &[])]);
}

#[test]
fn an_access_list_whose_kind_is_missing_or_misspelt_is_one_error() {
    check(&[
        ("ip access-list extened L\n permit tcp any any\n deny ip any any\n", &["1 error invalid-input"]),
        ("ip access-lst extended L\n permit tcp any any\n", &["1 error invalid-input"]),
        ("ip access-list L\n permit tcp any any\n", &["1 error invalid-input"]),
        ("ip access-list extended\n permit tcp any any\n", &["1 error incomplete-command"]),
        ("ipv6 acces-list L\n permit tcp any any\n", &["1 error invalid-input"]),
        ("ip access-list role-based L\n permit tcp\n", &[]),
        ("ipv4 access-list L\n 10 permit tcp any any\n", &[]),
    ]);
}

#[test]
fn an_entry_of_the_other_platform_is_named() {
    check(&[(
        "zone security z\naccess-list L extended permit tcp any any eq 25\n",
        &["2 warning other-platform"],
    )]);
}

#[test]
fn an_entry_is_taken_back_by_what_it_says_and_a_no_without_one_says_so() {
    let named = |entry: &str| format!("ip access-list extended L\n permit tcp any any eq smtp\n {entry}\n");
    let asa = |line: &str| format!("{ASA}access-list L extended permit tcp any any eq smtp\n{line}\n");
    let nothing = &["3 warning no-effect"];
    check(&[
        (&named("no permit tcp any any eq 25"), &[]),
        (&named("no permit tcp any any eq 26"), nothing),
        (&named("no 10"), &[]),
        (&named("no 11"), nothing),
        (&asa("no access-list L extended permit tcp any any eq 25"), &[]),
        (&asa("no access-list L extended permit tcp any any eq 26"), nothing),
        (&asa("no access-list L extended deny tcp any any eq 25"), nothing),
    ]);
    // Nothing is left to be used.
    let used =
        "proxy mx\n listen 192.0.2.1:25\n server 192.0.2.2:25\n inspect esmtp\n ip access-group L in\n";
    let text = format!("{}{used}", asa("no access-list L extended permit tcp any any eq 25"));
    check(&[(&text, &["8 error undefined-name"])]);
}

#[test]
fn an_entry_without_a_word_is_told_which() {
    let listed = |entry: &str| {
        format!(
            "ip access-list extended L\n {entry}\nproxy mx\n listen 192.0.2.1:25\n server 192.0.2.2:25\n ip access-group L in\n"
        )
    };
    assert_eq!(help(&listed("permit any any eq smtp"), "invalid-input"), "write `tcp any`");
    assert_eq!(help(&listed("permit tcp any any eq stmp"), "invalid-input"), "did you mean `smtp`?");
}
