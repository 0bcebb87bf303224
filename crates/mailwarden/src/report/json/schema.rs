//! What the structs of events say, as `docs/events.schema.json` and as `docs/events.md`.

use std::fmt::Write;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Value, json};

use super::fields::{
    AnomalyFields, ConfigFields, LoginFields, MatchFields, Nothing, ServerFields, SessionEndFields,
    SessionFields, Shown, Text, TlsFields, TransactionFields,
};
use super::limit::LimitFields;
use crate::golden;
use crate::report::session::SessionId;

/// Whose events they are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    Session,
    Daemon,
}

/// A kind of event, and what it has beside what all of them have.
type Kind = (&'static str, Of, fn(&mut SchemaGenerator) -> Schema);

/// Every kind, in the order of the page.
const KINDS: [Kind; 10] = [
    ("session_start", Of::Session, of::<Nothing>),
    ("transaction", Of::Session, of::<TransactionFields<'_>>),
    ("match", Of::Session, of::<MatchFields<'_>>),
    ("anomaly", Of::Session, of::<AnomalyFields<'_>>),
    ("login", Of::Session, of::<LoginFields<'_>>),
    ("tls", Of::Session, of::<TlsFields<'_>>),
    ("session_end", Of::Session, of::<SessionEndFields>),
    ("config", Of::Daemon, of::<ConfigFields<'_>>),
    ("server", Of::Daemon, of::<ServerFields<'_>>),
    ("limit", Of::Daemon, of::<LimitFields<'_>>),
];

fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    T::json_schema(generator)
}

/// What is written as text.
macro_rules! written_as_text {
    ($($of:ty),*) => {$(
        impl JsonSchema for $of {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                "text".into()
            }

            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                String::json_schema(generator)
            }
        }
    )*};
}

written_as_text!(Text<'_>, Shown<engine::event::Reference>, SessionId);

/// The schema of one line: of one of the kinds.
fn whole() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Events of mailwarden",
        "description": "One line of the file of `events json`. Later versions may add keys and kinds.",
        "oneOf": KINDS.iter().map(schema_of).collect::<Vec<_>>(),
    })
}

/// What of a line its schema does not describe, or describes otherwise; a key that it does not name is one. Knows the
/// words that [`whole`] uses.
pub(in crate::report) fn disagreement(line: &Value) -> Option<String> {
    let kinds = KINDS.iter().map(schema_of);
    let described = kinds.into_iter().find(|kind| kind["title"] == line["event"]);
    described.map_or_else(
        || Some(format!("no event is called {}", line["event"])),
        |kind| differs(&kind, line, "$"),
    )
}

fn differs(schema: &Value, value: &Value, at: &str) -> Option<String> {
    if let Some(either) = schema["anyOf"].as_array() {
        let all = either.iter().map(|schema| differs(schema, value, at)).collect::<Option<Vec<_>>>();
        return all.map(|all| all.join(", or "));
    }
    let is_a = |name: &Value| match name.as_str().unwrap_or_default() {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    };
    let of_type = match &schema["type"] {
        Value::Null => true,
        Value::Array(names) => names.iter().any(is_a),
        name => is_a(name),
    };
    let among = schema["enum"].as_array().is_none_or(|words| words.contains(value));
    let same = schema.get("const").is_none_or(|only| only == value);
    if !(of_type && among && same) {
        return Some(format!("{at} is {value}"));
    }
    match value {
        Value::Array(items) => {
            items.iter().find_map(|item| differs(&schema["items"], item, &format!("{at}[]")))
        }
        Value::Object(object) => {
            let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let missing = required.into_iter().find(|name| !object.contains_key(*name));
            missing.map(|name| format!("{at}.{name} is missing")).or_else(|| {
                object.iter().find_map(|(name, value)| {
                    let at = format!("{at}.{name}");
                    match schema["properties"].get(name) {
                        Some(schema) => differs(schema, value, &at),
                        None => Some(format!("{at} is not described")),
                    }
                })
            })
        }
        _ => None,
    }
}

/// The schema of one kind: what all events have, what those of a session have, and what it has by itself.
fn schema_of(&(name, of, fields): &Kind) -> Value {
    let settings =
        SchemaSettings::draft2020_12().for_serialize().with(|settings| settings.inline_subschemas = true);
    let mut generator = settings.into_generator();
    let mut properties = json!({
        "time": {
            "type": "string",
            "format": "date-time",
            "description": "RFC 3339, in UTC with microseconds.",
        },
        "event": { "const": name, "description": "Its kind." },
    });
    let own = fields(&mut generator).to_value();
    let common = SessionFields::json_schema(&mut generator).to_value();
    for part in [Some(&common).filter(|_| of == Of::Session), Some(&own)].into_iter().flatten() {
        let more = part["properties"].as_object().cloned().unwrap_or_default();
        properties.as_object_mut().unwrap().extend(more);
    }
    let required: Vec<String> = properties.as_object().unwrap().keys().cloned().collect();
    json!({
        "title": name,
        "description": own["description"],
        "type": "object",
        "properties": properties,
        "required": required,
    })
}

const HEAD: &str = "\
# Events

`events json FILE` in the `mailwarden` block writes what happens as JSON, one object per line. This page and
[events.schema.json](events.schema.json) are printed from the types of the program. How the file is written and
rotated, and what to do with it, is in [deployment](deployment.md#events).

Keys do not change their meaning, and every event of a kind has all of its keys; later versions may add keys and kinds.
`events detail {envelope | headers | none}` says how much events tell of mail; the default is `envelope`. Text of the
wire that is not UTF-8 is replaced character by character (U+FFFD). No event has a password.
";

/// `docs/events.md`.
fn page() -> String {
    let mut page = HEAD.to_owned();
    let [start, ..] = KINDS;
    page.push_str("\n## All events\n\nThose of a session have all of these, those of the daemon `time` and `event`.\n\n");
    table(&mut page, &schema_of(&start), &[]);
    for kind in KINDS {
        let (name, of, _) = kind;
        let of_all: &[&str] = match of {
            Of::Session => &["time", "event", "session", "protocol", "client", "server", "proxy"],
            Of::Daemon => &["time", "event"],
        };
        let kind = schema_of(&kind);
        let own = kind["properties"].as_object().unwrap().len() > of_all.len();
        let of = if of == Of::Session { "session" } else { "daemon" };
        let about = flowing(&kind["description"]);
        write!(page, "\n## `{name}`\n\n{about} An event of the {of}").unwrap();
        page.push_str(if own { ".\n\n" } else { ", without further keys.\n" });
        if own {
            table(&mut page, &kind, of_all);
        }
    }
    page
}

/// The keys of an object, but for some, and those of the objects in them.
fn table(page: &mut String, object: &Value, without: &[&str]) {
    page.push_str("| key | type | meaning |\n|---|---|---|\n");
    rows(page, "", object, without);
}

fn rows(page: &mut String, prefix: &str, object: &Value, without: &[&str]) {
    let Some(properties) = object["properties"].as_object() else { return };
    for (name, property) in properties.iter().filter(|(name, _)| !without.contains(&name.as_str())) {
        let (word, inner, between) = shape(property);
        let mut meaning = flowing(&property["description"]);
        // The kinds of anomalies have a page.
        if let Some(words) = property["enum"].as_array().filter(|words| words.len() <= 12) {
            let words: Vec<String> =
                words.iter().map(|word| format!("`{}`", word.as_str().unwrap())).collect();
            write!(meaning, " One of {}.", words.join(", ")).unwrap();
        }
        writeln!(page, "| `{prefix}{name}` | {word} | {} |", meaning.trim_start()).unwrap();
        if let Some(inner) = inner {
            rows(page, &format!("{prefix}{name}{between}"), inner, &[]);
        }
    }
}

/// The type of a property in words, and what is in it: objects, and what stands between their keys and its own.
fn shape(property: &Value) -> (String, Option<&Value>, &'static str) {
    let either = property["anyOf"].as_array().and_then(|either| either.first());
    if let Some(object) = either {
        return ("object or null".to_owned(), Some(object), ".");
    }
    let types: Vec<&str> = match &property["type"] {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => vec!["string"],
    };
    match types[..] {
        ["array"] => {
            let items = &property["items"];
            let of =
                if items.get("properties").is_some() { "object" } else { items["type"].as_str().unwrap() };
            (format!("list of {of}s"), Some(items), "[].")
        }
        _ => (types.join(" or "), Some(property), "."),
    }
}

/// A description without the line ends of the source.
fn flowing(description: &Value) -> String {
    description.as_str().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_page_and_the_schema_of_events_are_what_the_types_say() {
    let schema = serde_json::to_string_pretty(&whole()).unwrap() + "\n";
    for (name, printed) in [("events.md", page()), ("events.schema.json", schema)] {
        golden::compare(&format!("docs/{name}"), &printed);
    }
}

#[test]
fn every_key_of_every_event_is_described() {
    let page = page();
    let silent: Vec<&str> = page.lines().filter(|line| line.ends_with("|  |")).collect();
    assert_eq!(silent, [""; 0]);
}

#[test]
fn a_line_with_another_key_type_or_word_disagrees() {
    let server = json!({
        "time": "2026-05-31T09:02:03.000045Z", "event": "server", "server": { "address": "192.0.2.1", "port": 25 },
        "proxy": "mx", "state": "up", "reason": null, "retry_seconds": null,
    });
    assert_eq!(disagreement(&server), None);
    let with = |key: &str, value: Value| {
        let mut line = server.clone();
        line[key] = value;
        disagreement(&line)
    };
    assert_eq!(with("state", json!("away")).unwrap(), "$.state is \"away\"");
    assert_eq!(with("retry_seconds", json!("30")).unwrap(), "$.retry_seconds is \"30\"");
    assert_eq!(with("server", json!({ "address": "192.0.2.1" })).unwrap(), "$.server.port is missing");
    assert_eq!(with("colour", json!("red")).unwrap(), "$.colour is not described");
    assert_eq!(with("event", json!("weather")).unwrap(), "no event is called \"weather\"");
}
