use proptest::prelude::{ProptestConfig, Strategy, any, prop, prop_assert_eq, proptest};

use super::{ParsePatternError, Pattern};
use crate::name::check_event_name;

/// Appendix B's patterns, but for `*.` and the empty one, which are refused now.
const PATTERNS: [&str; 13] =
    ["a.b.c", "a.*", "*.b.c", "*.c", "a.b.*", "*", "*.*", "foo", "foo.*", "*.foo", "a.b", "A.b", "a%"];

fn parse(text: &str) -> Pattern {
    text.parse().unwrap()
}

#[test]
fn thorn_091_to_094_the_table_of_appendix_b() {
    // What matched in Thorn, then what does so now in addition.
    let table: [(&str, &[&str], &[&str]); 9] = [
        ("a.b.c", &["a.b.c", "a.*", "*.b.c"], &["a.b.*", "*", "*.*"]),
        ("a.b", &["a.b", "a.*"], &["*", "*.*"]),
        ("x.c", &["*.c"], &["*", "*.*"]),
        ("foo", &["foo"], &["*"]),
        ("a", &[], &["*"]),
        ("", &[], &[]),
        ("a.", &[], &[]),
        ("*.c", &["*.c", "*.*"], &["*"]),
        ("a.*", &["a.*", "*.*"], &["*"]),
    ];
    for (event, then, now) in table {
        for text in PATTERNS {
            let expected = then.contains(&text) || now.contains(&text);
            assert_eq!(parse(text).matches(event), expected, "{text} of {event}");
        }
    }
}

#[test]
fn thorn_092_wildcards_stand_for_segments() {
    for (text, yes, no) in [
        ("*", ["a", "a.b", "a.b.c"], ["", ".", "a..b"]),
        ("a.*", ["a.b", "a.b.c", "a.b.c.d"], ["a", "ab.c", "b.a"]),
        ("a.**", ["a", "a.b", "a.b.c"], ["b", "ab", "b.a"]),
        ("**.a", ["a", "b.a", "a.b.a"], ["b", "a.b", "ba"]),
        ("a.**.b", ["a.b", "a.x.b", "a.x.y.b"], ["a", "b", "a.b.c"]),
        ("a.*.c", ["a.b.c", "a.a.c", "a.c.c"], ["a.c", "a.b.b.c", "a.b.c.d"]),
        ("*.a.*", ["x.a.y", "x.a.y.z", "a.a.a"], ["a.x", "x.a", "x.y.a.z"]),
        ("**.a.**", ["a", "x.a", "x.a.y"], ["x", "x.y", "xa"]),
        ("**.*", ["a", "a.b", "a.b.c"], ["", ".", "a."]),
    ] {
        for event in yes {
            assert!(parse(text).matches(event), "{text} of {event}");
        }
        for event in no {
            assert!(!parse(text).matches(event), "{text} of {event}");
        }
    }
}

#[test]
fn thorn_119_what_can_never_match_is_refused() {
    let error = |text: &str| text.parse::<Pattern>().unwrap_err();
    assert_eq!(error(""), ParsePatternError::Empty);
    assert_eq!(error(&"x".repeat(191)), ParsePatternError::TooLong { length: 191 });
    for text in [" ", "a b", "a.b\n", "a\u{a0}b", "a\0", " a"] {
        assert!(matches!(error(text), ParsePatternError::Blank { .. }), "{text:?}");
    }
    for text in [".", "*.", ".*", "a..b", "a.", ".a"] {
        assert!(matches!(error(text), ParsePatternError::EmptySegment { .. }), "{text:?}");
    }
    for text in ["art*", "*cle", "a.b*.c", "***", "a.*x"] {
        assert!(matches!(error(text), ParsePatternError::MixedSegment { .. }), "{text:?}");
    }
    assert!(matches!(error("a.**.**.b"), ParsePatternError::Repeated { .. }));
    assert_eq!(
        error("news.art*").to_string(),
        "segment `art*` of pattern `news.art*` mixes `*` with something else; a wildcard is a whole segment, `*` or `**`"
    );
    assert!("é".repeat(190).parse::<Pattern>().is_ok());
}

/// The rules once more, word for word.
fn by_the_book(pattern: &[&str], event: &[&str]) -> bool {
    match (pattern, event) {
        ([], rest) => rest.is_empty(),
        (["*"], rest) => !rest.is_empty(),
        (["**", then @ ..], rest) => (0..=rest.len()).any(|n| by_the_book(then, &rest[n..])),
        ([segment, then @ ..], [first, rest @ ..]) => (*segment == "*" || segment == first) && by_the_book(then, rest),
        (_, []) => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn matches_follows_the_rules(
        pattern in prop::collection::vec(prop::sample::select(vec!["a", "b", "*", "**"]), 1..7),
        event in prop::collection::vec(prop::sample::select(vec!["a", "b", "c"]), 1..7),
    ) {
        if let Ok(parsed) = pattern.join(".").parse::<Pattern>() {
            prop_assert_eq!(parsed.matches(&event.join(".")), by_the_book(&pattern, &event));
        }
    }

    #[test]
    fn without_a_wildcard_patterns_and_names_are_the_same(
        text in any::<Vec<char>>().prop_map(|chars| chars.into_iter().filter(|c| *c != '*').collect::<String>()),
    ) {
        prop_assert_eq!(text.parse::<Pattern>().is_ok(), check_event_name(&text).is_ok());
    }
}
