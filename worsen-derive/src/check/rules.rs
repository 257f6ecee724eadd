//! Rules for the rules of a field: a range that holds something, a list that holds something, and a seed that keeps
//! them, as far as literals tell. Never here: the types, which the compiler compares.

use syn::{Expr, ExprRange, Lit, RangeLimits, UnOp, spanned::Spanned};

use crate::{
    attr::Given,
    ctxt::Ctxt,
    model::{Field, Seed},
};

/// The types of whole numbers. Their `Default` is 0.
const INTEGERS: [&str; 12] = [
    "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize",
];

// A range has an end, and values between its ends. A seed lies within.
pub(super) fn check_range(ctxt: &Ctxt, field: &Field<'_>) {
    let Some(Given { value: range, .. }) = field.attrs.range.get() else {
        return;
    };
    if !check_ends(ctxt, "range", range) || !field.is_stored() {
        return;
    }
    match field.seed() {
        Seed::Expr(seed) => {
            if integer(seed).is_some_and(|seed| !contains(range, seed)) {
                ctxt.error(
                    seed.span(),
                    "this seed is not in the field's `range`: write one that is, or widen the range",
                );
            }
        }
        Seed::Default => {
            let is_integer = INTEGERS.iter().any(|name| field.is_of_type(name));
            if is_integer && !contains(range, 0) {
                ctxt.error(
                    range.span(),
                    "the field begins with the `Default` of its type, 0, which is not in this range: give it \
                     another first value with `seed = ...`, or widen the range",
                );
            }
        }
        Seed::Function(_) | Seed::OfStruct | Seed::Unknown => {}
    }
}

// As a range, and a length is not below zero.
pub(super) fn check_len(ctxt: &Ctxt, field: &Field<'_>) {
    if let Some(Given { value: range, .. }) = field.attrs.len.get() {
        check_ends(ctxt, "len", range);
    }
}

// A list of values has some.
pub(super) fn check_one_of(ctxt: &Ctxt, field: &Field<'_>) {
    if let Some(Given { value: list, .. }) = field.attrs.one_of.get() {
        if list.elems.is_empty() {
            ctxt.error(
                list.span(),
                "no value is in an empty list: write the values that the field may have, such as `one_of = [\"light\", \"dark\"]`",
            );
        }
    }
}

/// Whether a range has an end, and values between its ends, as far as literals tell.
fn check_ends(ctxt: &Ctxt, key: &str, range: &ExprRange) -> bool {
    if range.start.is_none() && range.end.is_none() {
        ctxt.error(
            range.span(),
            format!("everything is in `..`: write an end, or remove `{key}`"),
        );
        return false;
    }
    let end = |end: &Option<Box<Expr>>| end.as_deref().and_then(integer);
    let (Some(from), Some(to)) = (end(&range.start), end(&range.end)) else {
        return true;
    };
    let is_empty = match range.limits {
        RangeLimits::HalfOpen(_) => from >= to,
        RangeLimits::Closed(_) => from > to,
    };
    if is_empty {
        let why = match from > to {
            true => "it ends before it begins",
            false => "its end is not part of it, which `..=` makes it",
        };
        ctxt.error(range.span(), format!("nothing is in this range: {why}"));
    }
    !is_empty
}

/// Whether a whole number lies within. Ends that are no literals are open.
fn contains(range: &ExprRange, value: i128) -> bool {
    let end = |end: &Option<Box<Expr>>| end.as_deref().and_then(integer);
    let is_above = end(&range.start).is_none_or(|from| from <= value);
    let is_below = end(&range.end).is_none_or(|to| match range.limits {
        RangeLimits::HalfOpen(_) => value < to,
        RangeLimits::Closed(_) => value <= to,
    });
    is_above && is_below
}

/// The value of a literal.
fn integer(expr: &Expr) -> Option<i128> {
    match expr {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Int(literal) => literal.base10_parse().ok(),
            _ => None,
        },
        Expr::Unary(negative) if matches!(negative.op, UnOp::Neg(_)) => {
            integer(&negative.expr).map(|value| -value)
        }
        Expr::Group(group) => integer(&group.expr),
        Expr::Paren(paren) => integer(&paren.expr),
        _ => None,
    }
}
