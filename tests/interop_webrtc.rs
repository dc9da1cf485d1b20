//! The `webrtc` crate's PeerConnection calls through the real server: the client
//! side of ICE, DTLS, SRTP, SDP and RTP is a stack that we did not write.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what went wrong by ending"
)]

#[path = "interop/client.rs"]
mod client;
mod common;
#[path = "interop/media.rs"]
mod media;

use client::{Client, Lines, Offering};
use common::Server;

/// Enough that sequence numbers, timestamps and picture ids are seen to go on.
const PICTURES: usize = 100;

#[tokio::test]
async fn two_webrtc_clients_see_and_hear_each_other() {
    let server = Server::start(&[]);
    let mut ada = Client::join(server.address(), "interop", "Ada").await;
    let mut bob = Client::join(server.address(), "interop", "Bob").await;
    let ada_publishes = ada.publish("ada");
    let bob_publishes = bob.publish("bob");

    for (client, other) in [(&mut ada, "bob"), (&mut bob, "ada")] {
        let pictures = client.receive_video(PICTURES).await;
        assert!(
            pictures[0].keyframe,
            "decoding can start with the first packet"
        );
        for pair in pictures.windows(2) {
            assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1), "no gap");
            assert_eq!(pair[1].counter, pair[0].counter + 1, "in the order sent");
        }
        assert!(pictures.iter().all(|picture| picture.from == other));
        let voices = client.receive_audio(20).await;
        assert!(voices.iter().all(|from| from == other), "{voices:?}");
    }
    ada_publishes.abort();
    bob_publishes.abort();
    ada.close().await;
    bob.close().await;
}

#[tokio::test]
async fn a_client_that_comes_later_starts_with_a_keyframe() {
    let server = Server::start(&[]);
    let ada = Client::join(server.address(), "later", "Ada").await;
    let publishes = ada.publish("ada");
    let mut early = Client::join(server.address(), "later", "Early").await;
    early.receive_video(PICTURES).await;

    let mut late = Client::join(server.address(), "later", "Late").await;
    let pictures = late.receive_video(10).await;
    assert!(pictures[0].keyframe, "one was asked of the publisher");
    assert!(
        pictures[0].counter >= PICTURES as u32,
        "and not an old one replayed"
    );
    publishes.abort();
}

/// Offers by one request; gives the client that is connected then, and its resource.
async fn by_http(server: &Server, path: &str, lines: Lines) -> (Client, String) {
    let offering = Offering::new(lines).await;
    let sdp = ["content-type: application/sdp"];
    let answer = server.request("POST", path, &sdp, &offering.offer).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let resource = answer.header("location").unwrap().to_owned();
    (offering.answered(answer.body).await, resource)
}

#[tokio::test]
async fn what_is_published_by_whip_is_played_by_whep() {
    let server = Server::start(&[]);
    // Before there is anything to play, of one and of everybody.
    let (mut one, of_one) = by_http(&server, "/whep/live/Encoder", Lines::Receiving).await;
    let (mut all, _) = by_http(&server, "/whep/live", Lines::Receiving).await;
    let path = "/whip/live?participant=Encoder";
    let (encoder, resource) = by_http(&server, path, Lines::Sending).await;
    let publishes = encoder.publish("encoder");
    for player in [&mut one, &mut all] {
        let pictures = player.receive_video(PICTURES).await;
        assert!(pictures[0].keyframe, "decoding can start");
        for pair in pictures.windows(2) {
            assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1), "no gap");
        }
        assert!(pictures.iter().all(|picture| picture.from == "encoder"));
        let voices = player.receive_audio(20).await;
        assert!(voices.iter().all(|from| from == "encoder"), "{voices:?}");
    }
    for resource in [&resource, &of_one] {
        assert_eq!(
            server.request("DELETE", resource, &[], "").await.status,
            200
        );
        assert_eq!(
            server.request("DELETE", resource, &[], "").await.status,
            404
        );
    }
    publishes.abort();
}
