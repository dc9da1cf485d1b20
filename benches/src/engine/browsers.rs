//! Chromium in the first room, by option: a client that nobody here wrote, on the page
//! of examples/minimal.html. It loads the server and is not counted: what browsers see
//! is measured by the journeys in tests/e2e.

use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, bail};

use crate::target::Target;

use super::stage::Stage;

const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// As the browser tests start it: no screen, no devices, nobody to ask.
const FLAGS: [&str; 12] = [
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream=fps=30",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--allow-loopback-in-peer-connection",
    "--no-sandbox",
];

/// Running browsers; they end with it.
#[derive(Debug, Default)]
pub(super) struct Browsers {
    all: Vec<(Child, tempfile::TempDir)>,
}

impl Browsers {
    pub(super) fn start(count: usize, stage: &Stage) -> anyhow::Result<Self> {
        let mut browsers = Self::default();
        for index in 0..count {
            let Target::Convoke(target) = &stage.target else {
                bail!("browsers can only join Convoke's own page");
            };
            let (address, room) = (target.address, stage.room(0));
            let mut page =
                format!("http://{address}/examples/minimal.html?room={room}&name=browser-{index}");
            if let Some(token) = &target.token {
                page = format!("{page}&token={token}");
            }
            let profile = tempfile::tempdir().context("no room for a browser's profile")?;
            let browser = open(&page, profile.path())?;
            browsers.all.push((browser, profile));
        }
        Ok(browsers)
    }
}

fn open(page: &str, profile: &std::path::Path) -> anyhow::Result<Child> {
    for name in NAMES {
        let started = Command::new(name)
            .args(FLAGS)
            .arg(format!("--user-data-dir={}", profile.display()))
            // Keeps a browser without a screen open.
            .arg("--remote-debugging-port=0")
            .arg(page)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        match started {
            Ok(browser) => return Ok(browser),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| format!("cannot start {name}")),
        }
    }
    bail!("no Chromium: {} are not installed", NAMES.join(", "))
}

impl Drop for Browsers {
    fn drop(&mut self) {
        for (browser, _) in &mut self.all {
            // Gone already is as good.
            let _ = browser.kill();
            let _ = browser.wait();
        }
    }
}
