//! Opening a resource: what is answered, what is refused, and by whom it may be asked.

use convoke_signaling::http::{HttpConfig, Rate, RateLimits};
use convoke_signaling::service::CallConfig;
use convoke_signaling::session::message::IceServer;
use convoke_signaling::session::{AdmissionLimits, SessionConfig};
use serde_json::json;

use super::*;
use crate::on_both_databases;
use crate::served::Setup;

const ANN: By<'_> = By::User("1");

on_both_databases! {
    async fn an_encoder_is_a_participant(db: TestDb) {
        let sessions = SessionConfig {
            ice_servers: vec![IceServer {
                urls: vec!["turn:turn.example.org".to_owned()],
                username: Some("u".to_owned()),
                credential: Some("p".to_owned()),
            }],
            ..SessionConfig::default()
        };
        let served = Served::with(&db, Setup { sessions, ..Setup::default() }).await;
        let mut ben = served.enter("2").await;
        ben.join("studio").await;

        let said = served.offer(ANN, "/whip/studio?participant=Camera%201", publishing()).await;
        assert_eq!((said.status, said.header("content-type")), (201, SDP));
        assert!(said.body.starts_with("answer to v=0"), "{said:?}");
        assert_eq!(said.header("accept-patch"), FRAGMENT);
        let tag = said.header("etag");
        assert!(tag.starts_with('"') && tag.ends_with('"') && tag.len() > 10, "{tag}");
        let link = r#"<turn:turn.example.org>; rel="ice-server"; username="u"; credential="p"; credential-type="password""#;
        assert_eq!(said.header("link"), link);
        let path = said.header("location");
        let id = path.strip_prefix("/whip/~/").unwrap();
        assert_eq!(id.len(), 32);

        let joined = ben.expect("participant_joined").await;
        let (name, user) = (&joined["participant"]["name"], &joined["participant"]["userId"]);
        assert_eq!((name, user), (&json!("Camera 1"), &json!("1")));
        let sends = ben.expect("participant_changed").await;
        let tracks = json!([
            {"source": "microphone", "muted": false}, {"source": "camera", "muted": false},
        ]);
        assert_eq!(sends["participant"]["tracks"], tracks);

        let gone = served.say(ANN, "DELETE", path, &[], Body::empty()).await;
        assert_eq!(gone.status, 200);
        assert_eq!(ben.expect("participant_left").await["reason"], "left");
        let again = served.say(ANN, "DELETE", path, &[], Body::empty()).await;
        assert_eq!(again.problem(), (404, "not-found".to_owned()));
        let left = served.happened("studio").await;
        assert_eq!(left.iter().filter(|(what, _)| what == "left").count(), 1, "{left:?}");
    }

    async fn the_token_s_name_without_the_parameter(db: TestDb) {
        let served = Served::start(&db).await;
        served.opened(ANN, "/whip/r", publishing()).await;
        let call = served.latest("r").await;
        assert_eq!(people(&call), [json!(["User 1", "host", "joined"])]);
    }

    async fn a_camera_s_name_is_not_its_user_s(db: TestDb) {
        let served = Served::start(&db).await;
        served.opened(ANN, "/whip/r?participant=Camera", publishing()).await;
        served.opened(ANN, "/whep/r?participant=Wall", receiving()).await;
        let call = served.latest("r").await;
        let want = [json!(["Camera", "host", "joined"]), json!(["Wall", "viewer", "joined"])];
        assert_eq!(people(&call), want);
        let path = "/api/v1/directory/users/1";
        let user = served.get_done(By::Backend, "GET", path, Value::Null).await;
        assert_eq!(user["name"], "User 1");
    }

    async fn data_channels_do_not_stand_in_the_way(db: TestDb) {
        let served = Served::start(&db).await;
        let lines = [("application", ""), ("video", "sendonly"), ("audio", "sendrecv")];
        served.opened(ANN, "/whip/r", sdp(&lines, "pubA")).await;
        let lines = [("video", "recvonly"), ("application", "")];
        served.opened(ANN, "/whep/r", sdp(&lines, "recA")).await;
    }

    async fn bodies_that_are_no_offers(db: TestDb) {
        let served = Served::start(&db).await;
        let path = "/whip/r";
        let typed = |kind: &'static str| [("content-type", kind)];
        let json = served.say(ANN, "POST", path, &typed("application/json"), "{}").await;
        assert_eq!(json.problem(), (415, "wrong-media-type".to_owned()));
        let untyped = served.say(ANN, "POST", path, &[], publishing()).await;
        assert_eq!(untyped.status, 415);
        let parameters = served
            .say(ANN, "POST", path, &typed("Application/SDP; charset=utf-8"), publishing())
            .await;
        assert_eq!(parameters.status, 201);
        let huge = "x".repeat(500_000);
        let huge = served.offer(ANN, path, huge).await;
        assert_eq!(huge.problem(), (413, "too-large".to_owned()));
        let bytes = served.say(ANN, "POST", path, &typed(SDP), vec![0xff, 0xfe]).await;
        assert_eq!(bytes.problem(), (400, "malformed".to_owned()));
        for nonsense in ["", "v=0", "hello"] {
            let said = served.offer(ANN, path, nonsense.to_owned()).await;
            assert_eq!(said.problem(), (400, "bad-offer".to_owned()), "{nonsense}");
        }
        let two = sdp(&[("video", "sendonly"), ("video", "sendonly")], "pubA");
        for (path, sdp) in [(path, two), (path, receiving()), ("/whep/r", publishing())] {
            let said = served.offer(ANN, path, sdp).await;
            assert_eq!(said.problem(), (422, "invalid".to_owned()), "{path}");
        }
        let unknown = publishing().replace("VP8/90000", "VP7/90000");
        let unknown = served.offer(ANN, path, unknown).await;
        assert_eq!(unknown.problem(), (400, "bad-offer".to_owned()));
        // Nobody was told of any of them.
        assert_eq!(people(&served.latest("r").await).len(), 1);
    }

    async fn who_may_open_one(db: TestDb) {
        let served = Served::start(&db).await;
        for path in ["/whip/r", "/whep/r", "/whep/r/Ann"] {
            let sdp = match path {
                "/whip/r" => publishing(),
                _ => receiving(),
            };
            let nobody = served.offer(By::Nobody, path, sdp.clone()).await;
            assert_eq!(nobody.problem(), (401, "unauthorized".to_owned()), "{path}");
            let forged = served.offer(By::Token("a.b.c"), path, sdp.clone()).await;
            assert_eq!(forged.status, 401, "{path}");
            let elsewhere = served.token("1", Some("other"), true);
            let elsewhere = served.offer(By::Token(&elsewhere), path, sdp.clone()).await;
            assert_eq!(elsewhere.problem(), (403, "forbidden".to_owned()), "{path}");
            let backend = served.offer(By::Backend, path, sdp.clone()).await;
            assert_eq!(backend.status, 403, "{path}");
            let invited = served.token("1", Some("r"), false);
            let invited = served.offer(By::Token(&invited), path, sdp).await;
            assert_eq!(invited.status, 201, "{path}");
        }
        let named = served.offer(ANN, "/whip/r?participant=%20", publishing()).await;
        assert_eq!(named.problem(), (400, "invalid-name".to_owned()));
        let room = served.offer(ANN, "/whip/a%20b", publishing()).await;
        assert_eq!(room.problem(), (400, "invalid-room".to_owned()));
    }

    async fn guests_come_by_a_name(db: TestDb) {
        let served = Served::with(&db, Setup { guests: true, ..Setup::default() }).await;
        let unnamed = served.offer(By::Nobody, "/whip/r", publishing()).await;
        assert_eq!(unnamed.problem(), (400, "invalid-name".to_owned()));
        let (path, _) = served.opened(By::Nobody, "/whip/r?participant=OBS", publishing()).await;
        served.opened(By::Nobody, "/whep/r", receiving()).await;
        let call = served.latest("r").await;
        let want = [json!(["OBS", "host", "joined"]), json!(["Viewer", "viewer", "joined"])];
        assert_eq!(people(&call), want);
        // Who knows the id has all that a guest has.
        assert_eq!(served.say(By::Nobody, "DELETE", &path, &[], Body::empty()).await.status, 200);
    }

    async fn there_is_no_room_for_more_than_may_be(db: TestDb) {
        let calls = CallConfig { max_participants: 2, ..CallConfig::default() };
        let served = Served::with(&db, Setup { calls, ..Setup::default() }).await;
        served.opened(ANN, "/whip/r", publishing()).await;
        served.opened(By::User("2"), "/whep/r", receiving()).await;
        for path in ["/whep/r", "/whep/r/1"] {
            let full = served.offer(By::User("3"), path, receiving()).await;
            assert_eq!(full.problem(), (409, "room-full".to_owned()));
        }
    }

    async fn one_address_opens_so_many_and_so_fast(db: TestDb) {
        let http = HttpConfig {
            admission: AdmissionLimits { total: 10, per_address: 2 },
            rates: Some(RateLimits {
                openings: Rate { burst: 3, interval: std::time::Duration::from_secs(60) },
                ..RateLimits::default()
            }),
            ..HttpConfig::default()
        };
        let served = Served::with(&db, Setup { http, ..Setup::default() }).await;
        let (path, _) = served.opened(ANN, "/whip/r", publishing()).await;
        served.opened(ANN, "/whep/r", receiving()).await;
        let third = served.offer(ANN, "/whep/r", receiving()).await;
        assert_eq!(third.problem(), (429, "address-full".to_owned()));
        served.say(ANN, "DELETE", &path, &[], Body::empty()).await;
        let fourth = served.offer(ANN, "/whep/r", receiving()).await;
        assert_eq!(fourth.problem(), (429, "too-many-requests".to_owned()));
        assert_ne!(fourth.header("retry-after"), "");
    }

    async fn guests_of_one_address_start_so_many_calls(db: TestDb) {
        let http = HttpConfig {
            rates: Some(RateLimits {
                guest_calls: Rate { burst: 2, interval: std::time::Duration::from_secs(60) },
                ..RateLimits::default()
            }),
            ..HttpConfig::default()
        };
        let served = Served::with(&db, Setup { guests: true, http, ..Setup::default() }).await;
        served.opened(By::Nobody, "/whip/one?participant=OBS", publishing()).await;
        served.opened(By::Nobody, "/whep/two", receiving()).await;
        for (path, sdp) in [("/whip/three?participant=OBS", publishing()), ("/whep/three", receiving())] {
            let third = served.offer(By::Nobody, path, sdp).await;
            assert_eq!(third.problem(), (429, "too-many-requests".to_owned()), "{path}");
            assert_ne!(third.header("retry-after"), "");
        }
        // What goes on is joined for nothing, and a user has a name to answer with.
        served.opened(By::Nobody, "/whep/one", receiving()).await;
        served.opened(ANN, "/whip/three", publishing()).await;
    }

    async fn one_user_has_so_many(db: TestDb) {
        let calls = CallConfig { max_participants: 100, ..CallConfig::default() };
        let served = Served::with(&db, Setup { calls, ..Setup::default() }).await;
        for _ in 0..50 {
            served.opened(ANN, "/whep/r", receiving()).await;
        }
        let more = served.offer(ANN, "/whep/r", receiving()).await;
        assert_eq!(more.problem(), (429, "user-full".to_owned()));
        served.opened(By::User("2"), "/whep/r", receiving()).await;
    }
}
