//! API keys of the host application's backend.

use subtle::{Choice, ConstantTimeEq};

/// The configured keys; none when the backend has no API access.
#[derive(Clone, Default)]
pub struct ApiKeys(Vec<Box<[u8]>>);

impl ApiKeys {
    pub fn new(keys: impl IntoIterator<Item = String>) -> Self {
        let keys = keys.into_iter().filter(|key| !key.is_empty());
        Self(keys.map(|key| key.into_bytes().into()).collect())
    }

    /// Compares with every key in constant time, so that neither a prefix nor a
    /// position is learned by measuring. Lengths may be.
    pub fn contains(&self, candidate: &str) -> bool {
        let hit = self.0.iter().fold(Choice::from(0), |hit, key| {
            hit | key.ct_eq(candidate.as_bytes())
        });
        hit.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_configured_keys_are_known() {
        let keys = ApiKeys::new(["one".to_owned(), String::new(), "two".to_owned()]);
        for (candidate, want) in [
            ("one", true),
            ("two", true),
            ("on", false),
            ("onetwo", false),
            ("ONE", false),
            ("", false),
        ] {
            assert_eq!(keys.contains(candidate), want, "{candidate:?}");
        }
        assert!(!ApiKeys::default().contains(""));
    }
}
