//! How many rows go into one INSERT.

/// Values that every database lets one statement bind: SQLite has the lowest limit, 32766.
pub(crate) const MAX_BOUND_VALUES: usize = 30_000;

/// Bytes of one statement's values, far below the packets that servers take: MariaDB's
/// `max_allowed_packet` is 16 MiB unless somebody has set it.
pub(crate) const MAX_BYTES: usize = 2 << 20;

/// Rows of so many columns in groups, in order, each of which fits into one statement. A row that is
/// larger than a statement should be is alone in its own.
pub(crate) fn batches<T>(
    rows: impl IntoIterator<Item = T>,
    columns: usize,
    bytes: impl Fn(&T) -> usize,
) -> impl Iterator<Item = Vec<T>> {
    let most = (MAX_BOUND_VALUES / columns.max(1)).max(1);
    let mut rows = rows.into_iter().peekable();
    std::iter::from_fn(move || {
        let first = rows.next()?;
        let mut taken = bytes(&first);
        let mut batch = vec![first];
        while batch.len() < most
            && let Some(row) = rows.next_if(|row| taken + bytes(row) <= MAX_BYTES)
        {
            taken += bytes(&row);
            batch.push(row);
        }
        Some(batch)
    })
}

#[cfg(test)]
mod tests {
    use super::{MAX_BYTES, batches};

    fn sizes(rows: &[usize], columns: usize) -> Vec<usize> {
        let batches: Vec<_> = batches(rows.to_vec(), columns, |bytes| *bytes).collect();
        assert_eq!(batches.concat(), rows, "in order, and each once");
        batches.iter().map(Vec::len).collect()
    }

    #[test]
    fn a_statement_has_its_values_and_its_bytes_at_most() {
        assert!(sizes(&[], 10).is_empty());
        assert_eq!(sizes(&[0; 7000], 10), [3000, 3000, 1000]);
        assert_eq!(sizes(&[MAX_BYTES / 4; 9], 10), [4, 4, 1]);
        assert_eq!(sizes(&[1, MAX_BYTES * 2, MAX_BYTES, 1], 10), [1, 1, 1, 1]);
        assert_eq!(sizes(&[0; 2], 40_000), [1, 1]);
    }
}
