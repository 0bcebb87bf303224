//! The configurations in `docs/migration.md`: whoever types one has what the page says.

use std::collections::BTreeSet;

use policy::attach::{Handling, Traffic};
use policy::load;

/// The blocks of the page that have a proxy.
fn configurations() -> Vec<&'static str> {
    let page = include_str!("../../../docs/migration.md");
    let blocks = page.split("\n```\n").skip(1).step_by(2);
    blocks.filter(|block| block.contains("\nproxy ")).collect()
}

#[test]
fn every_proxy_on_the_page_inspects_and_nothing_is_complained_of() {
    let configurations = configurations();
    assert_eq!(configurations.len(), 4);
    for text in configurations {
        let loaded = load("migration.md", text.as_bytes());
        let complaints: Vec<_> = loaded.diagnostics.iter().map(|it| (it.code, &it.message)).collect();
        assert!(complaints.is_empty(), "{complaints:?}\n{text}");
        let of_proxies = loaded.attachments.iter().filter(|it| matches!(it.traffic, Traffic::Proxy { .. }));
        let inspecting = of_proxies
            .filter(|it| it.handling == Handling::Inspect && (it.policy.is_some() || it.rule.is_some()));
        let inspecting: BTreeSet<&str> = inspecting.map(|it| it.name.text.as_str()).collect();
        let named: BTreeSet<&str> = text.lines().filter_map(|line| line.strip_prefix("proxy ")).collect();
        assert_eq!(inspecting, named, "{text}");
    }
}
