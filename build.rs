//! Builds the web client into `web/dist`, which the binary embeds, so that one
//! `cargo run` is all it takes. Runs npm only when a source under `web/` changed,
//! and installs packages only when the lock file did.
//!
//! `CONVOKE_SKIP_WEB=1` leaves the pages as they are, for tools that only check.

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

/// Under `web/` but made, not written.
const MADE: &[&str] = &["node_modules", "dist", "dist-lib"];

fn main() -> ExitCode {
    println!("cargo:rerun-if-env-changed=CONVOKE_SKIP_WEB");
    println!("cargo:rerun-if-changed=build.rs");
    let web = Path::new("web");
    match build(web) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("the web client was not built: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn build(web: &Path) -> Result<(), String> {
    watch(web)?;
    let dist = web.join("dist");
    // The embedding macro wants the directory, full or empty.
    fs::create_dir_all(&dist).map_err(|error| format!("{}: {error}", dist.display()))?;
    if std::env::var_os("CONVOKE_SKIP_WEB").is_some_and(|value| value != "0") {
        println!("cargo:warning=CONVOKE_SKIP_WEB is set: the pages are embedded as they are");
        return Ok(());
    }
    install(web)?;
    npm(web, &["run", "build"])
}

/// Tells Cargo every source of the client.
fn watch(web: &Path) -> Result<(), String> {
    let entries = fs::read_dir(web).map_err(|error| format!("{}: {error}", web.display()))?;
    for entry in entries.filter_map(Result::ok) {
        let name = entry.file_name();
        if !MADE.iter().any(|made| name == *made) {
            println!("cargo:rerun-if-changed={}", entry.path().display());
        }
    }
    Ok(())
}

/// `npm ci`, unless the packages of this very lock file are there already.
fn install(web: &Path) -> Result<(), String> {
    let lock = fs::read(web.join("package-lock.json"))
        .map_err(|error| format!("web/package-lock.json: {error}"))?;
    let stamp = web.join("node_modules/.convoke-lock");
    if fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    npm(web, &["ci", "--no-audit", "--no-fund"])?;
    fs::write(&stamp, lock).map_err(|error| format!("{}: {error}", stamp.display()))
}

/// Runs npm; what it says is shown when it fails.
fn npm(web: &Path, arguments: &[&str]) -> Result<(), String> {
    let command = format!("npm {}", arguments.join(" "));
    let output = Command::new("npm")
        .args(arguments)
        .current_dir(web)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| {
            format!("`{command}` did not start ({error}); Node.js 20 or newer and npm are needed")
        })?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!(
        "`{command}` failed in web/ ({})\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    ))
}
