//! Structs in surroundings that break careless macros: shadowed names, no prelude, macros that write
//! structs, modules and functions as places. Each compiles without a warning, and each works.

#![deny(warnings, clippy::pedantic)]

use std::{
    cell::Cell,
    collections::{BTreeMap, VecDeque},
};

use worsen::{Result, Store};

/// Here every name of the prelude, and every other that an expansion is likely to use, means something else.
mod shadowed {
    #![allow(
        dead_code,
        non_camel_case_types,
        reason = "they are here to be in the way"
    )]

    pub(crate) struct Option;
    pub(crate) struct Some;
    pub(crate) struct None;
    pub(crate) struct Result;
    pub(crate) struct Ok;
    pub(crate) struct Err;
    pub(crate) struct Vec;
    pub(crate) struct String;
    pub(crate) struct Box;
    pub(crate) struct PathBuf;
    pub(crate) struct Duration;
    pub(crate) struct Handle;
    pub(crate) struct Commit;
    pub(crate) struct Watch;
    pub(crate) struct Settings;
    pub(crate) struct usize;
    pub(crate) struct str;
    pub(crate) trait Clone {}
    pub(crate) trait Copy {}
    pub(crate) trait Default {}
    pub(crate) trait Send {}
    pub(crate) trait Sync {}
    pub(crate) trait Sized {}
    pub(crate) trait FnOnce {}
    pub(crate) trait From {}
    pub(crate) trait Into {}
    pub(crate) trait Drop {}
    pub(crate) trait Field {}
    pub(crate) mod std {}
    pub(crate) mod core {}
    pub(crate) mod alloc {}
    pub(crate) mod serde {}
    pub(crate) mod worsen {}
    pub(crate) mod __private {}
    pub(crate) mod fmt {}

    macro_rules! no_such_macro {
        ($($name:ident)*) => {
            $(#[allow(unused_macros, reason = "they are here to be in the way")]
            macro_rules! $name {
                () => {
                    compile_error!("an expansion used a macro of the surroundings")
                };
            })*
        };
    }
    no_such_macro!(unreachable panic vec matches write format debug_assert assert stringify concat);

    #[derive(::worsen::Store)]
    #[store(
        name = "shadowed",
        dir = "./db",
        poll = "1s",
        lock_timeout = "1s",
        durability = Buffered
    )]
    pub(crate) struct State {
        #[store(seed = 7)]
        pub(crate) count: u32,
        pub(crate) text: ::std::option::Option<::std::string::String>,
        #[store(skip)]
        pub(crate) skipped: u8,
        #[store(with = super::codec)]
        pub(crate) coded: ::std::vec::Vec<u8>,
    }
}

#[test]
fn shadowed_names_are_not_used() -> Result<()> {
    let store = shadowed::State::builder().in_memory().open()?;
    assert_eq!(store.count(), 7);
    store.set_text(Some("x".to_owned())).wait()?;
    store.set_coded(vec![1]).wait()?;
    let state = store.snapshot();
    assert_eq!(
        (state.text.as_deref(), &*state.coded, state.skipped),
        (Some("x"), &[1][..], 0)
    );
    assert!(format!("{store:?}").starts_with("StateStore("));
    Ok(())
}

/// Without the prelude, only the names that this module declares are in scope.
mod without_prelude {
    #![no_implicit_prelude]

    #[derive(::worsen::Store)]
    #[store(dir = "./db", poll = "never", rename_all = "camelCase")]
    pub(crate) struct Bare {
        #[store(seed = 7)]
        pub(crate) is_ready: ::std::primitive::u32,
        pub(crate) values: ::std::vec::Vec<::std::primitive::u8>,
        #[store(skip)]
        pub(crate) skipped: ::std::primitive::u8,
    }
}

#[test]
fn no_prelude_is_needed() -> Result<()> {
    let store = without_prelude::Bare::builder().in_memory().open()?;
    store.update_values(|values| values.push(1)).wait()?;
    assert_eq!(
        (store.is_ready(), store.values(), store.snapshot().skipped),
        (7, vec![1], 0)
    );
    Ok(())
}

mod codec {
    pub(crate) fn serialize<S: serde::Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        serde::Serialize::serialize(bytes, to)
    }

    pub(crate) fn deserialize<'de, D: serde::Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<u8>, D::Error> {
        serde::Deserialize::deserialize(from)
    }
}

/// A struct whose fields, types and parameters have names that the generated code uses too.
#[derive(Clone, Default, serde::Serialize, serde::Deserialize)]
struct R(u8);

#[derive(Store)]
struct Names {
    value: R,
    change: u8,
    index: u8,
    handle: u8,
    state: u8,
    before: u8,
    out: u8,
    r#type: u8,
    r#match: u8,
    größe: u8,
}

#[test]
fn a_field_can_have_any_name() -> Result<()> {
    let store = Names::builder().in_memory().open()?;
    assert_eq!(
        store
            .update_value(|value| std::mem::replace(value, R(2)).0)
            .wait()?,
        0
    );
    store.set_type(3).wait()?;
    store.set_match(4).wait()?;
    store.update_größe(|größe| *größe = 5).wait()?;
    let sum = store.change() + store.index() + store.handle() + store.state() + store.before();
    assert_eq!((sum, store.out(), store.value().0), (0, 0, 2));
    assert_eq!((store.r#type(), store.r#match(), store.größe()), (3, 4, 5));
    Ok(())
}

#[test]
fn a_raw_identifier_is_stored_without_its_prefix() -> Result<()> {
    let dir = tempfile::tempdir().expect("a directory for the test");
    let store = Names::builder().dir(dir.path()).open()?;
    store.set_type(3).wait()?;
    let log = std::fs::read_to_string(dir.path().join("names.db")).expect("the store's file");
    assert!(log.contains(r#""type":3"#), "{log}");
    assert!(!log.contains("r#"), "{log}");
    Ok(())
}

/// Fields with a `cfg`. The compiler removes them before the derive sees the struct.
#[derive(Store)]
struct Conditional {
    #[cfg(any())]
    absent: NoSuchType,
    #[cfg(not(any()))]
    present: u8,
    #[cfg_attr(not(any()), store(seed = 5))]
    seeded: u8,
    #[cfg_attr(any(), store(no_such_key))]
    plain: u8,
}

#[test]
fn cfg_is_respected() -> Result<()> {
    let store = Conditional::builder().in_memory().open()?;
    assert_eq!((store.present(), store.seeded(), store.plain()), (0, 5, 0));
    Ok(())
}

macro_rules! store_of {
    (
        $(#[$attr:meta])*
        $vis:vis struct $name:ident, $handle:ident, $store:literal, $module:path {
            $($field:ident: $ty:ty = $seed:expr),* $(,)?
        }
    ) => {
        $(#[$attr])*
        #[derive(Store)]
        #[store(name = $store, handle = $handle)]
        $vis struct $name {
            $(#[store(seed = $seed)] $field: $ty,)*
            #[store(with = $module, uid = $store)]
            extra: Vec<u8>,
        }
    };
}

store_of! {
    /// Written by a macro.
    struct Written, WrittenHandle, "written", codec {
        first: u32 = 1 + 2,
        second: Vec<(u8, String)> = vec![(1, "one".to_owned())],
    }
}

#[test]
fn a_macro_can_write_the_struct() -> Result<()> {
    let store: WrittenHandle = Written::builder().in_memory().open()?;
    store.set_extra(vec![1]).wait()?;
    assert_eq!(
        (
            store.first(),
            store.second(),
            store.extra(),
            store.store_name()
        ),
        (3, vec![(1, "one".to_owned())], vec![1], "written")
    );
    Ok(())
}

mod outer {
    pub(super) mod nested {
        /// Fields of every visibility. Their accessors have the same one.
        #[derive(worsen::Store)]
        pub(in super::super) struct Nested {
            pub(in super::super) everywhere: u8,
            pub(super) above: super::Above,
            here: u8,
        }

        pub(in super::super) fn here(store: &NestedStore) -> u8 {
            store.here()
        }
    }

    pub(super) type Above = u16;

    pub(super) fn above(store: &nested::NestedStore) -> Above {
        store.above()
    }
}

#[test]
fn an_accessor_is_as_visible_as_its_field() -> Result<()> {
    let store = outer::nested::Nested::builder().in_memory().open()?;
    assert_eq!(
        (
            store.everywhere(),
            outer::above(&store),
            outer::nested::here(&store)
        ),
        (0, 0, 0)
    );
    Ok(())
}

#[derive(Store)]
struct First {
    one: u8,
}

#[derive(Store)]
struct Second {
    one: u8,
}

#[test]
fn two_stores_share_a_module_and_a_third_stands_in_a_function() -> Result<()> {
    #[derive(Store)]
    struct Third {
        #[store(seed = ONE)]
        one: u8,
    }
    const ONE: u8 = 1;

    let third = Third::builder().in_memory().open()?;
    let first = First::builder().in_memory().open()?;
    let second = Second::builder().in_memory().open()?;
    first.set_one(2).wait()?;
    assert_eq!((first.one(), second.one(), third.one()), (2, 0, 1));
    Ok(())
}

/// A type parameter with the name that the accessors would give theirs.
#[derive(Store)]
struct Generic<R, const N: usize>
where
    R: worsen::Field + From<[u8; N]>,
{
    #[store(seed = R::from([1; N]))]
    bytes: R,
    #[store(skip)]
    seen: Option<R>,
}

#[test]
fn a_generic_struct_works_for_each_of_its_types() -> Result<()> {
    let store: GenericStore<VecDeque<u8>, 2> =
        Generic::<VecDeque<u8>, 2>::builder().in_memory().open()?;
    let popped: Option<u8> = store.update_bytes(VecDeque::pop_front).wait()?;
    assert_eq!(
        (popped, store.bytes().len(), store.snapshot().seen.is_none()),
        (Some(1), 1, true)
    );
    let store = Generic::<Vec<u8>, 3>::builder().in_memory().open()?;
    assert_eq!(store.bytes(), [1, 1, 1]);
    Ok(())
}

/// `Self` in a field's type is the struct, also where the handle's methods name it.
#[derive(Clone, Default, serde::Serialize, serde::Deserialize, Store)]
struct Tree {
    label: String,
    children: Vec<Self>,
    by_name: BTreeMap<String, Option<Box<Self>>>,
    #[store(seed = [0; Self::LEAVES])]
    leaves: [u8; Self::LEAVES],
}

impl Tree {
    const LEAVES: usize = 3;
}

#[test]
fn a_struct_can_hold_itself() -> Result<()> {
    let store = Tree::builder().in_memory().open()?;
    store
        .update_children(|children| children.push(Tree::default()))
        .wait()?;
    store.set_label("root".to_owned()).wait()?;
    assert_eq!(
        (
            store.children().len(),
            store.by_name().len(),
            store.leaves()
        ),
        (1, 0, [0; 3])
    );
    Ok(())
}

/// `with` takes any module that has the two functions, and the type needs no traits of serde.
#[derive(Clone, Default)]
struct Opaque(u8);

mod opaque {
    pub(super) fn serialize<S: serde::Serializer>(
        value: &super::Opaque,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.serialize_str(&format!("#{}", value.0))
    }

    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(
        from: D,
    ) -> Result<super::Opaque, D::Error> {
        let text: String = serde::Deserialize::deserialize(from)?;
        let number = text
            .trim_start_matches('#')
            .parse()
            .map_err(serde::de::Error::custom)?;
        Ok(super::Opaque(number))
    }
}

#[derive(Store)]
struct Coded {
    #[store(with = self::opaque)]
    first: Opaque,
    #[store(with = "crate::opaque", uid = "2nd", seed = Opaque(2))]
    second: Opaque,
}

#[test]
fn a_with_module_writes_and_reads() -> Result<()> {
    let dir = tempfile::tempdir().expect("a directory for the test");
    let store = Coded::builder().dir(dir.path()).open()?;
    store.set_first(Opaque(7)).wait()?;
    drop(store);
    let log = std::fs::read_to_string(dir.path().join("coded.db")).expect("the store's file");
    assert!(
        log.contains(r##""first":"#7""##) && log.contains(r##""2nd":"#2""##),
        "{log}"
    );
    let store = Coded::builder().dir(dir.path()).open()?;
    assert_eq!((store.first().0, store.second().0), (7, 2));
    Ok(())
}

/// A directory that the program computes, and one that the platform has.
#[derive(Store)]
#[store(dir = std::env::temp_dir().join(NAMED), poll = "never")]
struct Placed {
    one: u8,
}

const NAMED: &str = "worsen-hygiene";

#[derive(Store)]
#[store(dir = app("com", "Example", "Hygiene"), lock_timeout = "0s")]
struct Platform {
    one: u8,
}

#[test]
fn a_directory_can_be_an_expression() -> Result<()> {
    // In memory, so that the test leaves no files: it shows only that they compile and open.
    assert_eq!(Placed::builder().in_memory().open()?.one(), 0);
    assert_eq!(Platform::builder().in_memory().open()?.one(), 0);
    Ok(())
}

/// A `Cell` cannot be a field, as it is not `Sync`, and yet a closure may return one.
#[test]
fn a_result_of_an_update_need_not_be_stored() -> Result<()> {
    let store = First::builder().in_memory().open()?;
    let cell: Cell<u8> = store.update_one(|one| Cell::new(*one)).wait()?;
    assert_eq!(cell.get(), 0);
    Ok(())
}

#[test]
fn handles_can_be_sent_and_shared() {
    fn is_shared<T: Clone + Send + Sync + 'static>() {}
    is_shared::<FirstStore>();
    is_shared::<GenericStore<Vec<u8>, 3>>();
}
