//! What a uid is: how long it may be, what it may hold, and where in it the key of an entry begins; and
//! [`seeds!`](crate::seeds!), a list of uids and their seeds that the compiler has looked at. No store is
//! opened or written here.

use crate::error::{self, Error};

/// In bytes.
pub(crate) const LONGEST_UID: usize = 4096;

pub(crate) fn check_uid(uid: &str) -> Result<(), Error> {
    let what = if uid.is_empty() {
        "the uid is empty".to_owned()
    } else if uid.len() > LONGEST_UID {
        format!(
            "the uid has {} bytes; the limit is {LONGEST_UID}",
            uid.len()
        )
    } else if let Some(bad) = uid.chars().find(|character| character.is_control()) {
        format!("the uid contains {bad:?}")
    } else if is_own(uid) {
        format!("the uid begins with `{OWN}`, below which the store keeps what it knows of itself")
    } else {
        return Ok(());
    };
    Err(error::value::invalid_uid(uid, what))
}

/// What the uids begin with under which a store keeps what it has to know of itself.
pub(crate) const OWN: &str = "/worsen/";

/// Whether the store keeps this uid for itself. No field has such a uid.
pub(crate) fn is_own(uid: &str) -> bool {
    uid.starts_with(OWN)
}

/// The field of a uid, and the key in it.
pub(crate) fn split(uid: &str) -> (&str, Option<&str>) {
    match memchr::memchr(b'/', uid.as_bytes()) {
        Some(slash) => (&uid[..slash], Some(&uid[slash + 1..])),
        None => (uid, None),
    }
}

/// A list of seeds for a [`PersistentStore`](crate::PersistentStore): pairs of a uid and its seed.
///
/// It is the same array that would be written without the macro, `[(&str, T); N]`, but a uid that is
/// given twice, or that cannot be a uid (it is empty, longer than 4096 bytes, or holds a control
/// character), is an error when the program is compiled, and not when the store is opened. The uids must be literals or
/// constants, and all seeds are of one type.
///
/// ```
/// let seeds = worsen::seeds![("AppInit", true), ("AppErrors", false)];
/// assert_eq!(seeds, [("AppInit", true), ("AppErrors", false)]);
/// ```
///
/// ```compile_fail
/// let seeds = worsen::seeds![("AppInit", true), ("AppInit", false)];
/// ```
#[macro_export]
macro_rules! seeds {
    ($(($uid:expr, $seed:expr $(,)?)),* $(,)?) => {{
        const _: () = $crate::__private::check_uids(&[$($uid),*]);
        [$(($uid, $seed)),*]
    }};
}

/// Panics, which in a constant is a compile error, at the first uid that is wrong.
#[track_caller]
#[expect(
    clippy::panic,
    reason = "a panic in a constant is a compile error, which is what is wanted"
)]
pub const fn check_uids(uids: &[&str]) {
    let mut at = 0;
    while at < uids.len() {
        let uid = uids[at].as_bytes();
        if uid.is_empty() {
            panic!("a uid cannot be empty");
        }
        if uid.len() > LONGEST_UID {
            panic!("a uid has at most 4096 bytes");
        }
        let mut byte = 0;
        while byte < uid.len() {
            // The control characters from U+0080 on begin with 0xC2 in UTF-8.
            let is_control = uid[byte].is_ascii_control()
                || uid[byte] == 0xC2 && byte + 1 < uid.len() && uid[byte + 1] < 0xA0;
            if is_control {
                panic!("a uid cannot hold a control character");
            }
            byte += 1;
        }
        let mut earlier = 0;
        while earlier < at {
            if is_same(uids[earlier].as_bytes(), uid) {
                tell(uid, " is given twice: every uid has one seed");
            }
            earlier += 1;
        }
        at += 1;
    }
}

const fn is_same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let mut at = 0;
    while at < one.len() {
        if one[at] != other[at] {
            return false;
        }
        at += 1;
    }
    true
}

/// Panics with the uid in quotes and the words behind it. A constant cannot format, so the message is
/// put together by hand.
#[track_caller]
#[expect(
    clippy::panic,
    reason = "a panic in a constant is a compile error, which is what is wanted"
)]
const fn tell(uid: &[u8], words: &str) -> ! {
    let mut message = [0; 256];
    let mut length = 0;
    if uid.len() + words.len() + 2 <= message.len() {
        length = append(&mut message, length, b"`");
        length = append(&mut message, length, uid);
        length = append(&mut message, length, b"`");
    } else {
        length = append(&mut message, length, b"a uid");
    }
    length = append(&mut message, length, words.as_bytes());
    let (message, _) = message.split_at(length);
    match std::str::from_utf8(message) {
        Ok(message) => panic!("{}", message),
        Err(_) => panic!("{}", words),
    }
}

const fn append(message: &mut [u8; 256], mut length: usize, text: &[u8]) -> usize {
    let mut at = 0;
    while at < text.len() && length < message.len() {
        message[length] = text[at];
        length += 1;
        at += 1;
    }
    length
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use super::check_uids;

    fn complaint(uids: &'static [&'static str]) -> String {
        let panic = catch_unwind(|| check_uids(uids)).expect_err("nothing was wrong");
        match panic.downcast::<String>() {
            Ok(message) => *message,
            Err(panic) => panic
                .downcast::<&str>()
                .map(|text| text.to_string())
                .unwrap_or_default(),
        }
    }

    #[test]
    fn good_uids_are_let_through() {
        check_uids(&[]);
        check_uids(&[
            "AppInit",
            "AppErrors",
            "ein Zähler",
            "\u{a0}é",
            "a.b-c",
            "users/7",
        ]);
    }

    #[test]
    fn a_wrong_uid_is_named() {
        assert!(complaint(&["a", "b", "a"]).contains("`a` is given twice"));
        assert!(complaint(&["a", ""]).contains("empty"));
        assert!(complaint(&["a\nb"]).contains("control character"));
        assert!(complaint(&["a\u{85}b"]).contains("control character"));
        assert!(complaint(&["a\u{7f}b"]).contains("control character"));
    }

    #[test]
    fn a_uid_too_long_to_name_is_still_refused() {
        let long: &'static str = Box::leak("x".repeat(1000).into_boxed_str());
        let twice: &'static [&'static str] = Box::leak(Box::new([long, long]));
        assert!(complaint(twice).starts_with("a uid is given twice"));
        let longer: &'static str = Box::leak("x".repeat(4097).into_boxed_str());
        let longer: &'static [&'static str] = Box::leak(Box::new([longer]));
        assert!(complaint(longer).contains("at most 4096 bytes"));
    }

    #[test]
    fn seeds_are_a_plain_array() {
        const INIT: &str = "AppInit";
        let seeds: [(&str, bool); 2] = crate::seeds![(INIT, true), ("AppErrors", false),];
        assert_eq!(seeds, [("AppInit", true), ("AppErrors", false)]);
        let none: [(&str, u8); 0] = crate::seeds![];
        assert!(none.is_empty());
    }
}
