//! Values whose shape is only known when they are read.

use serde_json::value::RawValue;

use crate::{Row, case};

pub fn rows() -> Vec<Row> {
    use ciborium::Value as Cbor;
    use rmpv::Value as MessagePack;
    use ron::Value as Ron;
    use serde_yaml_ng::Value as Yaml;
    use toml::Value as Toml;

    let raw = |json: &str| RawValue::from_string(json.to_owned()).unwrap();
    vec![
        case!(Some("serde_json"), serde_json::Value, [serde_json::json!({"b": [1, 0.1], "a": null}), serde_json::Value::Null], "in an `Option`, `null` is refused"),
        case!(Some("serde_json"), serde_json::Number, [serde_json::Number::from(u64::MAX), serde_json::Number::from_f64(1.0).unwrap()]),
        case!(Some("serde_json"), Box<RawValue>, [raw("{\"a\": 1.10}"), raw("[1,\n2]")], |raw| raw.get().to_owned(), "line ends become blanks"),
        case!(Some("toml"), Toml, ["a = [1, 0.5]".parse::<toml::Table>().unwrap().into(), "a = 1.0".parse::<toml::Table>().unwrap().into(), "a = 2026-11-28".parse::<toml::Table>().unwrap().into()]),
        case!(Some("serde_yaml_ng"), Yaml, [serde_yaml_ng::from_str("a: [1, x]").unwrap(), serde_yaml_ng::from_str("1: a").unwrap(), serde_yaml_ng::from_str("!t 1").unwrap()]),
        case!(Some("ron"), Ron, [Ron::Seq(vec![Ron::Bool(true), Ron::String("a".into())]), Ron::Number(7_u8.into()), Ron::Char('a')]),
        case!(Some("ciborium"), Cbor, [Cbor::Array(vec![Cbor::SharedStr("a".into()), Cbor::from(7)]), Cbor::Bytes(vec![1]), Cbor::Tag(1, Box::new(Cbor::from(7)))]),
        case!(Some("rmpv"), MessagePack, [MessagePack::Array(vec!["a".into(), 7.into()]), MessagePack::Binary(vec![1]), MessagePack::F32(0.5)]),
        case!(Some("plist"), plist::Value, [plist::Value::Array(vec!["a".into(), true.into()]), plist::Value::Integer(7.into()), plist::Value::Data(vec![1])]),
        case!(Some("geojson"), geojson::GeoJson, [r#"{"type":"Feature","geometry":{"type":"Point","coordinates":[0.1,2.0]},"properties":null}"#.parse().unwrap()]),
    ]
}
