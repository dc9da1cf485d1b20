//! Table `webhook_deliveries`: events that an endpoint has not acknowledged.

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe};

use super::Store;
use super::people::placeholders;
use super::row::RowExt;
use crate::domain::event::CallEvent;
use crate::domain::time::UnixMillis;

/// One event for one endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    pub number: i64,
    pub call_number: i64,
    pub seq: i64,
    /// Tries that have failed.
    pub attempts: u32,
    pub created: UnixMillis,
}

pub(super) async fn insert(
    connection: &mut AnyConnection,
    endpoint: &str,
    call_number: i64,
    event: &CallEvent,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into webhook_deliveries (endpoint, call_id, seq, attempts, due_at, created_at)
         values ($1, $2, $3, 0, $4, $4)",
    )
    .bind(endpoint)
    .bind(call_number)
    .bind(event.seq)
    .bind(event.at.0)
    .execute(connection)
    .await?;
    Ok(())
}

impl Store {
    /// What an endpoint is to be sent by `now`: of each Call the earliest event that
    /// it has not taken, so that none overtakes another.
    pub async fn due_deliveries(
        &self,
        endpoint: &str,
        now: UnixMillis,
        limit: i64,
    ) -> Result<Vec<Delivery>, sqlx::Error> {
        sqlx::query(
            "select d.id, d.call_id, d.seq, d.attempts, d.created_at
             from webhook_deliveries d
             where d.endpoint = $1 and d.due_at <= $2 and not exists (
                select 1 from webhook_deliveries e
                where e.endpoint = d.endpoint and e.call_id = d.call_id and e.seq < d.seq)
             order by d.due_at, d.id limit $3",
        )
        .bind(endpoint)
        .bind(now.0)
        .bind(limit)
        .fetch_all(&self.read)
        .await?
        .iter()
        .map(delivery_from)
        .collect()
    }

    /// When an endpoint is to be tried next.
    pub async fn next_delivery(&self, endpoint: &str) -> Result<Option<UnixMillis>, sqlx::Error> {
        let row = sqlx::query(
            "select min(d.due_at) as due_at from webhook_deliveries d
             where d.endpoint = $1 and not exists (
                select 1 from webhook_deliveries e
                where e.endpoint = d.endpoint and e.call_id = d.call_id and e.seq < d.seq)",
        )
        .bind(endpoint)
        .fetch_one(&self.read)
        .await?;
        row.time_or_null("due_at")
    }

    /// It was taken, or given up.
    pub async fn finish_delivery(&self, number: i64) -> Result<(), sqlx::Error> {
        sqlx::query("delete from webhook_deliveries where id = $1")
            .bind(number)
            .execute(&self.write)
            .await?;
        Ok(())
    }

    pub async fn postpone_delivery(
        &self,
        number: i64,
        attempts: u32,
        due: UnixMillis,
    ) -> Result<(), sqlx::Error> {
        sqlx::query("update webhook_deliveries set attempts = $2, due_at = $3 where id = $1")
            .bind(number)
            .bind(i64::from(attempts))
            .bind(due.0)
            .execute(&self.write)
            .await?;
        Ok(())
    }

    /// Forgets what is left for endpoints that are configured no longer.
    pub async fn forget_other_endpoints(&self) -> Result<(), sqlx::Error> {
        let known = self.webhooks.len();
        let sql = match known {
            0 => "delete from webhook_deliveries".to_owned(),
            _ => format!(
                "delete from webhook_deliveries where endpoint not in ({})",
                placeholders(known)
            ),
        };
        let query = self
            .webhooks
            .iter()
            .fold(sqlx::query(AssertSqlSafe(sql)), |query, endpoint| {
                query.bind(endpoint.as_str())
            });
        query.execute(&self.write).await?;
        Ok(())
    }

    /// Where events have to be delivered.
    pub fn webhooks(&self) -> &[String] {
        &self.webhooks
    }
}

fn delivery_from(row: &AnyRow) -> Result<Delivery, sqlx::Error> {
    Ok(Delivery {
        number: row.integer("id")?,
        call_number: row.integer("call_id")?,
        seq: row.integer("seq")?,
        attempts: u32::try_from(row.integer("attempts")?).unwrap_or(u32::MAX),
        created: row.time("created_at")?,
    })
}
