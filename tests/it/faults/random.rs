//! Random numbers that come again with the same seed.

use std::time::SystemTime;

/// `SplitMix64`.
pub(super) struct Random(u64);

impl Random {
    /// Seeded by `THORN_TEST_SEED`, else by the clock; the seed is printed.
    pub(super) fn new() -> Self {
        let clock = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().subsec_nanos().into();
        let seed = std::env::var("THORN_TEST_SEED").map_or_else(|_| clock(), |seed| seed.parse().unwrap());
        println!("THORN_TEST_SEED={seed}");
        Self(seed)
    }

    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % end
    }
}
