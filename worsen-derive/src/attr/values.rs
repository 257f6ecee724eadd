//! How the value behind a key of `#[store(...)]` is read. Never here: whether a well-formed one makes sense,
//! which `check` decides.

use quote::{ToTokens, quote};
use syn::{
    Expr, ExprArray, ExprPath, ExprRange, Ident, ItemUse, Lit, LitBool, LitStr, Path, Token,
    Visibility, ext::IdentExt, parenthesized, parse::ParseStream, punctuated::Punctuated,
    spanned::Spanned, token,
};

use super::{
    Dir, Durability, Folder, History, Number, OnMismatch,
    keys::{CONTAINER, CRATE, FIELD, LEN, Level, MIGRATE, NORMALIZE, VALIDATE},
    suggest::distance,
};
use crate::{case::RenameRule, ctxt::Ctxt};

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
            equals.span,
            format!("`{key}` needs a value after the `=`: write `{example}`"),
        ));
    }
    Ok(())
}

pub(super) fn expr(level: &Level, key: &Ident, input: ParseStream<'_>) -> syn::Result<Expr> {
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

pub(super) fn string(level: &Level, key: &Ident, input: ParseStream<'_>) -> syn::Result<LitStr> {
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

/// A whole number that is not negative.
pub(super) fn number(level: &Level, key: &Ident, input: ParseStream<'_>) -> syn::Result<Number> {
    let value = expr(level, key, input)?;
    let literal = match ungroup(&value) {
        Expr::Lit(expr) => match &expr.lit {
            Lit::Int(literal) => Some(literal),
            _ => None,
        },
        _ => None,
    };
    let number = literal.and_then(|literal| {
        Some(Number {
            value: literal.base10_parse().ok()?,
            span: literal.span(),
        })
    });
    number.ok_or_else(|| {
        syn::Error::new_spanned(
            &value,
            format!(
                "`{key}` takes a whole number up to {}: write `{}`",
                u32::MAX,
                level.example(&key.to_string())
            ),
        )
    })
}

/// String literals in parentheses, at least one.
pub(super) fn strings(
    level: &Level,
    key: &Ident,
    input: ParseStream<'_>,
) -> syn::Result<Vec<LitStr>> {
    let wrong = |at| {
        let example = level.example(&key.to_string());
        let takes = format!("`{key}` takes string literals in parentheses: write `{example}`");
        syn::Error::new(at, takes)
    };
    if !input.peek(token::Paren) {
        return Err(wrong(key.span()));
    }
    let list;
    parenthesized!(list in input);
    let values = Punctuated::<Expr, Token![,]>::parse_terminated(&list)?;
    let strings = values.iter().map(|value| {
        let string = as_string(value).cloned();
        string.ok_or_else(|| wrong(value.span()))
    });
    let strings: Vec<LitStr> = strings.collect::<syn::Result<_>>()?;
    match strings.is_empty() {
        true => Err(wrong(key.span())),
        false => Ok(strings),
    }
}

/// A key that stands alone.
pub(super) fn flag(level: &Level, key: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
    if input.is_empty() || input.peek(Token![,]) {
        return Ok(());
    }
    let example = level.example(&key.to_string());
    Err(syn::Error::new(
        key.span(),
        format!("`{key}` takes no value: write `#[store({example})]`"),
    ))
}

/// A path, bare or in a string, as serde takes it.
pub(super) fn path(level: &Level, key: &Ident, input: ParseStream<'_>) -> syn::Result<Path> {
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
            .ok_or_else(|| syn::Error::new(string.span(), takes_path(level, key)));
    }
    as_path(&value)
        .cloned()
        .ok_or_else(|| syn::Error::new_spanned(&value, takes_path(level, key)))
}

/// The path of the runtime: one that `use` takes, because the generated code imports from there.
pub(super) fn runtime(key: &Ident, input: ParseStream<'_>) -> syn::Result<Path> {
    let path = path(&CONTAINER, key, input)?;
    if syn::parse2::<ItemUse>(quote!(use #path::__private;)).is_ok() {
        return Ok(path);
    }
    Err(syn::Error::new_spanned(&path, takes_path(&CONTAINER, key)))
}

fn takes_path(level: &Level, key: &Ident) -> String {
    let of = if key == CRATE {
        "the `worsen` crate"
    } else if key == VALIDATE || key == NORMALIZE || key == MIGRATE {
        "a function"
    } else {
        "a module"
    };
    let example = level.example(&key.to_string());
    format!("`{key}` takes the path of {of}: write `{example}`")
}

pub(super) fn dir(key: &Ident, input: ParseStream<'_>) -> syn::Result<Dir> {
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

pub(super) fn durability(key: &Ident, input: ParseStream<'_>) -> syn::Result<Durability> {
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

/// A time in quotes, or a number of commits.
pub(super) fn history(key: &Ident, input: ParseStream<'_>) -> syn::Result<History> {
    let value = expr(&CONTAINER, key, input)?;
    let literal = match ungroup(&value) {
        Expr::Lit(expr) => Some(&expr.lit),
        _ => None,
    };
    match literal {
        Some(Lit::Str(age)) => Ok(History::Age(age.clone())),
        Some(Lit::Int(commits)) => Ok(History::Commits(commits.clone())),
        _ => Err(syn::Error::new_spanned(
            &value,
            "`history` takes a time or a number of commits: write `history = \"7d\"` or `history = 1000`",
        )),
    }
}

pub(super) fn on_mismatch(
    level: &Level,
    key: &Ident,
    input: ParseStream<'_>,
) -> syn::Result<OnMismatch> {
    let value = expr(level, key, input)?;
    match as_string(&value).map(LitStr::value).as_deref() {
        Some("error") => Ok(OnMismatch::Error),
        Some("seed") => Ok(OnMismatch::Seed),
        _ => Err(syn::Error::new_spanned(
            &value,
            "`on_mismatch` takes \"error\" or \"seed\": write `on_mismatch = \"seed\"` to read a stored value that does \
             not fit as the seed",
        )),
    }
}

/// The name of a type. Quotes around it are a mistake, and still show which name was meant.
pub(super) fn handle(ctxt: &Ctxt, key: &Ident, input: ParseStream<'_>) -> syn::Result<Ident> {
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
        // `crate` and `Self` are paths too, and yet no names that a type can have.
        .filter(|ident| syn::parse2::<Ident>(ident.to_token_stream()).is_ok())
        .cloned()
        .ok_or_else(|| {
            syn::Error::new_spanned(
                &value,
                "`handle` takes the name of the handle's type: write `handle = MyHandle`",
            )
        })
}

/// The name of an accessor. Missing quotes are a mistake, and still show which name was meant.
pub(super) fn accessor(ctxt: &Ctxt, key: &Ident, input: ParseStream<'_>) -> syn::Result<LitStr> {
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
pub(super) fn skip(key: &Ident, input: ParseStream<'_>) -> syn::Result<bool> {
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

/// `env` alone, or with the name of a variable.
pub(super) fn env(key: &Ident, input: ParseStream<'_>) -> syn::Result<Option<LitStr>> {
    if input.is_empty() || input.peek(Token![,]) {
        return Ok(None);
    }
    string(&FIELD, key, input).map(Some)
}

/// The range of a field's values, or of its lengths.
pub(super) fn range(key: &Ident, input: ParseStream<'_>) -> syn::Result<ExprRange> {
    let value = expr(&FIELD, key, input)?;
    if let Expr::Range(range) = ungroup(&value) {
        return Ok(range.clone());
    }
    let message = match key == LEN {
        true => {
            "`len` takes a range: write `len = ..=80` for 80 at most, `len = 1..` for one at least, or \
             `len = 2..=2` for two"
        }
        false => {
            "`range` takes a range: write `range = 1..=65535` for values from the first to the last, \
             `range = 1..` or `range = ..=65535` where one end is open"
        }
    };
    Err(syn::Error::new_spanned(&value, message))
}

/// The values that a field may have.
pub(super) fn list(key: &Ident, input: ParseStream<'_>) -> syn::Result<ExprArray> {
    let value = expr(&FIELD, key, input)?;
    match ungroup(&value) {
        Expr::Array(list) => Ok(list.clone()),
        _ => Err(syn::Error::new_spanned(
            &value,
            format!(
                "`{key}` takes a list in brackets: write `{}`",
                FIELD.example(&key.to_string())
            ),
        )),
    }
}

pub(super) fn visibility(key: &Ident, input: ParseStream<'_>) -> syn::Result<Visibility> {
    const TAKES: &str = "`accessors` takes a visibility: write `accessors = pub`, \
                         `accessors = pub(crate)` or `accessors = pub(self)`";
    equals(&CONTAINER, key, input)?;
    let at = input.span();
    match input.parse()? {
        Visibility::Inherited => Err(syn::Error::new(at, TAKES)),
        visibility => Ok(visibility),
    }
}

pub(super) fn rename_rule(key: &Ident, input: ParseStream<'_>) -> syn::Result<RenameRule> {
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
