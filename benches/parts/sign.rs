//! Measures both signatures of a delivery, and compares them with two bare HMACs.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use criterion::{Criterion, Throughput};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use thorn::signing::{Digest, Secret, hook_hmac, standard_signature};

const ID: &str = "01a201d1-7087-71b5-85fa-f2d29750dfa5";
const ROUNDS: usize = 21;

pub(crate) fn measure(criterion: &mut Criterion) {
    let secret = Secret::new(format!("whsec_{}", "A".repeat(56)));
    let key = secret.standard_key();
    let mut group = criterion.benchmark_group("sign");
    let mut ratios = Vec::new();
    for length in [500, 64 * 1024] {
        let body = "x".repeat(length).into_bytes();
        let both = || {
            let hook = hook_hmac(Digest::Sha256, &secret, black_box(&body));
            (hook, standard_signature(&secret, ID, 1_795_300_000, black_box(&body)))
        };
        let bare = || bare(&key, black_box(&body));
        group.throughput(Throughput::Bytes(length as u64));
        group.bench_function(format!("both signatures of {length} bytes"), |bencher| bencher.iter(both));
        group.bench_function(format!("one bare HMAC-SHA256 of {length} bytes"), |bencher| bencher.iter(bare));
        let mut found: Vec<f64> = (0..ROUNDS).map(|_| time(both) / (2.0 * time(bare))).collect();
        found.sort_by(f64::total_cmp);
        ratios.push((length, found[ROUNDS / 2]));
    }
    group.finish();
    for (length, ratio) in ratios {
        println!("both signatures of {length} bytes take {ratio:.3} times as long as two bare HMACs");
    }
}

fn bare(key: &[u8], body: &[u8]) -> Option<[u8; 32]> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(body);
    Some(mac.finalize().into_bytes().into())
}

/// Seconds that a call takes: the mean of the calls in 20 milliseconds.
fn time<T>(call: impl Fn() -> T) -> f64 {
    let (started, mut calls) = (Instant::now(), 0);
    while started.elapsed() < Duration::from_millis(20) {
        for _ in 0..8 {
            black_box(call());
        }
        calls += 8;
    }
    started.elapsed().as_secs_f64() / f64::from(calls)
}
