//! Rules of fields and of structs, as data, and the questions that the derive's code asks of a value. Never here:
//! which values are asked, and what becomes of a write that breaks a rule.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque},
    fmt::Display,
    ops::{Bound, RangeBounds},
    sync::Arc,
};

/// One rule: a key of `#[store(...)]` and its value, as they are written there.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    pub key: &'static str,
    pub text: &'static str,
}

impl Rule {
    pub const NORMALIZE: &'static str = "normalize";

    /// Whether it changes values, where the others refuse some.
    pub(crate) const fn normalizes(&self) -> bool {
        // `==` on texts is not `const`. No other key has its length.
        self.key.len() == Rule::NORMALIZE.len()
    }
}

/// Whether one of these rules changes values.
pub(crate) const fn normalize(rules: &[Rule]) -> bool {
    let mut at = 0;
    while at < rules.len() {
        if rules[at].normalizes() {
            return true;
        }
        at += 1;
    }
    false
}

/// A value breaks this rule.
#[doc(hidden)]
#[derive(Debug)]
pub struct BrokenRule {
    pub(crate) key: &'static str,
    pub(crate) text: &'static str,
    /// Where the rule alone does not say it.
    pub(crate) why: Option<String>,
}

impl BrokenRule {
    fn new(key: &'static str, text: &'static str, why: Option<String>) -> Self {
        BrokenRule { key, text, why }
    }
}

/// What a field with `range` is.
#[diagnostic::on_unimplemented(
    message = "values of `{Self}` have no order, so `range` cannot say which are between two",
    label = "this type has no order",
    note = "implement `PartialOrd` for it, or write `#[store(validate = path::to::function)]` in the place of `range`"
)]
pub trait Ordered {
    fn is_within(&self, range: (Bound<&Self>, Bound<&Self>)) -> bool;
}

#[diagnostic::do_not_recommend]
impl<T: PartialOrd> Ordered for T {
    fn is_within(&self, range: (Bound<&Self>, Bound<&Self>)) -> bool {
        range.contains(self)
    }
}

/// `range = ...`.
#[doc(hidden)]
pub fn in_range<T: Ordered>(
    value: &T,
    from: Bound<&T>,
    to: Bound<&T>,
    text: &'static str,
) -> Result<(), BrokenRule> {
    match value.is_within((from, to)) {
        true => Ok(()),
        false => Err(BrokenRule::new("range", text, None)),
    }
}

/// What a field with `len` is.
#[diagnostic::on_unimplemented(
    message = "`len` counts the characters of a text or the elements of a list, a set or a map, and `{Self}` is none of them",
    label = "this type has no length",
    note = "for a number write `#[store(range = ...)]`, and for any other type `#[store(validate = path::to::function)]`"
)]
pub trait Length {
    /// What is counted.
    const OF: &'static str;

    fn length(&self) -> usize;
}

/// A text has a character for each `char`, as a person counts them who knows nothing of bytes.
macro_rules! texts {
    ($($text:ty),*) => {
        $(impl Length for $text {
            const OF: &'static str = "characters";

            fn length(&self) -> usize {
                self.chars().count()
            }
        })*
    };
}

macro_rules! lists {
    ($(($($parameter:ident),*) $list:ty),* $(,)?) => {
        $(impl<$($parameter),*> Length for $list {
            const OF: &'static str = "elements";

            fn length(&self) -> usize {
                self.len()
            }
        })*
    };
}

texts!(String, Box<str>, Arc<str>, Cow<'_, str>);
lists!(
    (T) Vec<T>, (T) VecDeque<T>, (T) LinkedList<T>, (T) BinaryHeap<T>, (T) Box<[T]>, (T) Arc<[T]>,
    (T) BTreeSet<T>, (T, H) HashSet<T, H>, (K, V) BTreeMap<K, V>, (K, V, H) HashMap<K, V, H>,
);

/// `len = ...`.
#[doc(hidden)]
pub fn has_length<T: Length>(
    value: &T,
    from: Bound<usize>,
    to: Bound<usize>,
    text: &'static str,
) -> Result<(), BrokenRule> {
    let length = value.length();
    if (from, to).contains(&length) {
        return Ok(());
    }
    let of = T::OF;
    let of = if length == 1 { &of[..of.len() - 1] } else { of };
    let why = format!("it has {length} {of}");
    Err(BrokenRule::new("len", text, Some(why)))
}

/// What a field with `one_of` is, beside the values that it may have.
#[diagnostic::on_unimplemented(
    message = "`one_of` cannot compare a `{Self}` with a `{B}`",
    label = "this is no value of the field's type",
    note = "write values of the field's type, and derive `PartialEq` for it; a `String` is compared with texts such as `\"light\"`"
)]
pub trait ComparedWith<B> {
    fn is_one_of(&self, values: &[B]) -> bool;
}

#[diagnostic::do_not_recommend]
impl<T: PartialEq<B>, B> ComparedWith<B> for T {
    fn is_one_of(&self, values: &[B]) -> bool {
        values.iter().any(|value| self == value)
    }
}

/// `one_of = [...]`.
#[doc(hidden)]
pub fn is_one_of<T: ComparedWith<B>, B>(
    value: &T,
    values: &[B],
    text: &'static str,
) -> Result<(), BrokenRule> {
    match value.is_one_of(values) {
        true => Ok(()),
        false => Err(BrokenRule::new("one_of", text, None)),
    }
}

/// What a function for `validate` returns.
#[diagnostic::on_unimplemented(
    message = "a function for `validate` returns `Result<(), E>`, where `E` can be printed, and this one returns `{Self}`",
    label = "this function returns no `Result<(), E>`",
    note = "return `Ok(())` where the value is good, and `Err(\"why it is not\")` otherwise; the error of the write says why"
)]
pub trait Verdict {
    fn why(self) -> Option<String>;
}

impl<E: Display> Verdict for Result<(), E> {
    fn why(self) -> Option<String> {
        self.err().map(|why| why.to_string())
    }
}

/// `validate = ...`.
#[doc(hidden)]
pub fn verdict(verdict: impl Verdict, text: &'static str) -> Result<(), BrokenRule> {
    match verdict.why() {
        None => Ok(()),
        why => Err(BrokenRule::new("validate", text, why)),
    }
}

/// What a function for `normalize` returns.
#[diagnostic::on_unimplemented(
    message = "a function for `normalize` changes the value in its place and returns nothing, and this one returns `{Self}`",
    label = "this function returns something",
    note = "write `fn normalize(value: &mut T)`, and `*value = ...` in it"
)]
pub trait Normalized {}

impl Normalized for () {}

/// `normalize = ...`.
pub fn normalized(_: impl Normalized) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_as_many_characters_as_it_has_chars() {
        assert!(
            has_length(
                &"äöü".to_owned(),
                Bound::Unbounded,
                Bound::Included(3),
                "..=3"
            )
            .is_ok()
        );
        let broken = has_length(&"ä".to_owned(), Bound::Included(2), Bound::Unbounded, "2..");
        assert_eq!(broken.unwrap_err().why.unwrap(), "it has 1 character");
    }

    #[test]
    fn what_cannot_be_compared_is_in_no_range() {
        let within =
            |value: f64| in_range(&value, Bound::Included(&0.0), Bound::Excluded(&1.0), "");
        assert!(within(0.0).is_ok());
        assert!(within(1.0).is_err());
        assert!(within(f64::NAN).is_err());
    }

    #[test]
    fn one_rule_alone_changes_values() {
        let rule = |key| Rule { key, text: "" };
        let others = ["range", "len", "one_of", "validate"].map(rule);
        assert!(!normalize(&others));
        assert!(normalize(&[others[0], rule(Rule::NORMALIZE)]));
    }
}
