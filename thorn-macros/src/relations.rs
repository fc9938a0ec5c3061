//! The relations of the struct, as SeaORM derives them.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::{Field, GenericArgument, Ident, ItemStruct, LitStr, Path, PathArguments, Type, ext::IdentExt};

use crate::{
    attributes::for_each_entry,
    model::{Event, Junction},
    suggest::{all_of, suggest},
};

/// A many-to-many relation: a `HasMany<…>` field with `via`.
pub(crate) struct ManyToMany {
    pub(crate) name: String,
    /// The related entity, as written.
    pub(crate) related: Type,
    via: LitStr,
    is_self_ref: bool,
}

impl ManyToMany {
    /// The path of the junction's entity, which SeaORM expects beside the model's module.
    pub(crate) fn junction(&self) -> TokenStream {
        let module = self.via.parse::<Path>().ok().and_then(|path| path.segments.first().map(|it| it.ident.clone()));
        // Errors point at the user's `via`.
        let span = Span::call_site().located_at(self.via.span());
        let module = module.map(|module| Ident::new(&module.to_string(), span));
        quote_spanned!(span=> super::#module::Entity)
    }
}

/// The many-to-many and `BelongsTo` relations of a model.
pub(crate) struct Relations {
    many_to_many: Vec<ManyToMany>,
    belongs_to: Vec<(Ident, Type)>,
    /// Whether `#[sea_orm::model]` has already moved the fields to `ModelEx`.
    were_moved: bool,
}

const WERE_MOVED: &str =
    "put `#[webhook_model]` above `#[sea_orm::model]`, which has already moved the relations to another struct";

impl Relations {
    /// Reads the struct.
    pub(crate) fn of(item: &ItemStruct) -> Self {
        let mut were_moved = false;
        for_each_entry("sea_orm", &item.attrs, |meta| {
            were_moved |= meta.path.is_ident("model_ex");
            Ok(false)
        });
        let belongs_to = item.fields.iter().filter_map(|field| {
            let entity = type_argument(&field.ty, "BelongsTo")?;
            Some((field.ident.clone()?, type_argument(&entity, "Option").unwrap_or(entity)))
        });
        let many_to_many = item.fields.iter().filter_map(many_to_many).collect();
        Self { many_to_many, belongs_to: belongs_to.collect(), were_moved }
    }

    /// The relation whose links fire the event.
    pub(crate) fn of_event(&self, event: &Event) -> syn::Result<&ManyToMany> {
        let names = || self.many_to_many.iter().map(|relation| relation.name.as_str());
        let at =
            |tokens: &dyn ToTokens, message: String| Err(syn::Error::new_spanned(tokens.to_token_stream(), message));
        let found = match (&event.relation, self.many_to_many.as_slice()) {
            (_, []) if self.were_moved => return at(&event.key, WERE_MOVED.to_owned()),
            (_, []) => {
                let message = "this model has no many-to-many relation; give it a field, such as \
                               `#[sea_orm(has_many, via = \"article_tag\")] tags: HasMany<super::tag::Entity>`";
                return at(&event.key, message.to_owned());
            }
            (None, [only]) => only,
            (None, _) => {
                let names: Vec<&str> = names().collect();
                let message =
                    format!("this model has several relations, {}; choose one: `relation = …`", all_of(&names));
                return at(&event.key, message);
            }
            (Some(given), all) => {
                let name = given.unraw().to_string();
                let Some(found) = all.iter().find(|relation| relation.name == name) else {
                    let hint = suggest(&name, names());
                    return at(given, format!("this model has no many-to-many relation `{name}`{hint}"));
                };
                found
            }
        };
        if found.is_self_ref {
            let key = event.relation.as_ref().unwrap_or(&event.key);
            return at(
                key,
                format!("`{}` relates the model to itself; thorn can't announce such links yet", found.name),
            );
        }
        Ok(found)
    }

    /// The first two models that this one belongs to, if they differ.
    pub(crate) fn first_two_sides(self) -> Option<[Type; 2]> {
        let mut entities = self.belongs_to.into_iter().map(|(_, entity)| entity);
        let sides = [entities.next()?, entities.next()?];
        differ([&sides[0], &sides[1]]).then_some(sides)
    }

    /// The two entities that a junction links.
    pub(crate) fn sides_of(&self, junction: &Junction) -> syn::Result<[&Type; 2]> {
        let key = &junction.key;
        let names: Vec<String> = self.belongs_to.iter().map(|(field, _)| field.to_string()).collect();
        let mut sides = Vec::new();
        for field in junction.fields.iter().flatten() {
            let Some((_, entity)) = self.belongs_to.iter().find(|(name, _)| name == field) else {
                let hint = suggest(&field.to_string(), names.iter().map(String::as_str));
                return Err(syn::Error::new_spanned(
                    field,
                    format!("this model has no `BelongsTo` field `{field}`{hint}"),
                ));
            };
            sides.push(entity);
        }
        if junction.fields.is_none() {
            sides.extend(self.belongs_to.iter().map(|(_, entity)| entity));
        }
        let message = match sides.as_slice() {
            [one, other] if differ([one, other]) => return Ok([one, other]),
            [_, _] => "both sides are the same model; thorn can't announce such links yet".to_owned(),
            [] if self.were_moved => WERE_MOVED.to_owned(),
            [] | [_] => "a junction belongs to the two models that it links; give it a field for each, such as \
                         `#[sea_orm(belongs_to, from = \"tag_id\", to = \"id\")] tag: BelongsTo<super::tag::Entity>`"
                .to_owned(),
            _ => {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                let [one, other, ..] = names.as_slice() else { return Err(syn::Error::new(key.span(), "")) };
                let all = all_of(&names);
                format!("this model belongs to {all}; say which two it links: `junction = [{one}, {other}]`")
            }
        };
        Err(syn::Error::new(key.span(), message))
    }
}

fn differ([one, other]: [&Type; 2]) -> bool {
    one.to_token_stream().to_string() != other.to_token_stream().to_string()
}

fn many_to_many(field: &Field) -> Option<ManyToMany> {
    let related = type_argument(&field.ty, "HasMany")?;
    let (mut via, mut is_self_ref) = (None, false);
    for_each_entry("sea_orm", &field.attrs, |meta| {
        if meta.path.is_ident("via") {
            via = Some(meta.value()?.parse::<LitStr>()?);
            return Ok(true);
        }
        is_self_ref |= meta.path.is_ident("self_ref");
        Ok(false)
    });
    Some(ManyToMany { name: field.ident.as_ref()?.unraw().to_string(), related, via: via?, is_self_ref })
}

/// `T` of `wrapper<T>`.
fn type_argument(ty: &Type, wrapper: &str) -> Option<Type> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last().filter(|segment| segment.ident == wrapper)?;
    match &last.arguments {
        PathArguments::AngleBracketed(arguments) => arguments.args.iter().find_map(|argument| match argument {
            GenericArgument::Type(ty) => Some(ty.clone()),
            _ => None,
        }),
        _ => None,
    }
}
