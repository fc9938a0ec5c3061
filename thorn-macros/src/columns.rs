//! The columns of the struct, as SeaORM will see them.

use heck::ToUpperCamelCase;
use proc_macro2::Span;
use syn::{Field, Ident, ItemStruct, LitStr, Token, Type, ext::IdentExt, meta::ParseNestedMeta};

/// A field that is a column.
pub(crate) struct Column {
    /// The field.
    pub(crate) field: Ident,
    /// Its name as users write it.
    pub(crate) name: String,
    /// Its variant of the `Column` enum.
    pub(crate) variant: Ident,
    /// Whether the field is an `Option`.
    pub(crate) nullable: bool,
}

/// All columns of a model.
pub(crate) struct Columns(Vec<Column>);

impl Columns {
    /// Reads the struct; relations and `#[sea_orm(ignore)]` are no columns.
    pub(crate) fn of(item: &ItemStruct) -> Self {
        Self(item.fields.iter().filter_map(column).collect())
    }

    /// The column of this name.
    pub(crate) fn get(&self, name: &str) -> Option<&Column> {
        self.0.iter().find(|column| column.name == name)
    }

    /// The column that this identifier names.
    pub(crate) fn named(&self, ident: &Ident) -> Option<&Column> {
        self.get(&ident.unraw().to_string())
    }

    /// All names, for a hint.
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
    for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("sea_orm")) {
        // What is wrong in there is SeaORM's to report.
        let _ = attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("ignore") {
                ignored = true;
            } else if meta.path.is_ident("enum_name") {
                variant = meta.value()?.parse::<LitStr>()?.value();
                return Ok(());
            }
            skip(&meta)
        });
    }
    let variant = syn::parse_str(&variant).unwrap_or_else(|_| Ident::new("Column", Span::call_site()));
    let nullable = last_segment(&field.ty)? == "Option";
    (!ignored).then_some(Column { field: ident, name, variant, nullable })
}

/// Reads over a value or a list that is of no concern here.
pub(crate) fn skip(meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
    if meta.input.peek(Token![=]) {
        meta.value()?.parse::<syn::Expr>()?;
    } else if meta.input.peek(syn::token::Paren) {
        let content;
        syn::parenthesized!(content in meta.input);
        content.parse::<proc_macro2::TokenStream>()?;
    }
    Ok(())
}

/// `Some("")` for types without a path, which are columns as well.
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
