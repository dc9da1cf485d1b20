//! Passwords of meetings: argon2id with the crate's default cost, off the threads
//! that serve.

use argon2::Argon2;
use argon2::password_hash::{
    PasswordHash, PasswordHasher, PasswordVerifier, SaltString, rand_core,
};

use crate::error::CallError;

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
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| CallError::Unavailable)
}
