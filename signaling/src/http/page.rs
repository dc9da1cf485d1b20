//! `?limit=&offset=` of lists that are counted from their start.

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use serde::Deserialize;
use utoipa::IntoParams;

use super::problem::{Problem, RequestRefused};
use crate::service::Paging;

const DEFAULT_LIMIT: u32 = 20;

/// A database counts its way to an offset: nobody reads as far by hand.
const MAX_OFFSET: u32 = 100_000;

/// Which part of the list; the first twenty if the query does not say.
pub(crate) struct PageQuery(pub(crate) Paging);

/// What the query says, and what the API's document says of it.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageParams {
    /// 1 to 100, 20 if absent.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    /// How many to pass over; 100000 at most.
    #[param(maximum = 100_000)]
    offset: Option<u32>,
}

impl<S: Send + Sync> FromRequestParts<S> for PageQuery {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let given = Query::<PageParams>::from_request_parts(parts, state).await;
        let Query(given) = given.map_err(|_| RequestRefused::Malformed("limit or offset"))?;
        let limit = given.limit.unwrap_or(DEFAULT_LIMIT);
        let offset = given.offset.unwrap_or(0);
        if !(1..=Paging::MAX_LIMIT).contains(&limit) {
            return Err(RequestRefused::Malformed("limit must be 1 to 100").into());
        }
        if offset > MAX_OFFSET {
            return Err(RequestRefused::Malformed("offset must be 0 to 100000").into());
        }
        Ok(Self(Paging { limit, offset }))
    }
}
