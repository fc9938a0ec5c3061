use std::{collections::HashSet, sync::Arc};

use proptest::prelude::{ProptestConfig, Strategy, any, prop, prop_assert, prop_assert_eq, proptest};

use super::Matcher;
use crate::{
    pattern::{Pattern, SegmentedName},
    subscription::{
        entry::{Disabled, Subscription},
        sample,
    },
    timestamp::Timestamp,
};

fn subscription(owner: Option<&str>, pattern: &str) -> Arc<Subscription> {
    sample(owner, pattern, None)
}

fn matcher<'a>(subscriptions: impl IntoIterator<Item = &'a Arc<Subscription>>) -> Matcher {
    let mut matcher = Matcher::default();
    subscriptions.into_iter().for_each(|subscription| matcher.insert(Arc::clone(subscription)));
    matcher
}

fn count_matches(matcher: &Matcher, event: &str, sender: Option<&str>, broadcast: bool) -> usize {
    let mut out = Vec::new();
    matcher.matching(event, sender, broadcast, &mut out);
    out.len()
}

#[test]
fn thorn_095_096_an_event_matches_its_senders_and_global_subscriptions_and_a_broadcast_all() {
    let all = [subscription(None, "a.*"), subscription(Some("alice"), "a.*"), subscription(Some("bob"), "a.b")];
    let matcher = matcher(&all);
    for (sender, broadcast, expected) in [
        (Some("alice"), false, 2),
        (Some("bob"), false, 2),
        (Some("carol"), false, 1),
        (None, false, 1),
        (None, true, 3),
        (Some("alice"), true, 3),
    ] {
        assert_eq!(count_matches(&matcher, "a.b", sender, broadcast), expected, "{sender:?} {broadcast}");
    }
}

#[test]
fn thorn_097_two_subscriptions_with_one_url_both_match() {
    let all = [subscription(Some("alice"), "a.*"), subscription(Some("alice"), "a.b")];
    assert_eq!(count_matches(&matcher(&all), "a.b", Some("alice"), false), 2);
}

#[test]
fn many_wildcards_match_once_and_fast() {
    // Backtracking through every combination would take years.
    let text = format!("{}x", "**.a.".repeat(30));
    let all = [subscription(None, &text), subscription(None, "**.a.*"), subscription(None, "**.a.**")];
    let matcher = matcher(&all);
    assert_eq!(count_matches(&matcher, &["a"; 95].join("."), None, false), 2);
    assert_eq!(count_matches(&matcher, &["a"; 200].join("."), None, false), 0);
    assert!(!all[0].spec.pattern.matches(&["a"; 95].join(".")));
}

#[test]
fn the_cost_of_a_match_is_independent_of_subscriptions_that_do_not_match() {
    let visited = |others: usize| {
        let mut matcher = matcher(&[subscription(Some("alice"), "article.*")]);
        for n in 0..others {
            let owner = format!("owner-{n}");
            for pattern in ["article.*", "article.created", &format!("shop{n}.*"), &format!("**.thing{n}")] {
                matcher.insert(subscription(Some(&owner), pattern));
            }
        }
        assert_eq!(count_matches(&matcher, "article.created", Some("alice"), false), 1);
        let name = SegmentedName::split("article.created").unwrap();
        matcher.patterns.walk(&name, &mut |_| {});
        name.visited.get()
    };
    assert_eq!(visited(1), visited(2_000));
}

#[test]
fn any_of_many_subscriptions_with_one_pattern_can_be_removed_and_added_again() {
    let all: Vec<_> = (0..300).map(|n| subscription(OWNERS[n % 3], "a.b")).collect();
    let mut matcher = matcher(&all);
    let mut present: HashSet<_> = all.iter().map(|one| one.id).collect();
    // Removals outnumber insertions, so the list shrinks from many subscriptions to none.
    for n in 0..900 {
        let one = &all[n * 77 % all.len()];
        if present.remove(&one.id) {
            matcher.remove(one);
        } else if n < 550 {
            present.insert(one.id);
            matcher.insert(Arc::clone(one));
        }
        for (sender, broadcast) in [(None, true), (Some("x"), false)] {
            let mut out = Vec::new();
            matcher.matching("a.b", sender, broadcast, &mut out);
            let matches = |one: &&Arc<Subscription>| present.contains(&one.id) && one.matches("a.b", sender, broadcast);
            let expected: HashSet<_> = all.iter().filter(matches).map(|one| one.id).collect();
            assert_eq!(out.len(), expected.len());
            assert!(out.iter().all(|one| expected.contains(&one.id)));
        }
    }
    assert!(present.is_empty() && matcher.exact.is_empty());
}

const OWNERS: [Option<&str>; 3] = [None, Some("x"), Some("y")];

fn subscriptions() -> impl Strategy<Value = Vec<Arc<Subscription>>> {
    let pattern = prop::collection::vec(prop::sample::select(vec!["a", "b", "*", "**"]), 1..6)
        .prop_map(|segments| segments.join("."))
        .prop_filter("patterns", |text| text.parse::<Pattern>().is_ok());
    let one = (pattern, prop::sample::select(OWNERS.to_vec()), prop::bool::weighted(0.1));
    let one = one.prop_map(|(pattern, owner, disabled)| {
        let mut made = Arc::unwrap_or_clone(subscription(owner, &pattern));
        made.disabled = disabled.then(|| Box::new(Disabled { at: Timestamp::from_millis(1), reason: String::new() }));
        Arc::new(made)
    });
    prop::collection::vec(one, 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_matcher_agrees_with_subscription_matches(
        all in subscriptions(),
        is_removed in prop::collection::vec(any::<bool>(), 40),
        event in prop::collection::vec(prop::sample::select(vec!["a", "b", "c"]), 1..6),
        sender in prop::sample::select(vec![None, Some("x"), Some("y"), Some("z")]),
        broadcast in any::<bool>(),
    ) {
        let event = event.join(".");
        let (removed, kept): (Vec<_>, Vec<_>) = all.iter().zip(is_removed).partition(|(_, removed)| *removed);
        let mut matcher = matcher(&all);
        for (subscription, _) in &removed {
            matcher.remove(subscription);
        }
        let mut out = Vec::new();
        matcher.matching(&event, sender, broadcast, &mut out);
        let found: HashSet<_> = out.iter().map(|subscription| subscription.id).collect();
        prop_assert_eq!(found.len(), out.len(), "each matches once");
        let matches = |subscription: &Subscription| subscription.matches(&event, sender, broadcast);
        let expected = kept.iter().filter(|(subscription, _)| matches(subscription)).map(|(one, _)| one.id).collect();
        prop_assert_eq!(found, expected);
        for (subscription, _) in &kept {
            matcher.remove(subscription);
        }
        prop_assert!(matcher.exact.is_empty() && matcher.patterns.is_empty(), "empty audiences are removed");
    }
}
