//! cargo bench --bench parts [-- match sign render load watch]
//!
//! Measures the cost of single steps: matching an event, signing a body, rendering an event, loading a
//! registry of a million subscriptions, and watching a table.

mod load;
mod many;
mod sign;
mod watched;

use std::{hint::black_box, time::Duration};

use criterion::{BatchSize, Criterion, Throughput};
use thorn::event::Event;

use self::many::Kind;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    if let Some((_, kind)) = load::WEIGH.iter().find(|(argument, _)| arguments.iter().any(|one| one == argument)) {
        return load::weigh(*kind);
    }
    let wanted = |part: &str| arguments.is_empty() || arguments.iter().any(|one| one == part);
    let mut criterion = Criterion::default()
        .without_plots()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    if wanted("match") {
        matching(&mut criterion)?;
    }
    if wanted("sign") {
        sign::measure(&mut criterion);
    }
    if wanted("render") {
        render(&mut criterion);
    }
    if wanted("load") {
        load::measure()?;
    }
    if wanted("watch") {
        watched::measure()?;
    }
    Ok(())
}

/// The target is less than 5 µs with 1,000,000 subscriptions, whatever the others subscribe to.
fn matching(criterion: &mut Criterion) -> anyhow::Result<()> {
    let mut group = criterion.benchmark_group("match");
    for (kind, subscriptions) in [
        (Kind::Mixed, 10),
        (Kind::Mixed, 1_000),
        (Kind::Mixed, 100_000),
        (Kind::Mixed, 1_000_000),
        (Kind::Tenants, 1_000_000),
        (Kind::Thousand, 1_000_000),
    ] {
        let registry = many::registry(kind, subscriptions)?;
        let mut out = Vec::new();
        registry.matching(many::EVENT, many::SENDER, false, &mut out);
        group.throughput(Throughput::Elements(out.len() as u64));
        group.bench_function(format!("{kind}, {} of {subscriptions}", out.len()), |bencher| {
            bencher.iter(|| {
                out.clear();
                registry.matching(black_box(many::EVENT), black_box(many::SENDER), false, &mut out);
                out.len()
            });
        });
    }
    // Events of the other subscriptions, a different one each time, so that nothing is cached.
    let registry = many::registry(Kind::Mixed, 1_000_000)?;
    let (mut out, mut n) = (Vec::new(), 0);
    group.throughput(Throughput::Elements(4));
    group.bench_function("of other patterns, 3 or 4 of 1000000, another event each time", |bencher| {
        let event = || {
            n += 70_001;
            many::event(n % 250_000)
        };
        bencher.iter_batched_ref(
            event,
            |(event, sender)| {
                out.clear();
                registry.matching(event, Some(sender), false, &mut out);
                out.len()
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
    Ok(())
}

fn render(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("render");
    for length in [400, 64 * 1024] {
        let payload = serde_json::json!({ "n": 1, "text": "x".repeat(length) });
        group.bench_function(format!("an event with a text of {length} bytes"), |bencher| {
            bencher.iter(|| Event::new("bench.sent").sender("alice").render(black_box(&payload)));
        });
    }
    group.finish();
}
