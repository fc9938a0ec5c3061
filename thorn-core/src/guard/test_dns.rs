//! Replaces the DNS of a guard in tests.

use std::sync::{Arc, Mutex};

use super::{TargetGuard, resolver::Resolver};

impl TargetGuard {
    /// The same guard with a DNS that gives these answers, one per lookup.
    pub(crate) fn resolving_to<A>(mut self, answers: impl IntoIterator<Item = A>) -> Self
    where
        A: AsRef<[&'static str]>,
    {
        let parse = |answer: A| answer.as_ref().iter().map(|ip| ip.parse().unwrap()).collect();
        self.resolver = Resolver::Prepared(Arc::new(Mutex::new(answers.into_iter().map(parse).collect())));
        self
    }

    /// The same guard with a DNS that never answers.
    pub(crate) fn with_silent_dns(mut self) -> Self {
        self.resolver = Resolver::Silent;
        self
    }

    /// How many prepared answers are left.
    pub(crate) fn unused_answers(&self) -> usize {
        match &self.resolver {
            Resolver::Prepared(answers) => answers.lock().unwrap().len(),
            Resolver::System | Resolver::Silent => 0,
        }
    }
}
