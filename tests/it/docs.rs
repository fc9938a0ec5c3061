//! The pages of the documentation: their links lead somewhere, and their paragraphs can be read in one breath.

use std::path::{Path, PathBuf};

use crate::conformance::root;

/// Characters of a paragraph or an item of a list.
const LONGEST: usize = 500;

fn pages() -> Vec<PathBuf> {
    let mut pages: Vec<_> =
        ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"].map(|page| root().join(page)).into();
    for folder in ["docs", "docs/guide"] {
        let entries = std::fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
        pages.extend(entries.filter(|path| path.extension().is_some_and(|extension| extension == "md")));
    }
    pages
}

/// The lines that aren't code.
fn prose(page: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(page).unwrap();
    let mut code = false;
    let outside = text.lines().map(|line| {
        let fence = line.trim_start().starts_with("```");
        code ^= fence;
        if fence || code { "" } else { line }
    });
    outside.map(str::to_owned).collect()
}

/// Targets of `](…)` and `[…]: …`.
fn links(line: &str) -> impl Iterator<Item = &str> {
    let inline = line.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link);
    inline.chain(definition(line).map(|(_, link)| link))
}

/// A line `[label]: link`.
fn definition(line: &str) -> Option<(&str, &str)> {
    line.strip_prefix('[')?.split_once("]: ")
}

/// A heading as browsers address it.
fn anchor(heading: &str) -> String {
    let kept = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn wrong(page: &Path, link: &str) -> Option<String> {
    if link.contains("://") || link.starts_with("crate::") {
        return None;
    }
    let (file, heading) = link.split_once('#').unwrap_or((link, ""));
    let file = if file.is_empty() { page.to_owned() } else { page.parent().unwrap().join(file) };
    let there = if heading.is_empty() {
        file.exists()
    } else {
        file.is_file() && prose(&file).iter().any(|line| line.starts_with('#') && anchor(line) == heading)
    };
    (!there).then(|| format!("{}: {link}", page.display()))
}

#[test]
fn every_relative_link_leads_to_a_page_and_a_heading() {
    let pages = pages();
    let all = pages.iter().flat_map(|page| {
        let lines = prose(page);
        lines.iter().flat_map(|line| links(line)).filter_map(|link| wrong(page, link)).collect::<Vec<_>>()
    });
    let all: Vec<_> = all.collect();
    assert!(all.is_empty(), "{all:#?}");
    let readme = root().join("README.md");
    assert!(wrong(&readme, "docs/no-such-page.md").is_some() && wrong(&readme, "docs/settings.md#no-such").is_some());
}

/// In rustdoc, `src/guide_links.md` leads from page to page; a label that isn't there would lead to a file.
#[test]
fn every_link_of_a_rendered_page_has_its_counterpart_for_rustdoc() {
    let lib = ["src/lib.rs", "src/guide.rs"].map(|file| std::fs::read_to_string(root().join(file)).unwrap()).concat();
    let known = prose(&root().join("src/guide_links.md"));
    let known: Vec<_> = known.iter().filter_map(|line| definition(line)).map(|(label, _)| label).collect();
    let rendered = |page: &PathBuf| lib.contains(&format!("\"../{}\"", page.strip_prefix(root()).unwrap().display()));
    let pages: Vec<_> = pages().into_iter().filter(rendered).collect();
    assert!(pages.len() > 10, "{pages:?}");
    for page in pages {
        for line in prose(&page) {
            let label = definition(&line).map(|(label, _)| label);
            assert!(label.is_none_or(|label| known.contains(&label)), "{}: {line}", page.display());
            let inline = line.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link);
            let relative: Vec<_> = inline.filter(|link| !link.contains("://") && !link.starts_with('#')).collect();
            assert!(relative.is_empty(), "{}: use `[text][label]` for {relative:?}", page.display());
        }
    }
}

#[test]
fn no_paragraph_is_longer_than_500_characters() {
    let mut long = Vec::new();
    for page in pages() {
        let mut paragraph = String::new();
        for line in prose(&page).iter().map(String::as_str).chain([""]) {
            let ends = line.is_empty() || line.starts_with(['|', '#', '-', '>', '<', '[']) || line.starts_with("1.");
            if ends || line.trim_start().split_once(". ").is_some_and(|(number, _)| number.parse::<u8>().is_ok()) {
                if paragraph.chars().count() > LONGEST {
                    long.push(format!("{}: {}…", page.display(), paragraph.chars().take(60).collect::<String>()));
                }
                paragraph.clear();
            }
            if !line.starts_with('|') {
                paragraph += line;
            }
        }
    }
    assert!(long.is_empty(), "{long:#?}");
}
