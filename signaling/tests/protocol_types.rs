//! The web client's types are the server's: `web/src/protocol/generated/messages.ts`
//! is checked in so that the web builds without Rust, and this fails when it is stale.
//! `CONVOKE_UPDATE_TYPES=1 cargo test -p convoke-signaling --test protocol_types` renews it.

use std::collections::BTreeMap;
use std::path::Path;

use convoke_signaling::session::message::{ClientMessage, PROTOCOL_VERSION, ServerMessage};
use ts_rs::{Config, TS, TypeVisitor};

const HEAD: &str = "// Generated from signaling/src/session/message.rs by signaling/tests/protocol_types.rs.\n\
                    // Do not edit; run that test with CONVOKE_UPDATE_TYPES=1.\n";

/// Declarations by name, so that the file's order is stable.
struct Declarations<'a> {
    config: &'a Config,
    found: BTreeMap<String, String>,
}

impl TypeVisitor for Declarations<'_> {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        // Primitives and wrappers have no declaration of their own.
        if T::output_path().is_none() {
            return;
        }
        let name = T::ident(self.config);
        if self.found.contains_key(&name) {
            return;
        }
        let docs = T::docs().unwrap_or_default();
        let declaration = format!("{docs}export {}\n", T::decl(self.config));
        self.found.insert(name, declaration);
        T::visit_dependencies(self);
    }
}

fn generate() -> String {
    let config = Config::default();
    let mut declarations = Declarations {
        config: &config,
        found: BTreeMap::new(),
    };
    declarations.visit::<ClientMessage>();
    declarations.visit::<ServerMessage>();
    let types: Vec<_> = declarations.found.into_values().collect();
    format!(
        "{HEAD}\nexport const PROTOCOL_VERSION = {PROTOCOL_VERSION};\n\n{}",
        types.join("\n")
    )
}

#[test]
fn checked_in_typescript_types_are_current() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../web/src/protocol/generated/messages.ts");
    let wanted = generate();
    if std::env::var_os("CONVOKE_UPDATE_TYPES").is_some() {
        std::fs::write(&path, &wanted).expect("the generated file is writable");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == wanted,
        "{} is stale: run this test with CONVOKE_UPDATE_TYPES=1",
        path.display()
    );
}
