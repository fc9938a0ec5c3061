//! Splits rows into batches that fit into one INSERT.

/// The maximum number of values that one statement binds. SQLite has the lowest limit, 32,766.
pub(crate) const MAX_BOUND_VALUES: usize = 30_000;

/// The maximum size of the values of one statement, in bytes.
///
/// It is far below the limits of servers: the default of MariaDB's `max_allowed_packet` is 16 MiB.
pub(crate) const MAX_BYTES: usize = 2 << 20;

/// Groups rows with this number of columns, in order, so that each group fits into one statement.
///
/// A row larger than [`MAX_BYTES`] gets a group of its own.
pub(crate) fn batches<T>(
    rows: impl IntoIterator<Item = T>,
    columns: usize,
    bytes: impl Fn(&T) -> usize,
) -> impl Iterator<Item = Vec<T>> {
    let max_rows = (MAX_BOUND_VALUES / columns.max(1)).max(1);
    let mut rows = rows.into_iter().peekable();
    std::iter::from_fn(move || {
        let first = rows.next()?;
        let mut size = bytes(&first);
        let mut batch = vec![first];
        while batch.len() < max_rows
            && let Some(row) = rows.next_if(|row| size + bytes(row) <= MAX_BYTES)
        {
            size += bytes(&row);
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
        assert_eq!(batches.concat(), rows, "every row once and in order");
        batches.iter().map(Vec::len).collect()
    }

    #[test]
    fn batches_stay_within_the_limits_of_values_and_bytes() {
        assert!(sizes(&[], 10).is_empty());
        assert_eq!(sizes(&[0; 7000], 10), [3000, 3000, 1000]);
        assert_eq!(sizes(&[MAX_BYTES / 4; 9], 10), [4, 4, 1]);
        assert_eq!(sizes(&[1, MAX_BYTES * 2, MAX_BYTES, 1], 10), [1, 1, 1, 1]);
        assert_eq!(sizes(&[0; 2], 40_000), [1, 1]);
    }
}
