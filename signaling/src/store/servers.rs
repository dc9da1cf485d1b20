//! Table `servers`: when each was last alive.

use super::Store;
use super::row::RowExt;
use crate::domain::time::UnixMillis;

impl Store {
    pub async fn beat(&self, server: &str, at: UnixMillis) -> Result<(), sqlx::Error> {
        sqlx::query(
            "insert into servers (name, alive_at) values ($1, $2)
             on conflict (name) do update set alive_at = excluded.alive_at",
        )
        .bind(server)
        .bind(at.0)
        .execute(&self.write)
        .await?;
        Ok(())
    }

    /// The latest sign of life: a beat, or a transition, which proves it as well.
    pub async fn last_alive(&self, server: &str) -> Result<Option<UnixMillis>, sqlx::Error> {
        let row = sqlx::query(
            "select max(at) as at from (
                select alive_at as at from servers where name = $1
                union all
                select max(updated_at) as at from calls) as signs",
        )
        .bind(server)
        .fetch_one(&self.read)
        .await?;
        row.time_or_null("at")
    }
}
