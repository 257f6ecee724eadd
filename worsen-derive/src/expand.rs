//! The code of `impl Store`: a dispatch by the number of a field, and nothing that runs a loop.
//!
//! What the methods do with a field is the runtime's; only the places are written out here.

use proc_macro2::{Literal, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Data, ExprPath, Fields, Ident, spanned::Spanned};

use crate::{
    accessor::{self, seed_local},
    attr::{Dir, Durability, Folder},
    model::{self, Codec, Field, Seed, Store},
    serde_attr::Default,
};

/// Everything the derive adds: the errors, and beside them the code that a struct without mistakes
/// would get, so that one mistake does not make the rest of the program wrong too.
pub(crate) fn expand(store: &Store<'_>, errors: TokenStream) -> TokenStream {
    // No code that names a lifetime, or a type that nothing is known of, would compile.
    let generics = &store.input.generics;
    if generics.lifetimes().next().is_some() || store.unbounded_parameters().next().is_some() {
        return errors;
    }
    let runtime = store.runtime();
    let handle = accessor::handle(store);
    let impls = accessor::impls(store);
    let implementation = implementation(store);
    let allow_deprecated = store.allow_deprecated();
    quote! {
        #errors
        #handle
        #allow_deprecated
        const _: () = {
            use #runtime::__private;

            #impls
            #implementation
        };
    }
}

fn implementation(store: &Store<'_>) -> TokenStream {
    let name = &store.input.ident;
    let handle = &store.handle;
    let (impl_generics, ty_generics, where_clause) = store.input.generics.split_for_impl();
    let infos = store.fields.iter().map(|field| info(field));
    let settings = settings(store);
    let seed = seed(store);
    // A seed that was written wrongly stands as a panic, and what follows it is not reached.
    let allow_unreachable = store
        .fields
        .iter()
        .any(|field| matches!(field.seed(), Seed::Unknown))
        .then(|| quote!(#[allow(unreachable_code, reason = "a seed is missing")]));
    let copy = copy(store);

    let copies = store.fields.iter().map(|field| {
        let (index, ident) = (number(field), field.ident);
        let copy = method_of(store, field, "copy");
        quote!(#index => self.#ident = #copy(&__from.#ident),)
    });
    let stored = || store.fields.iter().filter(|field| field.is_stored());
    let records = stored().map(|field| {
        let index = number(field);
        let record = record(field);
        quote!(#index => #record,)
    });
    let applies = stored().map(|field| {
        let index = number(field);
        let apply = apply(field);
        quote!(#index => #apply,)
    });

    let of_fields = || stored().filter(|field| matches!(field.codec(), Codec::Field));
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
        #[automatically_derived]
        impl #impl_generics __private::Store for #name #ty_generics #where_clause {
            type Handle = #handle #ty_generics;

            const __FIELDS: &'static [__private::FieldInfo] = &[#(#infos),*];

            #[inline]
            fn __settings() -> __private::Settings {
                #settings
            }

            #allow_unreachable
            #[inline]
            fn __seed() -> Self {
                #seed
            }

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

            #[inline]
            fn __record(
                &mut self,
                __index: __private::usize,
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
                __key: __private::Option<&__private::str>,
                __json: __private::Option<&__private::str>,
            ) -> __private::Result<(), __private::ValueError> {
                match __index {
                    #(#applies)*
                    _ => __private::Ok(()),
                }
            }

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

            #[inline]
            fn __handle(__handle: __private::Handle<Self>) -> #handle #ty_generics {
                #handle(__handle)
            }
        }
    }
}

/// The place of a field in `__FIELDS`.
fn number(field: &Field<'_>) -> Literal {
    Literal::usize_unsuffixed(field.index)
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
    quote!(__private::FieldInfo { uid: #uid, name: #name, by_entry: #by_entry })
}

fn settings(store: &Store<'_>) -> TokenStream {
    let name = store.store_name();
    let mut changes = Vec::new();
    match store.attrs.dir.value() {
        None => {}
        Some(Dir::Path(dir)) => {
            changes.push(quote!(__settings.dir = __private::Ok(__private::Into::into(#dir));));
        }
        Some(Dir::Folder(folder, [qualifier, organization, application])) => {
            let function = match folder {
                Folder::Data => quote!(app_dir),
                Folder::Config => quote!(config_dir),
            };
            changes.push(quote! {
                __settings.dir = __private::#function(#qualifier, #organization, #application);
                __settings.create_parents = true;
            });
        }
        Some(Dir::Expr(dir)) => {
            // At the expression, so that a value that is no path is an error there.
            let span = located(dir.span());
            let into = quote_spanned!(span=> __private::Into::into(#dir));
            changes.push(quote!(__settings.dir = __private::Ok(#into);));
        }
    }
    if let Some(poll) = store.attrs.poll.value() {
        if model::is_never(poll) {
            changes.push(quote!(__settings.poll = __private::None;));
        } else if let Ok(poll) = model::duration(poll) {
            let poll = duration(poll);
            changes.push(quote!(__settings.poll = __private::Some(#poll);));
        }
    }
    if let Some(Ok(timeout)) = store.attrs.lock_timeout.value().map(model::duration) {
        let timeout = duration(timeout);
        changes.push(quote!(__settings.lock_timeout = #timeout;));
    }
    if store.durability() == Durability::Buffered {
        changes.push(quote!(__settings.durability = __private::Durability::Buffered;));
    }
    if changes.is_empty() {
        return quote!(__private::Settings::new(#name));
    }
    quote! {
        let mut __settings = __private::Settings::new(#name);
        #(#changes)*
        __settings
    }
}

fn duration(duration: std::time::Duration) -> TokenStream {
    let seconds = Literal::u64_unsuffixed(duration.as_secs());
    let nanoseconds = Literal::u32_unsuffixed(duration.subsec_nanos());
    quote!(__private::Duration::new(#seconds, #nanoseconds))
}

fn seed(store: &Store<'_>) -> TokenStream {
    if !is_plain_struct(store) {
        // There is no field to seed. The shape has been told to be wrong.
        return quote!(__private::unreachable!());
    }
    // A local of the field's type: a seed of another type is an error at the seed, and says which
    // type the field has.
    let locals = store.fields.iter().filter_map(|field| {
        let (local, ty) = (seed_local(field), field.ty());
        match field.seed() {
            Seed::Expr(seed) => Some(quote!(let #local: #ty = #seed;)),
            Seed::Function(function) => {
                let span = located(function.span());
                let seed = quote_spanned!(span=> #function());
                Some(quote!(let #local: #ty = #seed;))
            }
            Seed::Default | Seed::OfStruct | Seed::Unknown => None,
        }
    });
    // No seed's local has this name: those begin with two of them.
    let whole = Ident::new("_struct", Span::mixed_site());
    let is_needed = store
        .fields
        .iter()
        .any(|field| matches!(field.seed(), Seed::OfStruct));
    let of_struct = store
        .serde
        .default
        .as_ref()
        .filter(|_| is_needed)
        .map(|default| {
            let default = match default {
                Default::Function(function) => {
                    quote_spanned!(located(function.span())=> #function())
                }
                Default::Trait => quote!(<Self as __private::Default>::default()),
            };
            quote!(let #whole: Self = #default;)
        });
    let values = store.fields.iter().map(|field| {
        let (ident, ty) = (field.ident, field.ty());
        match field.seed() {
            Seed::Expr(_) | Seed::Function(_) => {
                let local = seed_local(field);
                quote!(#ident: #local)
            }
            Seed::Unknown => quote!(#ident: __private::unreachable!()),
            Seed::OfStruct => {
                let copy = method_of(store, field, "copy");
                quote!(#ident: #copy(&#whole.#ident))
            }
            Seed::Default => {
                let source = if field.is_stored() {
                    quote!(DefaultSeed)
                } else {
                    quote!(Skipped)
                };
                let seed = call(field, ty, source, "default_seed");
                quote!(#ident: #seed())
            }
        }
    });
    quote! {
        #of_struct
        #(#locals)*
        Self { #(#values),* }
    }
}

fn copy(store: &Store<'_>) -> TokenStream {
    if !is_plain_struct(store) {
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
    let (ident, uid) = (field.ident, &field.uid.value);
    let Some((serialize, deserialize)) = functions(field) else {
        if matches!(field.codec(), Codec::Unknown) {
            return quote!(__private::Ok(()));
        }
        let record = call(field, field.ty(), quote!(Stored), "record");
        return quote! {
                    #record(
        &mut self.#ident, #uid, __out)
                };
    };
    quote! {
        __private::record_with(
            &mut self.#ident,
            #uid,
            __out,
            // To be told of, and to be written: two closures, as a closure has one type.
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
        return quote!(#apply(&mut self.#ident, __key, __json));
    };
    quote! {
        __private::apply_with(
            &mut self.#ident,
            __key,
            __json,
            |__deserializer| #deserialize,
        )
    }
}

/// The calls that write a field and read it, where these are not [`Field`]'s own.
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

/// The function that does this with a field: `copy`, or `set` where it is stored. Outside of the
/// struct's own impl `Self` is another type, so the type is named without it.
pub(crate) fn method_of(store: &Store<'_>, field: &Field<'_>, method: &str) -> TokenStream {
    let source = match (field.is_stored(), field.codec()) {
        (true, Codec::Field) => quote!(Stored),
        (true, _) => quote!(StoredWith),
        // It starts at what a function says, and needs no `Default`.
        (false, _) if matches!(field.seed(), Seed::Function(_) | Seed::OfStruct) => {
            quote!(StoredWith)
        }
        (false, _) => quote!(Skipped),
    };
    call(field, store.type_of(field), source, method)
}

/// `<T as Trait>::method`, all of it at the field's type. What a type lacks is found at every such
/// call, but always with the same words at the same place, and so it is told once.
fn call(field: &Field<'_>, ty: impl ToTokens, source: TokenStream, method: &str) -> TokenStream {
    let span = located(field.ty().span());
    let method = Ident::new(method, span);
    quote_spanned!(span=> <#ty as __private::#source>::#method)
}

/// A place for errors, with the names of the expansion: what stands there need not have been written
/// where the rest of the struct was, but in the arguments of a macro.
pub(crate) fn located(span: Span) -> Span {
    Span::call_site().located_at(span)
}

fn is_plain_struct(store: &Store<'_>) -> bool {
    matches!(&store.input.data, Data::Struct(data) if matches!(data.fields, Fields::Named(_)))
}
