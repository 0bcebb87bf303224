//! Configurations of every dialect: complaints lie inside the text, with an error nothing is applied, what loads is
//! printed as it was meant, and each policy for mail compiles or says why not.

use policy::profile::Profile;
use policy::source::Span;
use policy::{CompiledPolicy, Loaded, load, render};

use crate::input::Input;
use crate::statements::{Language, chosen};

const TEXT_MAX: usize = 16 << 10;

/// Text as it comes, or statements that the octets choose: of those far more load.
pub(crate) fn run(input: &[u8]) {
    let mut input = Input::new(input);
    match input.octet() % 3 {
        0 => check(input.take(TEXT_MAX)),
        1 => check(&chosen(Language::Ios, input)),
        _ => check(&chosen(Language::Asa, input)),
    }
}

fn check(text: &[u8]) {
    let loaded = load("fuzz", text);
    check_diagnostics(&loaded);
    assert_eq!(loaded.configuration.is_none(), loaded.diagnostics.has_errors());
    let Some(configuration) = loaded.configuration else {
        assert!(loaded.attachments.is_empty(), "half of a configuration with errors is applied");
        return;
    };
    let printed = configuration.to_string();
    let again = load("printed", printed.as_bytes());
    let complaints = render::diagnostics(&again.source, &again.diagnostics);
    let Some(same) = again.configuration else {
        panic!("what is printed has errors:\n{complaints}\n{printed}")
    };
    assert_eq!(same.to_string(), printed);
    assert_eq!(same.without_places(), configuration.clone().without_places(), "{printed}");
    for map in &configuration.l7_policies {
        match CompiledPolicy::compile(&configuration, &map.name.text, &Profile::C3PL) {
            Ok(compiled) => assert_eq!(compiled.name(), map.name.text),
            Err(too_large) => assert!(!too_large.is_empty()),
        }
    }
}

fn check_diagnostics(loaded: &Loaded) {
    for diagnostic in &loaded.diagnostics {
        let places = std::iter::once(diagnostic.at).chain(diagnostic.related.iter().map(|(at, _)| *at));
        for Span { start, end } in places {
            assert!(start <= end, "{diagnostic:?}");
            let inside = loaded.source.text.get(start as usize..end as usize);
            assert!(inside.is_some(), "{diagnostic:?} is outside the text");
        }
        let message = &diagnostic.message;
        assert!(!message.is_empty() && !message.ends_with('.') && !message.contains('\n'), "{message:?}");
        render::ios("router(config)#", loaded.source.line_of(diagnostic.at).1, diagnostic);
    }
    render::diagnostics(&loaded.source, &loaded.diagnostics);
}

#[cfg(test)]
pub(crate) fn generate(random: &mut fastrand::Rng) -> Vec<u8> {
    let choices: Vec<u8> = (0..random.usize(1..400)).map(|_| random.u8(..)).collect();
    match random.u8(..4) {
        // As text, which words of the dictionary can be put into.
        0 => [vec![0], chosen(Language::Ios, Input::new(&choices))].concat(),
        1 => [vec![0], chosen(Language::Asa, Input::new(&choices))].concat(),
        language => [vec![language - 1], choices].concat(),
    }
}
