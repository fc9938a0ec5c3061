//! One row of the table of settings, and the texts that are made from it.

use std::fmt::Write as _;

use super::{Config, parse::Mistake};

/// Longest line of the help text.
const WIDTH: usize = 100;

/// A setting: its field in [`Config`], its default, its meaning and, if it has one, its variable.
pub(super) struct Setting {
    /// The field, as a path: `retry.first`.
    pub(super) field: &'static str,
    pub(super) variable: Option<Variable>,
    /// Shows the value in a `Config`; the documents show it for the default one.
    show: fn(&Config) -> String,
    /// The unit and the meaning, in Markdown.
    meaning: &'static str,
}

/// An environment variable that sets a field.
pub(super) struct Variable {
    pub(super) name: &'static str,
    pub(super) set: fn(&mut Config, &str) -> Result<(), Mistake>,
    reader: Reader,
}

/// The process that a variable matters to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
    Worker,
    Application,
    Server,
}

impl Setting {
    /// A setting that only code can set.
    pub(super) const fn new(field: &'static str, show: fn(&Config) -> String, meaning: &'static str) -> Self {
        Self { field, variable: None, show, meaning }
    }

    /// Lets a variable set it.
    pub(super) const fn variable(
        mut self,
        name: &'static str,
        set: fn(&mut Config, &str) -> Result<(), Mistake>,
    ) -> Self {
        self.variable = Some(Variable { name, set, reader: Reader::Worker });
        self
    }

    /// As [`variable`](Self::variable), for a setting that a separate worker doesn't use.
    pub(super) const fn application_variable(
        mut self,
        name: &'static str,
        set: fn(&mut Config, &str) -> Result<(), Mistake>,
    ) -> Self {
        self.variable = Some(Variable { name, set, reader: Reader::Application });
        self
    }

    /// As [`variable`](Self::variable), for a setting that only the stand-alone server uses.
    pub(super) const fn server_variable(
        mut self,
        name: &'static str,
        set: fn(&mut Config, &str) -> Result<(), Mistake>,
    ) -> Self {
        self.variable = Some(Variable { name, set, reader: Reader::Server });
        self
    }
}

/// The variables of one reader, as a list for `--help`.
pub(super) fn help(settings: &[Setting], reader: Reader) -> String {
    let (defaults, mut text) = (Config::default(), String::new());
    for setting in settings {
        let Some(variable) = setting.variable.as_ref().filter(|variable| variable.reader == reader) else { continue };
        let _ = writeln!(text, "  {} [{}]", variable.name, (setting.show)(&defaults));
        for line in wrapped(&plain(setting.meaning)) {
            let _ = writeln!(text, "      {line}");
        }
    }
    text
}

/// All settings as a Markdown table.
pub(super) fn table(settings: &[Setting]) -> String {
    let defaults = Config::default();
    let mut text = String::from("| field of `Config` | variable | default | unit and meaning |\n|---|---|---|---|\n");
    for setting in settings {
        let variable =
            setting.variable.as_ref().map_or("in code only".to_owned(), |variable| format!("`{}`", variable.name));
        let default = (setting.show)(&defaults);
        let _ = writeln!(text, "| `{}` | {variable} | {default} | {} |", setting.field, setting.meaning);
    }
    text
}

/// Markdown without links: `[text](target)` becomes `text`.
fn plain(markdown: &str) -> String {
    let mut text = String::with_capacity(markdown.len());
    let mut rest = markdown;
    while let Some((before, link)) = rest.split_once('[') {
        text.push_str(before);
        let (label, after) = link.split_once("](").unwrap_or((link, ")"));
        text.push_str(label);
        rest = after.split_once(')').map_or("", |(_, after)| after);
    }
    text.push_str(rest);
    text
}

/// The text in lines that fit below an indented name.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + word.chars().count() + 7 <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_shows_text_without_links_in_lines_that_fit() {
        assert_eq!(plain("[rules](#rules) such as `a=b`, see [more](b.md#c)"), "rules such as `a=b`, see more");
        let text = "word ".repeat(60);
        let lines = wrapped(text.trim_end());
        assert!(lines.len() > 2 && lines.iter().all(|line| line.len() + 6 <= WIDTH), "{lines:?}");
        assert_eq!(lines.join(" "), text.trim_end());
    }
}
