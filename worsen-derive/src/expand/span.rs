//! Where generated code points, and how it names what it calls. Never here: what is generated.

use proc_macro2::{Literal, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Ident, spanned::Spanned};

use crate::model::{Codec, Field, Seed, Store};

/// The function that does this with a field: `copy`, or `set` where it is stored. Outside of the
/// struct's own impl `Self` is another type, so the type is named without it.
pub(super) fn method_of(store: &Store<'_>, field: &Field<'_>, method: &str) -> TokenStream {
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
pub(super) fn call(
    field: &Field<'_>,
    ty: impl ToTokens,
    source: TokenStream,
    method: &str,
) -> TokenStream {
    let span = located(field.ty.span());
    let method = Ident::new(method, span);
    quote_spanned!(span=> <#ty as __private::#source>::#method)
}

/// A place for errors, with the names of the expansion: what stands there need not have been written
/// where the rest of the struct was, but in the arguments of a macro.
pub(super) fn located(span: Span) -> Span {
    Span::call_site().located_at(span)
}

/// The place of a field in `__FIELDS`.
pub(super) fn number(field: &Field<'_>) -> Literal {
    Literal::usize_unsuffixed(field.index)
}
