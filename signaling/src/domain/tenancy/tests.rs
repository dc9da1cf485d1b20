use super::*;
use crate::domain::call::Nature;
use crate::domain::time::UnixMillis;
use crate::ids::CallId;

fn room() -> RoomName {
    RoomName::try_from("r").unwrap()
}

fn user(name: &str) -> UserId {
    UserId::try_from(name).unwrap()
}

fn principal(name: &str) -> Principal {
    Principal::new(user(name), name, Standing::User)
}

fn backend() -> Principal {
    Principal::new(user("api"), "API", Standing::Backend)
}

fn open() -> Tenancy {
    Tenancy::Open {
        leaders: BTreeSet::from([user("lea")]),
    }
}

fn members(password: bool) -> Tenancy {
    Tenancy::Members {
        roles: BTreeMap::from([
            (user("lea"), Role::Host),
            (user("mod"), Role::Moderator),
            (user("pat"), Role::Participant),
        ]),
        password,
        host_alone: false,
    }
}

#[test]
fn who_gets_which_token() {
    let (free, open, members, locked) = (Tenancy::Free, open(), members(false), members(true));
    let cases: [(&Tenancy, &str, &str, bool, bool, bool); 27] = [
        // room, who asks, for whom, as moderator, making the room → granted
        (&free, "ann", "ann", false, false, true),
        (&free, "ann", "ann", true, false, true),
        (&free, "ann", "ben", false, false, false),
        (&free, "ann", "ben", false, true, true),
        (&free, "ann", "ben", true, true, true),
        (&free, "api", "ben", true, false, true),
        (&open, "ann", "ann", false, false, true),
        (&open, "ann", "ann", true, false, false),
        (&open, "ann", "ben", false, false, false),
        (&open, "ann", "ben", false, true, false),
        (&open, "lea", "lea", true, false, true),
        (&open, "lea", "ben", false, false, true),
        (&open, "lea", "ben", true, false, true),
        (&open, "api", "ben", true, false, true),
        (&members, "ann", "ann", false, false, false),
        (&members, "ann", "pat", false, false, false),
        (&members, "pat", "pat", false, false, true),
        (&members, "pat", "pat", true, false, false),
        (&members, "pat", "mod", false, false, false),
        (&members, "mod", "mod", true, false, true),
        (&members, "lea", "pat", true, false, true),
        (&members, "lea", "ann", false, false, false),
        (&members, "api", "pat", true, false, true),
        (&members, "api", "ann", false, false, false),
        (&locked, "pat", "pat", false, false, false),
        (&locked, "lea", "pat", false, false, true),
        (&locked, "lea", "lea", true, false, true),
    ];
    for case in cases {
        let (tenancy, asker, whom, moderator, making, want) = case;
        let who = match asker {
            "api" => backend(),
            name => principal(name),
        };
        let wish = Wish {
            user: user(whom),
            moderator,
        };
        let got = tenancy.grants(&who, &room(), &wish, making);
        assert_eq!(got, want, "{case:?}");
    }
}

#[test]
fn a_proof_for_another_room_gets_nothing_and_a_moderator_s_for_this_one_leads_it() {
    let wish = |moderator| Wish {
        user: user("ann"),
        moderator,
    };
    let elsewhere = Principal {
        room: RoomName::try_from("other").ok(),
        moderator: true,
        ..principal("ann")
    };
    for tenancy in [Tenancy::Free, open()] {
        assert!(!tenancy.grants(&elsewhere, &room(), &wish(false), false));
    }
    let here = Principal {
        room: Some(room()),
        moderator: true,
        ..principal("ann")
    };
    assert!(open().grants(&here, &room(), &wish(true), false));
    // What is its members' is not opened by a token for its name.
    assert!(!members(false).grants(&here, &room(), &wish(true), false));
}

#[test]
fn only_who_is_to_lead_makes_a_room() {
    let wish = |moderator| {
        [Wish {
            user: user("ann"),
            moderator,
        }]
    };
    assert!(!Tenancy::Free.made_by(&wish(false), false));
    assert!(Tenancy::Free.made_by(&wish(true), false));
    assert!(Tenancy::Free.made_by(&wish(false), true));
    assert!(!open().made_by(&wish(true), true));
    assert!(!members(false).made_by(&wish(true), true));
}

#[test]
fn a_call_s_room_is_as_its_admission_says() {
    let at = UnixMillis(0);
    let id = CallId::from_uuid(uuid::Uuid::from_u128(1));
    let mut call = Call {
        initiated_by: Some(user("lea")),
        ..Call::pending(id, room(), Nature::AD_HOC, at)
    };
    assert_eq!(Tenancy::of_call(&call, []), open());
    call.about.admission = Admission::Members;
    let roles = BTreeMap::from([(user("lea"), Role::Host)]);
    let password = false;
    assert_eq!(
        Tenancy::of_call(&call, []),
        Tenancy::Members {
            roles,
            password,
            host_alone: false,
        }
    );
}

#[test]
fn rooms_that_name_an_appointment() {
    let cases: [(&str, &[&str]); 7] = [
        ("appointment_clxxx123456789", &["clxxx123456789"]),
        (
            "ataraxia-123-1699999999",
            &["123-1699999999", "123", "1699999999"],
        ),
        (
            "my-app-12-1699999999",
            &[
                "app-12-1699999999",
                "app-12",
                "12-1699999999",
                "12",
                "1699999999",
            ],
        ),
        ("APPOINTMENT_X", &["X"]),
        ("standup", &[]),
        ("a-", &[]),
        ("call-1-abc", &["1-abc", "abc"]),
    ];
    for (name, want) in cases {
        let found = appointments_named_by(&RoomName::try_from(name).unwrap());
        let found: Vec<_> = found.iter().map(AppointmentId::as_str).collect();
        assert_eq!(found, want, "{name}");
    }
}

#[test]
fn a_meeting_s_moderator_asks_for_nobody_and_leads_nothing() {
    let roles = BTreeMap::from([
        (user("host"), Role::Host),
        (user("moderator"), Role::Moderator),
    ]);
    let meeting = Tenancy::Members {
        roles,
        password: false,
        host_alone: true,
    };
    let asks = |who: &str, whom: &str, moderator: bool| {
        let who = Principal::new(user(who), who, Standing::User);
        let wish = Wish {
            user: user(whom),
            moderator,
        };
        meeting.grants(&who, &room(), &wish, false)
    };
    assert!(asks("host", "moderator", true));
    assert!(asks("moderator", "moderator", false));
    assert!(!asks("moderator", "moderator", true));
    assert!(!asks("moderator", "host", false));
}

#[test]
fn a_pass_gets_no_other() {
    let pass = Principal {
        room: Some(room()),
        ..Principal::new(user("anna"), "Anna", Standing::User)
    };
    let own = Wish {
        user: user("anna"),
        moderator: false,
    };
    assert!(!Tenancy::Free.grants(&pass, &room(), &own, false));
}
