//! The documentation of the generated methods.

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::Meta;

use crate::{
    attr::{self, Durability},
    model::{Field, Seed, Store},
};

/// In bytes. The documentation does not show a longer seed.
const LONGEST_SEED: usize = 80;

/// The documentation of one accessor: the field's own words, and how the store keeps it.
pub(super) fn docs(
    store: &Store<'_>,
    field: &Field<'_>,
    summary: &str,
    is_read: bool,
) -> TokenStream {
    let (words, others): (Vec<_>, Vec<_>) = field
        .docs()
        .partition(|attr| matches!(attr.meta, Meta::NameValue(_)));
    let deprecated = attr::deprecated(&field.original.attrs);
    let summary = (!is_read || words.is_empty()).then_some(summary);
    let gap = (summary.is_some() && !words.is_empty()).then_some("");
    let seed = match field.seed() {
        Seed::Expr(expr) => {
            let seed = compact(expr.to_token_stream());
            if seed.len() <= LONGEST_SEED {
                format!("its seed is {}", code(&seed))
            } else {
                "it has a seed".to_owned()
            }
        }
        Seed::Function(function) => {
            let function = compact(function.to_token_stream());
            format!("its seed is {}", code(&format!("{function}()")))
        }
        Seed::OfStruct => "its seed is that of the struct's default".to_owned(),
        Seed::Default | Seed::Unknown => "its seed is the `Default` of its type".to_owned(),
    };
    let durability = match store.durability() {
        Durability::Synced => "on disk",
        Durability::Buffered => "with the operating system",
    };
    let storage = format!(
        " Stored as {uid}; {seed}; a commit resolves once it is {durability}.",
        uid = code(&field.uid.value)
    );
    let summary = summary.into_iter();
    let gap = gap.into_iter();
    quote! {
        #(#[doc = #summary])*
        #(#[doc = #gap])*
        #(#words)*
        #[doc = ""]
        #[doc = #storage]
        #(#others)*
        #deprecated
    }
}

/// Markdown that shows any text as code.
fn code(text: &str) -> String {
    let text = text
        .escape_debug()
        .to_string()
        .replace("\\\"", "\"")
        .replace("\\'", "'");
    if text.contains('`') {
        format!("`` {text} ``")
    } else {
        format!("`{text}`")
    }
}

/// Tokens in one line, much as a person would write them: good enough for documentation.
pub(super) fn compact(tokens: TokenStream) -> String {
    let mut text = String::new();
    write_compact(tokens, &mut text);
    text
}

fn write_compact(tokens: TokenStream, text: &mut String) {
    let mut operator = String::new();
    let mut after_word = false;
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Punct(punct) => {
                operator.push(punct.as_char());
                if punct.spacing() == Spacing::Joint {
                    continue;
                }
                let is_last = at + 1 == tokens.len();
                match operator.as_str() {
                    "," | ";" | ":" => {
                        text.push_str(&operator);
                        if !is_last {
                            text.push(' ');
                        }
                    }
                    "::" | "." | "!" | "?" | "<" | ">" | "'" | ".." | "..=" | "#" => {
                        text.push_str(&operator);
                    }
                    "-" | "&" | "*" | "|" if !after_word => text.push_str(&operator),
                    _ => {
                        text.push(' ');
                        text.push_str(&operator);
                        text.push(' ');
                    }
                }
                operator.clear();
                after_word = matches!(punct.as_char(), '>' | '?');
            }
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => (" { ", " }"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                text.push_str(if text.is_empty() {
                    open.trim_start()
                } else {
                    open
                });
                write_compact(group.stream(), text);
                text.push_str(close);
                after_word = true;
            }
            TokenTree::Ident(_) | TokenTree::Literal(_) => {
                let follows_word = at > 0
                    && matches!(
                        tokens[at - 1],
                        TokenTree::Ident(_) | TokenTree::Literal(_) | TokenTree::Group(_)
                    );
                if follows_word {
                    text.push(' ');
                }
                text.push_str(&token.to_string());
                after_word = true;
            }
        }
    }
}
