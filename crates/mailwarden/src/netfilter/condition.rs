//! A condition as a chain that goes on to one chain or another: nftables has no `or`, and no `not` of several.
//!
//! Access lists, classes and selectors of attachments answer a caller that jumps to them by [`PERMITTED`], a bit of the
//! packet's mark, so that each is compiled once, counts once, and is asked from anywhere.

use super::nft::{Rule, Ruleset};

/// The bit that is set where a list permits a packet, or a class has it.
const PERMITTED: &str = "meta mark & 0x04000000 == 0x04000000";
const NOT_PERMITTED: &str = "meta mark & 0x04000000 == 0x00000000";

/// Takes the bit away again.
pub(super) const FORGET: &str = "meta mark set meta mark & 0xfbffffff";

/// The chain that answers yes.
pub(super) const YES: &str = "yes";
/// The chain that answers no.
pub(super) const NO: &str = "no";
/// The chain that accepts what was asked about.
pub(super) const ACCEPTED: &str = "accepted";

/// What is asked of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Test {
    Always,
    /// An expression of nft.
    Is(String),
    /// A chain that answers by the mark.
    Chain(String),
    /// All of these.
    Each(Vec<Self>),
    /// One of these.
    Any(Vec<Self>),
    Not(Box<Self>),
}

impl Test {
    pub(super) const NEVER: Self = Self::Any(Vec::new());

    pub(super) fn not(self) -> Self {
        Self::Not(Box::new(self))
    }
}

/// The chains that answer.
pub(super) fn answers(ruleset: &mut Ruleset) {
    ruleset.chain(YES, vec![Rule::new("meta mark set meta mark | 0x04000000")]);
    ruleset.chain(NO, vec![Rule::new(FORGET)]);
    ruleset.chain(ACCEPTED, vec![Rule::new(FORGET), Rule::new("accept")]);
}

/// A rule for packets that the last chain answered yes to.
pub(super) fn if_permitted(then: &str) -> Rule {
    Rule::new(format!("{PERMITTED} {then}"))
}

/// A rule for packets that the last chain answered no to.
pub(super) fn unless_permitted(then: &str) -> Rule {
    Rule::new(format!("{NOT_PERMITTED} {then}"))
}

/// Adds the rules by which packets for which the test holds go to the chain `yes`, and all others to `no`. Inner
/// tests become chains with names that begin as `name`.
pub(super) fn decide(
    ruleset: &mut Ruleset,
    rules: &mut Vec<Rule>,
    test: &Test,
    name: &str,
    [yes, no]: [&str; 2],
) {
    match test {
        Test::Not(inner) => decide(ruleset, rules, inner, name, [no, yes]),
        Test::Each(tests) => each(ruleset, rules, tests, name, [yes, no]),
        Test::Any(tests) => {
            for (number, test) in tests.iter().enumerate() {
                leave(ruleset, rules, test, &format!("{name}/{number}"), yes);
            }
            rules.push(Rule::new(format!("goto {no}")));
        }
        Test::Always | Test::Is(_) | Test::Chain(_) => {
            leave(ruleset, rules, test, name, yes);
            if *test != Test::Always {
                rules.push(Rule::new(format!("goto {no}")));
            }
        }
    }
}

/// The same for several tests that all must hold. An expression leads to a chain of those behind it.
fn each(ruleset: &mut Ruleset, rules: &mut Vec<Rule>, tests: &[Test], name: &str, [yes, no]: [&str; 2]) {
    match tests {
        [] => rules.push(Rule::new(format!("goto {yes}"))),
        [Test::Is(expression)] => {
            rules.push(Rule::new(format!("{expression} goto {yes}")));
            rules.push(Rule::new(format!("goto {no}")));
        }
        [Test::Is(expression), behind @ ..] => {
            let chain = format!("{name}/{}", behind.len());
            let mut inner = Vec::new();
            each(ruleset, &mut inner, behind, &chain, [yes, no]);
            let chain = ruleset.chain(chain, inner);
            rules.push(Rule::new(format!("{expression} goto {chain}")));
            rules.push(Rule::new(format!("goto {no}")));
        }
        [test, behind @ ..] => {
            leave(ruleset, rules, &test.clone().not(), &format!("{name}/{}", behind.len()), no);
            each(ruleset, rules, behind, name, [yes, no]);
        }
    }
}

/// Adds the rules by which packets for which the test holds go to a chain. All others go on.
pub(super) fn leave(ruleset: &mut Ruleset, rules: &mut Vec<Rule>, test: &Test, name: &str, to: &str) {
    let (test, negated) = match test {
        Test::Not(inner) => (&**inner, true),
        test => (test, false),
    };
    let asked = match test {
        Test::Always if negated => return,
        Test::Always => return rules.push(Rule::new(format!("goto {to}"))),
        Test::Is(expression) if !negated => return rules.push(Rule::new(format!("{expression} goto {to}"))),
        Test::Chain(chain) => chain.clone(),
        Test::Not(inner) => return leave(ruleset, rules, inner, name, to),
        Test::Is(_) | Test::Each(_) | Test::Any(_) => {
            let mut inner = Vec::new();
            decide(ruleset, &mut inner, test, name, [YES, NO]);
            ruleset.chain(name, inner)
        }
    };
    rules.push(Rule::new(format!("jump {asked}")));
    let then = format!("goto {to}");
    rules.push(if negated { unless_permitted(&then) } else { if_permitted(&then) });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(test: &Test) -> String {
        let mut ruleset = Ruleset::default();
        let mut rules = Vec::new();
        decide(&mut ruleset, &mut rules, test, "c", ["y", "n"]);
        ruleset.chain("c", rules);
        let chains = ruleset.chains.iter().map(|chain| {
            let rules: Vec<String> = chain.rules.iter().map(ToString::to_string).collect();
            format!("{}: {}", chain.name, rules.join("; "))
        });
        let text = chains.collect::<Vec<_>>().join("\n");
        text.replace(PERMITTED, "yes?").replace(NOT_PERMITTED, "no?")
    }

    #[test]
    fn tests_become_rules_in_their_order() {
        let is = |text: &str| Test::Is(text.to_owned());
        let list = || Test::Chain("l".to_owned());
        assert_eq!(rules(&Test::Always), "c: goto y");
        assert_eq!(rules(&Test::NEVER), "c: goto n");
        assert_eq!(rules(&is("a").not()), "c: a goto n; goto y");
        assert_eq!(rules(&Test::Any(vec![is("a"), list()])), "c: a goto y; jump l; yes? goto y; goto n");
        assert_eq!(
            rules(&Test::Each(vec![is("a"), list(), list().not()])),
            "c/2: jump l; no? goto n; jump l; yes? goto n; goto y\nc: a goto c/2; goto n"
        );
        let either = Test::Any(vec![is("a"), is("b")]);
        assert_eq!(
            rules(&Test::Each(vec![either.not(), is("c")])),
            "c/1: a goto yes; b goto yes; goto no\nc: jump c/1; yes? goto n; c goto y; goto n"
        );
    }
}
