//! The pages for front-end developers, whose `curl` lines are run as they stand, in
//! order, with a real curl against a real port.

use std::process::Stdio;

use tokio::process::Command;

use crate::asking::with_jitsi;
use crate::on_both_databases;
use crate::served::{API_KEY, Served};

/// The lines of the page's `sh` blocks, one script.
fn script(page: &str) -> String {
    let blocks = page.split("```sh\n").skip(1);
    let mut script = "set -eu\n".to_owned();
    for block in blocks {
        script.push_str(block.split("```").next().unwrap());
    }
    assert!(script.contains("curl "), "a page without curl lines");
    script
}

async fn run(served: &Served, page: &str) {
    let output = Command::new("sh")
        .args(["-c", &script(page)])
        .env("CONVOKE", format!("http://{}", served.address))
        .env("API_KEY", API_KEY)
        .env("ANN", served.token("1", None, false))
        .env("BEN", served.token("2", None, false))
        .env("DOCTOR", served.token("doctor123", None, false))
        .env("PATIENT", served.token("patient456", None, false))
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    let shown = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{shown}\n{errors}");
}

on_both_databases! {
    async fn the_curl_lines_of_api_calls_run(db: TestDb) {
        let served = with_jitsi(&db).await;
        run(&served, include_str!("../../../docs/api-calls.md")).await;
    }

    async fn the_curl_lines_of_api_chat_calls_run(db: TestDb) {
        let served = Served::start(&db).await;
        run(&served, include_str!("../../../docs/api-chat-calls.md")).await;
    }

    async fn the_curl_lines_of_api_jitsi_run(db: TestDb) {
        let served = with_jitsi(&db).await;
        run(&served, include_str!("../../../docs/api-jitsi.md")).await;
    }

    async fn the_curl_lines_of_api_video_calls_run(db: TestDb) {
        let served = with_jitsi(&db).await;
        run(&served, include_str!("../../../docs/api-video-calls.md")).await;
    }

    async fn the_curl_lines_of_api_directory_run(db: TestDb) {
        let served = with_jitsi(&db).await;
        run(&served, include_str!("../../../docs/api-directory.md")).await;
    }

    async fn the_curl_lines_of_api_meeting_run(db: TestDb) {
        let served = with_jitsi(&db).await;
        run(&served, include_str!("../../../docs/api-meeting.md")).await;
    }
}
