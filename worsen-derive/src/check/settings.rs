//! Rules for the settings of a store: its name, its directory, its times, and the name of its handle.

use syn::LitStr;

use crate::{
    attr::{Dir, History},
    ctxt::Ctxt,
    model::{self, Store},
};

/// In bytes, as in the runtime: with what is put behind it, the longest file name of most systems.
const LONGEST_NAME: usize = 200;

// A store's name is the name of a file, on every platform. The runtime has the same rule, for a name that a
// program gives to the builder.
pub(super) fn check_name(ctxt: &Ctxt, store: &Store<'_>) {
    let Some(literal) = store.attrs.name.value() else {
        return;
    };
    let name = literal.value();
    let separator = |char: &char| matches!(char, '/' | '\\');
    let forbidden = |char: &char| char.is_control() || r#":*?"<>|"#.contains(*char);
    let wrong = if name.is_empty() {
        "the name of a store cannot be empty: remove `name` to call it after the struct".to_owned()
    } else if name.len() > LONGEST_NAME {
        format!(
            "the name of a store can have {LONGEST_NAME} bytes at most, because it names files, and \
             this one has {}: shorten it",
            name.len()
        )
    } else if name.starts_with('.') {
        "the name of a store cannot begin with a dot, because its files would be hidden: remove the dot"
            .to_owned()
    } else if let Some(char) = name.chars().find(separator) {
        format!(
            "the name of a store cannot contain `{char}`: give the directory with `dir = \"...\"`"
        )
    } else if let Some(char) = name.chars().find(forbidden) {
        format!(
            "the name of a store cannot contain `{}`, because some systems allow it in no file's \
             name: remove it",
            char.escape_default()
        )
    } else if name.starts_with(' ') || name.ends_with([' ', '.']) {
        "the name of a store cannot begin or end with a space, or end with a dot, because some systems \
         cut them off: remove it"
            .to_owned()
    } else {
        return;
    };
    ctxt.error(literal.span(), wrong);
}

// A directory has a path that can exist, and `app(...)` and `config(...)` get the name of the program.
pub(super) fn check_dir(ctxt: &Ctxt, store: &Store<'_>) {
    match store.attrs.dir.value() {
        Some(Dir::Path(literal)) => {
            let dir = literal.value();
            if dir.is_empty() {
                ctxt.error(
                    literal.span(),
                    "an empty path names no directory: write `dir = \".\"` for the current one",
                );
            } else if dir.contains('\0') {
                ctxt.error(
                    literal.span(),
                    "a path cannot contain a NUL character: remove the `\\0`",
                );
            }
        }
        Some(Dir::Folder(folder, parts)) => {
            let folder = folder.name();
            for part in parts {
                let text = part.value();
                if text.contains(['/', '\\']) || text.chars().any(char::is_control) {
                    ctxt.error(
                        part.span(),
                        format!(
                            "a part of `{folder}(...)` names one directory: write it without `/`, \
                             `\\` and control characters"
                        ),
                    );
                }
            }
            let application = &parts[2];
            if matches!(application.value().as_str(), "" | "." | "..") {
                ctxt.error(
                    application.span(),
                    format!(
                        "`{folder}(...)` needs the name of the program: write `dir = \
                         {folder}(\"com\", \"Example\", \"Notes\")`"
                    ),
                );
            }
        }
        Some(Dir::Expr(_)) | None => {}
    }
}

// Between two looks at the files some time passes, or nobody looks.
pub(super) fn check_poll(ctxt: &Ctxt, store: &Store<'_>) {
    let Some(literal) = store.attrs.poll.value() else {
        return;
    };
    if model::is_never(literal) {
        return;
    }
    match model::duration(literal) {
        Ok(poll) if poll.is_zero() => ctxt.error(
            literal.span(),
            "`poll` is the pause between two looks at the files, and cannot be zero: write a time such as \
             `poll = \"250ms\"`, or `poll = \"never\"`",
        ),
        Ok(_) => {}
        Err(error) => not_a_duration(ctxt, literal, &error, "poll = \"5s\"` or `poll = \"never\""),
    }
}

// A write waits for the lock for a time that has an end. After no time at all it has tried once.
pub(super) fn check_lock_timeout(ctxt: &Ctxt, store: &Store<'_>) {
    let Some(literal) = store.attrs.lock_timeout.value() else {
        return;
    };
    if let Err(error) = model::duration(literal) {
        not_a_duration(ctxt, literal, &error, "lock_timeout = \"5s\"");
    }
}

// What is kept of the past is something: without the key it is nothing.
pub(super) fn check_history(ctxt: &Ctxt, store: &Store<'_>) {
    match store.attrs.history.value() {
        None => {}
        Some(History::Age(literal)) => match model::duration(literal) {
            Ok(age) if age.is_zero() => ctxt.error(literal.span(), NO_HISTORY),
            Ok(_) => {}
            Err(error) => not_a_duration(
                ctxt,
                literal,
                &error,
                "history = \"7d\"` or, for a number of commits, `history = 1000",
            ),
        },
        Some(History::Commits(literal)) => match literal.base10_parse::<u64>() {
            Ok(0) => ctxt.error(literal.span(), NO_HISTORY),
            Ok(_) => {}
            Err(error) => ctxt.error(
                literal.span(),
                format!("this is no number of commits ({error}): write `history = 1000`"),
            ),
        },
    }
}

const NO_HISTORY: &str = "this keeps no history: remove `history`, or write how much of it is kept, such as \
                          `history = \"7d\"` or `history = 1000`";

fn not_a_duration(ctxt: &Ctxt, literal: &LitStr, error: &humantime::DurationError, example: &str) {
    ctxt.error(
        literal.span(),
        format!(
            "{:?} is not a duration ({error}): write `{example}`",
            literal.value()
        ),
    );
}

// The handle is a type beside the struct.
pub(super) fn check_handle(ctxt: &Ctxt, store: &Store<'_>) {
    let Some(handle) = store.attrs.handle.value() else {
        return;
    };
    if *handle == store.input.ident {
        ctxt.error(
            handle.span(),
            format!(
                "the handle is a type beside the struct, and cannot have its name: write `handle = {}Handle`",
                store.name
            ),
        );
    }
}
