//! Finds the columns and rows that a `when` expression reads.

use proc_macro2::{TokenStream, TokenTree};
use syn::{
    Expr, ExprField, ExprMethodCall, ExprPath, Ident, Macro, Member, PatIdent,
    visit::{self, Visit},
};

use crate::columns::Columns;

/// Operators that read only the new value.
const NEW_ONLY: [&str; 15] = [
    "eq",
    "ne",
    "gt",
    "gte",
    "lt",
    "lte",
    "is_in",
    "not_in",
    "contains",
    "starts_with",
    "ends_with",
    "is_null",
    "is_not_null",
    "is_true",
    "is_false",
];

/// The columns and rows that an expression mentions.
#[derive(Default)]
pub(crate) struct Mentions {
    /// Every mention of a column, with its span, so that a local with this identifier resolves there.
    pub(crate) columns: Vec<Ident>,
    /// Every mention of the whole rows `old` and `new`.
    pub(crate) rows: Vec<Ident>,
    /// Whether the expression may read the row before the change.
    pub(crate) reads_old: bool,
    /// Operands of thorn's operators that aren't columns.
    pub(crate) unknown: Vec<Ident>,
}

impl Mentions {
    /// Reads an expression.
    pub(crate) fn in_expression(expression: &Expr, columns: &Columns) -> Self {
        let mut locals = Locals(Vec::new());
        locals.visit_expr(expression);
        let mut reader = Reader { columns, locals: locals.0, found: Self::default() };
        reader.visit_expr(expression);
        reader.found
    }
}

/// Names that the expression itself binds in closures and patterns.
struct Locals(Vec<Ident>);

impl<'ast> Visit<'ast> for Locals {
    fn visit_pat_ident(&mut self, pattern: &'ast PatIdent) {
        self.0.push(pattern.ident.clone());
        visit::visit_pat_ident(self, pattern);
    }
}

struct Reader<'a> {
    columns: &'a Columns,
    locals: Vec<Ident>,
    found: Mentions,
}

impl Reader<'_> {
    /// Notes a mention. Pass `reads_old: false` only if the expression can't read the old value.
    fn mention(&mut self, ident: &Ident, reads_old: bool) {
        if self.columns.named(ident).is_some() {
            self.found.columns.push(ident.clone());
            self.found.reads_old |= reads_old;
        } else if ident == "old" || ident == "new" {
            self.found.rows.push(ident.clone());
            self.found.reads_old |= ident == "old";
        }
    }

    fn mention_tokens(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => self.mention(&ident, true),
                TokenTree::Group(group) => self.mention_tokens(group.stream()),
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
    }

    fn is_unknown(&self, ident: &Ident, method: &str) -> bool {
        let is_operator = NEW_ONLY.contains(&method) || method.starts_with("now_") || method == "changed";
        let may_be_column = ident.to_string().starts_with(|c: char| c.is_lowercase() || c == '_');
        let is_known = self.columns.named(ident).is_some()
            || self.locals.contains(ident)
            || ["old", "new", "self"].iter().any(|row| ident == row);
        is_operator && may_be_column && !is_known
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        match as_identifier(&call.receiver) {
            Some(receiver) => {
                let method = call.method.to_string();
                if self.is_unknown(receiver, &method) {
                    self.found.unknown.push(receiver.clone());
                }
                self.mention(receiver, !NEW_ONLY.contains(&method.as_str()));
            }
            None => self.visit_expr(&call.receiver),
        }
        for argument in &call.args {
            self.visit_expr(argument);
        }
    }

    fn visit_expr_field(&mut self, field: &'ast ExprField) {
        match (as_identifier(&field.base), &field.member) {
            (Some(base), Member::Named(member)) => self.mention(base, member != "new"),
            _ => visit::visit_expr_field(self, field),
        }
    }

    fn visit_expr_path(&mut self, path: &'ast ExprPath) {
        if let Some(ident) = path.path.get_ident() {
            self.mention(ident, true);
        }
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        self.mention_tokens(call.tokens.clone());
    }
}

fn as_identifier(expression: &Expr) -> Option<&Ident> {
    match expression {
        Expr::Path(path) => path.path.get_ident(),
        Expr::Paren(paren) => as_identifier(&paren.expr),
        Expr::Group(group) => as_identifier(&group.expr),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::Mentions;
    use crate::columns::Columns;

    fn mentions(expression: &str) -> Mentions {
        let columns = Columns::of(&syn::parse_quote! { struct Model { id: i32, state: State, title: String } });
        Mentions::in_expression(&syn::parse_str(expression).unwrap(), &columns)
    }

    #[test]
    fn thorn_028_the_need_of_the_old_row_comes_from_the_whole_tree() {
        for needless in ["state.eq(1)", "!(state.is_in([1]) || (title).contains(\"x\"))", "id.new == Some(&1)", "true"]
        {
            assert!(!mentions(needless).reads_old, "{needless}");
        }
        for needed in [
            "state.now_eq(1)",
            "id.eq(1) || !(id.gt(2) && state.now_ne(3))",
            "title.changed()",
            "id.old.is_some()",
            "old.is_some()",
            "custom(state)",
            "state.of_my_own_trait()",
            "matches!(state.old, Some(1))",
            "[1].iter().any(|x| id.now_eq(x))",
        ] {
            assert!(mentions(needed).reads_old, "{needed}");
        }
    }

    #[test]
    fn an_operand_is_unknown_if_it_is_no_column_local_or_constant() {
        let unknown = |expression| mentions(expression).unknown.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(unknown("sate.eq(1) && titel.now_eq(2)"), ["sate", "titel"]);
        for fine in ["LIMIT.eq(1)", "[1].iter().any(|x| x.eq(&1))", "state.eq(1)", "other.len() == 1", "f(1).eq(2)"] {
            assert!(unknown(fine).is_empty(), "{fine}");
        }
    }
}
