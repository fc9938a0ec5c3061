//! For whom this process works: an owner, or the operator. Bounds that keep one from taking everything count by tenant.

mod shares;

pub(crate) use shares::{Permit, Shares};

use std::hash::{DefaultHasher, Hash, Hasher};

tokio::task_local! {
    static CURRENT: Tenant;
}

/// An owner, or the operator, in a form that is cheap to compare.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Tenant(u64);

impl Tenant {
    /// The operator has no owner.
    pub(crate) fn of(owner: Option<&str>) -> Self {
        owner.map_or(Self::default(), |owner| {
            // Two owners with the same hash have one share between them, which is rare and does little harm.
            let mut hasher = DefaultHasher::new();
            owner.hash(&mut hasher);
            Self(hasher.finish())
        })
    }

    /// A number below `bound` that is always the same for the tenant, and evenly spread over tenants.
    pub(crate) fn number_below(self, bound: usize) -> usize {
        // The remainder is below `bound`.
        usize::try_from(self.0 % bound.max(1) as u64).unwrap_or_default()
    }

    /// How far the tenant's turn is after that of `last`, if all take turns in a circle.
    pub(crate) const fn turns_after(self, last: Self) -> u64 {
        self.0.wrapping_sub(last.0).wrapping_sub(1)
    }

    /// The tenant for whom the current task works.
    pub(crate) fn current() -> Self {
        CURRENT.try_get().unwrap_or_default()
    }

    /// Does `work` for this tenant.
    pub(crate) async fn has_done<F: Future>(self, work: F) -> F::Output {
        CURRENT.scope(self, work).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_one_comes_last_in_the_next_circle() {
        let mut tenants = [1, 5, 9].map(Tenant);
        for (last, expected) in [(5, [9, 1, 5]), (0, [1, 5, 9]), (9, [1, 5, 9]), (1, [5, 9, 1])] {
            tenants.sort_by_key(|tenant| tenant.turns_after(Tenant(last)));
            assert_eq!(tenants, expected.map(Tenant), "after {last}");
        }
    }
}
