//! Typed values out of rows. What does not decode was written by another version or
//! by hand, and is an error of the database, not of the request.

use std::str::FromStr;

use sqlx::Row;
use sqlx::any::AnyRow;

use crate::domain::time::UnixMillis;
use crate::ids::InvalidUserId;

pub(super) trait RowExt {
    fn text(&self, column: &str) -> Result<String, sqlx::Error>;
    fn text_or_null(&self, column: &str) -> Result<Option<String>, sqlx::Error>;
    fn integer(&self, column: &str) -> Result<i64, sqlx::Error>;
    fn integer_or_null(&self, column: &str) -> Result<Option<i64>, sqlx::Error>;
    fn flag(&self, column: &str) -> Result<bool, sqlx::Error>;
    fn time(&self, column: &str) -> Result<UnixMillis, sqlx::Error>;
    fn time_or_null(&self, column: &str) -> Result<Option<UnixMillis>, sqlx::Error>;
}

impl RowExt for AnyRow {
    fn text(&self, column: &str) -> Result<String, sqlx::Error> {
        self.try_get(column)
    }

    fn text_or_null(&self, column: &str) -> Result<Option<String>, sqlx::Error> {
        self.try_get(column)
    }

    fn integer(&self, column: &str) -> Result<i64, sqlx::Error> {
        self.try_get(column)
    }

    fn integer_or_null(&self, column: &str) -> Result<Option<i64>, sqlx::Error> {
        self.try_get(column)
    }

    fn flag(&self, column: &str) -> Result<bool, sqlx::Error> {
        self.integer(column).map(|flag| flag != 0)
    }

    fn time(&self, column: &str) -> Result<UnixMillis, sqlx::Error> {
        self.integer(column).map(UnixMillis)
    }

    fn time_or_null(&self, column: &str) -> Result<Option<UnixMillis>, sqlx::Error> {
        Ok(self.integer_or_null(column)?.map(UnixMillis))
    }
}

/// A column that holds a word or an id.
pub(super) fn parse<T>(row: &AnyRow, column: &str) -> Result<T, sqlx::Error>
where
    T: FromStr,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    decode(column, row.text(column)?.parse())
}

/// [`parse`] where the column may be null.
pub(super) fn parse_or_null<T>(row: &AnyRow, column: &str) -> Result<Option<T>, sqlx::Error>
where
    T: FromStr,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    row.text_or_null(column)?
        .map(|text| decode(column, text.parse()))
        .transpose()
}

/// A column that holds an id of the host application's, or nothing.
pub(super) fn host_id_or_null<T>(row: &AnyRow, column: &str) -> Result<Option<T>, sqlx::Error>
where
    T: for<'a> TryFrom<&'a str, Error = InvalidUserId>,
{
    row.text_or_null(column)?
        .map(|text| decode(column, T::try_from(text.as_str())))
        .transpose()
}

/// A column whose value the domain checks.
pub(super) fn decode<T, E>(column: &str, value: Result<T, E>) -> Result<T, sqlx::Error>
where
    E: std::error::Error + Send + Sync + 'static,
{
    value.map_err(|source| sqlx::Error::ColumnDecode {
        index: column.to_owned(),
        source: Box::new(source),
    })
}
