use std::collections::BTreeMap;

use serde_json::Value;

use super::*;

fn json(api: &OpenApi) -> Value {
    serde_json::to_value(api).unwrap()
}

/// Every `$ref` in the document.
fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("$ref").and_then(Value::as_str));
            members.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let api = json(&document());
    assert!(api["openapi"].as_str().unwrap().starts_with("3.1"));
    let mut found = Vec::new();
    references(&api, &mut found);
    assert!(!found.is_empty());
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(api.pointer(pointer).is_some(), "{reference} is not there");
    }
}

/// Two dialects' types of one name would silently be one.
#[test]
fn a_schema_s_name_means_one_thing() {
    let mut all = BTreeMap::new();
    for dialect in dialect::routes() {
        let components = dialect.into_openapi().components.unwrap_or_default();
        for (name, schema) in components.schemas {
            let schema = serde_json::to_value(schema).unwrap();
            let known = all.entry(name.clone()).or_insert_with(|| schema.clone());
            assert_eq!(known, &schema, "{name}");
        }
    }
}

#[test]
fn every_operation_says_what_it_is_and_how_it_refuses() {
    let api = json(&document());
    let paths = api["paths"].as_object().unwrap();
    let mut ids = std::collections::BTreeSet::new();
    assert!(paths.len() >= 3);
    for (path, operations) in paths {
        let roots = ["/api/", "/whip/", "/whep/"];
        assert!(roots.iter().any(|root| path.starts_with(root)), "{path}");
        for (method, operation) in operations.as_object().unwrap() {
            let what = format!("{method} {path}");
            assert!(operation["summary"].is_string(), "{what}: no summary");
            assert_eq!(
                operation["tags"].as_array().map(Vec::len),
                Some(1),
                "{what}: one tag"
            );
            let id = operation["operationId"].as_str().unwrap();
            assert!(
                ids.insert(id.to_owned()),
                "{what}: {id} is another's operationId"
            );
            let responses = operation["responses"].as_object().unwrap();
            assert!(
                responses.keys().any(|status| status.starts_with('2')),
                "{what}"
            );
            let public = operation["security"] == serde_json::json!([{}]);
            assert!(
                public || responses.contains_key("default"),
                "{what}: no refusal"
            );
        }
    }
}

/// The sources of the dialects.
fn sources() -> Vec<(String, String)> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/dialect");
    let (mut folders, mut found) = (vec![root], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = std::fs::read_to_string(&path).unwrap();
                found.push((path.display().to_string(), text));
            }
        }
    }
    found
}

/// A route without a description can only come from `route`, which dialects therefore
/// do not use.
#[test]
fn dialects_register_routes_with_their_description() {
    for (path, text) in sources() {
        assert!(!text.contains(".route("), "{path}");
    }
}

/// Our extractors of bodies are our own, so that nothing but the description says that
/// there is one.
#[test]
fn every_handler_that_takes_a_body_describes_it() {
    let mut bodies = 0;
    for (path, text) in sources() {
        for handler in text.split("#[utoipa::path(").skip(1) {
            let (description, rest) = handler.split_once("async fn ").unwrap();
            let (signature, _) = rest.split_once("\n}").unwrap();
            let bodies_by = ["JsonBody", "SdpBody(", "FragmentBody("];
            let takes = bodies_by.iter().any(|body| signature.contains(body));
            let name = signature.split('(').next().unwrap();
            assert_eq!(
                description.contains("request_body"),
                takes,
                "{path}: {name}"
            );
            bodies += usize::from(takes);
        }
    }
    let api = json(&document());
    let operations = api["paths"].as_object().unwrap().values();
    let operations = operations.flat_map(|path| path.as_object().unwrap().values());
    let described = operations.filter(|operation| operation["requestBody"].is_object());
    assert_eq!(described.count(), bodies);
    assert!(bodies > 10);
}
