//! The rules, each with the file and the line that break it.

use std::collections::{BTreeMap, BTreeSet};

use super::resolve::{Crate, Edge, Module};

/// The rooms in the order in which `lib.rs` declares them. This is the only list of them.
pub(super) fn rooms(krate: &Crate) -> Vec<String> {
    let (_, root) = &krate.files[&Module::new()];
    let rooms = root.modules.iter().filter(|module| module.len() == 1 && krate.files.contains_key(*module));
    rooms.map(|module| module[0].clone()).collect()
}

/// The rooms of the tables in the documentation of `lib.rs`: the first cell of each row.
fn documented(text: &str) -> Vec<&str> {
    let rows = text.lines().filter_map(|line| line.strip_prefix("//! | `"));
    let cells = rows.filter_map(|row| row.split(" | ").next());
    cells.flat_map(|cell| cell.split(['`', ',', ' ']).filter(|name| !name.is_empty())).collect()
}

/// Beside the storeys, and declared after them.
const BESIDE: &str = "testing";

/// The tables list the rooms in the order of the declarations.
pub(super) fn tables_fit(krate: &Crate, text: &str) -> Vec<String> {
    let (mut rooms, documented) = (rooms(krate), documented(text));
    rooms.pop_if(|last| last == BESIDE);
    if rooms == documented {
        return Vec::new();
    }
    vec![format!("{}: its tables list {documented:?}, and it declares {rooms:?}", krate.path_of(&Module::new()))]
}

fn room(module: &Module) -> Option<&str> {
    module.first().map(String::as_str)
}

fn at(krate: &Crate, edge: &Edge<'_>) -> String {
    format!("{}:{}", krate.path_of(edge.from), edge.import.line)
}

/// A room imports only rooms that are declared before it.
pub(super) fn nothing_points_up(krate: &Crate) -> Vec<String> {
    let rooms = rooms(krate);
    let place = |room: &str| rooms.iter().position(|one| one == room);
    let mut wrong = Vec::new();
    for edge in krate.edges() {
        let (Some(from), Some(to)) = (room(edge.from), room(&edge.to)) else { continue };
        if place(from) < place(to) {
            wrong.push(format!(
                "{}: `{from}` imports `{to}` ({}), and a room imports only rooms before it in {}",
                at(krate, &edge),
                edge.import.path.join("::"),
                krate.path_of(&Module::new())
            ));
        }
    }
    wrong
}

/// No two rooms import each other, in whatever order they are declared.
pub(super) fn no_two_import_each_other(krate: &Crate) -> Vec<String> {
    let edges = krate.edges();
    let mut pairs: BTreeMap<(&str, &str), &Edge<'_>> = BTreeMap::new();
    for edge in &edges {
        if let (Some(from), Some(to)) = (room(edge.from), room(&edge.to))
            && from != to
        {
            pairs.entry((from, to)).or_insert(edge);
        }
    }
    let both = pairs.iter().filter(|((from, to), _)| from < to);
    both.filter_map(|((from, to), there)| {
        let back = pairs.get(&(*to, *from))?;
        Some(format!("{} and {}: `{from}` and `{to}` import each other", at(krate, there), at(krate, back)))
    })
    .collect()
}

/// Files of a room import each other in no circle. A module and those inside it count as one, so a file may
/// use its children, and they may use it.
pub(super) fn no_circle_of_files(krate: &Crate) -> Vec<String> {
    let edges = krate.edges();
    let mut next: BTreeMap<&Module, BTreeMap<&Module, &Edge<'_>>> = BTreeMap::new();
    for edge in &edges {
        let in_one_room = room(edge.from).is_some() && room(edge.from) == room(&edge.to);
        let is_family = edge.to.starts_with(edge.from) || edge.from.starts_with(&edge.to);
        if in_one_room && !is_family {
            next.entry(edge.from).or_default().entry(&edge.to).or_insert(edge);
        }
    }
    let reachable: BTreeMap<_, _> = next.keys().map(|from| (*from, reachable(&next, from))).collect();
    let are_one =
        |a: &Module, b: &Module| reachable[a].contains(b) && reachable.get(b).is_some_and(|from| from.contains(a));
    let mut told = BTreeSet::new();
    let mut wrong = Vec::new();
    for start in reachable.keys().filter(|start| are_one(start, start)) {
        let circle: Vec<_> = reachable.keys().filter(|other| are_one(start, other)).collect();
        if told.insert(circle.clone()) {
            let inside =
                circle.iter().flat_map(|from| next[**from].values().filter(|edge| circle.contains(&&&edge.to)));
            let steps = inside.map(|edge| format!("{} imports {}", at(krate, edge), krate.path_of(&edge.to)));
            wrong.push(format!("a circle of files: {}", steps.collect::<Vec<_>>().join(", ")));
        }
    }
    wrong
}

/// The files that lead on from this one.
fn reachable<'a>(
    next: &BTreeMap<&'a Module, BTreeMap<&'a Module, &'a Edge<'a>>>,
    from: &Module,
) -> BTreeSet<&'a Module> {
    let mut seen = BTreeSet::new();
    let mut open: Vec<&Module> = next.get(from).into_iter().flat_map(BTreeMap::keys).copied().collect();
    while let Some(module) = open.pop() {
        if seen.insert(module) {
            open.extend(next.get(module).into_iter().flat_map(BTreeMap::keys));
        }
    }
    seen
}
