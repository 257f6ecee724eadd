//! The floors of ARCHITECTURE.md hold: a module imports from floors above it alone, and no two files or folders
//! import each other, however far around, but for a file and those below it. The picture at its head shows the
//! same floors. The `use` lines and paths of the sources are read; tests are left out.

mod house; // what each file and function looks like

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use syn::visit::Visit;

/// A path from the crate's root: `["backend", "file", "log"]`.
type Module = Vec<String>;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The rooms of a crate, from the floor that imports nothing to the one that imports all: the block of
/// ARCHITECTURE.md that begins with its name.
fn floors(of: &str) -> Vec<Vec<String>> {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let begin = format!("```text\nfloors of {of}\n");
    let block = text.split(&begin).nth(1);
    let block = block.and_then(|rest| rest.split("```").next());
    let block = block.unwrap_or_else(|| panic!("ARCHITECTURE.md has no floors of {of}"));
    block
        .lines()
        .map(|line| line.split_whitespace().map(str::to_owned).collect())
        .collect()
}

/// The sources of one crate.
#[derive(Default)]
struct Sources {
    files: BTreeMap<Module, PathBuf>,
    /// What a module passes on from one of its own: the name there, and where it comes from.
    passed_on: BTreeMap<Module, BTreeMap<String, Module>>,
    /// Who imports from whom, with a path that says so.
    imports: BTreeMap<Module, BTreeMap<Module, String>>,
}

impl Sources {
    fn of(krate: &str) -> Self {
        let mut this = Sources::default();
        let src = root().join(krate).join("src");
        this.find(&src, &Vec::new());
        let files: Vec<_> = this.files.clone().into_iter().collect();
        let paths: Vec<(Module, Paths)> = files
            .into_iter()
            .map(|(module, file)| {
                let source = fs::read_to_string(&file).unwrap();
                let mut paths = Paths::new(module.clone());
                paths.visit_file(&syn::parse_file(&source).unwrap());
                (module, paths)
            })
            .collect();
        for (module, paths) in &paths {
            let names = this.passed_on.entry(module.clone()).or_default();
            for (name, target) in &paths.passed_on {
                names.insert(name.clone(), target.clone());
            }
        }
        for (module, paths) in paths {
            for path in paths.used {
                let target = this.resolve(&path);
                // A file and those below it are one room: they share what the room is about.
                let is_own = target.starts_with(&module) || module.starts_with(&target);
                if !is_own {
                    let imports = this.imports.entry(module.clone()).or_default();
                    imports.entry(target).or_insert_with(|| path.join("::"));
                }
            }
        }
        this
    }

    fn find(&mut self, dir: &Path, module: &Module) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let mut inner = module.clone();
            // Tests import what they like, be they a file or a folder.
            if name == "tests" || name.ends_with("_tests") {
                continue;
            }
            if path.is_dir() {
                inner.push(name);
                self.find(&path, &inner);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                match name.as_str() {
                    // The front door imports everything, and is imported as `crate::Name`.
                    "lib" | "main" => continue,
                    "mod" => {}
                    _ => inner.push(name),
                }
                self.files.insert(inner, path);
            }
        }
    }

    /// The file in which the item at this path stands.
    fn resolve(&self, path: &[String]) -> Module {
        let mut path = path.to_vec();
        for _ in 0..9 {
            let known = (0..=path.len())
                .rev()
                .find(|end| self.files.contains_key(&path[..*end]));
            let Some(end) = known else {
                return Vec::new();
            };
            let passed_on = self.passed_on.get(&path[..end]);
            match path.get(end).and_then(|name| passed_on?.get(name)) {
                Some(target) => path = [&target[..], &path[end + 1..]].concat(),
                None => return path[..end].to_vec(),
            }
        }
        panic!("{path:?} is passed on in a circle")
    }

    /// Who imports from whom among the files and folders of one folder: what is in a folder counts as it.
    fn rooms(&self) -> BTreeMap<Module, Graph> {
        let mut rooms: BTreeMap<Module, Graph> = BTreeMap::new();
        for (module, imports) in &self.imports {
            for target in imports.keys() {
                let same = module.iter().zip(target);
                let common = same.take_while(|(one, other)| one == other).count();
                let folder = rooms.entry(module[..common].to_vec()).or_default();
                let room = folder.entry(module[..=common].to_vec()).or_default();
                room.insert(target[..=common].to_vec());
            }
        }
        rooms
    }
}

/// Who imports from whom.
type Graph = BTreeMap<Module, BTreeSet<Module>>;

/// A way from a module back to it, as far as there is one.
fn circle(graph: &Graph) -> Option<Vec<Module>> {
    fn walk(
        graph: &Graph,
        at: &Module,
        way: &mut Vec<Module>,
        done: &mut BTreeSet<Module>,
    ) -> Option<Vec<Module>> {
        if let Some(begin) = way.iter().position(|module| module == at) {
            return Some(way[begin..].to_vec());
        }
        if done.contains(at) {
            return None;
        }
        way.push(at.clone());
        for target in graph.get(at).into_iter().flatten() {
            if let Some(circle) = walk(graph, target, way, done) {
                return Some(circle);
            }
        }
        way.pop();
        done.insert(at.clone());
        None
    }
    let mut done = BTreeSet::new();
    graph
        .keys()
        .find_map(|start| walk(graph, start, &mut Vec::new(), &mut done))
}

/// The paths in one file that begin in its own crate.
struct Paths {
    module: Module,
    used: BTreeSet<Module>,
    passed_on: Vec<(String, Module)>,
}

impl Paths {
    fn new(module: Module) -> Self {
        Paths {
            module,
            used: BTreeSet::new(),
            passed_on: Vec::new(),
        }
    }

    /// From the crate's root; `None`: it begins in another crate, or in this file.
    fn absolute(&self, path: &[String]) -> Option<Module> {
        let mut from = self.module.clone();
        let mut rest = path;
        match path.first()?.as_str() {
            "crate" => {
                from.clear();
                rest = &path[1..];
            }
            "self" => rest = &path[1..],
            "super" => {
                while rest.first().is_some_and(|first| first == "super") {
                    from.pop();
                    rest = &rest[1..];
                }
            }
            _ => return None,
        }
        Some([&from[..], rest].concat())
    }

    fn use_tree(&mut self, tree: &syn::UseTree, before: &[String], passes_on: bool) {
        let with = |name: &syn::Ident| [before, &[name.to_string()]].concat();
        let (path, name) = match tree {
            syn::UseTree::Path(tree) => {
                return self.use_tree(&tree.tree, &with(&tree.ident), passes_on);
            }
            syn::UseTree::Group(group) => {
                for tree in &group.items {
                    self.use_tree(tree, before, passes_on);
                }
                return;
            }
            syn::UseTree::Name(name) if name.ident == "self" => (before.to_vec(), None),
            syn::UseTree::Name(name) => (with(&name.ident), Some(name.ident.to_string())),
            syn::UseTree::Rename(name) => (with(&name.ident), Some(name.rename.to_string())),
            syn::UseTree::Glob(_) => (before.to_vec(), None),
        };
        let Some(path) = self.absolute(&path) else {
            return;
        };
        let is_below = path.starts_with(&self.module);
        match name {
            // That a module shows what one of its own has is no import.
            Some(name) if passes_on && is_below => self.passed_on.push((name, path)),
            _ => drop(self.used.insert(path)),
        }
    }
}

fn is_for_tests(attrs: &[syn::Attribute]) -> bool {
    attrs.iter().any(|attr| {
        let syn::Meta::List(list) = &attr.meta else {
            return false;
        };
        let condition = list.tokens.to_string();
        attr.path().is_ident("cfg")
            && (condition.starts_with("test") || condition.contains("all (test"))
    })
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if !is_for_tests(&item.attrs) {
            let passes_on = !matches!(item.vis, syn::Visibility::Inherited);
            self.use_tree(&item.tree, &[], passes_on);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !is_for_tests(&item.attrs) && item.content.is_some() {
            // What stands in braces is in the same file.
            self.module.push(item.ident.to_string());
            syn::visit::visit_item_mod(self, item);
            self.module.pop();
        }
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        if !is_for_tests(&item.attrs) {
            syn::visit::visit_item_fn(self, item);
        }
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        if !is_for_tests(&item.attrs) {
            syn::visit::visit_item_impl(self, item);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Module = path
            .segments
            .iter()
            .map(|at| at.ident.to_string())
            .collect();
        if names.len() > 1 {
            self.used.extend(self.absolute(&names));
        }
        syn::visit::visit_path(self, path);
    }
}

fn check_floors(krate: &str) -> Sources {
    let sources = Sources::of(krate);
    assert!(!sources.imports.is_empty(), "nothing was read of {krate}");
    let floors = floors(krate);
    let floor_of = |module: &Module| {
        let room = module.first()?;
        floors.iter().position(|rooms| rooms.contains(room))
    };
    let mut wrong = Vec::new();
    for module in sources.files.keys() {
        if floor_of(module).is_none() {
            wrong.push(format!("{} stands on no floor", module.join("::")));
        }
    }
    for (module, imports) in &sources.imports {
        for (target, path) in imports {
            if module[0] != target[0] && floor_of(target) >= floor_of(module) {
                wrong.push(format!(
                    "{} imports {path}, from below or beside it",
                    module.join("::")
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{krate}:\n{}", wrong.join("\n"));
    sources
}

fn check_circles(krate: &str, sources: &Sources) {
    let files = sources
        .imports
        .iter()
        .map(|(module, imports)| (module.clone(), imports.keys().cloned().collect()))
        .collect();
    let graphs = std::iter::once(files).chain(sources.rooms().into_values());
    for graph in graphs {
        let circle = circle(&graph).unwrap_or_default();
        let circle: Vec<String> = circle.iter().map(|module| module.join("::")).collect();
        assert!(
            circle.is_empty(),
            "{krate}: a circle of imports: {}",
            circle.join(" -> ")
        );
    }
}

#[test]
fn the_derive_imports_one_way() {
    let sources = check_floors("worsen-derive");
    check_circles("worsen-derive", &sources);
}

#[test]
fn the_runtime_imports_one_way() {
    let sources = check_floors("worsen");
    check_circles("worsen", &sources);
}

/// Without this the tests above might find no circle because they find none ever.
#[test]
fn a_circle_is_found_among_files_and_among_folders() {
    let module = |path: &str| path.split('/').map(str::to_owned).collect::<Module>();
    let sources = |imports: &[(&str, &str)]| {
        let mut sources = Sources::default();
        for (from, to) in imports {
            let targets = sources.imports.entry(module(from)).or_default();
            targets.insert(module(to), String::new());
        }
        sources
    };
    let found = |imports: &[(&str, &str)]| {
        std::panic::catch_unwind(|| check_circles("x", &sources(imports))).is_err()
    };
    assert!(!found(&[("a/b", "a/c"), ("a/c", "d"), ("a/b", "d")]));
    assert!(found(&[("a/b", "a/c"), ("a/c", "d"), ("d", "a/b")]));
    assert!(found(&[("a/b/x", "a/c/x"), ("a/c/y", "a/b/y")]));
}

/// The picture in ARCHITECTURE.md, from the user's code down to the operating system: the crate, its modules in
/// one row, and what they are.
#[test]
fn the_picture_shows_the_floors_in_their_order() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let picture = text.split("## A bird's eye view").nth(1).unwrap();
    let picture = picture.split("```text\n").nth(1).unwrap();
    let picture = picture.split("```").next().unwrap();
    let mut krate = String::new();
    let mut shown: BTreeMap<String, Vec<Vec<Module>>> = BTreeMap::new();
    for row in picture.lines() {
        let (left, rest) = row.split_at(17.min(row.len()));
        if !left.trim().is_empty() {
            krate = left.trim().to_owned();
        }
        let names = rest.split("  ").next().unwrap_or_default();
        let names = names.split_whitespace().filter(|name| *name != "->");
        let names = names.map(|name| name.split('/').map(str::to_owned).collect());
        shown
            .entry(krate.clone())
            .or_default()
            .push(names.collect());
    }
    for krate in ["worsen", "worsen-derive"] {
        let floors = floors(krate);
        let sources = Sources::of(krate);
        let depth = |module: &Module| {
            assert!(
                sources.files.contains_key(module),
                "the picture shows {}, which {krate} does not have",
                module.join("/")
            );
            let floor = floors.iter().position(|rooms| rooms.contains(&module[0]));
            // What is below a module in its folder is what it stands on.
            (floor, usize::MAX - module.len())
        };
        let mut rows: Vec<Vec<_>> = shown[krate]
            .iter()
            .map(|row| row.iter().map(depth).collect())
            .collect();
        if krate == "worsen-derive" {
            // A row of arrows: what comes first stands above what is made of it.
            rows = rows[0].iter().rev().map(|floor| vec![*floor]).collect();
        }
        for pair in rows.windows(2) {
            let (upper, lower) = (pair[0].iter().min(), pair[1].iter().max());
            assert!(
                lower <= upper,
                "the picture shows {krate} in another order than its floors: {:?}",
                shown[krate]
            );
        }
    }
}
