//! Whoever is not the client, from elsewhere and with the client's address.

use super::*;

#[test]
fn a_stranger_cannot_race_the_client_hello() {
    let mut link = Link::new(4, &BOTH);
    link.negotiate(CLIENT);
    let stranger = reverse(up("198.51.100.9:1000"));
    // A ClientHello of someone else's, before and after ICE.
    let mut other = Link::new(5, &BOTH);
    other.negotiate(CLIENT);
    let hello = loop {
        other.client.handle_timeout(other.now);
        let sent: Vec<_> = std::iter::from_fn(|| other.client.poll_control()).collect();
        if let Some(hello) = sent.iter().find(|d| !stun::is_stun(&d.bytes)) {
            break hello.bytes.clone();
        }
        for ControlDatagram { path, bytes } in sent {
            deliver(&mut other.server, other.now, reverse(path), &bytes);
        }
        while let Some(answer) = other.server.poll_control() {
            other
                .client
                .handle_control(other.now, up(CLIENT), &answer.bytes);
        }
        other.now += Duration::from_millis(20);
    };
    for _ in 0..3 {
        link.server.handle_dtls(link.now, stranger, &hello);
        link.step();
        while let Some(sent) = link.server.poll_control() {
            assert_ne!(sent.path, stranger);
            link.client
                .handle_control(link.now, up(CLIENT), &sent.bytes);
        }
    }
    link.run_until_connected();
    link.server.handle_dtls(link.now, stranger, &hello);
    assert_eq!(link.server.poll_control(), None);
    link.assert_media_flows(1);
}

/// Everything in the clear that a handshake could choke on.
fn forgeries() -> Vec<Vec<u8>> {
    let record = |content_type: u8, epoch: u8, sequence: [u8; 6], body: &[u8]| {
        let mut record = vec![content_type, 0xfe, 0xfd, 0, epoch];
        record.extend(sequence);
        record.extend((body.len() as u16).to_be_bytes());
        record.extend(body);
        record
    };
    let message = |typ: u8, sequence: u8, body: &[u8]| {
        let len = [0, 0, body.len() as u8];
        [&[typ][..], &len, &[0, sequence, 0, 0, 0], &len, body].concat()
    };
    let mut forgeries = Vec::new();
    for sequence in [[0; 6], [0, 0, 0, 0, 0, 40], [0xff; 6]] {
        // Alerts: fatal, goodbye, nonsense.
        for alert in [&[2, 40][..], &[1, 0], &[9, 9], &[2]] {
            forgeries.push(record(21, 0, sequence, alert));
            forgeries.push(record(21, 1, sequence, &[0x5a; 26]));
        }
        forgeries.push(record(20, 0, sequence, &[1]));
        forgeries.push(record(20, 0, sequence, &[7, 7]));
        forgeries.push(record(23, 0, sequence, &[0x5a; 40]));
        forgeries.push(record(22, 1, sequence, &[0x5a; 40]));
        for number in 0..8 {
            // A hello, a certificate of nobody, a request, the server's own messages.
            for typ in [0, 1, 2, 3, 11, 13, 14, 20] {
                let body = record(22, 0, sequence, &message(typ, number, &[0x5a; 120]));
                forgeries.push(body);
            }
            let certificate = [&[0, 0, 103, 0, 0, 100][..], &[0x30; 100]].concat();
            forgeries.push(record(22, 0, sequence, &message(11, number, &certificate)));
        }
    }
    forgeries
}

/// From the address of a client whose datagrams he cannot read.
#[test]
fn whoever_forges_the_client_s_address_cannot_end_its_handshake() {
    let forgeries = forgeries();
    for seed in 20..30 {
        let mut link = Link::new(seed, &BOTH);
        link.loss = if seed % 2 == 0 { 0.0 } else { 0.1 };
        link.negotiate(CLIENT);
        // A few with every step, so that some hit each stage of the handshake.
        let mut forged = forgeries.iter().cycle().skip(37 * usize::from(seed));
        for _ in 0..1_500 {
            for datagram in forged.by_ref().take(4) {
                link.server
                    .handle_dtls(link.now, reverse(up(CLIENT)), datagram);
            }
            link.step();
            if link.client.is_connected() && link.server.path().is_some() {
                break;
            }
        }
        link.loss = 0.0;
        link.run_until_connected();
        for datagram in &forgeries {
            link.server
                .handle_dtls(link.now, reverse(up(CLIENT)), datagram);
        }
        link.assert_media_flows(1);
        assert_eq!(link.events(), [TransportState::Connected], "{seed}");
    }
}

#[test]
fn a_flood_from_the_client_s_address_only_delays_its_handshake() {
    let mut link = Link::new(31, &BOTH);
    link.negotiate(CLIENT);
    let junk = [
        &[22, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 9, 3, 0xe8][..],
        &[0x5a; 1_000],
    ]
    .concat();
    // Two steps for the check, and it begins.
    link.run(Duration::from_millis(40));
    for _ in 0..200 {
        link.server
            .handle_dtls(link.now, reverse(up(CLIENT)), &junk);
    }
    link.run(Duration::from_millis(200));
    assert!(!link.client.is_connected(), "the flood had no effect");
    link.run_until_connected();
    link.assert_media_flows(1);
}

#[test]
fn a_megabyte_of_fragments_only_delays_the_handshake() {
    let mut link = Link::new(15, &BOTH);
    link.negotiate(CLIENT);
    link.step();
    link.step();
    let path = reverse(up(CLIENT));
    let sent = link.delivered;
    let mut length = 0;
    let mut sequence = 0u16;
    while length < 1_000_000 {
        // 100 bytes of a message of 8000, never the rest.
        let mut body = vec![
            1,
            0,
            0x1f,
            0x40,
            0,
            0,
            0,
            (sequence % 60) as u8,
            0,
            0,
            0,
            100,
        ];
        body.extend([0; 100]);
        let mut record = vec![22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0];
        record.extend(sequence.to_be_bytes());
        record.extend((body.len() as u16).to_be_bytes());
        record.extend(body);
        length += record.len();
        sequence += 1;
        link.server.handle_dtls(link.now, path, &record);
    }
    assert!(sent > 0);
    assert!(!link.client.is_connected());
    link.run_until_connected();
    link.assert_media_flows(1);
}
