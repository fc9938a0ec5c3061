//! Sentences of comments that begin without their subject.

const HEADLESS: [&str; 5] = ["Who", "Whoever", "Whose", "What", "Of"];

/// The lines of a file whose comment begins such a sentence.
pub(super) fn headless(path: &str, text: &str) -> Vec<String> {
    let lines = text.lines().enumerate().filter_map(|(at, line)| {
        let comment = line.trim_start().strip_prefix("//")?;
        let comment = comment.strip_prefix(['/', '!']).unwrap_or(comment);
        is_headless(comment).then(|| format!("{path}:{}: {}", at + 1, line.trim()))
    });
    lines.collect()
}

fn is_headless(comment: &str) -> bool {
    let comment = comment.trim_start().trim_start_matches("- ");
    let sentences = std::iter::once(comment).chain(
        [". ", ": ", "! ", "? "]
            .iter()
            .flat_map(|end| comment.match_indices(end).map(|(at, end)| &comment[at + end.len()..])),
    );
    sentences.into_iter().any(|sentence| {
        let word = sentence.split(|c: char| !c.is_alphabetic()).next();
        let is_question = sentence.split(['.', '!', ':']).next().is_some_and(|one| one.trim_end().ends_with('?'));
        word.is_some_and(|word| HEADLESS.contains(&word)) && !is_question
    })
}
