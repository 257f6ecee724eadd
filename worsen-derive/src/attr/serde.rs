//! What serde's own attributes say about a struct that is stored as well: `rename`, `skip`, `with` and
//! others hold for the store too, unless a key of `#[store(...)]` says otherwise.
//!
//! Never here: which of them a store cannot follow, which `check` decides.

use proc_macro2::{Ident, Span};
use syn::{
    Attribute, ExprPath, LitStr, Path, Token, ext::IdentExt, meta::ParseNestedMeta,
    spanned::Spanned,
};

use super::SERDE;
use crate::{case::RenameRule, ctxt::Ctxt};

/// Keys of a struct that change nothing for a store, which reads and writes field by field.
const ALONE_ON_STRUCT: &[&str] = &[
    "bound",
    "crate",
    "deny_unknown_fields",
    "expecting",
    "remote",
    "rename",
    "tag",
];

/// Keys of a field that change nothing about its value in a store.
const ALONE_ON_FIELD: &[&str] = &["borrow", "bound", "getter", "skip_serializing_if"];

/// Where serde gets the value of a field that is missing.
pub(crate) enum Default {
    Trait,
    Function(ExprPath),
}

/// A value that is the same for serializing and deserializing, or differs between the two.
pub(crate) enum Both<T> {
    Same(T),
    Differ(Span),
}

/// Every `#[serde(...)]` of the struct.
#[derive(std::default::Default)]
pub(crate) struct SerdeContainer {
    pub(crate) rename_all: Option<Both<RenameRule>>,
    pub(crate) default: Option<Default>,
    /// Keys that make serde convert the whole struct, or treat it as its only field.
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

/// Calls `parse` at each key of each `#[serde(...)]`. After a mistake it goes on with the next attribute.
fn for_each_key(
    ctxt: &Ctxt,
    attrs: &[Attribute],
    mut parse: impl FnMut(&str, &ParseNestedMeta<'_>) -> syn::Result<()>,
) {
    for attr in attrs.iter().filter(|attr| attr.path().is_ident(SERDE)) {
        let each = |meta: ParseNestedMeta<'_>| {
            let parts = meta.path.segments.iter();
            let parts: Vec<String> = parts.map(|part| part.ident.unraw().to_string()).collect();
            parse(&parts.join("::"), &meta)
        };
        if let Err(error) = attr.parse_nested_meta(each) {
            ctxt.push(error);
        }
    }
}

fn unknown(name: &str, meta: &ParseNestedMeta<'_>) -> syn::Error {
    meta.error(format!(
        "worsen does not know the key `{name}` of serde, nor what it would change in the store: correct its \
         spelling, or move it to the type of a field"
    ))
}

/// Passes over the value of a key whose value does not matter.
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
                    "serde has no such rule for `rename_all`: write one that it has, such as \"camelCase\"",
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
            "expected a path in quotes: write, for example, \"my_module\"",
        )
    })
}

/// The path of `#[store(with = ...)]` as serde's `with` has it.
pub(crate) fn as_expr(path: &Path) -> ExprPath {
    ExprPath {
        attrs: Vec::new(),
        qself: None,
        path: path.clone(),
    }
}
