//! A struct that is serde's already becomes a store without a twin: its serde attributes hold there too.

use std::{collections::HashMap, path::Path};

use serde::{Deserialize, Serialize};
use worsen::Store;

use crate::support::folder;

/// Anything that has every attribute a store takes over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Store)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[store(name = "settings")]
struct Settings {
    user_name: String,
    #[serde(rename = "Volume")]
    volume: u8,
    #[serde(default = "ten")]
    font_size: u32,
    #[serde(with = "hex")]
    color: u32,
    #[serde(serialize_with = "as_text", deserialize_with = "from_text")]
    port: u16,
    #[serde(skip)]
    open_windows: u32,
    #[serde(skip, default = "handle")]
    handle: NoDefault,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    recent: Vec<String>,
    #[serde(rename = "json_name")]
    #[store(uid = "uid")]
    named_twice: bool,
}

#[derive(Debug, Clone, PartialEq)]
struct NoDefault(u8);

fn ten() -> u32 {
    10
}

fn handle() -> NoDefault {
    NoDefault(7)
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            user_name: "nobody".into(),
            volume: 50,
            font_size: 1,
            color: 0xff_0000,
            port: 8080,
            open_windows: 3,
            handle: NoDefault(1),
            recent: vec!["readme".into()],
            named_twice: true,
        }
    }
}

mod hex {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(value: &u32, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&format!("#{value:06x}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
        let text = String::deserialize(from)?;
        u32::from_str_radix(text.trim_start_matches('#'), 16).map_err(D::Error::custom)
    }
}

fn as_text<S: serde::Serializer>(value: &u16, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(value)
}

fn from_text<'de, D: serde::Deserializer<'de>>(from: D) -> Result<u16, D::Error> {
    let text = String::deserialize(from)?;
    text.parse().map_err(serde::de::Error::custom)
}

fn open(dir: &Path) -> SettingsStore {
    Settings::builder().dir(dir).open().unwrap()
}

/// What the log holds of each uid.
fn stored(dir: &Path) -> HashMap<String, serde_json::Value> {
    let log = std::fs::read_to_string(dir.join("settings.db")).unwrap();
    let mut stored = HashMap::new();
    for line in log.lines().filter(|line| !line.trim().is_empty()) {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let set = line.get("set").and_then(serde_json::Value::as_object);
        stored.extend(
            set.into_iter()
                .flatten()
                .map(|(uid, json)| (uid.clone(), json.clone())),
        );
    }
    stored
}

#[test]
fn a_field_has_one_name_and_one_form_in_the_store_and_in_serdes_json() {
    let folder = folder();
    let store = open(folder.path());
    let snapshot = store.snapshot();
    assert_eq!(
        snapshot.user_name, "nobody",
        "the struct's default is the seed"
    );
    assert_eq!(
        snapshot.font_size, 10,
        "the field's default comes before the struct's"
    );
    assert_eq!(
        (snapshot.open_windows, &snapshot.handle),
        (3, &NoDefault(7))
    );
    store.set_color(0x00_ff00).wait().unwrap();
    store.set_port(443).wait().unwrap();

    let mut json = serde_json::to_value(Settings::clone(&store.snapshot())).unwrap();
    let json = json.as_object_mut().unwrap();
    let named_twice = json.remove("json_name").unwrap();
    json.insert("uid".into(), named_twice);
    let stored = stored(folder.path());
    assert_eq!(json.len(), stored.len());
    for (name, json) in json {
        assert_eq!(stored.get(name), Some(&*json), "{name}");
    }

    drop(store);
    let store = open(folder.path());
    assert_eq!((store.color(), store.port()), (0x00_ff00, 443));
}

#[test]
fn serdes_default_is_written_to_an_empty_store_alone() {
    let folder = folder();
    let store = open(folder.path());
    store
        .update(|settings| settings.user_name = "somebody".into())
        .wait()
        .unwrap();
    drop(store);
    let store = open(folder.path());
    assert_eq!(store.user_name(), "somebody");
    assert_eq!(store.volume(), 50);
}

/// The same fields under each rule, for serde and for the store.
macro_rules! ruled {
    ($($name:ident $rule:literal),*) => { $(
        #[derive(Default, Clone, Serialize, Deserialize, Store)]
        #[serde(rename_all = $rule)]
        #[store(name = "ruled")]
        #[expect(non_snake_case, reason = "names that a rule could treat in more than one way")]
        struct $name {
            plain: u8,
            two_words: u8,
            with_2_digits: u8,
            _leading: u8,
            trailing_: u8,
            in__between: u8,
            Upper: u8,
            MIXed_Case: u8,
            r#type: u8,
            größe_ß: u8,
        }

        impl $name {
            fn names() -> (Vec<String>, Vec<String>) {
                let folder = folder();
                let store = Self::builder().dir(folder.path()).open().unwrap();
                let log = std::fs::read_to_string(store.path().unwrap()).unwrap();
                let seeds: serde_json::Value =
                    serde_json::from_str(log.lines().nth(1).unwrap()).unwrap();
                let of = |json: &serde_json::Value| {
                    let mut names: Vec<String> =
                        json.as_object().unwrap().keys().cloned().collect();
                    names.sort();
                    names
                };
                (of(&seeds["set"]), of(&serde_json::to_value(Self::default()).unwrap()))
            }
        }
    )* };
}

ruled!(
    Lower "lowercase", Upper "UPPERCASE", Pascal "PascalCase", Camel "camelCase", Snake "snake_case",
    ScreamingSnake "SCREAMING_SNAKE_CASE", Kebab "kebab-case", ScreamingKebab "SCREAMING-KEBAB-CASE"
);

#[test]
fn a_rule_for_names_gives_the_same_names_as_serde() {
    let all = [
        Lower::names(),
        Upper::names(),
        Pascal::names(),
        Camel::names(),
        Snake::names(),
        ScreamingSnake::names(),
        Kebab::names(),
        ScreamingKebab::names(),
    ];
    for (ours, serdes) in all {
        assert_eq!(ours, serdes);
    }
}
