//! Passwords of meetings: argon2id with the crate's default cost, off the threads
//! that serve.

use argon2::Argon2;
use argon2::password_hash::{
    PasswordHash, PasswordHasher, PasswordVerifier, SaltString, rand_core,
};
use tokio::sync::Semaphore;

use crate::error::CallError;

/// Each takes 19 MB and tens of milliseconds of a core, which media needs as well.
static AT_ONCE: Semaphore = Semaphore::const_new(1);

/// Those at work and those who wait for it; whoever comes then is told to come again.
static ASKED: Semaphore = Semaphore::const_new(64);

pub(super) async fn hash(password: String) -> Result<String, CallError> {
    blocking(move || {
        let salt = SaltString::generate(&mut rand_core::OsRng);
        let hash = Argon2::default().hash_password(password.as_bytes(), &salt);
        hash.map(|hash| hash.to_string())
            .map_err(|_| CallError::Unavailable)
    })
    .await?
}

pub(super) async fn matches(password: String, hash: String) -> Result<bool, CallError> {
    blocking(move || {
        PasswordHash::new(&hash).is_ok_and(|hash| {
            let checked = Argon2::default().verify_password(password.as_bytes(), &hash);
            checked.is_ok()
        })
    })
    .await
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, CallError> {
    let _asked = ASKED.try_acquire().map_err(|_| CallError::Unavailable)?;
    let turn = AT_ONCE.acquire().await;
    let turn = turn.map_err(|_| CallError::Unavailable)?;
    // An asker that gives up does not end the work, so the work keeps the turn.
    let done = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        work()
    });
    done.await.map_err(|_| CallError::Unavailable)
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::*;

    #[tokio::test]
    async fn more_than_can_be_checked_soon_are_told_to_come_again() {
        // No hash is quicker than this, which is none.
        let many = (0..70).map(|_| matches("guess".to_owned(), "no hash".to_owned()));
        let answers = join_all(many).await;
        let refused = answers
            .iter()
            .filter(|a| **a == Err(CallError::Unavailable));
        assert_eq!(refused.count(), 6);
        assert_eq!(
            matches("a".to_owned(), "no hash".to_owned()).await,
            Ok(false)
        );
    }
}
