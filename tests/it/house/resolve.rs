//! Which file a path leads to.

use std::collections::BTreeMap;

use super::source::{Import, Source, join};

/// A module's path from the crate's root.
pub(super) type Module = Vec<String>;

/// A crate's files without those of its tests.
pub(super) struct Crate {
    /// The file's path and content, by the module it holds.
    pub(super) files: BTreeMap<Module, (String, Source)>,
    /// Names that `use` lines bring into each module: the path they lead to, or nothing for another crate.
    names: BTreeMap<(Module, String), Option<Module>>,
}

/// An import of one file from another.
pub(super) struct Edge<'a> {
    pub(super) from: &'a Module,
    pub(super) to: Module,
    pub(super) import: &'a Import,
}

impl Crate {
    /// The crate in this folder, from the paths and texts of all files.
    pub(super) fn read(folder: &str, all: &BTreeMap<String, String>) -> Self {
        let mut files = BTreeMap::new();
        for (path, text) in all {
            let Some(inside) = path.strip_prefix(&format!("{folder}/")) else { continue };
            let Some(module) = module_of(inside) else { continue };
            files.insert(module.clone(), (path.clone(), Source::read(text, &module)));
        }
        let in_tests: Vec<Module> = files.values().flat_map(|(_, source)| source.test_modules.clone()).collect();
        files.retain(|module, _| !in_tests.iter().any(|test| module.starts_with(test)));
        let mut read = Self { files, names: BTreeMap::new() };
        read.names = read
            .imports()
            .filter_map(|(_, import)| {
                let name = import.name.as_ref().filter(|name| *name != "*")?;
                Some(((import.within.clone(), name.clone()), read.absolute(import)))
            })
            .collect();
        read
    }

    fn imports(&self) -> impl Iterator<Item = (&Module, &Import)> {
        self.files.iter().flat_map(|(module, (_, source))| source.imports.iter().map(move |import| (module, import)))
    }

    /// Every import of one file from another.
    pub(super) fn edges(&self) -> Vec<Edge<'_>> {
        let edges = self.imports().filter_map(|(from, import)| {
            let to = self.owner(&self.absolute(import)?, 0)?;
            (to != *from).then_some(Edge { from, to, import })
        });
        edges.collect()
    }

    pub(super) fn path_of(&self, module: &Module) -> &str {
        self.files.get(module).map_or("?", |(path, _)| path)
    }

    fn is_module(&self, path: &Module) -> bool {
        self.files.contains_key(path) || self.files.values().any(|(_, source)| source.modules.contains(path))
    }

    /// The path from the crate's root, unless it leads out of the crate.
    fn absolute(&self, import: &Import) -> Option<Module> {
        let (mut base, mut rest) = match import.path[0].as_str() {
            "crate" => (Vec::new(), &import.path[1..]),
            "self" => (import.within.clone(), &import.path[1..]),
            "super" => (import.within.clone(), &import.path[..]),
            first if self.is_module(&join(&import.within, first)) => (import.within.clone(), &import.path[..]),
            _ => return None,
        };
        while rest.first().is_some_and(|first| first == "super") {
            base.pop();
            rest = &rest[1..];
        }
        let rest = rest.iter().filter(|segment| *segment != "*").cloned();
        Some(base.into_iter().chain(rest).collect())
    }

    /// The module whose file defines what the path names.
    fn owner(&self, path: &Module, depth: usize) -> Option<Module> {
        let mut module = Module::new();
        for (at, segment) in path.iter().enumerate() {
            let inner = join(&module, segment);
            if self.is_module(&inner) {
                module = inner;
                continue;
            }
            return match self.names.get(&(module.clone(), segment.clone())) {
                None => Some(self.file_of(module)),
                Some(None) => None,
                Some(Some(_)) if depth > 8 => None,
                Some(Some(target)) => self.owner(&[target, &path[at + 1..]].concat(), depth + 1),
            };
        }
        Some(self.file_of(module))
    }

    /// The module that has a file: inline modules are part of the one around them.
    fn file_of(&self, mut module: Module) -> Module {
        while !self.files.contains_key(&module) && module.pop().is_some() {}
        module
    }
}

/// `None` for files of tests.
fn module_of(inside: &str) -> Option<Module> {
    let mut module: Module = inside.strip_suffix(".rs")?.split('/').map(str::to_owned).collect();
    if module.iter().any(|segment| segment == "tests" || segment == "bin") {
        return None;
    }
    if ["lib", "main", "mod"].contains(&module.last()?.as_str()) {
        module.pop();
    }
    Some(module)
}
