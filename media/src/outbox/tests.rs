use proptest::prelude::*;

use super::*;
use crate::ids::Ssrc;
use crate::limits::{MAX_SEGMENTED_BYTES, MAX_SEGMENTS};
use crate::rtp::packet::Packet as View;

const HEAD: usize = 12;

fn path(port: u16) -> Path {
    Path {
        local: ([127, 0, 0, 1], 3478).into(),
        remote: ([127, 0, 0, 1], port).into(),
    }
}

/// Of one source, and never padded to join a run.
const CAMERA: (u32, u8) = (1000, 0);

/// A source that only this packet is of, with as much padding as a voice may get.
fn voice(mark: u8) -> (u32, u8) {
    (mark.into(), 64)
}

type Source = (u32, u8);

/// A packet of `size` bytes, known by `mark`.
fn push(outbox: &mut Outbox, to: u32, (source, mark, size): (Source, u8, usize)) {
    let (ssrc, stretch) = source;
    let outgoing = Outgoing {
        ssrc: Ssrc(ssrc),
        seq: SeqNo(1),
        head: HEAD,
        payload: outbox.keep(&vec![mark; size - HEAD]),
        stretch,
    };
    outbox.send_rtp(ParticipantKey(to), &outgoing, |head| {
        head.fill(0);
        (head[0], head[11]) = (0x80, mark);
    });
}

fn plain(_: ParticipantKey, _: Seal, _: &mut [u8], len: usize) -> Option<usize> {
    Some(len)
}

/// The datagrams of each run, with its path.
fn runs(outbox: &mut Outbox) -> Vec<(Path, Vec<Vec<u8>>)> {
    let mut runs = Vec::new();
    while let Some(burst) = outbox.next_burst(plain) {
        runs.extend(burst.runs().map(|run| {
            assert!(run.bytes.len() <= MAX_SEGMENTED_BYTES);
            let datagrams: Vec<_> = run.datagrams().map(<[u8]>::to_vec).collect();
            assert!(datagrams.len() <= MAX_SEGMENTS);
            (run.path, datagrams)
        }));
    }
    runs
}

/// Marks and sizes of the datagrams of each run.
fn shapes(outbox: &mut Outbox) -> Vec<Vec<(u8, usize)>> {
    let shape = |datagram: &Vec<u8>| (datagram[11], datagram.len());
    let runs = runs(outbox).into_iter();
    runs.map(|(_, datagrams)| datagrams.iter().map(shape).collect())
        .collect()
}

/// Sizes of the datagrams of each run.
fn sizes(outbox: &mut Outbox) -> Vec<Vec<usize>> {
    let runs = runs(outbox).into_iter();
    runs.map(|(_, datagrams)| datagrams.iter().map(Vec::len).collect())
        .collect()
}

fn connected() -> Outbox {
    let mut outbox = Outbox::default();
    for to in 0..3 {
        outbox.set_path(ParticipantKey(to), Some(path(to as u16)));
    }
    outbox
}

#[test]
fn a_destination_without_path_gets_nothing() {
    let mut outbox = Outbox::default();
    push(&mut outbox, 0, (CAMERA, 1, 100));
    outbox.set_path(ParticipantKey(0), Some(path(1)));
    push(&mut outbox, 0, (CAMERA, 2, 100));
    outbox.set_path(ParticipantKey(0), None);
    push(&mut outbox, 0, (CAMERA, 3, 100));
    assert_eq!(outbox.dropped, 2);
    outbox.set_path(ParticipantKey(0), Some(path(2)));
    let runs = runs(&mut outbox);
    assert_eq!(runs.len(), 1);
    assert_eq!((runs[0].0, runs[0].1[0][11]), (path(2), 2));
}

#[test]
fn what_waits_for_a_path_that_goes_is_forgotten() {
    let mut outbox = connected();
    push(&mut outbox, 0, (CAMERA, 1, 100));
    outbox.set_path(ParticipantKey(0), None);
    assert!(runs(&mut outbox).is_empty());
    assert!(outbox.is_empty());
    assert_eq!(outbox.len(), 0);
}

#[test]
fn the_next_owner_of_a_key_does_not_get_what_waited() {
    let mut outbox = connected();
    push(&mut outbox, 0, (CAMERA, 1, 100));
    outbox.forget(ParticipantKey(0));
    outbox.set_path(ParticipantKey(0), Some(path(2)));
    push(&mut outbox, 0, (CAMERA, 2, 100));
    assert_eq!(shapes(&mut outbox), [[(2, 112)]]);
}

#[test]
fn control_leaves_first_by_the_path_it_names() {
    let mut outbox = connected();
    push(&mut outbox, 0, (CAMERA, 1, 100));
    outbox.push_control(path(9), b"check");
    let runs = runs(&mut outbox);
    assert_eq!(runs[0], (path(9), vec![b"check".to_vec()]));
    assert_eq!(runs[1].0, path(0));
}

#[test]
fn pictures_that_differ_by_little_are_padded_to_one_size() {
    let mut outbox = connected();
    for (mark, size) in [(1, 1195), (2, 1196), (3, 1197), (4, 300)] {
        push(&mut outbox, 0, (CAMERA, mark, size));
    }
    let runs = runs(&mut outbox);
    let sizes: Vec<_> = runs[0].1.iter().map(Vec::len).collect();
    assert_eq!((runs.len(), sizes), (1, vec![1200, 1200, 1200, 304]));
    let view = View::parse(&runs[0].1[2]).unwrap();
    assert_eq!(view.payload(), [3; 1197 - HEAD]);
}

#[test]
fn voices_stretch_to_join_a_run_and_do_not_break_those_of_pictures() {
    let mut outbox = connected();
    for (mark, size) in [(1, 80), (2, 96), (3, 80), (4, 112), (5, 96)] {
        push(&mut outbox, 0, (voice(mark), mark, size));
        let picture = if mark == 5 { 304 } else { 1200 };
        push(&mut outbox, 0, (CAMERA, mark + 10, picture));
    }
    let voices = vec![(4, 112), (2, 112), (5, 112), (1, 112), (3, 80)];
    let pictures = vec![(11, 1200), (12, 1200), (13, 1200), (14, 1200), (15, 304)];
    assert_eq!(shapes(&mut outbox), [pictures, voices]);
}

/// Sizes that wait together, and those that leave in each run.
#[test]
fn padding_is_spent_only_where_it_saves_a_message() {
    let cases: [(&[usize], &[&[usize]]); 7] = [
        // The last may be shorter for nothing.
        (&[160, 96], &[&[160, 96]]),
        (&[160, 112, 96], &[&[160, 160, 96]]),
        // Too far apart to be worth it.
        (&[160, 80, 64], &[&[160, 80], &[64]]),
        (&[160, 112, 80, 64], &[&[160, 112], &[80, 64]]),
        (&[160, 160, 144, 160], &[&[160, 160, 160, 144]]),
        // Padded, it leaves the end of the run to one that would be alone.
        (&[160, 112, 32], &[&[160, 160, 32]]),
        (&[160, 112, 32, 32], &[&[160, 112], &[32, 32]]),
    ];
    for (sizes, want) in cases {
        let mut outbox = connected();
        for (mark, size) in sizes.iter().enumerate() {
            push(&mut outbox, 0, (voice(mark as u8), mark as u8, *size));
        }
        assert_eq!(self::sizes(&mut outbox), want, "{sizes:?}");
    }
}

/// A source and a size.
type Waiting = (u32, usize);

/// What waits together, and the sizes that leave in each run.
#[test]
fn a_run_ends_in_what_would_be_alone() {
    let cases: [(&[Waiting], &[&[usize]]); 7] = [
        (&[(1, 304), (2, 912)], &[&[912, 304]]),
        (&[(1, 304), (2, 912), (3, 608)], &[&[912, 608], &[304]]),
        // The pair is one message by itself.
        (
            &[(1, 608), (2, 608), (3, 912), (4, 304)],
            &[&[912, 304], &[608, 608]],
        ),
        (&[(1, 912), (2, 608), (3, 608)], &[&[912, 608], &[608]]),
        // Of one source, so in this order.
        (&[(1, 304), (1, 912)], &[&[304], &[912]]),
        (&[(1, 304), (2, 912), (1, 608)], &[&[912, 304], &[608]]),
        (
            &[(1, 912), (1, 912), (1, 304), (1, 912)],
            &[&[912, 912, 304], &[912]],
        ),
    ];
    for (packets, want) in cases {
        let mut outbox = connected();
        for &(source, size) in packets {
            push(&mut outbox, 0, ((source, 0), 1, size));
        }
        assert_eq!(sizes(&mut outbox), want, "{packets:?}");
    }
}

#[test]
fn what_begins_a_run_is_stretched_to_what_follows() {
    let mut outbox = connected();
    for size in [1088, 1104, 1104, 400] {
        push(&mut outbox, 0, ((1, 32), 1, size));
    }
    assert_eq!(sizes(&mut outbox), [[1104, 1104, 1104, 400]]);
}

#[test]
fn reports_are_not_padded() {
    let mut outbox = connected();
    push(&mut outbox, 0, (voice(1), 1, 160));
    outbox.send_rtcp(ParticipantKey(0), &[0x80; 100]);
    outbox.send_rtcp(ParticipantKey(0), &[0x80; 60]);
    assert_eq!(sizes(&mut outbox), [vec![160, 100], vec![60]]);
}

#[test]
fn voices_behind_a_report_that_ended_a_run_are_not_padded_to_it() {
    let mut outbox = connected();
    push(&mut outbox, 0, (voice(1), 1, 160));
    // Sorted between them.
    outbox.send_rtcp(ParticipantKey(0), &[0x80; 120]);
    push(&mut outbox, 0, (voice(2), 2, 112));
    push(&mut outbox, 0, (voice(3), 3, 112));
    assert_eq!(sizes(&mut outbox), [vec![160, 120], vec![112, 112]]);
}

#[test]
fn what_is_not_sealed_is_not_sent() {
    let mut outbox = connected();
    push(&mut outbox, 0, (voice(1), 1, 100));
    assert!(outbox.next_burst(|_, _, _, _| None).is_none());
    assert!(outbox.is_empty());
    assert_eq!(outbox.len(), 0);
}

#[test]
fn a_queue_is_bounded() {
    let mut outbox = connected();
    for _ in 0..2000 {
        push(&mut outbox, 0, (CAMERA, 1, 1200));
    }
    assert!(outbox.len() <= MAX_RUN_BYTES);
    assert!(outbox.dropped > 0);
    let sent: usize = runs(&mut outbox).iter().map(|run| run.1.len()).sum();
    assert_eq!(sent as u64 + outbox.dropped, 2000);
}

#[test]
fn what_is_added_between_two_bursts_leaves_as_well() {
    let mut outbox = connected();
    for _ in 0..300 {
        push(&mut outbox, 0, (CAMERA, 1, 1200));
    }
    let first = outbox.next_burst(plain).unwrap();
    let mut sent: usize = first.runs().map(|run| run.datagrams().count()).sum();
    assert!(sent < 300);
    push(&mut outbox, 0, (CAMERA, 2, 1200));
    push(&mut outbox, 1, (CAMERA, 3, 1200));
    sent += runs(&mut outbox)
        .iter()
        .map(|run| run.1.len())
        .sum::<usize>();
    assert_eq!((sent, outbox.len()), (302, 0));
}

#[test]
fn a_frame_that_goes_on_is_waited_for() {
    for (packets, waits) in [
        // What of a frame was forwarded: whether it ended with it.
        (&[false][..], true),
        (&[false, true], false),
        (&[true, false], true),
        // A voice says nothing of frames.
        (&[], false),
    ] {
        let mut outbox = connected();
        for ended in packets {
            outbox.frame(*ended);
        }
        assert!(!outbox.expects_more(), "{packets:?}: nobody is sent it");
        push(&mut outbox, 0, (CAMERA, 1, 100));
        assert_eq!(outbox.expects_more(), waits, "{packets:?}");
        runs(&mut outbox);
        push(&mut outbox, 0, (CAMERA, 2, 100));
        assert!(!outbox.expects_more(), "{packets:?}: of the turn before");
    }
}

#[test]
fn those_who_are_sent_next_are_known() {
    let mut outbox = connected();
    assert_eq!(outbox.approaching().count(), 0);
    for to in [2, 0, 2] {
        push(&mut outbox, to, (CAMERA, 1, 100));
    }
    let approaching: Vec<_> = outbox.approaching().collect();
    assert_eq!(approaching, [ParticipantKey(2), ParticipantKey(0)]);
}

proptest! {
    /// The runs carry the packets, of each destination in order, whatever of them was
    /// sent together, and nothing is left of the turn before.
    #[test]
    fn runs_are_the_packets(sizes in prop::collection::vec((0_u32..3, 1_usize..1500), 0..400)) {
        let mut outbox = connected();
        for round in 0..2 {
            let mut want = vec![Vec::new(); 3];
            for (i, &(to, size)) in sizes.iter().enumerate() {
                // Few sizes, so that runs form.
                let (mark, size) = ((i + round) as u8, HEAD + size / 100 * 100);
                push(&mut outbox, to, (CAMERA, mark, size));
                want[to as usize].push(vec![mark; size - HEAD]);
            }
            let mut got = vec![Vec::new(); 3];
            for (path, datagrams) in runs(&mut outbox) {
                let payloads = datagrams.iter().map(|d| View::parse(d).unwrap().payload().to_vec());
                got[usize::from(path.remote.port())].extend(payloads);
            }
            prop_assert_eq!(&got, &want);
            prop_assert!(outbox.is_empty());
            prop_assert_eq!(outbox.len(), 0);
        }
    }

    /// Whatever is sorted and stretched, all is there and each source's packets are in
    /// their order.
    #[test]
    fn sources_keep_their_order(
        packets in prop::collection::vec((0_u32..12, 0_usize..3, 1_usize..600), 0..200),
    ) {
        let mut outbox = connected();
        let mut want = vec![Vec::new(); 12];
        for (mark, &(ssrc, stretch, size)) in packets.iter().enumerate() {
            let source = (ssrc, [0, 32, 64][stretch]);
            push(&mut outbox, 0, (source, mark as u8, HEAD + size));
            want[ssrc as usize].push(vec![mark as u8; size]);
        }
        let mut got = vec![Vec::new(); 12];
        for (_, datagrams) in runs(&mut outbox) {
            for datagram in &datagrams {
                let payload = View::parse(datagram).unwrap().payload().to_vec();
                got[packets[usize::from(payload[0])].0 as usize].push(payload);
            }
        }
        prop_assert_eq!(got, want);
    }
}
