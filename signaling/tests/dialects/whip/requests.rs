//! `PATCH`, `DELETE` and `OPTIONS` of a resource that is open.

use std::time::Duration;

use convoke_media::control::Command;
use convoke_signaling::http::HttpConfig;

use super::*;
use crate::on_both_databases;
use crate::served::{Setup, TOKEN_LIFETIME};

const ANN: By<'_> = By::User("1");

/// The newest offer that the media core was given.
fn offered(served: &Served) -> Option<String> {
    let log = served.world.media.take_log();
    log.into_iter().rev().find_map(|command| match command {
        Command::Offer { offer, .. } => Some(offer.sdp),
        _ => None,
    })
}

on_both_databases! {
    async fn candidates_and_restarts(db: TestDb) {
        let served = Served::start(&db).await;
        for (open, sdp) in [("/whip/r", publishing()), ("/whep/r", receiving())] {
            let (path, first) = served.opened(ANN, open, sdp).await;
            let path = path.as_str();

            let trickled = served.patch(ANN, path, &first, CANDIDATE).await;
            assert_eq!((trickled.status, trickled.body.as_str()), (204, ""));
            assert_eq!(trickled.header("etag"), "");
            let ended = served.patch(ANN, path, &first, "a=end-of-candidates\r\n").await;
            assert_eq!(ended.status, 204);
            assert!(offered(&served).is_some(), "the first");

            let restarted = served.patch(ANN, path, "*", &fragment("new1")).await;
            assert_eq!(restarted.status, 200, "{restarted:?}");
            assert_eq!(restarted.header("content-type"), FRAGMENT);
            let second = restarted.header("etag").to_owned();
            assert_ne!(second, first);
            let has = |line| restarted.body.lines().any(|known| known == line);
            assert!(has("a=ice-ufrag:new1") && has("a=mid:0"), "{restarted:?}");
            assert!(offered(&served).unwrap().contains("a=ice-ufrag:new1"));

            // What was trickled for the session before comes too late.
            let late = served.patch(ANN, path, &first, CANDIDATE).await;
            assert_eq!(late.problem(), (412, "precondition-failed".to_owned()));
            let several = format!("{first}, {second}");
            assert_eq!(served.patch(ANN, path, &several, CANDIDATE).await.status, 204);
            let weak = format!("W/{second}");
            assert_eq!(served.patch(ANN, path, &weak, CANDIDATE).await.status, 412);
            // The same credentials once more restart nothing.
            assert_eq!(served.patch(ANN, path, "*", &fragment("new1")).await.status, 204);
            assert_eq!(offered(&served), None);
        }
    }

    async fn patches_that_are_refused(db: TestDb) {
        let served = Served::start(&db).await;
        let (path, tag) = served.opened(ANN, "/whip/r", publishing()).await;
        let path = path.as_str();
        let typed = [("content-type", FRAGMENT)];
        let unconditional = served.say(ANN, "PATCH", path, &typed, CANDIDATE).await;
        assert_eq!(unconditional.problem(), (428, "precondition-required".to_owned()));
        let headers = [("content-type", SDP), ("if-match", "*")];
        let sdp = served.say(ANN, "PATCH", path, &headers, publishing()).await;
        assert_eq!(sdp.problem(), (415, "wrong-media-type".to_owned()));
        for nonsense in ["", "v=0\r\n", "a=ice-ufrag:abcd\r\n"] {
            let said = served.patch(ANN, path, &tag, nonsense).await;
            assert_eq!(said.problem(), (400, "malformed".to_owned()), "{nonsense}");
        }
        let huge = CANDIDATE.repeat(1000);
        let huge = served.patch(ANN, path, &tag, &huge).await;
        assert_eq!(huge.problem(), (413, "too-large".to_owned()));
        let many = "a=candidate:1 1 udp 1 192.0.2.1 5 typ host\r\n".repeat(65);
        let many = served.patch(ANN, path, &tag, &many).await;
        assert_eq!(many.problem(), (422, "invalid".to_owned()));
        // As many restarts as a client may want, and no more.
        let mut last = 200;
        for n in 0..20 {
            last = served.patch(ANN, path, "*", &fragment(&format!("again{n}"))).await.status;
        }
        assert_eq!(last, 429);
    }

    async fn to_others_there_is_no_such_resource(db: TestDb) {
        let served = Served::start(&db).await;
        let first = served.token("1", None, false);
        let (path, _) = served.opened(By::Token(&first), "/whip/r", publishing()).await;
        let unknown = "/whip/~/0123456789abcdef0123456789abcdef";
        let not_found = (404, "not-found".to_owned());
        for (by, path) in [
            (By::Nobody, path.as_str()),
            (By::User("2"), &path),
            (By::Token("a.b.c"), &path),
            (By::User("1"), unknown),
            (By::Nobody, unknown),
        ] {
            let patched = served.patch(by, path, "*", &fragment("new1")).await;
            assert_eq!(patched.problem(), not_found, "{by:?}");
            let deleted = served.say(by, "DELETE", path, &[], Body::empty()).await;
            assert_eq!(deleted.problem(), not_found, "{by:?}");
        }
        // A later token of the same user is as good.
        served.world.clock.advance(Duration::from_secs(1));
        assert_eq!(served.patch(ANN, &path, "*", &fragment("new1")).await.status, 200);
    }

    /// A broadcast may outlast its token, and must be ended all the same.
    async fn the_token_that_opened_it_stays_good_for_it(db: TestDb) {
        let served = Served::start(&db).await;
        let token = served.token("1", None, false);
        let (path, _) = served.opened(By::Token(&token), "/whip/r", publishing()).await;
        super::life::connected(&served, "r").await;
        served.world.clock.advance(TOKEN_LIFETIME + Duration::from_secs(1));
        let expired = served.offer(By::Token(&token), "/whip/r", publishing()).await;
        assert_eq!(expired.status, 401);
        let by = By::Token(&token);
        assert_eq!(served.say(by, "DELETE", &path, &[], Body::empty()).await.status, 200);
    }

    async fn other_methods(db: TestDb) {
        let served = Served::start(&db).await;
        let (path, _) = served.opened(ANN, "/whip/r", publishing()).await;
        for (method, path) in [
            ("GET", "/whip/r"),
            ("PUT", "/whip/r"),
            ("DELETE", "/whip/r"),
            ("GET", path.as_str()),
            ("POST", &path),
        ] {
            let said = served.say(ANN, method, path, &[], Body::empty()).await;
            assert_eq!(said.problem(), (405, "method-not-allowed".to_owned()), "{method} {path}");
        }
        for path in ["/whip/r", "/whep/r", "/whep/r/Ann", &path] {
            let said = served.say(By::Nobody, "OPTIONS", path, &[], Body::empty()).await;
            assert_eq!((said.status, said.header("accept-post")), (200, SDP), "{path}");
            assert_eq!(said.header("access-control-allow-origin"), "");
        }
        let elsewhere = served.say(By::Nobody, "OPTIONS", "/api/v1/config", &[], Body::empty());
        assert_eq!(elsewhere.await.status, 405);
    }

    async fn pages_of_listed_sites_may_use_it(db: TestDb) {
        let site = "https://studio.example.org";
        let http = HttpConfig {
            allowed_origins: vec![site.to_owned()],
            ..HttpConfig::default()
        };
        let served = Served::with(&db, Setup { http, ..Setup::default() }).await;
        let preflight = [
            ("origin", site),
            ("access-control-request-method", "PATCH"),
            ("access-control-request-headers", "authorization,content-type,if-match"),
        ];
        let said = served.say(By::Nobody, "OPTIONS", "/whip/r", &preflight, Body::empty()).await;
        assert_eq!((said.status, said.header("accept-post")), (200, SDP));
        assert_eq!(said.header("access-control-allow-origin"), site);
        let lists = |header: &str, word: &str| {
            let list = said.header(header).to_ascii_lowercase();
            list.split(',').any(|listed| listed.trim() == word)
        };
        assert!(lists("access-control-allow-headers", "if-match"), "{said:?}");
        assert!(lists("access-control-allow-methods", "patch"), "{said:?}");
        let headers = [("origin", site), ("content-type", SDP)];
        let said = served.say(ANN, "POST", "/whip/r", &headers, publishing()).await;
        let exposed = said.header("access-control-expose-headers").to_ascii_lowercase();
        for header in ["location", "etag", "link", "accept-patch"] {
            assert!(exposed.split(',').any(|listed| listed.trim() == header), "{exposed}");
        }
    }
}
