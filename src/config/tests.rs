use std::time::Duration;

use figment::Figment;
use figment::providers::{Format as _, Serialized, Toml};

use super::calls::Backend;
use super::*;

fn load(toml: &str, env: &[(&str, &str)]) -> anyhow::Result<Config> {
    let vars = env
        .iter()
        .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
    Config::from_figment(
        Figment::from(Serialized::defaults(Config::default()))
            .merge(Toml::string(toml))
            .merge(sources::from_env(vars)?),
    )
}

fn refusal(toml: &str, env: &[(&str, &str)]) -> String {
    format!("{:#}", load(toml, env).expect_err("this must be refused"))
}

#[test]
fn later_sources_win() {
    let file = "[http]\nlisten = \"0.0.0.0:80\"\n[media]\nport = 4000\nworkers = 3";
    let mut flags = Settings::new("flags");
    flags.set("media.port", 6000_u16);
    let env = [("CONVOKE_MEDIA_PORT".to_owned(), "5000".to_owned())];
    let config = Config::from_figment(
        Figment::from(Serialized::defaults(Config::default()))
            .merge(Toml::string(file))
            .merge(sources::from_env(env.into_iter()).unwrap())
            .merge(flags.as_provider()),
    )
    .unwrap();
    assert_eq!(config.http.listen.to_string(), "0.0.0.0:80");
    assert_eq!((config.media.port, config.media.workers), (6000, 3));
    assert_eq!(config.calls.max_participants, 50);
}

/// Every variable, set to something else than its default.
const ENVIRONMENT: [(&str, &str); 37] = [
    ("CONVOKE_DATA_DIR", "/srv/calls"),
    ("CONVOKE_HTTP_LISTEN", "[::]:443"),
    ("CONVOKE_HTTP_TLS_CERT", "c.pem"),
    ("CONVOKE_HTTP_TLS_KEY", "k.pem"),
    ("CONVOKE_PUBLIC_URL", "https://calls.example.org"),
    ("CONVOKE_TRUSTED_PROXIES", "10.0.0.1, ::1"),
    ("CONVOKE_ALLOWED_ORIGINS", "https://app.example.org"),
    ("CONVOKE_RATE_LIMITS", "off"),
    ("CONVOKE_MEDIA_PORT", "5000"),
    ("CONVOKE_MEDIA_ADVERTISED_IPS", "203.0.113.7"),
    ("CONVOKE_MEDIA_WORKERS", "4"),
    ("CONVOKE_MEDIA_GATHER_US", "5000"),
    ("CONVOKE_DATABASE_URL", "postgres://u:pw@db/convoke"),
    (
        "CONVOKE_AUTH_JWT_SECRET",
        "00000000000000000000000000000000",
    ),
    ("CONVOKE_AUTH_JWKS_URL", "https://keys.example.org/jwks"),
    ("CONVOKE_AUTH_JWKS_ISSUER", "https://issuer.example.org"),
    ("CONVOKE_AUTH_JWKS_AUDIENCE", "convoke"),
    ("CONVOKE_AUTH_GUESTS", "on"),
    ("CONVOKE_API_KEYS", "one,two"),
    ("CONVOKE_MAX_PARTICIPANTS", "12"),
    ("CONVOKE_BACKEND", "jitsi"),
    ("CONVOKE_RING_TIMEOUT_SECS", "30"),
    ("CONVOKE_MAX_DURATION_SECS", "7200"),
    ("JITSI_DOMAIN", "https://meet.example.org"),
    ("JITSI_APP_ID", "talentflip-ai"),
    ("JITSI_APP_SECRET", "a-secret-of-the-jitsi"),
    ("CONVOKE_JITSI_KEY_FILE", "jitsi.pem"),
    ("CONVOKE_JITSI_KEY_ID", "key-1"),
    ("JITSI_USE_JWT", "true"),
    ("JITSI_ROOM_PREFIX", "Meet_"),
    ("JITSI_RECORDING_ENABLED", "TRUE"),
    ("JITSI_RECORDING_PATH", "/srv/recordings"),
    (
        "CONVOKE_WEBHOOK_URLS",
        "https://a.example.org,https://b.example.org/hook",
    ),
    ("CONVOKE_WEBHOOK_SECRET", "webhook-secret"),
    ("CONVOKE_WEBHOOK_ALLOW_PRIVATE", "1"),
    ("CONVOKE_LOG_FORMAT", "json"),
    ("CONVOKE_LOG", "debug"),
];

#[test]
fn every_variable_reaches_its_key() {
    let env = ENVIRONMENT;
    let names: Vec<_> = sources::variables().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        env.map(|(name, _)| name),
        "this test sets every variable"
    );

    let config = load("", &env).unwrap();
    assert_eq!(config.data_dir, Path::new("/srv/calls"));
    assert_eq!(config.http.listen.to_string(), "[::]:443");
    assert!(config.http.tls().is_some());
    assert_eq!(
        config.http.url(config.http.listen),
        "https://calls.example.org"
    );
    assert_eq!(config.http.trusted_proxies.len(), 2);
    assert_eq!(config.http.allowed_origins, ["https://app.example.org"]);
    assert_eq!(config.http.rate_limits, Switch::Off);
    assert_eq!((config.media.port, config.media.workers), (5000, 4));
    assert_eq!(config.media.gather(), Duration::from_millis(5));
    assert_eq!(config.media.advertised_ips[0].to_string(), "203.0.113.7");
    assert_eq!(
        config.database.url(&config.data_dir),
        "postgres://u:pw@db/convoke"
    );
    assert_eq!(config.auth.api_keys.len(), 2);
    assert!(config.guests_allowed());
    assert_eq!(
        config.auth.jwks_issuer.as_deref(),
        Some("https://issuer.example.org")
    );
    assert_eq!(config.auth.jwks_audience.as_deref(), Some("convoke"));
    let calls = &config.calls;
    assert_eq!((calls.max_participants, calls.ring_timeout_secs), (12, 30));
    assert_eq!(
        (calls.backend, calls.max_duration_secs),
        (Backend::Jitsi, 7200)
    );
    let jitsi = &config.jitsi;
    assert_eq!(
        (jitsi.domain.as_str(), jitsi.app_id.as_str()),
        ("https://meet.example.org", "talentflip-ai")
    );
    assert_eq!(jitsi.key_file.as_deref(), Some(Path::new("jitsi.pem")));
    assert_eq!(jitsi.key_id.as_deref(), Some("key-1"));
    assert!(jitsi.app_secret.is_some() && jitsi.use_jwt && jitsi.recording_enabled);
    assert_eq!(
        (jitsi.room_prefix.as_str(), jitsi.recording_path.as_str()),
        ("Meet_", "/srv/recordings")
    );
    assert_eq!(config.webhooks.urls.len(), 2);
    assert!(config.webhooks.secret.is_some() && config.webhooks.allow_private);
    assert_eq!(config.log.format, LogFormat::Json);
    assert_eq!(config.log.filter, "debug");
}

#[test]
fn a_mistake_is_named() {
    type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str);
    let cases: [Case<'_>; 26] = [
        ("colour = 1", &[], "colour"),
        ("[http]\nlissen = \"127.0.0.1:1\"", &[], "lissen"),
        ("[http]\nlisten = \"nowhere\"", &[], "http.listen"),
        ("[media]\nport = 70000", &[], "media.port"),
        ("[http]\ntls_cert = \"c.pem\"", &[], "tls_key"),
        ("[auth]\njwt_secret = \"short\"", &[], "5 bytes"),
        ("[media]\nadvertised_ips = [\"0.0.0.0\"]", &[], "0.0.0.0"),
        ("[media]\ngather_us = 20001", &[], "gather_us"),
        ("[media]\nworkers = 65", &[], "media.workers"),
        ("", &[("CONVOKE_MEDIA_PORT", "many")], "CONVOKE_MEDIA_PORT"),
        (
            "",
            &[("CONVOKE_AUTH_JWT_SECRT", "x")],
            "CONVOKE_AUTH_JWT_SECRT",
        ),
        ("", &[("CONVOKE_RATE_LIMITS", "maybe")], "maybe"),
        ("", &[("CONVOKE_MAX_PARTICIPANTS", "0")], "max_participants"),
        ("", &[("CONVOKE_RING_TIMEOUT_SECS", "0")], "ring_timeout"),
        ("", &[("CONVOKE_MAX_DURATION_SECS", "0")], "max_duration"),
        ("", &[("CONVOKE_BACKEND", "zoom")], "zoom"),
        ("", &[("JITSI_USE_JWT", "maybe")], "JITSI_USE_JWT"),
        ("", &[("JITSI_DOMAIN", "meet.example.org/a/b")], "domain"),
        ("[jitsi]\nkey_file = \"k.pem\"", &[], "jitsi.key_id"),
        (
            "[auth]\njwt_secret = \"00000000000000000000000000000000\"",
            &[("JITSI_APP_SECRET", "00000000000000000000000000000000")],
            "the same",
        ),
        ("[webhooks]\nurls = [\"https://a\"]", &[], "webhooks.secret"),
        (
            "[webhooks]\nurls = [\"https://a\"]\nsecret = \"\"",
            &[],
            "webhooks.secret",
        ),
        (
            "[webhooks]\nurls = [\"ftp://a\"]\nsecret = \"s\"",
            &[],
            "ftp",
        ),
        (
            "",
            &[("CONVOKE_AUTH_JWKS_URL", "http://keys.example.org/")],
            "https",
        ),
        ("", &[("CONVOKE_AUTH_JWKS_URL", "keys")], "no URL"),
        (
            "",
            &[(
                "CONVOKE_AUTH_JWKS_URL",
                "https://www.googleapis.com/robot/v1/metadata/x509/securetoken@system.gserviceaccount.com",
            )],
            "jwks_audience",
        ),
    ];
    for (toml, env, word) in cases {
        let message = refusal(toml, env);
        assert!(message.contains(word), "{toml:?} {env:?}: {message}");
    }
}

#[test]
fn what_is_printed_hides_secrets() {
    let secret = "a-secret-of-more-than-32-bytes-length";
    let env = [
        ("CONVOKE_AUTH_JWT_SECRET", secret),
        ("CONVOKE_API_KEYS", "key-one"),
        ("JITSI_APP_SECRET", "jitsi-secret"),
        ("CONVOKE_WEBHOOK_SECRET", "webhook-secret"),
        ("CONVOKE_DATABASE_URL", "postgres://u:pw@db/convoke"),
    ];
    let config = load("", &env).unwrap();
    let printed = config.to_toml().unwrap() + &format!("{config:?}");
    for hidden in [secret, "key-one", "jitsi-secret", "webhook-secret", "u:pw"] {
        assert!(!printed.contains(hidden), "{hidden} in {printed}");
    }
    assert!(printed.contains("max_participants = 50"));
}

#[test]
fn guests_enter_by_name_only_on_an_unconfigured_loopback() {
    let guests = |env: &[(&str, &str)]| load("", env).unwrap().guests_allowed();
    assert!(guests(&[]));
    assert!(guests(&[("CONVOKE_HTTP_LISTEN", "[::1]:8080")]));
    assert!(!guests(&[("CONVOKE_HTTP_LISTEN", "0.0.0.0:8080")]));
    for url in [
        "http://localhost:80",
        "https://127.0.0.1/x",
        "http://[::1]:80",
    ] {
        assert!(guests(&[("CONVOKE_PUBLIC_URL", url)]), "{url}");
    }
    for url in [
        "https://calls.example.org",
        "https://localhost.example.org",
        "http://localhost@calls.example.org",
        "http://192.0.2.1:80",
    ] {
        assert!(!guests(&[("CONVOKE_PUBLIC_URL", url)]), "{url}");
    }
    assert!(!guests(&[("CONVOKE_TRUSTED_PROXIES", "127.0.0.1")]));
    assert!(!guests(&[("CONVOKE_API_KEYS", "k")]));
    assert!(!guests(&[(
        "CONVOKE_AUTH_JWT_SECRET",
        "00000000000000000000000000000000"
    )]));
    assert!(!guests(&[("CONVOKE_AUTH_GUESTS", "off")]));
    assert!(!guests(&[(
        "CONVOKE_AUTH_JWKS_URL",
        "https://keys.example.org"
    )]));
}

#[test]
fn key_servers_that_nobody_stands_between() {
    let fits = |url: &str| load("", &[("CONVOKE_AUTH_JWKS_URL", url)]).is_ok();
    for url in [
        "https://keys.example.org/jwks",
        "http://localhost:8080/jwks",
        "http://127.0.0.1/jwks",
        "http://[::1]:80/jwks",
        "http://keycloak:8080/realms/x/certs",
    ] {
        assert!(fits(url), "{url}");
    }
    for url in [
        "http://192.0.2.1/jwks",
        "http://127.0.0.1.example.org/",
        "http:///jwks",
    ] {
        assert!(!fits(url), "{url}");
    }
}

#[test]
fn a_variable_left_empty_is_no_secret() {
    let config = load("", &[("JITSI_APP_SECRET", "")]).unwrap();
    let jitsi = config.jitsi.open().unwrap();
    assert!(jitsi.pressing_warnings(Backend::Sfu.into()).is_empty());
    let config = load("", &[("JITSI_APP_SECRET", "super_secret_key_here")]).unwrap();
    assert_eq!(config.jitsi.open().unwrap().warnings().len(), 2);
}

#[test]
fn the_address_to_open_is_one_that_opens() {
    let url = |listen: &str| HttpConfig::default().url(listen.parse().unwrap());
    assert_eq!(url("127.0.0.1:8080"), "http://127.0.0.1:8080");
    assert_eq!(url("0.0.0.0:80"), "http://localhost:80");
    assert_eq!(url("[::1]:9"), "http://[::1]:9");
}

/// The sample names every key with its default, all commented out, so that it can
/// be read as the reference and copied as a start.
#[test]
fn the_sample_file_says_every_key_and_its_default() {
    let sample = include_str!("../../deploy/config.sample.toml");
    let keys = |line: &str| {
        line.strip_prefix("# ").is_some_and(|rest| {
            rest.split_once(" = ")
                .is_some_and(|(key, _)| key.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
        })
    };
    let enabled: String = sample
        .lines()
        .map(|line| if keys(line) { &line[2..] } else { line })
        .map(|line| format!("{line}\n"))
        .collect();
    let value: toml::Table = toml::from_str(&enabled).unwrap();
    for (name, key) in sources::variables() {
        let found = match key.split_once('.') {
            Some((section, key)) => value.get(section).and_then(|section| section.get(key)),
            None => value.get(key),
        };
        assert!(found.is_some(), "the sample lacks {key}");
        assert!(sample.contains(name), "the sample lacks {name}");
    }
    let optional = [
        "tls_cert",
        "tls_key",
        "public_url",
        "url",
        "jwt_secret",
        "guests",
        "jwks_url",
        "jwks_issuer",
        "jwks_audience",
        "app_secret",
        "key_file",
        "key_id",
        "secret",
    ];
    let defaults: String = enabled
        .lines()
        .filter(|line| {
            !optional
                .iter()
                .any(|key| line.starts_with(&format!("{key} = ")))
        })
        .map(|line| format!("{line}\n"))
        .collect();
    let as_sampled = load(&defaults, &[]).unwrap().to_toml().unwrap();
    assert_eq!(as_sampled, Config::default().to_toml().unwrap());
    load(&enabled, &[]).unwrap();
}
