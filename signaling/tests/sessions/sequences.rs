//! Any messages in any order: a Session answers, never breaks, and is in the state that
//! the last accepted messages put it in.

use std::sync::Arc;
use std::time::Duration;

use convoke_signaling::auth::{AuthConfig, Authenticator};
use convoke_signaling::session::message::{
    ClientMessage, ErrorCode, PublishState, ServerMessage, SlotTarget, SlotWish, TrackSource,
};
use convoke_signaling::session::{Session, SessionConfig, SessionContext};
use proptest::prelude::*;

use crate::common::{Engine, TestDb, World};

fn message() -> impl Strategy<Value = ClientMessage> {
    let word = "[a-z0-9.*/ -]{0,8}";
    let optional = || proptest::option::of(word);
    prop_oneof![
        (0..3_u32, optional(), optional(), optional()).prop_map(
            |(protocol, token, name, resume)| ClientMessage::Hello {
                protocol,
                token,
                name,
                resume,
            }
        ),
        // What succeeds, so that the states behind it are reached.
        Just(ClientMessage::Hello {
            protocol: 1,
            token: None,
            name: Some("Ann".to_owned()),
            resume: None,
        }),
        (any::<u32>(), "[a-b ]{1,2}")
            .prop_map(|(request, room)| ClientMessage::Join { request, room }),
        (any::<u32>(), word).prop_map(|(request, sdp)| ClientMessage::Offer {
            request,
            sdp,
            publish: Vec::new(),
        }),
        word.prop_map(|candidate| ClientMessage::Candidate {
            candidate,
            mid: None
        }),
        word.prop_map(|mid| ClientMessage::Slots {
            slots: vec![SlotWish {
                mid,
                show: SlotTarget::Automatic {},
                width: None,
                height: None,
                priority: 0,
            }],
        }),
        Just(ClientMessage::Publish {
            source: TrackSource::Camera,
            state: PublishState::Live,
        }),
        Just(ClientMessage::Leave {}),
        any::<u32>().prop_map(|request| ClientMessage::EndCall { request }),
        any::<u32>().prop_map(|request| ClientMessage::MuteOthers { request }),
        Just(ClientMessage::Ping {}),
    ]
}

/// What the test knows of the Session from its answers alone.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Known {
    Nobody,
    Idle,
    InCall,
}

async fn run(messages: Vec<ClientMessage>) {
    let db = TestDb::new(Engine::Sqlite).await;
    let world = World::new(&db).await;
    let auth = Arc::new(Authenticator::new(AuthConfig {
        jwt_secret: b"0123456789abcdef0123456789abcdef".to_vec(),
        server_secret: b"the server's own secret".to_vec(),
        api_keys: Vec::new(),
        guests: true,
        leeway: Duration::ZERO,
        remote_keys: None,
    }));
    let mut session = Session::new(Arc::new(SessionContext {
        service: world.service.clone(),
        auth,
        clock: world.clock.clone(),
        config: SessionConfig {
            rate_limits: false,
            ..SessionConfig::default()
        },
    }));
    let mut known = Known::Nobody;
    for message in messages {
        let reply = session.handle(message.clone()).await;
        known = after(known, &message, &reply.messages);
        if reply.close.is_some() {
            return;
        }
    }
}

fn after(known: Known, message: &ClientMessage, answers: &[ServerMessage]) -> Known {
    let refused = match answers {
        [ServerMessage::Error { code, .. }] => Some(*code),
        _ => None,
    };
    match (known, message) {
        (Known::Nobody, ClientMessage::Hello { .. }) => {
            let welcome = matches!(answers, [ServerMessage::Welcome { .. }]);
            assert!(welcome || refused.is_some(), "{answers:?}");
            if welcome { Known::Idle } else { known }
        }
        (Known::Nobody, _) | (_, ClientMessage::Hello { .. }) => {
            assert_eq!(refused, Some(ErrorCode::Unexpected), "{message:?}");
            known
        }
        (_, ClientMessage::Ping {}) => {
            assert_eq!(answers, [ServerMessage::Pong {}]);
            known
        }
        (_, ClientMessage::Leave {}) => {
            assert_eq!(answers, []);
            Known::Idle
        }
        (Known::Idle, ClientMessage::Join { request, .. }) => match answers {
            [ServerMessage::Joined { request: echo, .. }] => {
                assert_eq!(*echo, Some(*request));
                Known::InCall
            }
            _ => {
                assert_eq!(refused, Some(ErrorCode::InvalidRoom), "{message:?}");
                known
            }
        },
        (Known::InCall, ClientMessage::Join { .. }) => {
            assert_eq!(refused, Some(ErrorCode::AlreadyInCall));
            known
        }
        (Known::Idle, _) => {
            assert_eq!(refused, Some(ErrorCode::NotInCall), "{message:?}");
            known
        }
        // Whoever is alone in a call is its host, so that its end is granted; the
        // notice of it is not read here, and what follows is refused.
        (Known::InCall, _) => {
            assert!(answers.len() <= 1, "{answers:?}");
            known
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_is_answered_by_the_state_it_finds(
        messages in proptest::collection::vec(message(), 1..40)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(run(messages));
    }
}
