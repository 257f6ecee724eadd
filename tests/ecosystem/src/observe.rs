//! A type is stored in a field and as a key, and what comes of it is put into words.

use std::{
    any::Any, cell::RefCell, collections::BTreeMap, fmt::Debug, fs, marker::PhantomData, path::Path,
};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;
use tempfile::TempDir;
use worsen::{Durability, Error, ErrorKind, Map, Options, PersistentStore, Store, Value};

use crate::code;

#[derive(Store)]
#[store(name = "types", poll = "never")]
pub struct Field<T: Value> {
    #[store(seed = seed::<T>())]
    value: T,
}

thread_local! {
    /// The value that is tried now.
    static SEED: RefCell<Option<Box<dyn Any>>> = const { RefCell::new(None) };
}

/// What the field of an empty store begins with: the value that is tried now.
pub fn seed<T: Clone + 'static>() -> T {
    let seed = SEED.with_borrow(|seed| seed.as_ref()?.downcast_ref::<T>().cloned());
    seed.expect("a value is tried")
}

#[derive(Store)]
#[store(name = "types", poll = "never")]
pub struct Keys<K: Ord + Value> {
    value: Map<K, u32>,
}

/// What was seen of some values.
#[derive(Debug, Default)]
pub struct Seen {
    pub json: Option<String>,
    pub field: String,
    pub faults: Vec<String>,
}

/// What came of one value.
enum Outcome {
    Kept,
    AsStored { from: String, to: String },
    Refused { value: String, why: String },
}

/// The files of an open store, as another process would find them.
fn copy_of(dir: &Path) -> TempDir {
    let copy = folder();
    for entry in fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    copy
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// Stores each value in a field of its own type. `shown` is what of it is compared, and printed.
pub fn in_field<T: Value, P: PartialEq + Debug>(values: Vec<T>, shown: impl Fn(&T) -> P) -> Seen {
    let steps = Steps {
        open: &|dir: &Path| {
            let builder = Field::<T>::builder().dir(dir);
            builder.durability(Durability::Buffered).open()
        },
        set: &|store: &FieldStore<T>, value: T| {
            store.set_value(value).wait().unwrap();
            store.revision()
        },
        get: &|store: &FieldStore<T>| store.value(),
    };
    observe(values, shown, &steps)
}

/// How a store with one field, `value`, is opened, written and read. Setting it tells the revision.
pub struct Steps<'a, H, T> {
    pub open: &'a dyn Fn(&Path) -> Result<H, Error>,
    pub set: &'a dyn Fn(&H, T) -> u64,
    pub get: &'a dyn Fn(&H) -> T,
}

/// Begins a store with each value, writes it again, reads it as another process would, and opens it anew.
pub fn observe<H, T: Clone + 'static, P: PartialEq + Debug>(
    values: Vec<T>,
    shown: impl Fn(&T) -> P,
    steps: &Steps<'_, H, T>,
) -> Seen {
    let mut seen = Seen::default();
    let mut outcomes = Vec::new();
    for value in values {
        let dir = folder();
        let given = shown(&value);
        SEED.set(Some(Box::new(value.clone())));
        let store = match (steps.open)(dir.path()) {
            Ok(store) => store,
            Err(error) => {
                if error.kind() != ErrorKind::Encode {
                    seen.faults.push(format!("{given:?}: {error}"));
                }
                outcomes.push(Outcome::Refused {
                    value: format!("{given:?}"),
                    why: reason(&error),
                });
                continue;
            }
        };
        let get = |store: &H| shown(&(steps.get)(store));
        let open = |dir: &Path| (steps.open)(dir).unwrap();
        let here = get(&store);
        let copy = copy_of(dir.path());
        let elsewhere = get(&open(copy.path()));
        let revision = (steps.set)(&store, value.clone());
        drop(store);
        let store = open(dir.path());
        let reopened = get(&store);
        if here != elsewhere || here != reopened {
            seen.faults.push(format!(
                "the writer sees {here:?}, another reader {elsewhere:?}, and who reopens it {reopened:?}"
            ));
        }
        let again = (steps.set)(&store, value);
        drop(store);
        let json = stored(dir.path());
        if (revision, again) != (1, 1) {
            let fault = format!("{given:?} was committed again, as {json}");
            seen.faults.push(fault);
        }
        seen.json.get_or_insert(json);
        outcomes.push(match here == given {
            true => Outcome::Kept,
            false => Outcome::AsStored {
                from: format!("{given:?}"),
                to: format!("{here:?}"),
            },
        });
    }
    seen.field = in_words(&outcomes);
    seen
}

/// The text of the field.
fn stored(dir: &Path) -> String {
    let options = Options {
        db_dir: dir.to_owned(),
        ..Options::default()
    };
    let store = PersistentStore::<Box<RawValue>>::new("types", options).unwrap();
    let json = store.read("value").expect("it is there");
    json.get().to_owned()
}

fn in_words(outcomes: &[Outcome]) -> String {
    let kept = outcomes
        .iter()
        .any(|outcome| matches!(outcome, Outcome::Kept));
    let mut words: Vec<String> = Vec::new();
    if kept {
        words.push("kept".into());
    }
    for outcome in outcomes {
        match outcome {
            Outcome::Kept => {}
            Outcome::AsStored { from, to } => {
                words.push(format!(
                    "**as stored**: {} becomes {}",
                    code(from),
                    code(to)
                ));
            }
            Outcome::Refused { value, why } => {
                words.push(format!("**refused**: {} {why}", code(value)));
            }
        }
    }
    words.join("; ")
}

/// The sentence of the error that says why, without what is the same for every refusal.
fn reason(error: &Error) -> String {
    let text = format!("{error:#}");
    let (_, why) = text.split_once(": the value ").unwrap_or(("", &text));
    let (why, _) = why.split_once("; nothing was written").unwrap_or((why, ""));
    let why = match why.strip_prefix("would not come back from its JSON, ") {
        Some(json) => format!("as {json}"),
        None => why.to_owned(),
    };
    why.replace('|', "\\|")
}

/// How a type that may be a key is found out about: where the bounds do not hold, [`NoKey`] answers.
#[derive(Debug)]
pub struct KeyProbe<T>(pub PhantomData<T>);

impl<K: Ord + Clone + Debug + Serialize + DeserializeOwned + Send + Sync + 'static> KeyProbe<K> {
    pub fn as_keys(&self, keys: Vec<K>) -> (String, Vec<String>) {
        let open = |dir: &Path| {
            let builder = Keys::<K>::builder().dir(dir);
            builder.durability(Durability::Buffered).open().unwrap()
        };
        let dir = folder();
        let store = open(dir.path());
        let mut faults = Vec::new();
        let mut expected = BTreeMap::new();
        let mut words = Vec::new();
        for (number, key) in (0..).zip(keys) {
            let given = key.clone();
            let insert = move |map: &mut Map<K, u32>| map.insert(given, number);
            match store.update_value(insert).wait() {
                Ok(before) => {
                    if before != expected.insert(key.clone(), number) {
                        faults.push(format!("another value at the key {key:?}"));
                    }
                }
                Err(error) if error.kind() == ErrorKind::Encode => {
                    let key = format!("{key:?}");
                    words.push(format!("**refused**: {}", code(&key)));
                }
                Err(error) => faults.push(error.to_string()),
            }
        }
        let copy = copy_of(dir.path());
        let elsewhere = open(copy.path()).value();
        let here = store.value();
        drop(store);
        let reopened = open(dir.path()).value();
        for (who, map) in [
            ("writer", &here),
            ("other", &elsewhere),
            ("reopening", &reopened),
        ] {
            if !map.iter().eq(expected.iter()) {
                faults.push(format!("the {who} has the keys {map:?} of {expected:?}"));
            }
        }
        if expected.is_empty() {
            return ("no".into(), faults);
        }
        words.insert(0, "yes".into());
        (words.join("; "), faults)
    }
}

/// What is no key by its type.
pub trait NoKey<K> {
    fn as_keys(&self, _keys: Vec<K>) -> (String, Vec<String>) {
        ("no `Ord`".into(), Vec::new())
    }
}

impl<K> NoKey<K> for KeyProbe<K> {}

/// Whether a type has a trait.
#[macro_export]
macro_rules! has {
    ($type:ty: $($bound:tt)+) => {{
        #[allow(dead_code, reason = "one of the two answers")]
        trait No {
            const HAS: bool = false;
        }
        struct Probe<T: ?Sized>(::std::marker::PhantomData<T>);
        impl<T: ?Sized> No for Probe<T> {}
        #[allow(dead_code, reason = "one of the two answers")]
        impl<T: ?Sized + $($bound)+> Probe<T> {
            const HAS: bool = true;
        }
        <Probe<$type>>::HAS
    }};
}

/// The row of a type that can be a field: its crate (or `std`), the type, some values, and where it is not
/// `PartialEq` and `Debug` itself what of it is compared.
#[macro_export]
macro_rules! case {
    ($of:expr, $type:ty, [$($value:expr),+ $(,)?] $(, $remark:literal)?) => {
        $crate::case!($of, $type, [$($value),+], |value: &$type| value.clone() $(, $remark)?)
    };
    ($of:expr, $type:ty, [$($value:expr),+ $(,)?], $shown:expr $(, $remark:literal)?) => {{
        #[allow(unused_imports, reason = "not where the type can be a key")]
        use $crate::observe::NoKey as _;
        let values = || -> Vec<$type> { vec![$($value),+] };
        let seen = $crate::observe::in_field(values(), $shown);
        let probe = $crate::observe::KeyProbe::<$type>(::std::marker::PhantomData);
        let (key, key_faults) = probe.as_keys(values());
        $crate::Row {
            of: $of,
            name: stringify!($type).to_owned(),
            with: None,
            json: seen.json,
            field: seen.field,
            key,
            remark: [$($remark,)? ""][0],
            faults: [seen.faults, key_faults].concat(),
        }
    }};
}

/// The row of a type that a `with` module writes and reads.
#[macro_export]
macro_rules! with {
    ($of:expr, $type:ty, $module:path, [$($value:expr),+ $(,)?] $(, $remark:literal)?) => {
        $crate::with!($of, $type, $module, [$($value),+], |value: &$type| value.clone() $(, $remark)?)
    };
    ($of:expr, $type:ty, $module:path, [$($value:expr),+ $(,)?], $shown:expr $(, $remark:literal)?) => {{
        #[derive(::worsen::Store)]
        #[store(name = "types", poll = "never")]
        struct Field {
            #[store(with = $module, seed = $crate::observe::seed())]
            value: $type,
        }
        let steps = $crate::observe::Steps {
            open: &|dir: &::std::path::Path| {
                let builder = <Field as ::worsen::Store>::builder().dir(dir);
                builder.durability(::worsen::Durability::Buffered).open()
            },
            set: &|store: &FieldStore, value: $type| {
                store.set_value(value).wait().unwrap();
                store.revision()
            },
            get: &|store: &FieldStore| store.value(),
        };
        let seen = $crate::observe::observe(vec![$($value),+], $shown, &steps);
        $crate::Row {
            of: $of,
            name: stringify!($type).to_owned(),
            with: Some(stringify!($module)),
            json: seen.json,
            field: seen.field,
            key: String::new(),
            remark: [$($remark,)? ""][0],
            faults: seen.faults,
        }
    }};
}

/// The row of a type that cannot be a field, with what it lacks.
#[macro_export]
macro_rules! no_field {
    ($of:expr, $type:ty, $remark:literal) => {{
        let has = [
            ("`Clone`", $crate::has!($type: Clone)),
            ("`Serialize`", $crate::has!($type: ::serde::Serialize)),
            ("`Deserialize`", $crate::has!($type: ::serde::de::DeserializeOwned)),
            ("`Send`", $crate::has!($type: Send)),
            ("`Sync`", $crate::has!($type: Sync)),
        ];
        let lacks: Vec<&str> = has.iter().filter(|(_, has)| !has).map(|(name, _)| *name).collect();
        assert!(!lacks.is_empty(), "{} can be a field", stringify!($type));
        $crate::Row {
            of: $of,
            name: stringify!($type).to_owned(),
            with: None,
            json: None,
            field: format!("**does not compile**: no {}", lacks.join(", ")),
            key: String::new(),
            remark: $remark,
            faults: Vec::new(),
        }
    }};
}
