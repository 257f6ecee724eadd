//! The sources keep the shape that makes them easy to find one's way in: every file says what lives in it, a
//! function fits on a screen or two, and no module hands out another one's names by a glob. Tests may be as long
//! as they like.

use std::{
    fs,
    path::{Path, PathBuf},
};

use syn::{spanned::Spanned, visit::Visit};

use super::{is_for_tests, root};

/// The most lines of a function, from its signature to its last brace.
const LINE_LIMIT: usize = 70;

/// Functions that are longer, and why that reads better than parts of them would.
const LONGER: &[(&str, &str, &str)] = &[];

/// The sources of both crates without their tests, and where they stand from the root on.
fn sources() -> Vec<(String, String)> {
    fn find(dir: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap();
            if name == "tests" || name.ends_with("_tests") {
                continue;
            }
            if path.is_dir() {
                find(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let mut files = Vec::new();
    for krate in ["worsen", "worsen-derive"] {
        let before = files.len();
        find(&root().join(krate).join("src"), &mut files);
        assert!(files.len() > before, "{krate} has no sources");
    }
    let name = |path: &Path| {
        let path = path.strip_prefix(root()).unwrap();
        let parts: Vec<_> = path.iter().map(|part| part.to_str().unwrap()).collect();
        parts.join("/")
    };
    let read = |path: PathBuf| (name(&path), fs::read_to_string(&path).unwrap());
    files.into_iter().map(read).collect()
}

/// What is measured in one file.
#[derive(Default)]
struct Shape {
    /// Each function with its lines.
    functions: Vec<(String, usize)>,
    hands_out_by_glob: bool,
}

impl Shape {
    fn of(source: &str) -> Self {
        let mut shape = Shape::default();
        shape.visit_file(&syn::parse_file(source).unwrap());
        shape
    }

    fn measure(&mut self, signature: &syn::Signature, body: &syn::Block) {
        let begin = signature.span().start().line;
        let end = body.brace_token.span.close().end().line;
        self.functions
            .push((signature.ident.to_string(), end + 1 - begin));
    }
}

fn has_glob(tree: &syn::UseTree) -> bool {
    match tree {
        syn::UseTree::Path(path) => has_glob(&path.tree),
        syn::UseTree::Group(group) => group.items.iter().any(has_glob),
        syn::UseTree::Glob(_) => true,
        syn::UseTree::Name(_) | syn::UseTree::Rename(_) => false,
    }
}

impl<'ast> Visit<'ast> for Shape {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let is_private = matches!(item.vis, syn::Visibility::Inherited);
        self.hands_out_by_glob |= !is_private && !is_for_tests(&item.attrs) && has_glob(&item.tree);
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !is_for_tests(&item.attrs) {
            syn::visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        if !is_for_tests(&item.attrs) {
            syn::visit::visit_item_impl(self, item);
        }
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        if !is_for_tests(&item.attrs) {
            self.measure(&item.sig, &item.block);
            syn::visit::visit_item_fn(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        if !is_for_tests(&item.attrs) {
            self.measure(&item.sig, &item.block);
            syn::visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(body) = &item.default {
            self.measure(&item.sig, body);
        }
        syn::visit::visit_trait_item_fn(self, item);
    }
}

#[test]
fn functions_fit_on_a_screen_or_two() {
    let mut unseen = LONGER.to_vec();
    let mut wrong = Vec::new();
    let mut measured = 0;
    for (file, source) in sources() {
        for (function, lines) in Shape::of(&source).functions {
            measured += 1;
            if lines <= LINE_LIMIT {
                continue;
            }
            let before = unseen.len();
            unseen.retain(|row| (row.0, row.1) != (&*file, &*function));
            if unseen.len() == before {
                wrong.push(format!(
                    "{file}: `{function}` has {lines} lines, of at most {LINE_LIMIT}"
                ));
            }
        }
    }
    for (file, function, _) in unseen {
        wrong.push(format!(
            "{file}: `{function}` is not that long any more: take it off the list"
        ));
    }
    assert!(measured > 1000, "only {measured} functions were measured");
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_file_says_what_lives_in_it() {
    let mut silent = Vec::new();
    for (file, source) in sources() {
        let head = source.lines().next().unwrap_or_default();
        if !head.starts_with("//! ") {
            silent.push(file);
        }
    }
    assert!(silent.is_empty(), "these begin without `//!`: {silent:?}");
}

#[test]
fn no_module_hands_out_names_by_a_glob() {
    let sources = sources().into_iter();
    let has_glob = sources.filter(|(_, source)| Shape::of(source).hands_out_by_glob);
    let files: Vec<String> = has_glob.map(|(file, _)| file).collect();
    assert!(files.is_empty(), "name what these hand out: {files:?}");
}

/// Without this the tests above might measure nothing.
#[test]
fn what_is_measured_is_what_stands_there() {
    let source = "//! Head.\n\npub(crate) use inner::{one, two::*};\n\n#[test]\nfn t() {\n    let _ = 1;\n}\n\n/// Doc.\n#[inline]\nfn f(\n    a: u8,\n) -> u8 {\n    fn g() {}\n    a\n}\n\ntrait T {\n    fn h() {\n    }\n}\n\n#[cfg(test)]\nmod tests {\n    pub use super::*;\n    fn i() {}\n}\n";
    let shape = Shape::of(source);
    let functions: Vec<(&str, usize)> = shape
        .functions
        .iter()
        .map(|(name, lines)| (&**name, *lines))
        .collect();
    assert_eq!(functions, [("t", 3), ("f", 6), ("g", 1), ("h", 2)]);
    assert!(shape.hands_out_by_glob);
    let private = "use inner::*;\n#[cfg(test)]\npub use inner::*;\n#[cfg(test)]\nmod tests {\n    pub use super::*;\n}\n";
    assert!(!Shape::of(private).hands_out_by_glob);
}
