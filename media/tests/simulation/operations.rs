//! Any sequence of operations, sensible or not, neither panics nor breaks the
//! invariants; the body is the crate's fuzz target.

use convoke_media::sfu::fuzzing::fuzz_sfu_ops;
use rand::{RngCore as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

#[test]
fn random_operations_break_nothing() {
    for seed in 0..60 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut bytes = vec![0; 4096];
        rng.fill_bytes(&mut bytes);
        fuzz_sfu_ops(&bytes);
    }
}
