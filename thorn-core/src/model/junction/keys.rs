//! Keys of rows by the columns of a relation, which SeaORM knows only by name.

use sea_orm::{
    ActiveModelTrait, ColumnTrait, DbErr, EntityTrait, IdenStatic, Identity, Iterable, ModelTrait, PrimaryKeyToColumn,
    Value,
    sea_query::{Condition, ValueTuple},
};

use crate::model::{column_json::ColumnJson, link_rows::LinkValues};

/// The most keys that one statement asks for.
pub(in crate::model) const MAX_KEYS: usize = 1000;

/// Keys in one group of a condition on composite keys.
const KEYS_PER_GROUP: usize = 32;

fn columns<E: EntityTrait>(identity: &Identity) -> Result<Vec<E::Column>, DbErr> {
    let column = |name: String| {
        let unknown = |_| DbErr::Type(format!("thorn: `{}` has no column `{name}`", E::default().table_name()));
        name.parse::<E::Column>().map_err(unknown)
    };
    identity.iter().map(|name| column(name.inner().into_owned())).collect()
}

/// The key that a row has in these columns.
pub(in crate::model) fn key_of<M: ModelTrait>(row: &M, identity: &Identity) -> Result<ValueTuple, DbErr> {
    let columns = columns::<M::Entity>(identity)?;
    Ok(tuple(columns.into_iter().map(|column| row.get(column)).collect()))
}

/// Sets these columns of a row to the key.
pub(in crate::model) fn set_key<A: ActiveModelTrait>(
    row: &mut A,
    identity: &Identity,
    key: &ValueTuple,
) -> Result<(), DbErr> {
    let columns = columns::<A::Entity>(identity)?;
    columns.into_iter().zip(key.clone()).try_for_each(|(column, value)| row.try_set(column, value))
}

/// The values that are set in an `ActiveModel`.
pub(in crate::model) fn values_of<A: ActiveModelTrait>(row: &A) -> LinkValues {
    let columns = <A::Entity as EntityTrait>::Column::iter();
    columns.filter_map(|column| Some((column.as_str().to_owned(), row.get(column).into_value()?))).collect()
}

/// The key in these columns; `None` if one isn't set or is null.
pub(super) fn key_in(values: &LinkValues, identity: &Identity) -> Option<ValueTuple> {
    let key = tuple(identity.iter().map(|name| values.get(&*name.inner()).cloned()).collect::<Option<_>>()?);
    (!has_null(&key)).then_some(key)
}

/// The condition that these columns hold this key.
pub(in crate::model) fn is<E: EntityTrait>(identity: &Identity, key: &ValueTuple) -> Result<Condition, DbErr> {
    let columns = columns::<E>(identity)?;
    Ok(columns.into_iter().zip(key.clone()).fold(Condition::all(), |all, (column, value)| all.add(column.eq(value))))
}

/// The condition that these columns hold one of these keys.
pub(in crate::model) fn among<E: EntityTrait>(identity: &Identity, keys: &[ValueTuple]) -> Result<Condition, DbErr> {
    Ok(one_of(&columns::<E>(identity)?, keys))
}

/// The condition that a row has one of these primary keys.
pub(in crate::model) fn with_keys<E: EntityTrait>(keys: &[ValueTuple]) -> Condition {
    one_of(&E::PrimaryKey::iter().map(PrimaryKeyToColumn::into_column).collect::<Vec<_>>(), keys)
}

fn one_of<K: ColumnTrait>(columns: &[K], keys: &[ValueTuple]) -> Condition {
    if let [column] = columns {
        return Condition::all().add(column.is_in(keys.iter().flat_map(|key| key.clone().into_iter())));
    }
    let is = |key: &ValueTuple| {
        columns.iter().zip(key.clone()).fold(Condition::all(), |all, (column, value)| all.add(column.eq(value)))
    };
    // A thousand terms nested in each other are too deep for SQLite and for SeaQuery's stack.
    keys.chunks(KEYS_PER_GROUP)
        .fold(Condition::any(), |any, keys| any.add(keys.iter().fold(Condition::any(), |any, key| any.add(is(key)))))
}

/// The key as text, so that keys compare equal whatever the width of their integers, which may differ between
/// the tables.
pub(in crate::model) fn canonical(key: &ValueTuple) -> Vec<String> {
    key.clone().into_iter().map(|value| ColumnJson::from(&value).into_text().into_owned()).collect()
}

pub(super) fn has_null(key: &ValueTuple) -> bool {
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
