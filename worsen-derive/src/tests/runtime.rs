//! The derive and the runtime agree: how long a name and a uid may be and what they may contain, which methods a
//! handle has, and what holds where the attributes say nothing. The derive has its own copy of each rule, because it
//! cannot import from the runtime. These tests ask both, or read the whole source of the runtime.

use std::{
    any::Any,
    borrow::{Borrow, BorrowMut},
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    fs,
    ops::Deref,
    path::{Path, PathBuf},
    time::Duration,
};

use quote::quote;
use syn::{FnArg, ImplItem, Item, TraitItem, Visibility};
use worsen::{__private::Settings, Durability, PersistentStore};

use super::errors;
use crate::{derive::derive, names};

#[test]
fn a_name_that_compiles_is_one_that_opens() {
    let mut names: Vec<String> = [0, 1, 199, 200, 201, 4096]
        .map(|len| "n".repeat(len))
        .into();
    names.extend([
        "é".repeat(100),
        "é".repeat(101),
        ".".to_owned(),
        "..".to_owned(),
    ]);
    for char in ('\0'..'\u{100}').chain(['\u{2028}', '\u{feff}', '名']) {
        names.extend([format!("{char}n"), format!("n{char}n"), format!("n{char}")]);
    }
    for name in names {
        let told = errors(quote! {
            #[store(name = #name)]
            struct State {
                ready: bool,
            }
        });
        let store = PersistentStore::<bool>::builder(&*name).in_memory();
        let opened = store.open().map(drop);
        assert_eq!(
            told.is_empty(),
            opened.is_ok(),
            "{name:?}: {told:?}, {opened:?}"
        );
    }
}

#[test]
fn a_uid_that_compiles_is_one_that_can_be_written() {
    let store = PersistentStore::<bool>::builder("uids").in_memory();
    let store = store.open().unwrap();
    let mut uids: Vec<String> = [0, 1, 4095, 4096, 4097, 9999]
        .map(|len| "u".repeat(len))
        .into();
    uids.extend(["é".repeat(2048), "é".repeat(2049)]);
    // Only the uid of an entry has a `/`: the derive refuses it in a field's.
    let chars = ('\0'..'\u{100}').filter(|char| *char != '/');
    uids.extend(chars.map(|char| format!("u{char}")));
    for uid in uids {
        let told = errors(quote! {
            struct State {
                #[store(uid = #uid)]
                ready: bool,
            }
        });
        let written = store.write(&*uid, true).wait();
        assert_eq!(
            told.is_empty(),
            written.is_ok(),
            "{uid:?}: {told:?}, {written:?}"
        );
    }
}

#[test]
fn a_durability_that_compiles_is_one_that_there_is() {
    let Some(runtime) = Runtime::read() else {
        return;
    };
    let variants = &runtime.enums["Durability"];
    assert!(
        variants.contains(&format!("{:?}", Durability::Synced)),
        "{variants:?}"
    );
    for variant in variants {
        let ident = syn::parse_str::<syn::Ident>(variant).unwrap();
        let told = errors(quote! {
            #[store(durability = #ident)]
            struct State {
                ready: bool,
            }
        });
        assert!(told.is_empty(), "{variant}: {told:?}");
    }
}

#[test]
fn a_duration_that_compiles_is_one_that_a_builder_takes() {
    for text in [
        "1ns",
        "5s",
        "1h 30m",
        "500000years",
        "18446744073709551615s 999999999ns",
    ] {
        let output = derive(quote! {
            #[store(poll = #text, lock_timeout = #text)]
            struct State {
                ready: bool,
            }
        });
        let told = output.to_string().contains("compile_error");
        assert!(!told, "{text}: {output}");
    }
    let store = PersistentStore::<bool>::builder("long").in_memory();
    let store = store.poll(Duration::MAX).lock_timeout(Duration::MAX);
    store.open().unwrap().write("a", true).wait().unwrap();
}

/// Compares the third column of the table of keys with the runtime's settings.
#[test]
fn what_holds_without_a_key_is_documented_as_the_runtime_has_it() {
    let settings = Settings::new("name");
    let seconds = |duration: Duration| format!("{} s", duration.as_secs_f64());
    let dir = settings.dir.unwrap();
    for (key, default) in [
        (
            "dir = \"./db\"",
            format!("`{}` in the current directory", dir.display()),
        ),
        ("poll", format!("every {}", seconds(settings.poll.unwrap()))),
        ("lock_timeout", seconds(settings.lock_timeout)),
        ("durability", format!("`{:?}`", settings.durability)),
    ] {
        let line = include_str!("../lib.rs")
            .lines()
            .find(|line| line.starts_with(&format!("/// | `{key}")))
            .unwrap_or_else(|| panic!("`{key}` is not in the table"));
        assert!(
            line.ends_with(&format!("| {default} |")),
            "{line}: {default}"
        );
    }
}

#[test]
fn the_methods_of_the_handle_and_no_others_are_reserved() {
    let Some(runtime) = Runtime::read() else {
        return;
    };
    assert_eq!(set(names::OF_HANDLE), runtime.of_handle());
    assert_eq!(set(names::OF_STORE), runtime.of_store);
}

/// Asks a type that has the traits of a generated handle which of the methods exist, and the expansion which
/// methods it implements.
#[test]
fn the_methods_of_the_traits_of_every_handle_are_reserved() {
    #[derive(Clone, Debug)]
    struct Like(u8);
    impl Deref for Like {
        type Target = u8;

        fn deref(&self) -> &u8 {
            &self.0
        }
    }
    let mut found = BTreeSet::new();
    macro_rules! has {
        ($($method:ident: $ty:ty,)*) => {
            $(let _: $ty = Like::$method; found.insert(stringify!($method).to_owned());)*
        };
    }
    has! {
        borrow: fn(&Like) -> &Like,
        borrow_mut: fn(&mut Like) -> &mut Like,
        clone: fn(&Like) -> Like,
        clone_from: fn(&mut Like, &Like),
        deref: fn(&Like) -> &u8,
        into: fn(Like) -> Like,
        to_owned: fn(&Like) -> Like,
        try_into: fn(Like) -> Result<Like, Infallible>,
        type_id: fn(&Like) -> std::any::TypeId,
    }
    // The methods that the derive implements for a handle, by the traits that `Like` has.
    let expansion = syn::parse2(derive(quote! {
        struct State {
            ready: bool,
        }
    }));
    let expansion: syn::File = expansion.unwrap();
    let bodies = expansion.items.into_iter().filter_map(|item| match item {
        Item::Const(item) => Some(*item.expr),
        _ => None,
    });
    for body in bodies {
        let syn::Expr::Block(body) = body else {
            panic!("a block")
        };
        for statement in body.block.stmts {
            if let syn::Stmt::Item(Item::Impl(item)) = statement {
                if item.trait_.is_some() && name_of(&item.self_ty) == "StateStore" {
                    found.extend(methods(&item.items, |_| true));
                }
            }
        }
    }
    assert_eq!(set(names::OF_STD), found);
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Parts of the source of the runtime, wherever in it they stand.
#[derive(Default)]
struct Runtime {
    /// The variants of each public enum.
    enums: BTreeMap<String, Vec<String>>,
    /// The traits that users cannot see, nor call.
    hidden_traits: BTreeSet<String>,
    inherent: BTreeSet<String>,
    /// Those that `Handle` has by a trait, with its name.
    by_trait: BTreeMap<String, BTreeSet<String>>,
    of_store: BTreeSet<String>,
}

impl Runtime {
    /// `None` if the source is not beside this crate: a published one has none.
    fn read() -> Option<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../worsen/src");
        if !folder.exists() {
            println!("skipped: the runtime's source is not beside this crate");
            return None;
        }
        let mut this = Runtime::default();
        for file in sources(&folder) {
            let source = fs::read_to_string(file).unwrap();
            this.take(syn::parse_file(&source).unwrap().items);
        }
        Some(this)
    }

    fn take(&mut self, items: Vec<Item>) {
        for item in items {
            match item {
                Item::Mod(item) => {
                    self.take(item.content.map(|(_, items)| items).unwrap_or_default())
                }
                Item::Enum(item) if is_public(&item.vis) => {
                    let variants = item
                        .variants
                        .iter()
                        .map(|variant| variant.ident.to_string());
                    self.enums
                        .insert(item.ident.to_string(), variants.collect());
                }
                Item::Trait(item) if item.ident == "Store" => {
                    let functions = item.items.iter().filter_map(|item| match item {
                        TraitItem::Fn(item) => Some(item.sig.ident.to_string()),
                        _ => None,
                    });
                    self.of_store
                        .extend(functions.filter(|name| !name.starts_with("__")));
                }
                Item::Trait(item) if !is_public(&item.vis) => {
                    self.hidden_traits.insert(item.ident.to_string());
                }
                Item::Impl(item) if name_of(&item.self_ty) == "Handle" => match &item.trait_ {
                    None => self.inherent.extend(methods(&item.items, is_public)),
                    Some(implemented) => {
                        let (path, _) = implemented;
                        let name = path.segments.last().unwrap().ident.to_string();
                        let methods = methods(&item.items, |_| true);
                        self.by_trait.entry(name).or_default().extend(methods);
                    }
                },
                _ => {}
            }
        }
    }

    /// The methods of `Handle` that users can call, without those of traits that generated handles implement too.
    fn of_handle(&self) -> BTreeSet<String> {
        let mut methods = self.inherent.clone();
        for (name, of_trait) in &self.by_trait {
            let is_anew = ["Clone", "Debug", "Drop"].contains(&name.as_str());
            if !is_anew && !self.hidden_traits.contains(name) {
                methods.extend(of_trait.iter().cloned());
            }
        }
        methods
    }
}

/// Every Rust file below a directory.
fn sources(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// The names of the methods, without functions that take no `self`.
fn methods(items: &[ImplItem], is_seen: impl Fn(&Visibility) -> bool) -> BTreeSet<String> {
    let functions = items.iter().filter_map(|item| match item {
        ImplItem::Fn(item) => Some(item),
        _ => None,
    });
    functions
        .filter(|item| {
            is_seen(&item.vis) && matches!(item.sig.inputs.first(), Some(FnArg::Receiver(_)))
        })
        .map(|item| item.sig.ident.to_string())
        .collect()
}

fn is_public(vis: &Visibility) -> bool {
    matches!(vis, Visibility::Public(_))
}

/// The last part of a type's path.
fn name_of(ty: &syn::Type) -> String {
    match ty {
        syn::Type::Path(path) => path.path.segments.last().map(|last| last.ident.to_string()),
        _ => None,
    }
    .unwrap_or_default()
}
