//! docs/protocol.md is true: each of its examples is a message, written as the server
//! itself would write it, and each message and word of the protocol is in there.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "in a test they are how it fails"
)]

use std::collections::BTreeSet;

use convoke_signaling::session::Close;
use convoke_signaling::session::message::{ClientMessage, ErrorCode, ServerMessage};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

const DOCUMENT: &str = include_str!("../../docs/protocol.md");

/// The fenced blocks that begin with "```json {who}".
fn examples(who: &str) -> Vec<&'static str> {
    let fence = format!("```json {who}\n");
    let blocks = DOCUMENT.split(fence.as_str()).skip(1);
    blocks
        .map(|rest| rest.split("```").next().unwrap_or_default())
        .collect()
}

/// Parses every example, demands that nothing in it was ignored, and returns the types
/// seen.
fn check<T: DeserializeOwned + Serialize>(who: &str) -> BTreeSet<String> {
    let mut types = BTreeSet::new();
    for example in examples(who) {
        let message: T = serde_json::from_str(example).unwrap_or_else(|e| panic!("{e}: {example}"));
        let written: Value = serde_json::to_value(&message).unwrap();
        let mut given: Value = serde_json::from_str(example).unwrap();
        fill_defaults(&mut given);
        assert_eq!(given, written, "{example}");
        types.insert(written["type"].as_str().unwrap().to_owned());
    }
    types
}

/// A `priority` may be left out and is written as 0.
fn fill_defaults(message: &mut Value) {
    let slots = message.get_mut("slots").and_then(Value::as_array_mut);
    let wishes = slots.into_iter().flatten();
    for wish in wishes.filter(|wish| wish.get("show").is_some()) {
        let fields = wish.as_object_mut().unwrap();
        fields.entry("priority").or_insert(0.into());
    }
}

/// The names of an enum's variants, from what serde says of an unknown one.
fn variants<T: DeserializeOwned>(unknown: &Value) -> BTreeSet<String> {
    let error = serde_json::from_value::<T>(unknown.clone())
        .err()
        .expect("no message has this type")
        .to_string();
    let (_, list) = error
        .split_once("expected one of ")
        .expect("serde lists them");
    let names = list.split('`').skip(1).step_by(2);
    names.map(str::to_owned).collect()
}

#[test]
fn every_client_message_has_an_example() {
    let all = variants::<ClientMessage>(&serde_json::json!({"type": "?"}));
    assert!(all.len() >= 9, "{all:?}");
    assert_eq!(check::<ClientMessage>("client"), all);
}

#[test]
fn every_server_message_has_an_example() {
    let all = variants::<ServerMessage>(&serde_json::json!({"type": "?"}));
    assert!(all.len() >= 12, "{all:?}");
    assert_eq!(check::<ServerMessage>("server"), all);
}

#[test]
fn no_example_is_left_out() {
    let fences = DOCUMENT.matches("```json").count();
    let checked = examples("client").len() + examples("server").len();
    assert_eq!(
        fences, checked,
        "a json block says neither client nor server"
    );
}

#[test]
fn every_error_code_and_close_code_is_explained() {
    for code in variants::<ErrorCode>(&serde_json::json!("?")) {
        assert!(DOCUMENT.contains(&format!("\n| `{code}` |")), "{code}");
    }
    for close in Close::ALL {
        let code = close.code();
        assert!(DOCUMENT.contains(&format!("\n| {code} |")), "{close:?}");
    }
}
