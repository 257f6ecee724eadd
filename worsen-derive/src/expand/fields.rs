//! The methods of `impl Fields` that do something with one field, by its number: each a `match` on the number, and
//! never a loop.

use proc_macro2::{Literal, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{ExprPath, spanned::Spanned};

use super::{
    docs::compact,
    rules, settings,
    span::{call, located, method_of, number},
};
use crate::model::{Codec, Field, Store};

/// `__FIELDS` and `__COUNT`.
pub(super) fn infos(store: &Store<'_>) -> TokenStream {
    let infos = store.fields.iter().map(info);
    let count = Literal::usize_unsuffixed(store.fields.len());
    let has_env = store.fields.iter().any(|field| field.env().is_some());
    let has_env = has_env.then(|| {
        quote!(
            const __HAS_ENV: bool = true;
        )
    });
    quote! {
        #has_env
        const __FIELDS: &'static [__private::FieldInfo] = &[#(#infos),*];
        const __COUNT: __private::usize = #count;
    }
}

/// The methods that copy, write, read and show one field.
pub(super) fn methods(store: &Store<'_>) -> TokenStream {
    let copies = copies(store);
    let entries = entries(store);
    let places = places(store);
    quote!(#copies #entries #places)
}

/// `__copy` and `__copy_field`.
fn copies(store: &Store<'_>) -> TokenStream {
    let copy = copy(store);
    let copies = store.fields.iter().map(|field| {
        let (index, ident) = (number(field), field.ident);
        let copy = method_of(store, field, "copy");
        quote!(#index => self.#ident = #copy(&__from.#ident),)
    });
    quote! {
        #[inline]
        fn __copy(&self) -> Self {
            #copy
        }

        #[inline]
        fn __copy_field(&mut self, __index: __private::usize, __from: &Self) {
            match __index {
                #(#copies)*
                _ => {}
            }
        }
    }
}

/// `__record` and `__apply`.
fn entries(store: &Store<'_>) -> TokenStream {
    let stored = || store.fields.iter().filter(|field| field.is_stored());
    let records = stored().map(|field| {
        let (index, record) = (number(field), record(field));
        quote!(#index => #record,)
    });
    let applies = stored().map(|field| {
        let (index, apply) = (number(field), apply(field));
        quote!(#index => #apply,)
    });
    quote! {
        #[inline]
        fn __record(
            &mut self,
            __index: __private::usize,
            __uid: &'static __private::str,
            __out: &mut __private::Edits,
        ) -> __private::Result<(), __private::ValueError> {
            match __index {
                #(#records)*
                _ => __private::Ok(()),
            }
        }

        #[inline]
        fn __apply(
            &mut self,
            __index: __private::usize,
            __change: __private::FieldChange<'_>,
        ) -> __private::Result<(), __private::ValueError> {
            match __index {
                #(#applies)*
                _ => __private::Ok(()),
            }
        }
    }
}

/// `__field` and `__field_mut`.
fn places(store: &Store<'_>) -> TokenStream {
    let of_fields = || {
        let fields = store.fields.iter();
        fields.filter(|field| field.is_stored() && matches!(field.codec(), Codec::Field))
    };
    let places = of_fields().map(|field| {
        let (index, ident) = (number(field), field.ident);
        let any = call(field, field.ty(), quote!(Stored), "any");
        quote!(#index => __private::Some(#any(&self.#ident)),)
    });
    let places_mut = of_fields().map(|field| {
        let (index, ident) = (number(field), field.ident);
        let any = call(field, field.ty(), quote!(Stored), "any_mut");
        quote!(#index => __private::Some(#any(&mut self.#ident)),)
    });
    quote! {
        fn __field(
            &self,
            __index: __private::usize,
        ) -> __private::Option<&dyn __private::Any> {
            match __index {
                #(#places)*
                _ => __private::None,
            }
        }

        fn __field_mut(
            &mut self,
            __index: __private::usize,
        ) -> __private::Option<&mut dyn __private::Any> {
            match __index {
                #(#places_mut)*
                _ => __private::None,
            }
        }
    }
}

fn info(field: &Field<'_>) -> TokenStream {
    let name = &field.name;
    let uid = if field.is_stored() {
        let uid = &field.uid.value;
        quote!(__private::Some(#uid))
    } else {
        quote!(__private::None)
    };
    let by_entry = match (field.is_stored(), field.codec()) {
        (true, Codec::Field) => call(field, field.ty(), quote!(Stored), "by_entry"),
        _ => quote!(__private::whole),
    };
    let type_name = compact(field.ty().to_token_stream());
    let rules = rules::column(field);
    let env = field.env().map(|variable| quote!(.env(#variable)));
    let on_mismatch = field.attrs.on_mismatch.value().map(|on_mismatch| {
        let on_mismatch = settings::on_mismatch(*on_mismatch);
        quote!(.on_mismatch(#on_mismatch))
    });
    let aliases = field.attrs.aliases.iter().map(|given| &given.value);
    let aliases =
        (field.is_stored() && aliases.len() > 0).then(|| quote!(.aliases(&[#(#aliases),*])));
    quote!(
        __private::FieldInfo::new(#name, #uid, #by_entry)
            .of_type(#type_name)
        #rules
        #on_mismatch
        #aliases
        #env
    )
}

fn copy(store: &Store<'_>) -> TokenStream {
    if !store.has_named_fields() {
        return quote!(__private::unreachable!());
    }
    let values = store.fields.iter().map(|field| {
        let ident = field.ident;
        let copy = method_of(store, field, "copy");
        quote!(#ident: #copy(&self.#ident))
    });
    quote!(Self { #(#values),* })
}

fn record(field: &Field<'_>) -> TokenStream {
    let ident = field.ident;
    let Some((serialize, deserialize)) = functions(field) else {
        if matches!(field.codec(), Codec::Unknown) {
            return quote!(__private::Ok(()));
        }
        let record = call(field, field.ty(), quote!(Stored), "record");
        return quote!(#record(&mut self.#ident, __uid, __out));
    };
    quote! {
        __private::record_with(
            &mut self.#ident,
            __uid,
            __out,
            // The same twice, as a closure has one type: it is called with one serializer to compare, and with
            // another to write.
            |__value, __serializer| #serialize,
            |__value, __serializer| #serialize,
            |__deserializer| #deserialize,
        )
    }
}

fn apply(field: &Field<'_>) -> TokenStream {
    let ident = field.ident;
    let Some((_, deserialize)) = functions(field) else {
        if matches!(field.codec(), Codec::Unknown) {
            return quote!(__private::Ok(()));
        }
        let apply = call(field, field.ty(), quote!(Stored), "apply");
        return quote!(#apply(&mut self.#ident, __change));
    };
    quote! {
        __private::apply_with(
            &mut self.#ident,
            __change,
            |__deserializer| #deserialize,
        )
    }
}

/// The calls that write and read a field, unless those of its type do.
fn functions(field: &Field<'_>) -> Option<(TokenStream, TokenStream)> {
    let at = |path: &ExprPath| located(path.span());
    match field.codec() {
        Codec::Field | Codec::Unknown => None,
        Codec::Module(module) => Some((
            quote_spanned!(at(&module)=> #module::serialize(__value, __serializer)),
            quote_spanned!(at(&module)=> #module::deserialize(__deserializer)),
        )),
        Codec::Functions {
            serialize,
            deserialize,
        } => {
            let of_type = located(field.ty().span());
            Some((
                match serialize {
                    Some(path) => quote_spanned!(at(path)=> #path(__value, __serializer)),
                    None => quote_spanned! {of_type=>
                        __private::Serialize::serialize(__value, __serializer)
                    },
                },
                match deserialize {
                    Some(path) => quote_spanned!(at(path)=> #path(__deserializer)),
                    None => quote_spanned! {of_type=>
                        __private::Deserialize::deserialize(__deserializer)
                    },
                },
            ))
        }
    }
}
