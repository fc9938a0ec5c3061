//! Keys of rows by the columns of a relation, which SeaORM knows by name only.

use sea_orm::{
    ActiveModelTrait, ColumnTrait, DbErr, EntityTrait, IdenStatic, Identity, Iterable, ModelTrait, Value,
    sea_query::{Condition, ValueTuple},
};

use super::Columns;
use crate::model::column_json::Plain;

/// Keys that one statement asks for.
pub(crate) const AT_ONCE: usize = 1000;

fn columns<E: EntityTrait>(identity: &Identity) -> Result<Vec<E::Column>, DbErr> {
    let column = |name: String| {
        let unknown = |_| DbErr::Type(format!("thorn: `{}` has no column `{name}`", E::default().table_name()));
        name.parse::<E::Column>().map_err(unknown)
    };
    identity.iter().map(|name| column(name.inner().into_owned())).collect()
}

/// The key that these columns hold.
pub(crate) fn key_of<M: ModelTrait>(row: &M, identity: &Identity) -> Result<ValueTuple, DbErr> {
    let columns = columns::<M::Entity>(identity)?;
    Ok(tuple(columns.into_iter().map(|column| row.get(column)).collect()))
}

/// Sets these columns to the key.
pub(crate) fn set_key<A: ActiveModelTrait>(row: &mut A, identity: &Identity, key: &ValueTuple) -> Result<(), DbErr> {
    let columns = columns::<A::Entity>(identity)?;
    columns.into_iter().zip(key.clone()).try_for_each(|(column, value)| row.try_set(column, value))
}

/// What is set of a row.
pub(crate) fn columns_of<A: ActiveModelTrait>(row: &A) -> Columns {
    let columns = <A::Entity as EntityTrait>::Column::iter();
    columns.filter_map(|column| Some((column.as_str().to_owned(), row.get(column).into_value()?))).collect()
}

/// The key in these columns, if all are set and none is null.
pub(super) fn of_columns(row: &Columns, identity: &Identity) -> Option<ValueTuple> {
    let key = tuple(identity.iter().map(|name| row.get(&*name.inner()).cloned()).collect::<Option<_>>()?);
    (!has_null(&key)).then_some(key)
}

/// These columns hold this key.
pub(crate) fn is<E: EntityTrait>(identity: &Identity, key: &ValueTuple) -> Result<Condition, DbErr> {
    let columns = columns::<E>(identity)?;
    Ok(columns.into_iter().zip(key.clone()).fold(Condition::all(), |all, (column, value)| all.add(column.eq(value))))
}

/// These columns hold one of these keys.
pub(crate) fn among<E: EntityTrait>(identity: &Identity, keys: &[ValueTuple]) -> Result<Condition, DbErr> {
    if let [column] = columns::<E>(identity)?.as_slice() {
        let values = keys.iter().flat_map(|key| key.clone().into_iter());
        return Ok(Condition::all().add(column.is_in(values)));
    }
    // In groups: a thousand terms one below the other are too deep for SQLite, and for SeaQuery's stack.
    keys.chunks(32).try_fold(Condition::any(), |any, keys| {
        let these = keys.iter().try_fold(Condition::any(), |any, key| Ok::<_, DbErr>(any.add(is::<E>(identity, key)?)));
        Ok(any.add(these?))
    })
}

/// The key whatever the width of its integers, which may differ between the tables.
pub(crate) fn canonical(key: &ValueTuple) -> Vec<String> {
    key.clone().into_iter().map(|value| Plain::from(&value).to_string()).collect()
}

pub(crate) fn has_null(key: &ValueTuple) -> bool {
    key.clone().into_iter().any(|value| value == value.as_null())
}

fn tuple(values: Vec<Value>) -> ValueTuple {
    match <[Value; 1]>::try_from(values) {
        Ok([one]) => ValueTuple::One(one),
        Err(values) => match <[Value; 2]>::try_from(values) {
            Ok([one, two]) => ValueTuple::Two(one, two),
            Err(values) => ValueTuple::Many(values),
        },
    }
}
