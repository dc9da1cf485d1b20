//! The data directory and the secret in it: made on the first start, the owner's
//! alone, found again on every later one.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use anyhow::{Context as _, ensure};
use rand::RngCore as _;

use crate::config::Secret;

const SECRET_FILE: &str = "secret";
const SECRET_BYTES: usize = 32;

/// Creates the directory for its owner alone. One that exists keeps its mode: an
/// operator may have a reason for it.
pub(crate) fn create(dir: &Path) -> anyhow::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .with_context(|| format!("cannot create the data directory {}", dir.display()))
}

/// The server's own secret. Whoever starts first writes it whole: it is made beside
/// and linked into place, so that two processes starting at once agree on one.
pub(crate) fn secret(dir: &Path) -> anyhow::Result<Secret> {
    let path = dir.join(SECRET_FILE);
    let what = || format!("the secret {}", path.display());
    if !path.exists() {
        generate(dir, &path).with_context(|| format!("cannot write {}", what()))?;
    }
    let mut file = fs::File::open(&path).with_context(|| format!("cannot open {}", what()))?;
    let mode = file.metadata().with_context(what)?.permissions().mode();
    ensure!(
        mode & 0o077 == 0,
        "{} is readable by others (mode {:o}): chmod 600 it",
        what(),
        mode & 0o777
    );
    let mut text = String::new();
    file.read_to_string(&mut text)
        .with_context(|| format!("cannot read {}", what()))?;
    let text = text.trim();
    ensure!(
        text.len() >= SECRET_BYTES,
        "{} is damaged: remove it to make a new one",
        what()
    );
    Ok(Secret::from(text))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one secret that nothing can seed"
)]
fn generate(dir: &Path, path: &Path) -> std::io::Result<()> {
    let mut bytes = [0_u8; SECRET_BYTES];
    rand::rng().fill_bytes(&mut bytes);
    let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let draft = dir.join(format!("{SECRET_FILE}.{}", std::process::id()));
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn the_secret_is_made_once_for_the_owner_alone() {
        let base = tempfile::tempdir().unwrap();
        let dir = base.path().join("a/b");
        create(&dir).unwrap();
        let first = secret(&dir).unwrap();
        assert_eq!(first.reveal().len(), 2 * SECRET_BYTES);
        assert!(secret(&dir).unwrap() == first, "a restart keeps the secret");
        assert_eq!((mode(&dir), mode(&dir.join(SECRET_FILE))), (0o700, 0o600));
        assert_eq!(
            fs::read_dir(&dir).unwrap().count(),
            1,
            "no draft is left behind"
        );
    }

    #[test]
    fn a_secret_that_others_can_read_or_that_is_cut_off_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        secret(dir.path()).unwrap();
        let path = dir.path().join(SECRET_FILE);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let error = secret(dir.path()).unwrap_err().to_string();
        assert!(error.contains("mode 644"), "{error}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "short").unwrap();
        let error = secret(dir.path()).unwrap_err().to_string();
        assert!(error.contains("damaged"), "{error}");
    }
}
