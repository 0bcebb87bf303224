//! Maps of type inspect esmtp: which action goes with which match.

use crate::criterion::CriterionKind;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::model::{Action, Configuration, EsmtpMatch};
use crate::outline::Outline;

pub(super) fn check(configuration: &Configuration, outline: &Outline<'_>, complaints: &mut Diagnostics) {
    for one in configuration.esmtp_maps.iter().flat_map(|map| &map.matches) {
        action(one, outline, complaints);
    }
}

/// `mask` needs something that can be overwritten, and `rate-limit` something that comes again and again.
fn action(of: &EsmtpMatch, outline: &Outline<'_>, complaints: &mut Diagnostics) {
    let Some((action, at)) = of.action else { return };
    let kind = of.criterion.kind();
    let (fits, with) = match action {
        Action::Mask => (kind.row().maskable, "`match cmd verb` and `match ehlo-reply-parameter`"),
        Action::Pace(_) => (kind == CriterionKind::Verb, "`match cmd verb`"),
        Action::Allow | Action::Close | Action::Reset => return,
    };
    if !fits {
        let message = format!("`{}` goes only with {with}, and not with `{of}`", action.keyword());
        complaints.push(
            Diagnostic::new(Code::NotForThisMatch, at, message).related(of.at, "the match").maybe_help(
                outline.replaced(at, "drop-connection log").map(|line| format!("write `{line}`")),
            ),
        );
    }
}
