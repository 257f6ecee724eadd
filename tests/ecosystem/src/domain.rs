//! What fits nowhere else.

use std::sync::Arc;

use crate::{Row, case, no_field, with};

pub fn rows() -> Vec<Row> {
    use iso_currency::Currency;
    use keyboard_types::Code;
    use log::LevelFilter;
    use secrecy::SecretString;

    let key = || ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
    vec![
        case!(Some("iso_currency"), Currency, [Currency::EUR]),
        no_field!(
            Some("rusty-money"),
            rusty_money::Money<'static, rusty_money::iso::Currency>,
            "a `Decimal` and a `Currency` of iso_currency"
        ),
        case!(
            Some("iban_validate"),
            iban::Iban,
            ["DE44500105175407324931".parse().unwrap()]
        ),
        no_field!(
            Some("secrecy"),
            SecretString,
            "on purpose: a newtype of a `String`, if it may be on the disk at all"
        ),
        case!(Some("ed25519-dalek"), ed25519_dalek::SigningKey, [key()]),
        case!(
            Some("ed25519-dalek"),
            ed25519_dalek::VerifyingKey,
            [key().verifying_key()]
        ),
        case!(Some("log"), LevelFilter, [LevelFilter::Warn]),
        case!(
            Some("cron"),
            cron::Schedule,
            ["0 30 9 * * Mon".parse().unwrap()]
        ),
        with!(
            Some("serde_regex"),
            regex::Regex,
            serde_regex,
            [regex::Regex::new("^a+$").unwrap()],
            |regex: &regex::Regex| regex.as_str().to_owned()
        ),
        case!(
            Some("globset"),
            globset::Glob,
            [globset::Glob::new("*.rs").unwrap()]
        ),
        case!(
            Some("wildmatch"),
            wildmatch::WildMatch,
            [wildmatch::WildMatch::new("a*")]
        ),
        case!(Some("keyboard-types"), Code, [Code::KeyA]),
        no_field!(
            Some("parking_lot"),
            parking_lot::Mutex<u8>,
            "the plain type: the store is what changes it"
        ),
        no_field!(Some("arc-swap"), arc_swap::ArcSwap<u8>, "the plain type"),
        case!(
            None,
            Arc<Vec<String>>,
            [Arc::new(vec!["a".into()])],
            "serde's feature `rc`; a clone of the state then shares it"
        ),
    ]
}
