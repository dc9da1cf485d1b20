//! PostgreSQL for the tests: a private server of this test binary, or the one that
//! `CONVOKE_TEST_POSTGRES_URL` names. Its absence fails the tests; a database that
//! nobody tested with is not supported.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

const VARIABLE: &str = "CONVOKE_TEST_POSTGRES_URL";

/// Starts the server, says so, and stops it when our end of its standard input
/// closes, which happens however this process ends.
const KEEPER: &str = r#"
"$1/initdb" -D "$2/data" -U convoke -A trust -E UTF8 --no-sync >"$2/log" 2>&1 &&
"$1/pg_ctl" -D "$2/data" -l "$2/log" -w start -o "-c listen_addresses='' \
  -c unix_socket_directories='$2' -c fsync=off -c max_connections=400" >>"$2/log" 2>&1 &&
echo ready && cat >/dev/null
"$1/pg_ctl" -D "$2/data" -m immediate stop >/dev/null 2>&1
rm -rf "$2"
"#;

struct Server {
    /// URL of a database by its name.
    url: Box<dyn Fn(&str) -> String + Send + Sync>,
    _keeper: Option<Child>,
}

static SERVER: OnceLock<Server> = OnceLock::new();
static COUNT: AtomicU32 = AtomicU32::new(0);

/// URL of a new, empty database.
pub async fn create_database() -> String {
    let server = tokio::task::spawn_blocking(|| SERVER.get_or_init(start))
        .await
        .unwrap();
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("convoke_test_{}_{number}", std::process::id());
    let mut admin = PgConnection::connect(&(server.url)("postgres"))
        .await
        .unwrap_or_else(|error| panic!("PostgreSQL for the tests does not answer: {error}"));
    let drop = format!("drop database if exists {name} with (force)");
    admin.execute(AssertSqlSafe(drop)).await.unwrap();
    let create = format!("create database {name}");
    admin.execute(AssertSqlSafe(create)).await.unwrap();
    (server.url)(&name)
}

fn start() -> Server {
    match std::env::var(VARIABLE) {
        Ok(url) => given(url),
        Err(_) => private(),
    }
}

/// The server of a URL, whose own database is not touched.
fn given(url: String) -> Server {
    let (base, query) = match url.split_once('?') {
        Some((base, query)) => (base, format!("?{query}")),
        None => (url.as_str(), String::new()),
    };
    let host = base
        .rsplit_once('/')
        .map_or(base, |(host, _)| host)
        .to_owned();
    Server {
        url: Box::new(move |name| format!("{host}/{name}{query}")),
        _keeper: None,
    }
}

fn private() -> Server {
    let programs = find_programs().unwrap_or_else(|| {
        panic!(
            "these tests need PostgreSQL: install it (Debian: apt install postgresql; \
             looked in /usr/lib/postgresql/*/bin and PATH), or name a server in {VARIABLE}"
        )
    });
    let directory = tempfile::Builder::new().prefix("convoke-pg-").tempdir();
    // The keeper removes it, because nothing of ours runs at the end of a process.
    let directory = directory.unwrap().keep();
    let mut keeper = Command::new("sh");
    keeper
        .args(["-c", KEEPER, "sh"])
        .args([&programs, &directory])
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    if let Some((user, group)) = unprivileged() {
        chown(&directory, Some(user), Some(group)).unwrap();
        keeper.uid(user).gid(group);
    }
    let mut keeper = keeper.spawn().unwrap();
    let mut said = String::new();
    let output = keeper.stdout.take().unwrap();
    BufReader::new(output).read_line(&mut said).unwrap();
    assert_eq!(
        said.trim(),
        "ready",
        "PostgreSQL of {} did not start",
        programs.display()
    );
    let socket = directory.display().to_string();
    Server {
        url: Box::new(move |name| format!("postgres:///{name}?host={socket}&user=convoke")),
        _keeper: Some(keeper),
    }
}

/// The directory of initdb and pg_ctl, the newest if there are several.
fn find_programs() -> Option<PathBuf> {
    let installed = std::fs::read_dir("/usr/lib/postgresql").ok();
    let installed = installed.into_iter().flatten().flatten();
    let mut found: Vec<_> = installed.map(|entry| entry.path().join("bin")).collect();
    found.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    found.splice(0..0, std::env::split_paths(&path));
    found.into_iter().rev().find(|bin| has_programs(bin))
}

fn has_programs(bin: &Path) -> bool {
    ["initdb", "pg_ctl"]
        .iter()
        .all(|name| bin.join(name).exists())
}

/// PostgreSQL refuses to run as root; then it runs as `postgres`.
fn unprivileged() -> Option<(u32, u32)> {
    let id = |args: &[&str]| -> Option<u32> {
        let output = Command::new("id").args(args).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse().ok()
    };
    let root = id(&["-u"]) == Some(0);
    let postgres = || Some((id(&["-u", "postgres"])?, id(&["-g", "postgres"])?));
    root.then(|| postgres().expect("no user postgres to run PostgreSQL as"))
}
