//! The dialect of the ASA and of the PIX.

use super::check;

const ASA: &str = "ASA Version 9.8(2)\n";

/// The lines of an ASA behind the one that says so.
fn asa(lines: &str) -> String {
    format!("{ASA}{lines}")
}

/// Connections to port 25, inspected by a map that the rest defines.
const POLICY: &str = "policy-map p\n class inspection_default\n  inspect esmtp\n";

#[test]
fn a_statement_with_a_word_left_out_is_an_error() {
    check(&[
        (&asa(&format!("{POLICY}service-policy p outside\n")), &["5 error invalid-input"]),
        (&asa(&format!("{POLICY}service-policy p on outside in\n")), &["5 error invalid-input"]),
        (&asa("service-policy p\n"), &["2 error incomplete-command"]),
        (&asa(&format!("{POLICY}  service-policy inner\nservice-policy p global\n")), &[]),
        (&asa("class-map type regex BAD\n match regex A\nregex A x\n"), &["2 error invalid-input"]),
        (&asa("regex A @deals example\n"), &["2 error invalid-input"]),
        (&asa("regex A\n"), &["2 error incomplete-command"]),
        ("fixup protocol smpt 25\n", &["1 error invalid-input"]),
        ("fixup protcol smtp 25\n", &["1 error invalid-input"]),
        ("fixup protocol sip 5060\nfixup protocol rtsp 554\nfixup protocol ftp 21\n", &[]),
    ]);
}
