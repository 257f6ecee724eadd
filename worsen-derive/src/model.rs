//! The struct as data: what the attributes say, and what holds where they say nothing. It keeps the nodes of
//! the source, so that errors and generated code point at them.
//!
//! Never here: what is wrong with a struct. A value that cannot be used stands here as its author wrote it.

use std::time::Duration;

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote};
use syn::{
    Attribute, Data, DeriveInput, Expr, ExprPath, Fields, GenericArgument, Generics, Ident, LitStr,
    PathArguments, Type, TypeParam, Visibility, WherePredicate, ext::IdentExt,
};

use crate::{
    attr::{
        self, ContainerAttrs, Durability, FieldAttrs, Given, Slot, Written,
        serde::{self, Both, SerdeContainer, SerdeField},
    },
    case::snake_case,
    ctxt::Ctxt,
};

/// The struct that becomes a store.
pub(crate) struct Store<'a> {
    pub(crate) input: &'a DeriveInput,
    pub(crate) attrs: ContainerAttrs,
    pub(crate) serde: SerdeContainer,
    /// The struct's name, without the `r#` of a raw one.
    pub(crate) name: String,
    pub(crate) handle: Ident,
    pub(crate) fields: Vec<Field<'a>>,
}

/// One named field.
pub(crate) struct Field<'a> {
    pub(crate) original: &'a syn::Field,
    pub(crate) ident: &'a Ident,
    /// Its place in `__FIELDS`, by which the runtime knows it.
    pub(crate) index: usize,
    pub(crate) attrs: FieldAttrs,
    pub(crate) serde: SerdeField,
    /// What serde's attributes of the struct say about a field that is missing.
    in_struct: InStruct,
    /// The field's name, without the `r#` of a raw one.
    pub(crate) name: String,
    pub(crate) uid: Text,
    /// The name that the accessors are made of.
    pub(crate) accessor: Text,
    /// The variable of the environment that overrides it.
    pub(crate) env: Option<Text>,
}

/// The fields that log by entry, by the names of their types. Under another name one is found at opening.
const COLLECTIONS: [&str; 4] = ["Map", "Queue", "Set", "WorkQueue"];

/// A text from a literal, or one that follows from a name.
pub(crate) struct Text {
    pub(crate) value: String,
    pub(crate) span: Span,
}

/// Where a field's first value comes from.
pub(crate) enum Seed<'a> {
    Default,
    Expr(&'a Expr),
    /// From this function, as with serde's `default`.
    Function(&'a ExprPath),
    /// From the same field of the struct's default, as with serde's `default` above the struct.
    OfStruct,
    /// It is a mistake that has been reported.
    Unknown,
}

/// Whether `#[serde(default)]` stands above the struct.
#[derive(Clone, Copy, PartialEq, Eq)]
enum InStruct {
    HasDefault,
    HasNone,
}

/// How a field becomes JSON and comes back.
pub(crate) enum Codec<'a> {
    Field,
    Module(ExprPath),
    /// Serde's functions for one field. Where one is missing, the type's own trait does it.
    Functions {
        serialize: Option<&'a ExprPath>,
        deserialize: Option<&'a ExprPath>,
    },
    /// It is a mistake that has been reported.
    Unknown,
}

impl<'a> Store<'a> {
    pub(crate) fn from_input(ctxt: &Ctxt, input: &'a DeriveInput) -> Self {
        let attrs = ContainerAttrs::parse(ctxt, &input.attrs);
        let serde = SerdeContainer::parse(ctxt, &input.attrs);
        let name = input.ident.unraw().to_string();
        // A handle with the struct's name is a mistake. The usual name keeps others from following.
        let handle = match attrs.handle.value() {
            Some(handle) if *handle != input.ident => handle.clone(),
            _ => format_ident!("{name}Store", span = input.ident.span()),
        };
        let fields = match &input.data {
            Data::Struct(data) => match &data.fields {
                Fields::Named(fields) => fields.named.iter().collect(),
                Fields::Unnamed(_) | Fields::Unit => Vec::new(),
            },
            Data::Enum(_) | Data::Union(_) => Vec::new(),
        };
        let fields = fields
            .into_iter()
            .filter_map(|field| field.ident.as_ref().map(|ident| (field, ident)))
            .enumerate()
            .map(|(index, (original, ident))| {
                Field::new(ctxt, (&attrs, &serde), index, original, ident)
            })
            .collect();
        Store {
            input,
            attrs,
            serde,
            name,
            handle,
            fields,
        }
    }

    /// Whether it is a struct with named fields, so that the generated code can write one as an expression.
    pub(crate) fn has_named_fields(&self) -> bool {
        matches!(&self.input.data, Data::Struct(data) if matches!(data.fields, Fields::Named(_)))
    }

    /// The path of the runtime crate.
    pub(crate) fn runtime(&self) -> TokenStream {
        match self.attrs.runtime.value() {
            Some(path) => path.to_token_stream(),
            None => quote!(::worsen),
        }
    }

    /// The name of the store's files.
    pub(crate) fn store_name(&self) -> String {
        match self.attrs.name.value() {
            Some(name) => name.value(),
            None => snake_case(&self.name),
        }
    }

    pub(crate) fn durability(&self) -> Durability {
        self.attrs
            .durability
            .value()
            .copied()
            .unwrap_or(Durability::Synced)
    }

    /// The visibility of a field's accessors: the field's own, unless the struct says otherwise. A
    /// private field has private accessors, which can be used where the field itself can.
    pub(crate) fn accessor_visibility(&'a self, field: &'a Field<'_>) -> &'a Visibility {
        self.attrs.accessors.value().unwrap_or(&field.original.vis)
    }

    /// What generated code needs to name items that are deprecated.
    pub(crate) fn allow_deprecated(&self) -> Option<TokenStream> {
        let is_deprecated = |attrs: &[Attribute]| attr::deprecated(attrs).is_some();
        (is_deprecated(&self.input.attrs)
            || self
                .fields
                .iter()
                .any(|field| is_deprecated(&field.original.attrs)))
        .then(|| quote!(#[allow(deprecated, reason = "generated code names what it is made of")]))
    }

    /// The type parameters without bounds. Such a type could be anything, even something that borrows, or that must
    /// stay on one thread.
    pub(crate) fn unbounded_parameters(&self) -> impl Iterator<Item = &TypeParam> {
        let bounded_later = |param: &TypeParam| {
            self.input
                .generics
                .where_clause
                .iter()
                .flat_map(|clause| &clause.predicates)
                .any(|predicate| match predicate {
                    WherePredicate::Type(predicate) => match &predicate.bounded_ty {
                        Type::Path(path) => path.path.is_ident(&param.ident),
                        _ => false,
                    },
                    _ => false,
                })
        };
        self.input
            .generics
            .type_params()
            .filter(move |param| param.bounds.is_empty() && !bounded_later(param))
    }

    /// A field's type for code outside of the struct, where `Self` is another type.
    pub(crate) fn type_of(&self, field: &Field<'_>) -> TokenStream {
        without_self(
            field.original.ty.to_token_stream(),
            &self.input.ident,
            &self.input.generics,
        )
    }
}

impl<'a> Field<'a> {
    fn new(
        ctxt: &Ctxt,
        (container, in_serde): (&ContainerAttrs, &SerdeContainer),
        index: usize,
        original: &'a syn::Field,
        ident: &'a Ident,
    ) -> Self {
        let attrs = FieldAttrs::parse(ctxt, &original.attrs);
        let name = ident.unraw().to_string();
        let serde = SerdeField::parse(ctxt, &original.attrs);
        let rule = match (container.rename_all.value(), &in_serde.rename_all) {
            (Some(rule), _) | (None, Some(Both::Same(rule))) => Some(rule),
            (None, Some(Both::Differ(_)) | None) => None,
        };
        let uid = match (attrs.uid.value(), &serde.rename) {
            (None, Some(Both::Same(rename))) => Text::from_literal(rename),
            _ => Text::of(&attrs.uid, ident, || match rule {
                Some(rule) => rule.apply(&name),
                None => name.clone(),
            }),
        };
        let accessor = Text::of(&attrs.accessor, ident, || name.clone());
        let env = attrs.env.get().map(|Given { key, value }| match value {
            Some(literal) => Text::from_literal(literal),
            None => Text {
                value: format!(
                    "{}{}",
                    container
                        .env_prefix
                        .value()
                        .map_or_else(String::new, LitStr::value),
                    name.to_uppercase()
                ),
                span: key.span(),
            },
        });
        Field {
            original,
            ident,
            index,
            attrs,
            serde,
            in_struct: match in_serde.default {
                Some(_) => InStruct::HasDefault,
                None => InStruct::HasNone,
            },
            name,
            uid,
            accessor,
            env,
        }
    }

    pub(crate) fn ty(&self) -> &'a Type {
        &self.original.ty
    }

    pub(crate) fn has_no_size(&self) -> bool {
        has_no_size(&self.original.ty)
    }

    /// Whether the field's type is written as this one name.
    pub(crate) fn is_of_type(&self, name: &str) -> bool {
        matches!(ungroup(self.ty()), Type::Path(ty) if ty.qself.is_none() && ty.path.is_ident(name))
    }

    /// The variable of the environment that overrides it.
    pub(crate) fn env(&self) -> Option<&str> {
        let env = self.env.as_ref().filter(|_| self.is_stored());
        env.map(|variable| variable.value.as_str())
    }

    /// Whether the field's type is written as a collection of the runtime, with this name.
    pub(crate) fn collection(&self) -> Option<&'a Ident> {
        let Type::Path(ty) = ungroup(self.ty()) else {
            return None;
        };
        let last = ty.path.segments.last()?;
        let is_collection = COLLECTIONS.iter().any(|name| last.ident == name);
        let has_arguments = matches!(last.arguments, PathArguments::AngleBracketed(_));
        (is_collection && has_arguments).then_some(&last.ident)
    }

    /// The type in an `Option`, if the field is written as one.
    pub(crate) fn inner_of_option(&self) -> Option<&'a Type> {
        let Type::Path(ty) = ungroup(self.ty()) else {
            return None;
        };
        let last = ty.path.segments.last()?;
        match &last.arguments {
            PathArguments::AngleBracketed(list) if last.ident == "Option" => {
                match list.args.first() {
                    Some(GenericArgument::Type(inner)) if list.args.len() == 1 => Some(inner),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    pub(crate) fn docs(&self) -> impl Iterator<Item = &'a Attribute> {
        attr::docs(&self.original.attrs)
    }

    pub(crate) fn is_stored(&self) -> bool {
        match self.attrs.skip.value() {
            Some(skip) => !skip,
            None => !self.serde.skips(),
        }
    }

    /// Whether a part of the field's type is a reference, which cannot be read back from JSON.
    pub(crate) fn borrows(&self) -> bool {
        fn borrows(tokens: TokenStream) -> bool {
            let mut after_name = false;
            tokens.into_iter().any(|token| {
                let is_argument_list = after_name;
                after_name = matches!(token, TokenTree::Ident(_));
                match token {
                    TokenTree::Punct(punct) => punct.as_char() == '&',
                    // A `Fn(&str)` borrows when it is called, not in the field.
                    TokenTree::Group(group) => !is_argument_list && borrows(group.stream()),
                    TokenTree::Ident(_) | TokenTree::Literal(_) => false,
                }
            })
        }
        borrows(self.original.ty.to_token_stream())
    }

    pub(crate) fn seed(&self) -> Seed<'_> {
        match self.attrs.seed.value() {
            None => match &self.serde.default {
                Some(serde::Default::Function(function)) => Seed::Function(function),
                Some(serde::Default::Trait) => Seed::Default,
                None if self.in_struct == InStruct::HasDefault => Seed::OfStruct,
                None => Seed::Default,
            },
            Some(Written::Well(expr)) => Seed::Expr(expr),
            Some(Written::Badly) => Seed::Unknown,
        }
    }

    pub(crate) fn codec(&self) -> Codec<'_> {
        match self.attrs.with.value() {
            None => self.serde_codec(),
            Some(Written::Well(path)) => Codec::Module(serde::as_expr(path)),
            Some(Written::Badly) => Codec::Unknown,
        }
    }
}

impl Field<'_> {
    /// How serde turns the field into JSON.
    fn serde_codec(&self) -> Codec<'_> {
        let serde = &self.serde;
        let (serialize, deserialize) = (
            serde.serialize_with.as_ref(),
            serde.deserialize_with.as_ref(),
        );
        match &serde.with {
            Some(module) => Codec::Module(module.clone()),
            None if serialize.is_some() || deserialize.is_some() => Codec::Functions {
                serialize,
                deserialize,
            },
            None if self.borrows() => Codec::Unknown,
            None => Codec::Field,
        }
    }
}

impl Text {
    fn from_literal(literal: &LitStr) -> Self {
        Text {
            value: literal.value(),
            span: literal.span(),
        }
    }

    fn of(given: &Slot<LitStr>, ident: &Ident, otherwise: impl FnOnce() -> String) -> Self {
        match given.value() {
            Some(literal) => Text::from_literal(literal),
            None => Text {
                value: otherwise(),
                span: ident.span(),
            },
        }
    }
}

/// A duration as a person writes it: `"5s"`, `"250ms"`, `"1h 30m"`.
pub(crate) fn duration(literal: &LitStr) -> Result<Duration, humantime::DurationError> {
    humantime::parse_duration(&literal.value())
}

/// Whether a `poll` turns polling off.
pub(crate) fn is_never(literal: &LitStr) -> bool {
    literal.value() == "never"
}

/// Whether a value of this type may have any size, so that no field of a store can have it.
fn has_no_size(ty: &Type) -> bool {
    match ty {
        Type::TraitObject(_) | Type::ImplTrait(_) | Type::Slice(_) => true,
        Type::Path(ty) => ty.path.is_ident("str"),
        Type::Group(ty) => has_no_size(&ty.elem),
        Type::Paren(ty) => has_no_size(&ty.elem),
        _ => false,
    }
}

/// Takes off the invisible groups that a `macro_rules` fragment comes in, and parentheses.
fn ungroup(ty: &Type) -> &Type {
    match ty {
        Type::Group(ty) => ungroup(&ty.elem),
        Type::Paren(ty) => ungroup(&ty.elem),
        ty => ty,
    }
}

/// The same type with the struct's name in place of `Self`.
fn without_self(tokens: TokenStream, name: &Ident, generics: &Generics) -> TokenStream {
    tokens
        .into_iter()
        .flat_map(|token| match token {
            TokenTree::Ident(ident) if ident == "Self" => {
                let (_, type_generics, _) = generics.split_for_impl();
                let mut name = name.clone();
                name.set_span(ident.span());
                quote!(#name #type_generics)
            }
            TokenTree::Group(group) => {
                let inner = without_self(group.stream(), name, generics);
                let mut replaced = proc_macro2::Group::new(group.delimiter(), inner);
                replaced.set_span(group.span());
                TokenTree::Group(replaced).into()
            }
            token => token.into(),
        })
        .collect()
}
