//! The web client, embedded: what build.rs made of `web/`.

use std::fmt::Write as _;

use convoke_signaling::http::{Asset, Assets};
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "web/dist"]
struct Files;

pub(crate) struct Pages;

impl Assets for Pages {
    fn get(&self, path: &str) -> Option<Asset> {
        let file = Files::get(path)?;
        let mut hash = String::with_capacity(64);
        for byte in file.metadata.sha256_hash() {
            // Writing to a String cannot fail.
            let _ = write!(hash, "{byte:02x}");
        }
        Some(Asset {
            mime: file.metadata.mimetype().to_owned().into(),
            bytes: file.data,
            hash,
        })
    }
}
