use super::*;

const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

fn authenticator(guests: bool) -> Authenticator {
    Authenticator::new(AuthConfig {
        jwt_secret: b"0123456789abcdef0123456789abcdef".to_vec(),
        server_secret: b"server".to_vec(),
        api_keys: vec!["key".to_owned()],
        guests,
        leeway: Duration::ZERO,
        remote_keys: None,
    })
}

fn claims() -> Claims {
    Claims {
        sub: "42".to_owned(),
        name: None,
        email: None,
        username: None,
        picture: None,
        role: None,
        room: None,
        moderator: None,
        exp: 2e9,
        nbf: None,
    }
}

#[test]
fn guests_give_a_name_that_can_be_shown() {
    let cases = [
        ("Ann", Some("Ann")),
        ("  Ann  ", Some("Ann")),
        ("Žofie 二", Some("Žofie 二")),
        ("", None),
        ("   ", None),
        ("a\nb", None),
        ("a\0b", None),
        ("evil\u{202e}txt", None),
        ("\u{200b}Ann", None),
    ];
    for (name, want) in cases {
        let guest = authenticator(true).guest(name, Uuid::from_u128(1));
        assert_eq!(
            guest.ok().as_ref().map(|p| p.name.as_str()),
            want,
            "{name:?}"
        );
    }
    let longest = "x".repeat(MAX_NAME_CHARS);
    let guest = |name: &str| authenticator(true).guest(name, Uuid::from_u128(1));
    assert!(guest(&longest).is_ok());
    assert_eq!(guest(&format!("{longest}x")), Err(AuthError::InvalidName));
}

#[test]
fn guests_of_one_name_are_different_users_and_only_where_admitted() {
    let admitted = authenticator(true);
    let one = admitted.guest("Ann", Uuid::from_u128(1)).unwrap();
    let other = admitted.guest("Ann", Uuid::from_u128(2)).unwrap();
    assert_eq!(one.standing, Standing::Guest);
    assert_ne!(one.user, other.user);
    assert_eq!(
        authenticator(false).guest("Ann", Uuid::from_u128(1)),
        Err(AuthError::GuestsNotAdmitted)
    );
}

#[test]
fn api_keys_are_the_backend() {
    let backend = authenticator(false).api_key("key").unwrap();
    assert_eq!(backend.standing, Standing::Backend);
    assert_eq!(
        authenticator(false).api_key("yek"),
        Err(AuthError::UnknownApiKey)
    );
}

#[test]
fn the_name_shown_is_the_best_claim_there_is() {
    let some = |text: &str| Some(text.to_owned());
    let name = |claims| principal(claims).map(|p| p.name);
    let derived = |claims| principal(claims).unwrap().name_derived;
    assert!(derived(claims()));
    assert_eq!(name(claims()), Ok("42".to_owned()));
    let email = Claims {
        email: some("ann@example.org"),
        ..claims()
    };
    assert_eq!(name(email.clone()), Ok("ann@example.org".to_owned()));
    let username = Claims {
        username: some("ann"),
        ..email
    };
    assert_eq!(name(username.clone()), Ok("ann".to_owned()));
    let full = Claims {
        name: some("Ann"),
        ..username.clone()
    };
    assert!(derived(username.clone()) && !derived(full.clone()));
    assert_eq!(name(full), Ok("Ann".to_owned()));
    let unusable = Claims {
        name: some("\u{202e}"),
        ..username
    };
    assert_eq!(name(unusable), Ok("ann".to_owned()));
}

#[test]
fn a_room_claim_never_widens() {
    for room in ["", "*", "a/b", ".."] {
        let claims = Claims {
            room: Some(room.to_owned()),
            ..claims()
        };
        assert_eq!(principal(claims), Err(TokenError::Claims), "{room:?}");
    }
    let claims = Claims {
        room: Some("standup".to_owned()),
        ..claims()
    };
    assert_eq!(
        principal(claims).unwrap().room,
        RoomName::try_from("standup").ok()
    );
}

#[test]
fn pictures_are_https_or_none() {
    for (url, kept) in [
        ("https://example.org/a.png", true),
        ("http://example.org/a.png", false),
        ("javascript:alert(1)", false),
        ("data:image/svg+xml,<svg/>", false),
    ] {
        let claims = Claims {
            picture: Some(url.to_owned()),
            ..claims()
        };
        assert_eq!(
            principal(claims).unwrap().avatar_url.is_some(),
            kept,
            "{url}"
        );
    }
}

#[test]
fn what_could_not_enter_is_not_minted() {
    let invite = |room: Option<&str>| Invite {
        user: "42".to_owned(),
        name: "Ann".to_owned(),
        room: room.map(str::to_owned),
        moderator: true,
        ttl: Duration::from_secs(60),
    };
    let auth = authenticator(false);
    let token = auth.mint(&invite(Some("standup")), NOW).unwrap();
    assert!(auth.token(&token, NOW).unwrap().moderator);
    assert!(auth.mint(&invite(Some("no room")), NOW).is_err());
}
