//! What a value must be to be written: the rules as data, and the methods that ask a field, or the struct, about
//! them. Never here: when they are called.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{ExprArray, ExprRange, Ident, Path, RangeLimits, Type, spanned::Spanned};

use super::{
    docs::compact,
    span::{located, number},
};
use crate::model::{Field, Store};

/// One key with a rule, and its value as it was written.
struct Rule {
    key: &'static str,
    text: String,
}

impl ToTokens for Rule {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Rule { key, text } = self;
        tokens.extend(quote!(__private::Rule { key: #key, text: #text }));
    }
}

fn rule(key: &'static str, value: Option<&impl ToTokens>) -> Option<Rule> {
    value.map(|value| Rule {
        key,
        text: compact(value.to_token_stream()),
    })
}

/// The rules of a field, in the order in which they are asked.
fn rules(field: &Field<'_>) -> Vec<Rule> {
    let attrs = &field.attrs;
    let rules = [
        rule("normalize", attrs.normalize.value()),
        rule("range", attrs.range.value()),
        rule("len", attrs.len.value()),
        rule("one_of", attrs.one_of.value()),
        rule("validate", attrs.validate.value()),
    ];
    match field.is_stored() {
        true => rules.into_iter().flatten().collect(),
        false => Vec::new(),
    }
}

/// The column of a field's description that has its rules.
pub(super) fn column(field: &Field<'_>) -> Option<TokenStream> {
    let rules = rules(field);
    (!rules.is_empty()).then(|| quote!(.rules(&[#(#rules),*])))
}

/// `__STRUCT_RULES`, `__normalize`, `__check`, `__normalize_struct` and `__check_struct`: those that do something.
pub(super) fn methods(store: &Store<'_>) -> TokenStream {
    let stored = || store.fields.iter().filter(|field| field.is_stored());
    let normalizing: Vec<_> = stored().filter_map(normalize).collect();
    let normalizing = (!normalizing.is_empty()).then(|| {
        quote! {
            fn __normalize(&mut self, __index: __private::usize) {
                match __index {
                    #(#normalizing)*
                    _ => {}
                }
            }
        }
    });
    let checks: Vec<_> = stored().filter_map(check).collect();
    let checks = (!checks.is_empty()).then(|| {
        quote! {
            fn __check(
                &self,
                __index: __private::usize,
            ) -> __private::Result<(), __private::BrokenRule> {
                match __index {
                    #(#checks)*
                    _ => __private::Ok(()),
                }
            }
        }
    });
    let of_struct = of_struct(store);
    quote!(#normalizing #checks #of_struct)
}

fn of_struct(store: &Store<'_>) -> Option<TokenStream> {
    let attrs = &store.attrs;
    let rules: Vec<Rule> = [
        rule("normalize", attrs.normalize.value()),
        rule("validate", attrs.validate.value()),
    ]
    .into_iter()
    .flatten()
    .collect();
    if rules.is_empty() {
        return None;
    }
    let normalize = attrs.normalize.value().map(|path| {
        let call = quote_spanned!(located(path.span())=> __private::normalized(#path(self)););
        quote!(fn __normalize_struct(&mut self) { #call })
    });
    let validate = attrs.validate.value().map(|path| {
        let verdict = verdict(path, None);
        quote! {
            fn __check_struct(&self) -> __private::Result<(), __private::BrokenRule> {
                #verdict
            }
        }
    });
    Some(quote! {
        const __STRUCT_RULES: &'static [__private::Rule] = &[#(#rules),*];
        #normalize
        #validate
    })
}

/// The arm of a field that is normalized.
fn normalize(field: &Field<'_>) -> Option<TokenStream> {
    let path = field.attrs.normalize.value()?;
    let (index, ident) = (number(field), field.ident);
    let ident = at(ident, path.span());
    let call =
        quote_spanned!(located(path.span())=> __private::normalized(#path(&mut self.#ident)););
    Some(quote!(#index => { #call }))
}

/// The arm of a field that has something to ask.
fn check(field: &Field<'_>) -> Option<TokenStream> {
    let (index, ident) = (number(field), field.ident);
    let attrs = &field.attrs;
    let of_value: Vec<TokenStream> = [
        attrs.range.value().map(|range| in_range(field, range)),
        attrs.len.value().map(|len| has_length(field, len)),
        // An empty list is a mistake that has been reported, and a list of values of any type.
        (attrs
            .one_of
            .value()
            .filter(|values| !values.elems.is_empty()))
        .map(is_one_of),
    ]
    .into_iter()
    .flatten()
    .collect();
    let of_value = (!of_value.is_empty()).then(|| {
        let value = value(Span::call_site());
        match field.inner_of_option() {
            // `None` keeps these rules.
            Some(_) => quote! {
                if let __private::Some(#value) = &self.#ident {
                    #(#of_value)*
                }
            },
            None => quote! {
                let #value = &self.#ident;
                #(#of_value)*
            },
        }
    });
    let verdict = attrs
        .validate
        .value()
        .map(|path| verdict(path, Some(ident)));
    if of_value.is_none() && verdict.is_none() {
        return None;
    }
    let verdict = verdict.unwrap_or_else(|| quote!(__private::Ok(())));
    Some(quote! {
        #index => {
            #of_value
            #verdict
        }
    })
}

/// The local variable of the value that is asked, for errors at this place.
fn value(span: Span) -> Ident {
    Ident::new("__value", Span::mixed_site().located_at(span))
}

/// The same name, for errors at this place.
fn at(ident: &Ident, span: Span) -> Ident {
    let mut ident = ident.clone();
    ident.set_span(ident.span().located_at(span));
    ident
}

/// The type of the value that is asked: that in the `Option`, if the field is one.
fn type_of_value<'a>(field: &'a Field<'_>) -> &'a Type {
    field.inner_of_option().unwrap_or(field.ty())
}

/// Each end gets a variable of the value's type. It makes an end of another type an error that points at the end and
/// names the type.
fn in_range(field: &Field<'_>, range: &ExprRange) -> TokenStream {
    let ty = type_of_value(field);
    let value = value(ty.span());
    let text = compact(range.to_token_stream());
    let (from, to) = (
        Ident::new("__from", Span::mixed_site()),
        Ident::new("__to", Span::mixed_site()),
    );
    let start = range
        .start
        .as_ref()
        .map(|start| quote!(let #from: #ty = #start;));
    let end = range.end.as_ref().map(|end| quote!(let #to: #ty = #end;));
    let (first, last) = bounds(range, &quote!(&#from), &quote!(&#to));
    let in_range = quote_spanned!(located(ty.span())=> __private::in_range::<#ty>);
    quote! {
        {
            #start
            #end
            #in_range(#value, #first, #last, #text)?;
        }
    }
}

fn has_length(field: &Field<'_>, range: &ExprRange) -> TokenStream {
    let ty = type_of_value(field);
    let value = value(ty.span());
    let text = compact(range.to_token_stream());
    let (start, end) = (range.start.to_token_stream(), range.end.to_token_stream());
    let (first, last) = bounds(range, &start, &end);
    let has_length = quote_spanned!(located(ty.span())=> __private::has_length::<#ty>);
    quote!(#has_length(#value, #first, #last, #text)?;)
}

fn is_one_of(values: &ExprArray) -> TokenStream {
    let text = compact(values.to_token_stream());
    let span = values.span();
    let (value, list) = (
        value(span),
        Ident::new("__values", Span::mixed_site().located_at(span)),
    );
    let is_one_of = quote_spanned!(located(span)=> __private::is_one_of(#value, &#list, #text)?;);
    quote! {
        {
            let #list = #values;
            #is_one_of
        }
    }
}

/// The ends of a range, of which these are the values.
fn bounds(range: &ExprRange, start: &TokenStream, end: &TokenStream) -> (TokenStream, TokenStream) {
    let first = match range.start {
        Some(_) => quote!(__private::Included(#start)),
        None => quote!(__private::Unbounded),
    };
    let last = match (&range.end, range.limits) {
        (None, _) => quote!(__private::Unbounded),
        (Some(_), RangeLimits::HalfOpen(_)) => quote!(__private::Excluded(#end)),
        (Some(_), RangeLimits::Closed(_)) => quote!(__private::Included(#end)),
    };
    (first, last)
}

/// What a function of the user's says of a field, or of the struct.
fn verdict(path: &Path, field: Option<&Ident>) -> TokenStream {
    let text = compact(path.to_token_stream());
    let span = located(path.span());
    let value = match field {
        Some(field) => {
            let field = at(field, path.span());
            quote_spanned!(span=> &self.#field)
        }
        None => quote_spanned!(span=> self),
    };
    quote_spanned!(span=> __private::verdict(#path(#value), #text))
}
