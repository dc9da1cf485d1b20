//! Numbers without a pattern that are the same in each run.

/// SplitMix64: neighbouring numbers become unlike ones, and runs repeat.
pub(crate) const fn scatter(value: u64) -> u64 {
    let mut z = value.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
