//! Reads a Rust file as far as the rules need it: its modules, its `use` lines and its inline paths.

/// A token with its line. Comments, literals and white space are left out.
#[derive(Clone, Debug, PartialEq)]
struct Token {
    text: String,
    line: usize,
}

/// A path that a file writes, relative to the module it stands in.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Import {
    /// The module, as a path from the crate's root. It may be an inline module of the file.
    pub(super) within: Vec<String>,
    pub(super) path: Vec<String>,
    /// The name that a `use` line gives it; `*` for a glob, and nothing for an inline path.
    pub(super) name: Option<String>,
    /// Whether it is a `pub use`.
    pub(super) is_public: bool,
    pub(super) line: usize,
}

/// Declarations and imports of a file, outside `#[cfg(test)]`.
#[derive(Debug, Default)]
pub(super) struct Source {
    pub(super) imports: Vec<Import>,
    /// Modules of the file, by their path from the crate's root, in order.
    pub(super) modules: Vec<Vec<String>>,
    /// Modules that exist in tests only.
    pub(super) test_modules: Vec<Vec<String>>,
}

impl Source {
    /// Reads the file of a module.
    pub(super) fn read(text: &str, module: &[String]) -> Self {
        let tokens = tokens(text);
        let mut source = Self::default();
        source.declarations(&tokens, module);
        let mut paths = Self { modules: source.modules, test_modules: source.test_modules, ..Self::default() };
        paths.items(&tokens, module, true);
        paths
    }

    fn declarations(&mut self, tokens: &[Token], module: &[String]) {
        self.items(tokens, module, false);
    }

    /// Walks over items: first for the modules, and then, as `paths` may begin with a module, for the paths.
    fn items(&mut self, tokens: &[Token], module: &[String], paths: bool) {
        let is = |at: usize, text: &str| tokens.get(at).is_some_and(|token| token.text == text);
        let (mut at, mut in_tests) = (0, false);
        while at < tokens.len() {
            if is(at, "#") {
                let open = if is(at + 1, "!") { at + 2 } else { at + 1 };
                let end = closing(tokens, open);
                let attribute = &tokens[open..end];
                let has = |text: &str| attribute.iter().any(|token| token.text == text);
                let is_test = has("cfg") && has("test") && !has("not");
                if is_test && open == at + 2 {
                    return;
                }
                in_tests |= is_test;
                at = end + 1;
            } else if std::mem::take(&mut in_tests) {
                let end = item_end(tokens, at);
                if let Some(declared) = (at..end).find(|at| is(*at, "mod"))
                    && is(declared + 2, ";")
                    && !paths
                {
                    self.test_modules.push(join(module, &tokens[declared + 1].text));
                }
                at = end;
            } else if is(at, "mod") && (is(at + 2, ";") || is(at + 2, "{")) {
                let inner = join(module, &tokens[at + 1].text);
                if !paths {
                    self.modules.push(inner.clone());
                }
                if is(at + 2, "{") {
                    let end = closing(tokens, at + 2);
                    self.items(&tokens[at + 3..end], &inner, paths);
                    at = end;
                }
                at += 1;
            } else if is(at, "use") && !(at > 0 && is(at - 1, ".")) && paths {
                let is_public = at > 0 && (is(at - 1, "pub") || is(at - 1, ")"));
                let end = (at..tokens.len()).find(|at| is(*at, ";")).unwrap_or(tokens.len());
                self.tree(&tokens[at + 1..end], &[], module, is_public);
                at = end;
            } else if paths && is(at + 1, "::") && self.begins_a_path(tokens, at, module) {
                let mut path = vec![tokens[at].text.clone()];
                let line = tokens[at].line;
                while is(at + 1, "::") && tokens.get(at + 2).is_some_and(is_name) {
                    path.push(tokens[at + 2].text.clone());
                    at += 2;
                }
                self.imports.push(Import { within: module.to_vec(), path, name: None, is_public: false, line });
                at += 1;
            } else {
                at += 1;
            }
        }
    }

    fn begins_a_path(&self, tokens: &[Token], at: usize, module: &[String]) -> bool {
        let before = at.checked_sub(1).map_or("", |at| &tokens[at].text);
        let is_visibility = before == "in";
        let is_module = || self.modules.contains(&join(module, &tokens[at].text));
        !["::", "$", "."].contains(&before)
            && !is_visibility
            && (["crate", "super", "self"].contains(&tokens[at].text.as_str()) || is_module())
    }

    /// The paths of a `use`, with braces resolved.
    fn tree(&mut self, tokens: &[Token], prefix: &[String], module: &[String], is_public: bool) {
        let mut path = prefix.to_vec();
        let mut at = 0;
        while at < tokens.len() {
            match tokens[at].text.as_str() {
                "::" => {}
                "{" => {
                    let end = closing(tokens, at);
                    let mut begin = at + 1;
                    while begin < end {
                        let next = next_comma(tokens, begin, end);
                        self.tree(&tokens[begin..next], &path, module, is_public);
                        begin = next + 1;
                    }
                    return;
                }
                "self" if !path.is_empty() => {}
                "as" => break,
                name => path.push(name.to_owned()),
            }
            at += 1;
        }
        let Some(last) = path.last() else { return };
        let name = if at < tokens.len() { tokens[at + 1].text.clone() } else { last.clone() };
        let line = tokens.first().map_or(0, |token| token.line);
        self.imports.push(Import { within: module.to_vec(), path, name: Some(name), is_public, line });
    }
}

pub(super) fn join(module: &[String], name: &str) -> Vec<String> {
    [module, &[name.to_owned()]].concat()
}

fn is_name(token: &Token) -> bool {
    token.text.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Where the bracket at `open` is closed.
fn closing(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.text.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    tokens.len()
}

fn next_comma(tokens: &[Token], begin: usize, end: usize) -> usize {
    let mut at = begin;
    while at < end && tokens[at].text != "," {
        at = if tokens[at].text == "{" { closing(tokens, at) + 1 } else { at + 1 };
    }
    at.min(end)
}

/// Behind the item that begins here: its `;`, or its block.
fn item_end(tokens: &[Token], begin: usize) -> usize {
    let is_import = tokens[begin..].iter().take(5).any(|token| token.text == "use");
    let mut at = begin;
    while at < tokens.len() {
        match tokens[at].text.as_str() {
            ";" | "," => return at + 1,
            "{" if !is_import => return closing(tokens, at) + 1,
            "(" | "[" | "{" => at = closing(tokens, at) + 1,
            _ => at += 1,
        }
    }
    at
}

fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let at_is = |at: usize, text: &str| text.chars().enumerate().all(|(n, c)| chars.get(at + n) == Some(&c));
    let (mut tokens, mut at, mut line) = (Vec::new(), 0, 1);
    while at < chars.len() {
        let begin = at;
        let c = chars[at];
        if at_is(at, "//") {
            while at < chars.len() && chars[at] != '\n' {
                at += 1;
            }
        } else if at_is(at, "/*") {
            at = (at + 2..chars.len()).find(|at| at_is(*at, "*/")).map_or(chars.len(), |end| end + 2);
        } else if let Some(end) = raw_string(&chars, at) {
            at = end;
        } else if c == '"' {
            at = string_end(&chars, at);
        } else if c == '\'' {
            at = quote_end(&chars, at);
        } else if c.is_alphanumeric() || c == '_' {
            while at < chars.len() && (chars[at].is_alphanumeric() || chars[at] == '_') {
                at += 1;
            }
            // `r#type`
            if chars[begin..at] == ['r'] && chars.get(at) == Some(&'#') {
                at += 1;
            } else {
                tokens.push(Token { text: chars[begin..at].iter().collect(), line });
            }
        } else if at_is(at, "::") {
            tokens.push(Token { text: "::".to_owned(), line });
            at += 2;
        } else {
            if !c.is_whitespace() {
                tokens.push(Token { text: c.to_string(), line });
            }
            at += 1;
        }
        line += chars[begin..at].iter().filter(|c| **c == '\n').count();
    }
    tokens
}

fn raw_string(chars: &[char], begin: usize) -> Option<usize> {
    let mut at = begin;
    if begin > 0 && (chars[begin - 1].is_alphanumeric() || chars[begin - 1] == '_') {
        return None;
    }
    at += chars[at..].iter().take(1).filter(|c| ['b', 'c'].contains(c)).count();
    if chars.get(at) != Some(&'r') {
        return None;
    }
    let hashes = chars[at + 1..].iter().take_while(|c| **c == '#').count();
    at += 1 + hashes;
    if chars.get(at) != Some(&'"') {
        return None;
    }
    (at + 1..chars.len())
        .find(|end| chars[*end] == '"' && chars[end + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes)
        .map(|end| end + 1 + hashes)
}

fn string_end(chars: &[char], begin: usize) -> usize {
    let mut at = begin + 1;
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// Behind a character, or behind the quote of a lifetime.
fn quote_end(chars: &[char], begin: usize) -> usize {
    match chars.get(begin + 1) {
        Some('\\') => (begin + 3..chars.len()).find(|at| chars[*at] == '\'').map_or(chars.len(), |end| end + 1),
        Some(_) if chars.get(begin + 2) == Some(&'\'') => begin + 3,
        _ => begin + 1,
    }
}
