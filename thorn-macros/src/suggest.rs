//! "Did you mean …?"

/// The end of a message: the candidate that was probably meant, or all of them.
pub(crate) fn suggest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    let candidates: Vec<&str> = candidates.into_iter().collect();
    match nearest(word, candidates.iter().copied()) {
        Some(nearest) => format!("; did you mean `{nearest}`?"),
        None if candidates.is_empty() => String::new(),
        None => format!("; there is {}", list(&candidates)),
    }
}

/// The candidate that is only a slip away.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::osa_distance(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 1.max(candidate.chars().count() / 3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// "`a`, `b` and `c`".
pub(crate) fn list(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.as_slice() {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::{nearest, suggest};

    #[test]
    fn a_slip_is_recognised_and_another_word_is_not() {
        assert_eq!(nearest("sate", ["id", "state"]), Some("state"));
        assert_eq!(nearest("autohr_id", ["author_id"]), Some("author_id"));
        assert_eq!(nearest("colour", ["id", "state"]), None);
        assert_eq!(suggest("colour", ["id", "state", "title"]), "; there is `id`, `state` and `title`");
        assert_eq!(suggest("x", []), "");
    }
}
