//! Values of bodies that more than one dialect has: bounded texts, and ids as
//! applications that count their users in integers write them.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::body::HostId;

/// Text of at most `MAX` characters, none of them a control character but a line
/// break. Other text is refused, not cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text<const MAX: usize>(String);

impl<const MAX: usize> Text<MAX> {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn into_string(self) -> String {
        self.0
    }
}

impl<'de, const MAX: usize> Deserialize<'de> for Text<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let fits = text.chars().count() <= MAX;
        if fits && !text.chars().any(|c| c.is_control() && c != '\n') {
            return Ok(Self(text));
        }
        let rule = format!("a text has at most {MAX} characters, none of them a control character");
        Err(serde::de::Error::custom(rule))
    }
}

impl<const MAX: usize> PartialSchema for Text<MAX> {
    fn schema() -> RefOr<Schema> {
        let text = ObjectBuilder::new().schema_type(Type::String);
        text.max_length(Some(MAX)).into()
    }
}

impl<const MAX: usize> ToSchema for Text<MAX> {
    fn name() -> Cow<'static, str> {
        Cow::Owned(format!("Text{MAX}"))
    }
}

/// The largest integer that JavaScript holds exactly (ECMA-262 §21.1.2.6).
const MAX_SAFE_INTEGER: i64 = (1 << 53) - 1;

/// An id of the host application in a dialect that counts in integers: an id of
/// digits alone is an integer, any other stays the text that it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CountedId(String);

impl CountedId {
    pub(crate) fn of(id: &impl fmt::Display) -> Self {
        Self(id.to_string())
    }

    /// Only what would be written the same again: `007` stays text.
    fn as_integer(&self) -> Option<i64> {
        let number: i64 = self.0.parse().ok()?;
        let counted = (0..=MAX_SAFE_INTEGER).contains(&number);
        (counted && number.to_string() == self.0).then_some(number)
    }
}

impl Serialize for CountedId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.as_integer() {
            Some(number) => serializer.serialize_i64(number),
            None => serializer.serialize_str(&self.0),
        }
    }
}

/// An integer, or a text.
pub(crate) fn id_schema() -> RefOr<Schema> {
    let integer = ObjectBuilder::new().schema_type(Type::Integer);
    let text = ObjectBuilder::new().schema_type(Type::String);
    let either = OneOfBuilder::new().item(integer).item(text);
    either.into()
}

impl PartialSchema for HostId {
    fn schema() -> RefOr<Schema> {
        id_schema()
    }
}

impl ToSchema for HostId {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("HostId")
    }
}

impl PartialSchema for CountedId {
    fn schema() -> RefOr<Schema> {
        id_schema()
    }
}

impl ToSchema for CountedId {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Id")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_digits_are_integers() {
        let cases = [
            ("42", "42"),
            ("0", "0"),
            ("007", "\"007\""),
            ("-1", "\"-1\""),
            ("+1", "\"+1\""),
            ("9007199254740991", "9007199254740991"),
            ("9007199254740992", "\"9007199254740992\""),
            ("99999999999999999999", "\"99999999999999999999\""),
            ("anna", "\"anna\""),
        ];
        for (id, want) in cases {
            let shown = serde_json::to_string(&CountedId::of(&id)).unwrap();
            assert_eq!(shown, want, "{id}");
        }
    }

    #[test]
    fn texts_are_bounded_and_printable() {
        for (json, want) in [
            (r#""Tea""#, true),
            (r#""a\nb""#, true),
            (r#""ééé""#, true),
            (r#""four""#, false),
            (r#""a\u0000""#, false),
            (r#""a\u0007""#, false),
            ("7", false),
        ] {
            let text = serde_json::from_str::<Text<3>>(json);
            assert_eq!(text.is_ok(), want, "{json}");
        }
    }
}
