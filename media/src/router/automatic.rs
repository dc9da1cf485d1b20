//! Who is heard and seen on the Slots that leave the choice to us. Pure: a ranking
//! of all Tracks, then for each Participant the first that fit, each kept where it
//! was.

/// Fills the automatic Slots of one Participant. `current` is what each shows now,
/// `ranked` what it may show, best first. Who stays keeps his Slot, so that nothing
/// moves on the screen but what is replaced.
pub(super) fn assign<T: Copy + PartialEq>(current: &[Option<T>], ranked: &[T]) -> Vec<Option<T>> {
    let chosen = &ranked[..ranked.len().min(current.len())];
    let mut places: Vec<Option<T>> = current
        .iter()
        .map(|shown| shown.filter(|track| chosen.contains(track)))
        .collect();
    let mut rest = chosen
        .iter()
        .filter(|track| !current.contains(&Some(**track)));
    for place in places.iter_mut().filter(|place| place.is_none()) {
        *place = rest.next().copied();
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_stays_keeps_his_place() {
        type Case<'a> = (&'a [Option<u8>], &'a [u8], &'a [Option<u8>]);
        let cases: [Case<'_>; 6] = [
            (&[None, None, None], &[1, 2], &[Some(1), Some(2), None]),
            (&[Some(1), Some(2)], &[2, 1], &[Some(1), Some(2)]),
            (&[Some(1), Some(2)], &[3, 2, 1], &[Some(3), Some(2)]),
            (&[Some(1), Some(2), Some(3)], &[3], &[None, None, Some(3)]),
            (&[Some(1)], &[], &[None]),
            (&[], &[1], &[]),
        ];
        for (current, ranked, want) in cases {
            assert_eq!(assign(current, ranked), want, "{current:?} {ranked:?}");
        }
    }
}
