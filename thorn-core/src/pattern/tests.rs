use proptest::prelude::{ProptestConfig, Strategy, any, prop, prop_assert_eq, proptest};

use super::{ParsePatternError, Pattern};
use crate::name::check_event_name;

/// The patterns of appendix B, without `*.` and the empty pattern, which thorn refuses.
const PATTERNS: [&str; 13] =
    ["a.b.c", "a.*", "*.b.c", "*.c", "a.b.*", "*", "*.*", "foo", "foo.*", "*.foo", "a.b", "A.b", "a%"];

fn parse(text: &str) -> Pattern {
    text.parse().unwrap()
}

#[test]
fn thorn_091_to_094_patterns_match_as_in_the_table_of_appendix_b() {
    // The event, the patterns that match it in Python Thorn, and those that also match it here.
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
    for (event, in_python, also_here) in table {
        for text in PATTERNS {
            let expected = in_python.contains(&text) || also_here.contains(&text);
            assert_eq!(parse(text).matches(event), expected, "{text} of {event}");
        }
    }
}

#[test]
fn thorn_092_wildcards_match_whole_segments() {
    for (text, matching, other) in [
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
        for event in matching {
            assert!(parse(text).matches(event), "{text} of {event}");
        }
        for event in other {
            assert!(!parse(text).matches(event), "{text} of {event}");
        }
    }
}

#[test]
fn thorn_119_a_pattern_that_could_never_match_is_refused() {
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
        "segment `art*` of pattern `news.art*` combines `*` with other characters; a wildcard is a whole segment, `*` or `**`"
    );
    assert!("é".repeat(190).parse::<Pattern>().is_ok());
}

/// A second implementation of the rules, written for clarity instead of speed.
fn matches_by_definition(pattern: &[&str], event: &[&str]) -> bool {
    match (pattern, event) {
        ([], rest) => rest.is_empty(),
        (["*"], rest) => !rest.is_empty(),
        (["**", then @ ..], rest) => (0..=rest.len()).any(|n| matches_by_definition(then, &rest[n..])),
        ([segment, then @ ..], [first, rest @ ..]) => {
            (*segment == "*" || segment == first) && matches_by_definition(then, rest)
        }
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
            prop_assert_eq!(parsed.matches(&event.join(".")), matches_by_definition(&pattern, &event));
        }
    }

    #[test]
    fn a_text_without_wildcard_is_a_pattern_if_and_only_if_it_is_an_event_name(
        text in any::<Vec<char>>().prop_map(|chars| chars.into_iter().filter(|c| *c != '*').collect::<String>()),
    ) {
        prop_assert_eq!(text.parse::<Pattern>().is_ok(), check_event_name(&text).is_ok());
    }
}
