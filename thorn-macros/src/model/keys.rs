//! Finds keys that are given twice.

use syn::Ident;

use crate::errors::Errors;

/// The keys of a list so far.
#[derive(Default)]
pub(super) struct SeenKeys(Vec<Ident>);

impl SeenKeys {
    /// Whether the key is given for the first time. Adds an error if not.
    pub(super) fn is_new(&mut self, key: &Ident, errors: &mut Errors) -> bool {
        let is_new = !self.0.contains(key);
        if is_new {
            self.0.push(key.clone());
        } else {
            errors.at(key, format!("`{key}` is already given above"));
        }
        is_new
    }
}
