//! What serde's own attributes say of a struct that is stored as well: `rename`, `skip`, `with` and the
//! others hold for the store too, unless a key of `#[store(...)]` says otherwise.
//!
//! Only their syntax is read here. Which of them a store cannot follow is decided in `check`.

use proc_macro2::{Ident, Span};
use syn::{
    Attribute, ExprPath, LitStr, Path, Token, ext::IdentExt, meta::ParseNestedMeta,
    spanned::Spanned,
};

use super::SERDE;
use crate::{case::RenameRule, ctxt::Ctxt};

/// Keys of a struct that change nothing of what a store reads and writes, field by field.
const ALONE_ON_STRUCT: &[&str] = &[
    "bound",
    "crate",
    "deny_unknown_fields",
    "expecting",
    "remote",
    "rename",
    "tag",
];

/// Keys of a field that change nothing of its value in a store.
const ALONE_ON_FIELD: &[&str] = &["borrow", "bound", "getter", "skip_serializing_if"];

/// Where serde takes a value from that is missing.
pub(crate) enum Default {
    Trait,
    Function(ExprPath),
}

/// A key that stands for serializing and deserializing, or differs between them.
pub(crate) enum Both<T> {
    Same(T),
    Differ(Span),
}

/// Every `#[serde(...)]` of the struct.
#[derive(std::default::Default)]
pub(crate) struct SerdeContainer {
    pub(crate) rename_all: Option<Both<RenameRule>>,
    pub(crate) default: Option<Default>,
    /// Keys by which serde goes through another type, or through a single field.
    pub(crate) whole: Vec<Ident>,
}

/// Every `#[serde(...)]` of one field.
#[derive(std::default::Default)]
pub(crate) struct SerdeField {
    pub(crate) rename: Option<Both<LitStr>>,
    pub(crate) default: Option<Default>,
    pub(crate) with: Option<ExprPath>,
    pub(crate) serialize_with: Option<ExprPath>,
    pub(crate) deserialize_with: Option<ExprPath>,
    pub(crate) skip_serializing: Option<Span>,
    pub(crate) skip_deserializing: Option<Span>,
    pub(crate) alias: Option<Span>,
    pub(crate) flatten: Option<Span>,
}

impl SerdeContainer {
    pub(crate) fn parse(ctxt: &Ctxt, attrs: &[Attribute]) -> Self {
        let mut this = Self::default();
        for_each_key(ctxt, attrs, |name, meta| {
            match name {
                "rename_all" => this.rename_all = Some(rename_all(meta)?),
                "default" => this.default = Some(default(meta)?),
                "from" | "into" | "transparent" | "try_from" => {
                    this.whole.extend(meta.path.get_ident().cloned());
                    skip_value(meta)?;
                }
                name if ALONE_ON_STRUCT.contains(&name) => skip_value(meta)?,
                name => return Err(unknown(name, meta)),
            }
            Ok(())
        });
        this
    }
}

impl SerdeField {
    pub(crate) fn parse(ctxt: &Ctxt, attrs: &[Attribute]) -> Self {
        let mut this = Self::default();
        for_each_key(ctxt, attrs, |name, meta| {
            let at = meta.path.span();
            match name {
                "rename" => this.rename = Some(both(meta, |a, b| a.value() == b.value())?),
                "default" => this.default = Some(default(meta)?),
                "with" => this.with = Some(function(meta)?),
                "serialize_with" => this.serialize_with = Some(function(meta)?),
                "deserialize_with" => this.deserialize_with = Some(function(meta)?),
                "skip" => {
                    this.skip_serializing = Some(at);
                    this.skip_deserializing = Some(at);
                }
                "skip_serializing" => this.skip_serializing = Some(at),
                "skip_deserializing" => this.skip_deserializing = Some(at),
                "alias" => {
                    this.alias = Some(at);
                    skip_value(meta)?;
                }
                "flatten" => this.flatten = Some(at),
                name if ALONE_ON_FIELD.contains(&name) => skip_value(meta)?,
                name => return Err(unknown(name, meta)),
            }
            Ok(())
        });
        this
    }

    /// Whether serde neither writes the field nor reads it.
    pub(crate) fn skips(&self) -> bool {
        self.skip_serializing.is_some() && self.skip_deserializing.is_some()
    }
}

/// Calls `parse` at each key of each `#[serde(...)]`. A mistake ends its attribute, and not the others.
fn for_each_key(
    ctxt: &Ctxt,
    attrs: &[Attribute],
    mut parse: impl FnMut(&str, &ParseNestedMeta<'_>) -> syn::Result<()>,
) {
    for attr in attrs.iter().filter(|attr| attr.path().is_ident(SERDE)) {
        let each = |meta: ParseNestedMeta<'_>| {
            let name = meta.path.get_ident().map(|name| name.unraw().to_string());
            parse(name.as_deref().unwrap_or_default(), &meta)
        };
        if let Err(error) = attr.parse_nested_meta(each) {
            ctxt.push(error);
        }
    }
}

fn unknown(name: &str, meta: &ParseNestedMeta<'_>) -> syn::Error {
    meta.error(format!(
        "the store cannot tell what `#[serde({name})]` changes of it, for worsen does not know that \
         key: correct it, or move it to the type of a field"
    ))
}

/// Passes over the value of a key that is not looked at.
fn skip_value(meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
    if meta.input.peek(Token![=]) {
        meta.value()?.parse::<syn::Expr>()?;
    } else if meta.input.peek(syn::token::Paren) {
        meta.parse_nested_meta(|inner| skip_value(&inner))?;
    }
    Ok(())
}

/// `key = "..."`, or `key(serialize = "...", deserialize = "...")`.
fn both(
    meta: &ParseNestedMeta<'_>,
    same: impl Fn(&LitStr, &LitStr) -> bool,
) -> syn::Result<Both<LitStr>> {
    if meta.input.peek(Token![=]) {
        return Ok(Both::Same(meta.value()?.parse()?));
    }
    let mut sides: [Option<LitStr>; 2] = [None, None];
    meta.parse_nested_meta(|inner| {
        let side = usize::from(inner.path.is_ident("deserialize"));
        sides[side] = Some(inner.value()?.parse()?);
        Ok(())
    })?;
    Ok(match sides {
        [Some(written), Some(read)] if same(&written, &read) => Both::Same(written),
        _ => Both::Differ(meta.path.span()),
    })
}

fn rename_all(meta: &ParseNestedMeta<'_>) -> syn::Result<Both<RenameRule>> {
    match both(meta, |a, b| a.value() == b.value())? {
        Both::Same(literal) => RenameRule::find(&literal.value())
            .map(Both::Same)
            .ok_or_else(|| {
                syn::Error::new(
                    literal.span(),
                    "unknown rule: `rename_all` takes one of serde's, such as \"camelCase\"",
                )
            }),
        Both::Differ(at) => Ok(Both::Differ(at)),
    }
}

fn default(meta: &ParseNestedMeta<'_>) -> syn::Result<Default> {
    if meta.input.peek(Token![=]) {
        function(meta).map(Default::Function)
    } else {
        Ok(Default::Trait)
    }
}

/// A path in a string, such as `"crate::hex"` or `"As::<Hex>"`.
fn function(meta: &ParseNestedMeta<'_>) -> syn::Result<ExprPath> {
    let literal: LitStr = meta.value()?.parse()?;
    literal.parse().map_err(|_| {
        syn::Error::new(
            literal.span(),
            "expected a path in quotes, such as \"my_module\"",
        )
    })
}

/// A path of `#[store(with = ...)]` in the place of serde's.
pub(crate) fn as_expr(path: &Path) -> ExprPath {
    ExprPath {
        attrs: Vec::new(),
        qself: None,
        path: path.clone(),
    }
}
