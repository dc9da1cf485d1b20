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

use client::Client;
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
