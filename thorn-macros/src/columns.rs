//! The columns of the struct, as SeaORM derives them.

use heck::ToUpperCamelCase;
use proc_macro2::Span;
use syn::{Field, Ident, ItemStruct, LitStr, Type, ext::IdentExt};

use crate::attributes::for_each_entry;

/// A field that is a column.
pub(crate) struct Column {
    /// The identifier of the field, which may be raw (`r#type`).
    pub(crate) field: Ident,
    /// The name that users write.
    pub(crate) name: String,
    /// The variant of SeaORM's `Column` enum.
    pub(crate) variant: Ident,
    /// Whether the field's type is `Option`.
    pub(crate) nullable: bool,
    /// Whether serde never serializes it: `#[serde(skip)]` or `#[serde(skip_serializing)]`.
    pub(crate) is_serde_skipped: bool,
}

/// All columns of a model.
pub(crate) struct Columns(Vec<Column>);

impl Columns {
    /// Reads the struct. Relations and fields with `#[sea_orm(ignore)]` aren't columns.
    pub(crate) fn of(item: &ItemStruct) -> Self {
        Self(item.fields.iter().filter_map(column).collect())
    }

    /// All columns, in the order of their fields.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Column> {
        self.0.iter()
    }

    /// The column with this name.
    pub(crate) fn get(&self, name: &str) -> Option<&Column> {
        self.0.iter().find(|column| column.name == name)
    }

    /// The column that this identifier names.
    pub(crate) fn named(&self, ident: &Ident) -> Option<&Column> {
        self.get(&ident.unraw().to_string())
    }

    /// All names, for the hint in an error.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|column| column.name.as_str())
    }
}

fn column(field: &Field) -> Option<Column> {
    let ident = field.ident.clone()?;
    if matches!(last_segment(&field.ty)?.as_str(), "HasOne" | "HasMany" | "BelongsTo") {
        return None;
    }
    let name = ident.unraw().to_string();
    let mut variant = match name.to_upper_camel_case() {
        keyword if keyword == "Self" => "Self_".to_owned(),
        variant => variant,
    };
    let mut ignored = false;
    for_each_entry("sea_orm", &field.attrs, |meta| {
        if meta.path.is_ident("enum_name") {
            variant = meta.value()?.parse::<LitStr>()?.value();
            return Ok(true);
        }
        ignored |= meta.path.is_ident("ignore");
        Ok(false)
    });
    let mut is_serde_skipped = false;
    for_each_entry("serde", &field.attrs, |meta| {
        is_serde_skipped |= meta.path.is_ident("skip") || meta.path.is_ident("skip_serializing");
        Ok(false)
    });
    let variant = syn::parse_str(&variant).unwrap_or_else(|_| Ident::new("Column", Span::call_site()));
    let nullable = last_segment(&field.ty)? == "Option";
    (!ignored).then_some(Column { field: ident, name, variant, nullable, is_serde_skipped })
}

/// The last segment of the type's path. Types without a path, such as `[u8; 4]`, are columns too and have
/// an empty one.
fn last_segment(ty: &Type) -> Option<String> {
    match ty {
        Type::Path(path) => path.path.segments.last().map(|segment| segment.ident.to_string()),
        Type::Group(group) => last_segment(&group.elem),
        _ => Some(String::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::Columns;

    #[test]
    fn variants_are_the_ones_that_seaorm_generates() {
        let columns = Columns::of(&syn::parse_quote! {
            struct Model {
                id: i32,
                r#type: String,
                #[sea_orm(column_name = "x", enum_name = "Other", unique)]
                named: Option<i32>,
                #[sea_orm(column_type = "Text", ignore)]
                ignored: i32,
                http2_url: String,
                #[sea_orm(has_many)]
                children: HasMany<super::child::Entity>,
                bytes: [u8; 4],
            }
        });
        let found: Vec<_> =
            columns.0.iter().map(|it| (it.name.as_str(), it.variant.to_string(), it.nullable)).collect();
        let expected = [
            ("id", "Id", false),
            ("type", "Type", false),
            ("named", "Other", true),
            ("http2_url", "Http2Url", false),
            ("bytes", "Bytes", false),
        ];
        assert_eq!(found, expected.map(|(name, variant, nullable)| (name, variant.to_owned(), nullable)));
    }
}
