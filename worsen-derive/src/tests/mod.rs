//! The expansions of typical structs, as a person reads them, and the small functions behind them.
//! `runtime` compares its rules with those of the runtime, `fuzz` the fuzz target with the derive. Programs that
//! use the generated code show elsewhere that it compiles and works.

use proc_macro2::TokenStream;
use quote::quote;

use crate::{attr, case::snake_case, derive::derive, names};

mod fuzz;
mod runtime;

/// The expansion as rustfmt would have it, with attributes and comments.
fn expand(input: TokenStream) -> String {
    let file = syn::parse2(derive(input)).unwrap();
    prettyplease::unparse(&file)
}

/// The error messages in an expansion.
fn errors(input: TokenStream) -> Vec<String> {
    let file: syn::File = syn::parse2(derive(input)).unwrap();
    let errors = file.items.iter().filter_map(|item| match item {
        syn::Item::Macro(item) => item.mac.parse_body::<syn::LitStr>().ok(),
        _ => None,
    });
    errors.map(|error| error.value()).collect()
}

#[test]
fn typical() {
    insta::assert_snapshot!(expand(quote! {
        #[store(name = "persistent-store-test", dir = "./db", poll = "5s")]
        pub struct AppState {
            /// First-run set-up has happened.
            #[store(uid = "AppInit", seed = true)]
            pub app_init: bool,
            #[store(uid = "AppErrors")]
            pub app_errors: bool,
            /// What is still to do, oldest first.
            ///
            /// Never longer than a day's work.
            pub jobs: VecDeque<Job>,
        }
    }));
}

#[test]
fn smallest() {
    insta::assert_snapshot!(expand(quote! {
        struct Settings {
            #[store(seed = 11)]
            font_size: u32,
        }
    }));
}

#[test]
fn generic() {
    insta::assert_snapshot!(expand(quote! {
        pub(crate) struct Table<K: worsen::Field, V = u8, const N: usize = 4>
        where
            V: worsen::Field + Default,
        {
            #[store(seed = K::from([0; N]))]
            pub key: K,
            value: V,
        }
    }));
}

#[test]
fn every_option() {
    insta::assert_snapshot!(expand(quote! {
        #[store(
            name = "prefs",
            dir = app("com", "Example", "Notes"),
            poll = "never",
            durability = Buffered,
            lock_timeout = "1s 500ms",
            history = "7d",
            handle = Prefs,
            accessors = pub(crate),
            rename_all = "camelCase",
            on_mismatch = "seed",
            crate = crate::storage::worsen,
        )]
        pub struct Preferences {
            #[store(accessor = "title", seed = String::from("unnamed"))]
            name: String,
            #[store(uid = "r", on_mismatch = "error")]
            r#type: Option<R>,
        }
    }));
}

#[test]
fn skipped_and_coded() {
    insta::assert_snapshot!(expand(quote! {
        struct Session {
            #[store(with = crate::hex)]
            token: [u8; 16],
            #[store(skip)]
            attempts: u32,
        }
    }));
}

#[test]
fn a_wrong_struct_still_has_its_handle_and_the_accessors_that_are_right() {
    let expansion = expand(quote! {
        #[store(poll = "0s")]
        struct State {
            #[store(seed = )]
            first: bool,
            second: u32,
            set_second: u32,
        }
    });
    assert_eq!(
        expansion.matches("compile_error!").count(),
        4,
        "{expansion}"
    );
    for method in [
        "first",
        "set_first",
        "second",
        "set_second",
        "watch_second",
        "update_set_second",
    ] {
        assert_eq!(
            expansion.matches(&format!("fn {method}")).count(),
            1,
            "{method}: {expansion}"
        );
    }
}

#[test]
fn a_struct_in_the_arguments_of_a_macro_is_read_through_its_invisible_groups() {
    let name = proc_macro2::Group::new(proc_macro2::Delimiter::None, quote!("state"));
    let seed = proc_macro2::Group::new(proc_macro2::Delimiter::None, quote!(1 + 2));
    let found = errors(quote! {
        #[store(name = #name)]
        struct State {
            #[store(uid = #name, seed = #seed)]
            count: u32,
        }
    });
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn a_comma_inside_a_wrong_value_is_not_taken_for_a_key() {
    let found = errors(quote! {
        struct State {
            #[store(sead = HashMap::<u8, u8>::new(), uid = "")]
            map: HashMap<u8, u8>,
        }
    });
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].contains("did you mean `seed`"), "{found:?}");
    assert!(found[1].contains("cannot be empty"), "{found:?}");
}

#[test]
fn a_field_without_a_size_is_one_mistake_and_not_one_a_line() {
    for ty in [
        quote!(dyn Send + Sync),
        quote!((dyn Send + Sync)),
        quote!(impl Send + Sync),
        quote!(Send+),
        quote!([u8]),
        quote!(str),
    ] {
        let input = quote! {
            struct State {
                ready: bool,
                field: #ty,
            }
        };
        let found = errors(input.clone());
        assert_eq!(found.len(), 1, "{ty}: {found:?}");
        assert!(found[0].contains("a type with a size"), "{ty}: {found:?}");
        assert_eq!(expand(input).matches("fn ").count(), 0, "{ty}");
    }
}

#[test]
fn a_keyword_is_no_name_of_a_handle() {
    for keyword in [
        quote!(crate),
        quote!(self),
        quote!(Self),
        quote!(super),
        quote!("type"),
    ] {
        let found = errors(quote! {
            #[store(handle = #keyword)]
            struct State {
                ready: bool,
            }
        });
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("takes the name"), "{found:?}");
    }
}

#[test]
fn a_path_that_nothing_can_be_imported_from_is_no_crate() {
    for path in [quote!(Self), quote!(Self::worsen), quote!(worsen::<u8>)] {
        let found = errors(quote! {
            #[store(crate = #path)]
            struct State {
                ready: bool,
            }
        });
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("crate = path::to::worsen"), "{found:?}");
    }
}

#[test]
fn a_struct_is_named_as_in_snake_case() {
    for (name, snake) in [
        ("AppState", "app_state"),
        ("HTTPServer", "http_server"),
        ("HTTP", "http"),
        ("Version2State", "version2_state"),
        ("app", "app"),
        ("ÄrgerListe", "ärger_liste"),
    ] {
        assert_eq!(snake_case(name), snake);
    }
}

#[test]
fn rename_all_has_the_rules_of_serde() {
    for (rule, uid) in [
        ("lowercase", "is_ready"),
        ("UPPERCASE", "IS_READY"),
        ("PascalCase", "IsReady"),
        ("camelCase", "isReady"),
        ("snake_case", "is_ready"),
        ("SCREAMING_SNAKE_CASE", "IS_READY"),
        ("kebab-case", "is-ready"),
        ("SCREAMING-KEBAB-CASE", "IS-READY"),
    ] {
        let expansion = expand(quote! {
            #[store(rename_all = #rule)]
            struct State {
                is_ready: bool,
            }
        });
        let info = format!("__private::Some({uid:?})");
        assert!(expansion.contains(&info), "{rule}: {expansion}");
    }
}

#[test]
fn any_name_but_a_path_keyword_can_be_an_accessor() {
    for name in ["x", "_x", "type", "größe", "match"] {
        assert!(names::is_accessor_name(name), "{name}");
    }
    for name in [
        "", "_", "self", "Self", "super", "crate", "r#type", "a b", "a-b", "1st", "x()", " x",
        "x\n", "type ", "x/**/", "x // y", "4th\n",
    ] {
        assert!(!names::is_accessor_name(name), "{name}");
        let found = errors(quote! {
            struct State {
                #[store(accessor = #name)]
                field: bool,
            }
        });
        assert_eq!(found.len(), 1, "{name}: {found:?}");
    }
}

/// Compares the table of keys in the documentation with the list that `attr` reads.
#[test]
fn every_key_is_documented() {
    let source = include_str!("../lib.rs");
    for key in attr::all_keys() {
        assert!(
            source.contains(&format!("/// | `{key}")),
            "`{key}` is not in the table"
        );
    }
}

#[test]
fn what_is_deprecated_has_deprecated_accessors() {
    let expansion = expand(quote! {
        #[deprecated]
        struct State {
            #[deprecated = "use `new`"]
            #[doc(hidden)]
            old: u8,
            new: u8,
        }
    });
    assert_eq!(expansion.matches("#[deprecated]").count(), 1, "{expansion}");
    assert_eq!(
        expansion.matches("#[deprecated = \"use `new`\"]").count(),
        5,
        "{expansion}"
    );
    assert_eq!(
        expansion.matches("#[doc(hidden)]").count(),
        5,
        "{expansion}"
    );
    assert_eq!(
        expansion.matches("#[allow(deprecated").count(),
        2,
        "{expansion}"
    );
}

#[test]
fn a_seed_is_documented_as_it_was_written() {
    for (seed, shown) in [
        (quote!(11), "its seed is `11`;"),
        (quote!(-1), "its seed is `-1`;"),
        (quote!(a - 1), "its seed is `a - 1`;"),
        (quote!(&x), "its seed is `&x`;"),
        (quote!("a`b"), "its seed is `` \"a`b\" ``;"),
        (quote!(Vec::<u8>::new()), "its seed is `Vec::<u8>::new()`;"),
        (quote!(vec![1, 2]), "its seed is `vec![1, 2]`;"),
        (
            quote!(Job { id: 1, name: x.y() }),
            "its seed is `Job { id: 1, name: x.y() }`;",
        ),
        (
            quote!(a && !b || c == d),
            "its seed is `a && !b || c == d`;",
        ),
        (quote!(0..=9), "its seed is `0..=9`;"),
        (quote!('x'), "its seed is `'x'`;"),
        (
            quote!(very_long(
                aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa,
                bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
            )),
            "it has a seed;",
        ),
    ] {
        let expansion = expand(quote! {
            struct State {
                #[store(seed = #seed)]
                x: T,
            }
        });
        let line = expansion
            .lines()
            .find(|line| line.contains("Stored as `x`"))
            .unwrap();
        assert!(line.contains(shown), "{line}");
    }
}
