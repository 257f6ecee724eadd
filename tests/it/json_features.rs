//! What other crates of a program may turn on in serde_json, since features are the whole program's:
//! `arbitrary_precision`, `preserve_order` and `unbounded_depth`. Built with the feature `json-of-others`
//! alone, under which the other tests of values run too.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use worsen::{Error, ErrorKind, Map, Store, testing::SimulatedDisk};

use crate::support::{folder, open_values, try_open_values};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Count(u64),
    Share(f64),
    Several { shares: Vec<f64> },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
enum Tagged {
    Disk { bytes: u64, load: f64 },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Flat {
    name: String,
    #[serde(flatten)]
    load: Load,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Load {
    Share(f64),
    Count(u64),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Named {
    Share(f64),
    Several { shares: Vec<f32> },
}

fn flat(load: Load) -> Flat {
    Flat {
        name: "cpu".into(),
        load,
    }
}

#[track_caller]
fn names_the_feature(error: &Error, kind: ErrorKind) {
    assert_eq!(error.kind(), kind, "{error}");
    let text = error.to_string();
    assert!(text.contains("`arbitrary_precision`"), "{text}");
    assert!(text.contains("an enum that names its variants"), "{text}");
}

/// It is refused when it is written, and where another program has written it.
#[track_caller]
fn cannot_be_read<T: worsen::Value + std::fmt::Debug>(value: T, json: &str) {
    let disk = SimulatedDisk::new();
    let store = open_values::<T>(&disk);
    let error = store.write("uid", value).wait().unwrap_err();
    names_the_feature(&error, ErrorKind::Encode);
    assert_eq!(store.revision(), 0);
    drop(store);
    let store = open_values::<Value>(&disk);
    store.write("uid", parse(json)).wait().unwrap();
    drop(store);
    names_the_feature(&try_open_values::<T>(&disk).unwrap_err(), ErrorKind::Decode);
    assert_eq!(open_values::<Value>(&disk).read("uid"), Some(parse(json)));
}

/// It is there for the next process that opens the store.
#[track_caller]
fn comes_back<T: worsen::Value + std::fmt::Debug + PartialEq>(value: T) {
    let disk = SimulatedDisk::new();
    let store = open_values::<T>(&disk);
    store.write("uid", value.clone()).wait().unwrap();
    assert_eq!(store.read("uid").as_ref(), Some(&value));
    drop(store);
    let store = open_values::<T>(&disk);
    assert_eq!(store.read("uid").as_ref(), Some(&value));
    store.write("uid", value).wait().unwrap();
    assert_eq!(store.revision(), 1, "the same value was committed again");
}

fn parse<T: DeserializeOwned>(json: &str) -> T {
    serde_json::from_str(json).unwrap()
}

#[test]
fn the_features_are_on() {
    assert_eq!(parse::<Value>("1.10").to_string(), "1.10");
    assert_eq!(
        parse::<Value>(r#"{"b":1,"a":2}"#).to_string(),
        r#"{"b":1,"a":2}"#
    );
    let nested = "[".repeat(300) + &"]".repeat(300);
    let mut deserializer = serde_json::Deserializer::from_str(&nested);
    deserializer.disable_recursion_limit();
    Value::deserialize(&mut deserializer).unwrap();
}

#[test]
fn floats_in_untagged_tagged_and_flattened_enums_are_refused_with_the_reason() {
    cannot_be_read(Untagged::Share(0.5), "0.5");
    let several = Untagged::Several {
        shares: vec![0.5, 2.0],
    };
    cannot_be_read(several, r#"{"shares":[0.5,2.0]}"#);
    let disk = Tagged::Disk {
        bytes: 1,
        load: 1e-9,
    };
    cannot_be_read(disk, r#"{"kind":"Disk","bytes":1,"load":1e-9}"#);
    cannot_be_read(flat(Load::Share(0.5)), r#"{"name":"cpu","Share":0.5}"#);
}

#[test]
fn a_float_that_cannot_be_read_stops_neither_other_fields_nor_other_entries() {
    #[derive(Store)]
    #[store(name = "loads")]
    struct Loads {
        count: u64,
        newest: Option<Untagged>,
        by_name: Map<String, Tagged>,
    }
    let folder = folder();
    let open = || Loads::builder().dir(folder.path()).open().unwrap();
    let store = open();
    let error = store
        .update(|state| {
            state.count = 7;
            state.newest = Some(Untagged::Share(0.5));
        })
        .wait()
        .unwrap_err();
    names_the_feature(&error, ErrorKind::Encode);
    let load = Tagged::Disk {
        bytes: 1,
        load: 0.5,
    };
    let insert = |loads: &mut Map<String, Tagged>| loads.insert("a".into(), load);
    let error = store.update_by_name(insert).wait().unwrap_err();
    names_the_feature(&error, ErrorKind::Encode);
    assert!(error.to_string().contains("by_name/a"), "{error}");
    store.set_count(8).wait().unwrap();
    store.set_newest(Some(Untagged::Count(9))).wait().unwrap();
    drop(store);
    let store = open();
    assert_eq!(
        (store.count(), store.newest()),
        (8, Some(Untagged::Count(9)))
    );
    assert!(store.by_name().is_empty());
}

#[test]
fn what_does_not_depend_on_the_feature_is_not_blamed_on_it() {
    comes_back(Untagged::Count(u64::MAX));
    comes_back(flat(Load::Count(7)));
    comes_back(Named::Share(0.1 + 0.2));
    comes_back(Named::Several {
        shares: vec![f32::MIN_POSITIVE, -0.0],
    });
    comes_back(BTreeMap::from([("a".to_owned(), vec![Some(5e-324_f64)])]));
    comes_back((u128::MAX, i128::MIN, f64::MAX));
    let disk = SimulatedDisk::new();
    let store = open_values::<Vec<f64>>(&disk);
    let error = store.write("uid", vec![f64::NAN]).wait().unwrap_err();
    assert!(
        !error.to_string().contains("arbitrary_precision"),
        "{error}"
    );
    let store = open_values::<Value>(&disk);
    store.write("uid", json!("0.5")).wait().unwrap();
    drop(store);
    let error = try_open_values::<Untagged>(&disk).unwrap_err();
    assert!(
        !error.to_string().contains("arbitrary_precision"),
        "{error}"
    );
}

#[test]
fn numbers_of_any_length_come_back_as_they_were_typed() {
    for number in [
        "1.10",
        "-0",
        "1e+400",
        "0.1000000000000000055511151231257827",
        "123456789012345678901234567890",
    ] {
        let value: Value = parse(&format!("{{\"n\":[{number}]}}"));
        comes_back(value.clone());
        comes_back(parse::<serde_json::Number>(number));
        // A line of the log may have them where this program knows no field.
        let disk = SimulatedDisk::new();
        let store = open_values::<Value>(&disk);
        store.write("uid", value).wait().unwrap();
        drop(store);
        let store = open_values::<Value>(&disk);
        assert_eq!(store.read("uid").unwrap()["n"][0].to_string(), number);
    }
}

#[test]
fn members_come_back_in_the_order_in_which_they_were_written() {
    let disk = SimulatedDisk::new();
    let store = open_values::<Value>(&disk);
    for json in [
        r#"{"b":1,"a":{"d":2,"c":3}}"#,
        r#"{"a":{"c":3,"d":2},"b":1}"#,
        r#"{"b":1,"a":{"c":3,"d":2}}"#,
    ] {
        store.write("uid", parse(json)).wait().unwrap();
        assert_eq!(store.read("uid").unwrap().to_string(), json);
        assert_eq!(
            open_values::<Value>(&disk).read("uid").unwrap().to_string(),
            json
        );
    }
    assert_eq!(store.revision(), 3);
}

#[test]
fn what_is_nested_too_deeply_is_refused_and_ends_no_stack() {
    let nested = |depth| (0..depth).fold(json!(1), |value, _| Value::Array(vec![value]));
    let disk = SimulatedDisk::new();
    let store = open_values::<Value>(&disk);
    comes_back(nested(100));
    for depth in [128, 200, 600] {
        let error = store.write("uid", nested(depth)).wait().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Encode, "{error}");
    }
    assert_eq!(store.revision(), 0);
}
