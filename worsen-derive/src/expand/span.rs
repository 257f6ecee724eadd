//! Where generated code points, and how it names what it calls. Never here: the code itself.

use proc_macro2::{Literal, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Ident, spanned::Spanned};

use crate::model::{Codec, Field, Seed, Store};

/// The runtime's function for one field: `copy`, or `set` if the field is stored. The code may stand outside of the
/// struct's own impl, where `Self` is another type, so it names the type without `Self`.
pub(super) fn method_of(store: &Store<'_>, field: &Field<'_>, method: &str) -> TokenStream {
    let source = match (field.is_stored(), field.codec()) {
        (true, Codec::Field) => quote!(Stored),
        (true, _) => quote!(StoredWith),
        // A function gives its first value, so its type needs no `Default`.
        (false, _) if matches!(field.seed(), Seed::Function(_) | Seed::OfStruct) => {
            quote!(StoredWith)
        }
        (false, _) => quote!(Skipped),
    };
    call(field, store.type_of(field), source, method)
}

/// `<T as Trait>::method`, located at the field's type. If the type lacks something, the compiler finds that at
/// every such call, but with the same words at the same place, and so it reports it once.
pub(super) fn call(
    field: &Field<'_>,
    ty: impl ToTokens,
    source: TokenStream,
    method: &str,
) -> TokenStream {
    let span = located(field.ty().span());
    let method = Ident::new(method, span);
    quote_spanned!(span=> <#ty as __private::#source>::#method)
}

/// A place for errors, with the names that the derive sees. The code at that place may come from the
/// arguments of a macro, and would see other names.
pub(super) fn located(span: Span) -> Span {
    Span::call_site().located_at(span)
}

/// The place of a field in `__FIELDS`.
pub(super) fn number(field: &Field<'_>) -> Literal {
    Literal::usize_unsuffixed(field.index)
}
