//! The syntax of `#[store(...)]`: its keys, how a value is read, and how mistakes are gathered.
//!
//! Whether a well-formed value makes sense is not decided here, but in `check`.

use std::cell::RefCell;

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::{
    Attribute, Expr, ExprPath, Ident, Lit, LitBool, LitStr, Meta, Path, Token, Visibility,
    ext::IdentExt, parse::ParseStream, spanned::Spanned,
};

pub(crate) const STORE: &str = "store";
pub(crate) const SERDE: &str = "serde";
pub(crate) const DEPRECATED: &str = "deprecated";
pub(crate) const DOC: &str = "doc";

pub(crate) const ACCESSOR: &str = "accessor";
pub(crate) const ACCESSORS: &str = "accessors";
pub(crate) const APP: &str = "app";
pub(crate) const CONFIG: &str = "config";
pub(crate) const CRATE: &str = "crate";
pub(crate) const DIR: &str = "dir";
pub(crate) const DURABILITY: &str = "durability";
pub(crate) const HANDLE: &str = "handle";
pub(crate) const LOCK_TIMEOUT: &str = "lock_timeout";
pub(crate) const NAME: &str = "name";
pub(crate) const POLL: &str = "poll";
pub(crate) const RENAME_ALL: &str = "rename_all";
pub(crate) const SEED: &str = "seed";
pub(crate) const SKIP: &str = "skip";
pub(crate) const UID: &str = "uid";
pub(crate) const WITH: &str = "with";

/// What a key of `#[store(...)]` looks like when it is written well.
struct Key {
    name: &'static str,
    example: &'static str,
}

const CONTAINER_KEYS: &[Key] = &[
    Key {
        name: NAME,
        example: "name = \"my-store\"",
    },
    Key {
        name: DIR,
        example: "dir = \"./db\"",
    },
    Key {
        name: POLL,
        example: "poll = \"5s\"",
    },
    Key {
        name: DURABILITY,
        example: "durability = Buffered",
    },
    Key {
        name: LOCK_TIMEOUT,
        example: "lock_timeout = \"5s\"",
    },
    Key {
        name: HANDLE,
        example: "handle = MyHandle",
    },
    Key {
        name: ACCESSORS,
        example: "accessors = pub(crate)",
    },
    Key {
        name: RENAME_ALL,
        example: "rename_all = \"camelCase\"",
    },
    Key {
        name: CRATE,
        example: "crate = path::to::worsen",
    },
];

const FIELD_KEYS: &[Key] = &[
    Key {
        name: UID,
        example: "uid = \"myUid\"",
    },
    Key {
        name: SEED,
        example: "seed = 42",
    },
    Key {
        name: ACCESSOR,
        example: "accessor = \"my_name\"",
    },
    Key {
        name: SKIP,
        example: "skip",
    },
    Key {
        name: WITH,
        example: "with = my_module",
    },
];

/// Keys of other crates' attributes that people write here, and the key they mean.
const ALIASES: &[(&str, &str)] = &[
    ("default", SEED),
    ("directory", DIR),
    ("getter", ACCESSOR),
    ("id", UID),
    ("initial", SEED),
    ("interval", POLL),
    ("path", DIR),
    ("rename", UID),
    ("serde", WITH),
    ("timeout", LOCK_TIMEOUT),
    ("transient", SKIP),
    ("vis", ACCESSORS),
    ("visibility", ACCESSORS),
];

/// Where the mistakes of one struct are gathered, so that all are told in one compilation.
///
/// [`Ctxt::finish`] must be called: errors that nobody looks at would let a wrong struct pass.
pub(crate) struct Ctxt {
    errors: RefCell<Option<Vec<syn::Error>>>,
}

impl Ctxt {
    pub(crate) fn new() -> Self {
        Ctxt {
            errors: RefCell::new(Some(Vec::new())),
        }
    }

    pub(crate) fn push(&self, error: syn::Error) {
        if let Some(errors) = self.errors.borrow_mut().as_mut() {
            errors.push(error);
        }
    }

    /// An error at exactly this place.
    pub(crate) fn error(&self, span: Span, message: impl std::fmt::Display) {
        self.push(syn::Error::new(span, message));
    }

    /// Everything that was wrong, as `compile_error!` invocations. Empty where nothing was.
    pub(crate) fn finish(self) -> TokenStream {
        let errors = self.errors.borrow_mut().take().unwrap_or_default();
        errors.iter().map(syn::Error::to_compile_error).collect()
    }
}

impl Drop for Ctxt {
    #[expect(
        clippy::panic,
        reason = "a bug of this crate, told to its developer at compile time"
    )]
    fn drop(&mut self) {
        if self.errors.borrow().is_some() && !std::thread::panicking() {
            panic!("the errors of a derive were never looked at");
        }
    }
}

/// A value with the key that it was given under.
pub(crate) struct Given<T> {
    pub(crate) key: Ident,
    pub(crate) value: T,
}

/// A key that can be given once.
pub(crate) struct Slot<T>(Option<Given<T>>);

impl<T> Slot<T> {
    fn set(&mut self, ctxt: &Ctxt, key: &Ident, value: T) {
        match &self.0 {
            None => {
                self.0 = Some(Given {
                    key: key.clone(),
                    value,
                })
            }
            Some(first) => {
                let mut error = syn::Error::new(
                    key.span(),
                    format!("`{key}` is given twice: keep one of them"),
                );
                error.combine(syn::Error::new(
                    first.key.span(),
                    format!("`{key}` is given here first"),
                ));
                ctxt.push(error);
            }
        }
    }

    pub(crate) fn get(&self) -> Option<&Given<T>> {
        self.0.as_ref()
    }

    pub(crate) fn value(&self) -> Option<&T> {
        self.0.as_ref().map(|given| &given.value)
    }
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Slot(None)
    }
}

/// The `dir` of a store, as it was written.
pub(crate) enum Dir {
    /// `"./db"`
    Path(LitStr),
    /// `app("com", "Org", "App")`, or `config(...)`
    Folder(Folder, [LitStr; 3]),
    /// Anything else that becomes a `PathBuf`.
    Expr(Box<Expr>),
}

/// Which of the platform's folders for one program.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Folder {
    Data,
    Config,
}

impl Folder {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Folder::Data => APP,
            Folder::Config => CONFIG,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    Synced,
    Buffered,
}

/// How a field's name becomes its uid. The names are serde's.
#[derive(Clone, Copy)]
pub(crate) enum RenameRule {
    Lower,
    Upper,
    Pascal,
    Camel,
    Snake,
    ScreamingSnake,
    Kebab,
    ScreamingKebab,
}

impl RenameRule {
    const ALL: &[(&str, RenameRule)] = &[
        ("lowercase", RenameRule::Lower),
        ("UPPERCASE", RenameRule::Upper),
        ("PascalCase", RenameRule::Pascal),
        ("camelCase", RenameRule::Camel),
        ("snake_case", RenameRule::Snake),
        ("SCREAMING_SNAKE_CASE", RenameRule::ScreamingSnake),
        ("kebab-case", RenameRule::Kebab),
        ("SCREAMING-KEBAB-CASE", RenameRule::ScreamingKebab),
    ];

    /// The rule of this name.
    pub(crate) fn find(name: &str) -> Option<Self> {
        let rule = RenameRule::ALL.iter().find(|(known, _)| *known == name);
        rule.map(|(_, rule)| *rule)
    }

    /// A field's name is in snake case already, so that is what the rule starts from. To the letter as
    /// serde does it, so that a field has one name in the store and in serde's JSON.
    pub(crate) fn apply(self, name: &str) -> String {
        let first = |word: &str, change: fn(&mut str)| {
            let mut word = word.to_owned();
            let end = word.chars().next().map_or(0, char::len_utf8);
            word.get_mut(..end).map(change);
            word
        };
        let pascal = || -> String {
            let words = name.split('_');
            words
                .map(|word| first(word, str::make_ascii_uppercase))
                .collect()
        };
        match self {
            RenameRule::Lower | RenameRule::Snake => name.to_owned(),
            RenameRule::Upper | RenameRule::ScreamingSnake => name.to_ascii_uppercase(),
            RenameRule::Pascal => pascal(),
            RenameRule::Camel => first(&pascal(), str::make_ascii_lowercase),
            RenameRule::Kebab => name.replace('_', "-"),
            RenameRule::ScreamingKebab => name.to_ascii_uppercase().replace('_', "-"),
        }
    }
}

/// A value that may have been written wrongly: the mistake is told, and what follows from it is not.
pub(crate) enum Written<T> {
    Well(T),
    Badly,
}

/// Every `#[store(...)]` of the struct.
#[derive(Default)]
pub(crate) struct ContainerAttrs {
    pub(crate) name: Slot<LitStr>,
    pub(crate) dir: Slot<Dir>,
    pub(crate) poll: Slot<LitStr>,
    pub(crate) durability: Slot<Durability>,
    pub(crate) lock_timeout: Slot<LitStr>,
    pub(crate) handle: Slot<Ident>,
    pub(crate) accessors: Slot<Visibility>,
    pub(crate) rename_all: Slot<RenameRule>,
    pub(crate) runtime: Slot<Path>,
}

/// Every `#[store(...)]` of one field.
#[derive(Default)]
pub(crate) struct FieldAttrs {
    pub(crate) uid: Slot<LitStr>,
    pub(crate) seed: Slot<Written<Expr>>,
    pub(crate) accessor: Slot<LitStr>,
    /// `skip = false` stores a field that serde skips.
    pub(crate) skip: Slot<bool>,
    pub(crate) with: Slot<Written<Path>>,
}

impl ContainerAttrs {
    pub(crate) fn parse(ctxt: &Ctxt, attrs: &[Attribute]) -> Self {
        let mut this = Self::default();
        for_each_key(ctxt, attrs, &CONTAINER, |ctxt, key, input| {
            this.parse_key(ctxt, key, input)
        });
        this
    }

    fn parse_key(&mut self, ctxt: &Ctxt, key: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
        match key.to_string().as_str() {
            NAME => self.name.set(ctxt, key, string(&CONTAINER, key, input)?),
            DIR => self.dir.set(ctxt, key, dir(key, input)?),
            POLL => self.poll.set(ctxt, key, string(&CONTAINER, key, input)?),
            DURABILITY => self.durability.set(ctxt, key, durability(key, input)?),
            LOCK_TIMEOUT => self
                .lock_timeout
                .set(ctxt, key, string(&CONTAINER, key, input)?),
            HANDLE => {
                let handle = handle(ctxt, key, input)?;
                self.handle.set(ctxt, key, handle);
            }
            ACCESSORS => self.accessors.set(ctxt, key, visibility(key, input)?),
            RENAME_ALL => self.rename_all.set(ctxt, key, rename_rule(key, input)?),
            CRATE => self.runtime.set(ctxt, key, path(&CONTAINER, key, input)?),
            _ => return Err(unknown_key(&CONTAINER, key)),
        }
        Ok(())
    }
}

impl FieldAttrs {
    pub(crate) fn parse(ctxt: &Ctxt, attrs: &[Attribute]) -> Self {
        let mut this = Self::default();
        for_each_key(ctxt, attrs, &FIELD, |ctxt, key, input| {
            this.parse_key(ctxt, key, input)
        });
        this
    }

    fn parse_key(&mut self, ctxt: &Ctxt, key: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
        match key.to_string().as_str() {
            UID => self.uid.set(ctxt, key, string(&FIELD, key, input)?),
            SEED => {
                let seed = expr(&FIELD, key, input);
                self.seed.set(ctxt, key, written(&seed));
                seed?;
            }
            ACCESSOR => self.accessor.set(ctxt, key, accessor(ctxt, key, input)?),
            SKIP => {
                let skip = skip(key, input);
                self.skip.set(ctxt, key, *skip.as_ref().unwrap_or(&true));
                skip?;
            }
            WITH => {
                let with = path(&FIELD, key, input);
                self.with.set(ctxt, key, written(&with));
                with?;
            }
            _ => return Err(unknown_key(&FIELD, key)),
        }
        Ok(())
    }
}

fn written<T: Clone>(value: &syn::Result<T>) -> Written<T> {
    match value {
        Ok(value) => Written::Well(value.clone()),
        Err(_) => Written::Badly,
    }
}

/// Where an attribute stands.
struct Level {
    keys: &'static [Key],
    /// Said of a key that stands here.
    here: &'static str,
    /// The key that a value without a key most likely belongs to.
    positional: &'static str,
    other: &'static [Key],
    /// Where a key of the other level belongs.
    there: &'static str,
}

const CONTAINER: Level = Level {
    keys: CONTAINER_KEYS,
    here: "the struct",
    positional: NAME,
    other: FIELD_KEYS,
    there: "a field",
};

const FIELD: Level = Level {
    keys: FIELD_KEYS,
    here: "a field",
    positional: UID,
    other: CONTAINER_KEYS,
    there: "the struct",
};

impl Level {
    fn example(&self, key: &str) -> &'static str {
        self.keys
            .iter()
            .find(|known| known.name == key)
            .map_or("", |known| known.example)
    }

    fn list(&self) -> String {
        let names: Vec<String> = self
            .keys
            .iter()
            .map(|key| format!("`{}`", key.name))
            .collect();
        names.join(", ")
    }
}

/// Calls `parse` at each key of each `#[store(...)]`. A mistake at one key does not hide the next.
fn for_each_key(
    ctxt: &Ctxt,
    attrs: &[Attribute],
    level: &Level,
    mut parse: impl FnMut(&Ctxt, &Ident, ParseStream<'_>) -> syn::Result<()>,
) {
    for attr in attrs.iter().filter(|attr| attr.path().is_ident(STORE)) {
        let list = match &attr.meta {
            Meta::List(list) => list,
            meta => {
                ctxt.error(
                    meta.span(),
                    format!(
                        "expected keys in parentheses: write `#[store({})]`",
                        level.keys[0].example
                    ),
                );
                continue;
            }
        };
        let keys = |input: ParseStream<'_>| {
            while !input.is_empty() {
                if let Err(error) = key(level, input).and_then(|key| parse(ctxt, &key, input)) {
                    ctxt.push(error);
                    skip_to_next_key(input)?;
                } else if !input.is_empty() && !input.peek(Token![,]) {
                    ctxt.push(input.error("expected `,` before the next key"));
                    skip_to_next_key(input)?;
                }
                if !input.is_empty() {
                    input.parse::<Token![,]>()?;
                }
            }
            Ok(())
        };
        if let Err(error) = list.parse_args_with(keys) {
            ctxt.push(error);
        }
    }
}

fn key(level: &Level, input: ParseStream<'_>) -> syn::Result<Ident> {
    if input.peek(Ident::peek_any) {
        return input.call(Ident::parse_any);
    }
    if input.peek(Lit) {
        let literal: Lit = input.parse()?;
        let key = level.positional;
        return Err(syn::Error::new(
            literal.span(),
            format!(
                "a value needs its key: write `{key} = ...`, such as `{}`",
                level.example(key)
            ),
        ));
    }
    Err(input.error(format!("expected a key: {}", level.list())))
}

/// Leaves `input` at the next comma that a key follows, or at its end.
fn skip_to_next_key(input: ParseStream<'_>) -> syn::Result<()> {
    while !input.is_empty() {
        if input.peek(Token![,]) {
            let ahead = input.fork();
            ahead.parse::<Token![,]>()?;
            let is_key = ahead.peek(Ident::peek_any)
                && (ahead.peek2(Token![=]) || ahead.peek2(Token![,]) || {
                    ahead.call(Ident::parse_any)?;
                    ahead.is_empty()
                });
            if ahead.is_empty() || is_key {
                return Ok(());
            }
        }
        input.parse::<TokenTree>()?;
    }
    Ok(())
}

fn unknown_key(level: &Level, key: &Ident) -> syn::Error {
    let name = key.unraw().to_string();
    let is_known = |keys: &[Key], name: &str| keys.iter().any(|known| known.name == name);
    if is_known(level.other, &name) {
        return syn::Error::new(
            key.span(),
            format!(
                "`{name}` is a key of {}, not of {}: move it there",
                level.there, level.here
            ),
        );
    }
    let alias = ALIASES
        .iter()
        .find(|(alias, _)| *alias == name)
        .map(|(_, meant)| *meant);
    let meant = alias
        .filter(|meant| is_known(level.keys, meant))
        .or_else(|| {
            level
                .keys
                .iter()
                .map(|known| (distance(&name, known.name), known.name))
                .filter(|(distance, known)| *distance <= 2 && *distance < known.len())
                .min()
                .map(|(_, known)| known)
        });
    let message = match meant {
        Some(meant) => format!(
            "unknown key `{name}`: did you mean `{meant}`, as in `{}`?",
            level.example(meant)
        ),
        None => format!(
            "unknown key `{name}`: the keys of {} are {}",
            level.here,
            level.list()
        ),
    };
    syn::Error::new(key.span(), message)
}

/// How many letters one must change, add, remove or swap to come from one word to the other.
fn distance(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut rows = vec![vec![0; to.len() + 1]; from.len() + 1];
    for i in 0..=from.len() {
        for j in 0..=to.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let differs = usize::from(from[i - 1] != to[j - 1]);
                let mut best = (rows[i - 1][j] + 1)
                    .min(rows[i][j - 1] + 1)
                    .min(rows[i - 1][j - 1] + differs);
                if i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1] {
                    best = best.min(rows[i - 2][j - 2] + 1);
                }
                best
            };
        }
    }
    rows[from.len()][to.len()]
}

/// Reads the `=` between a key and its value, and makes sure that a value follows.
fn equals(level: &Level, key: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
    let example = level.example(&key.to_string());
    if input.is_empty() || input.peek(Token![,]) {
        return Err(syn::Error::new(
            key.span(),
            format!("`{key}` needs a value: write `{example}`"),
        ));
    }
    if !input.peek(Token![=]) {
        return Err(input.error(format!("expected `=` after `{key}`: write `{example}`")));
    }
    let equals: Token![=] = input.parse()?;
    if input.is_empty() || input.peek(Token![,]) {
        return Err(syn::Error::new(
            equals.span(),
            format!("`{key}` needs a value after the `=`: write `{example}`"),
        ));
    }
    Ok(())
}

fn expr(level: &Level, key: &Ident, input: ParseStream<'_>) -> syn::Result<Expr> {
    equals(level, key, input)?;
    input.parse()
}

/// Takes off the invisible groups that a `macro_rules` fragment comes in.
fn ungroup(mut expr: &Expr) -> &Expr {
    while let Expr::Group(group) = expr {
        expr = &group.expr;
    }
    expr
}

fn as_string(expr: &Expr) -> Option<&LitStr> {
    match ungroup(expr) {
        Expr::Lit(expr) => match &expr.lit {
            Lit::Str(string) => Some(string),
            _ => None,
        },
        _ => None,
    }
}

fn as_path(expr: &Expr) -> Option<&Path> {
    match ungroup(expr) {
        Expr::Path(expr) if expr.qself.is_none() => Some(&expr.path),
        _ => None,
    }
}

fn string(level: &Level, key: &Ident, input: ParseStream<'_>) -> syn::Result<LitStr> {
    let value = expr(level, key, input)?;
    as_string(&value).cloned().ok_or_else(|| {
        syn::Error::new_spanned(
            &value,
            format!(
                "`{key}` takes a string literal: write `{}`",
                level.example(&key.to_string())
            ),
        )
    })
}

/// A path, bare or (as serde has it) in a string.
fn path(level: &Level, key: &Ident, input: ParseStream<'_>) -> syn::Result<Path> {
    let takes = || {
        format!(
            "`{key}` takes the path of a module: write `{}`",
            level.example(&key.to_string())
        )
    };
    equals(level, key, input)?;
    // `crate` and `::name` are paths, but not all of them are expressions.
    if input.peek(Token![crate]) || input.peek(Token![::]) {
        return input.call(Path::parse_mod_style);
    }
    let value: Expr = input.parse()?;
    if let Some(string) = as_string(&value) {
        let path: syn::Result<ExprPath> = string.parse();
        return path
            .ok()
            .filter(|path| path.qself.is_none())
            .map(|path| path.path)
            .ok_or_else(|| syn::Error::new(string.span(), takes()));
    }
    as_path(&value)
        .cloned()
        .ok_or_else(|| syn::Error::new_spanned(&value, takes()))
}

fn dir(key: &Ident, input: ParseStream<'_>) -> syn::Result<Dir> {
    let value = expr(&CONTAINER, key, input)?;
    if let Some(string) = as_string(&value) {
        return Ok(Dir::Path(string.clone()));
    }
    if let Expr::Call(call) = ungroup(&value) {
        let function = as_path(&call.func);
        let folder = [Folder::Data, Folder::Config]
            .into_iter()
            .find(|folder| function.is_some_and(|path| path.is_ident(folder.name())));
        if let Some(folder) = folder {
            let strings: Vec<LitStr> = call.args.iter().filter_map(as_string).cloned().collect();
            let name = folder.name();
            return match <[LitStr; 3]>::try_from(strings) {
                Ok(strings) if call.args.len() == 3 => Ok(Dir::Folder(folder, strings)),
                _ => Err(syn::Error::new_spanned(
                    call,
                    format!(
                        "`{name}` takes three string literals, the qualifier, organization and \
                         application: write `dir = {name}(\"com\", \"Example\", \"Notes\")`"
                    ),
                )),
            };
        }
    }
    if let Expr::Lit(literal) = ungroup(&value) {
        return Err(syn::Error::new_spanned(
            literal,
            "`dir` takes a path: write `dir = \"./db\"`, `dir = app(\"com\", \"Example\", \"Notes\")` \
             or an expression that becomes a `PathBuf`",
        ));
    }
    Ok(Dir::Expr(Box::new(value)))
}

fn durability(key: &Ident, input: ParseStream<'_>) -> syn::Result<Durability> {
    let value = expr(&CONTAINER, key, input)?;
    let ident = as_path(&value)
        .and_then(|path| path.segments.last())
        .map(|last| &last.ident);
    match ident {
        Some(ident) if ident == "Synced" => Ok(Durability::Synced),
        Some(ident) if ident == "Buffered" => Ok(Durability::Buffered),
        _ => Err(syn::Error::new_spanned(
            &value,
            "expected `Synced` or `Buffered`: write `durability = Buffered`",
        )),
    }
}

/// The name of a type. In quotes it is a mistake, but one that shows what was meant.
fn handle(ctxt: &Ctxt, key: &Ident, input: ParseStream<'_>) -> syn::Result<Ident> {
    let value = expr(&CONTAINER, key, input)?;
    if let Some(string) = as_string(&value) {
        if let Ok(ident) = string.parse::<Ident>() {
            ctxt.error(
                string.span(),
                format!("`handle` takes a name without quotes: write `handle = {ident}`"),
            );
            return Ok(ident);
        }
    }
    as_path(&value)
        .and_then(Path::get_ident)
        .cloned()
        .ok_or_else(|| {
            syn::Error::new_spanned(
                &value,
                "`handle` takes the name of the handle's type: write `handle = MyHandle`",
            )
        })
}

/// The name of an accessor. Without quotes it is a mistake, but one that shows what was meant.
fn accessor(ctxt: &Ctxt, key: &Ident, input: ParseStream<'_>) -> syn::Result<LitStr> {
    let value = expr(&FIELD, key, input)?;
    if let Some(string) = as_string(&value) {
        return Ok(string.clone());
    }
    match as_path(&value).and_then(Path::get_ident) {
        Some(ident) => {
            let name = ident.unraw().to_string();
            ctxt.error(
                ident.span(),
                format!("`accessor` takes a string literal: write `accessor = \"{name}\"`"),
            );
            Ok(LitStr::new(&name, ident.span()))
        }
        None => Err(syn::Error::new_spanned(
            &value,
            "`accessor` takes a string literal: write `accessor = \"my_name\"`",
        )),
    }
}

/// `skip` alone, or with `= false` where serde skips the field.
fn skip(key: &Ident, input: ParseStream<'_>) -> syn::Result<bool> {
    let wrong = || {
        syn::Error::new(
            key.span(),
            "`skip` takes no value: write `#[store(skip)]`, or `#[store(skip = false)]` to store a \
             field that serde skips",
        )
    };
    if input.is_empty() || input.peek(Token![,]) {
        return Ok(true);
    }
    if !input.peek(Token![=]) {
        return Err(wrong());
    }
    input.parse::<Token![=]>()?;
    match input.parse::<LitBool>() {
        Ok(literal) if !literal.value => Ok(false),
        _ => Err(wrong()),
    }
}

fn visibility(key: &Ident, input: ParseStream<'_>) -> syn::Result<Visibility> {
    const TAKES: &str = "`accessors` takes a visibility: write `accessors = pub`, \
                         `accessors = pub(crate)` or `accessors = pub(self)`";
    equals(&CONTAINER, key, input)?;
    let at = input.span();
    match input.parse()? {
        Visibility::Inherited => Err(syn::Error::new(at, TAKES)),
        visibility => Ok(visibility),
    }
}

fn rename_rule(key: &Ident, input: ParseStream<'_>) -> syn::Result<RenameRule> {
    let value = string(&CONTAINER, key, input)?;
    let wanted = value.value();
    RenameRule::find(&wanted).ok_or_else(|| {
        let names: Vec<String> = RenameRule::ALL
            .iter()
            .map(|(name, _)| format!("\"{name}\""))
            .collect();
        let close = RenameRule::ALL.iter().map(|(name, _)| *name).find(|name| {
            name.to_lowercase() == wanted.to_lowercase() || distance(name, &wanted) <= 2
        });
        let message = match close {
            Some(close) => format!("unknown rule: did you mean `rename_all = \"{close}\"`?"),
            None => format!(
                "unknown rule: `rename_all` takes one of {}",
                names.join(", ")
            ),
        };
        syn::Error::new(value.span(), message)
    })
}

/// The lines of a field's own documentation.
pub(crate) fn docs(attrs: &[Attribute]) -> impl Iterator<Item = &Attribute> {
    attrs.iter().filter(|attr| attr.path().is_ident(DOC))
}

/// The `#[deprecated]` of a struct or a field: what is generated of it is deprecated too.
pub(crate) fn deprecated(attrs: &[Attribute]) -> Option<&Attribute> {
    attrs.iter().find(|attr| attr.path().is_ident(DEPRECATED))
}

/// Every key, of the struct and of a field.
#[cfg(test)]
pub(crate) fn all_keys() -> impl Iterator<Item = &'static str> {
    CONTAINER_KEYS.iter().chain(FIELD_KEYS).map(|key| key.name)
}
