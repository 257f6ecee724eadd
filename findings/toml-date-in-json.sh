#!/usr/bin/env bash
# toml 1.2.2 with serde_json 1.0.154, serde_yaml_ng 0.10.0 and figment 0.10.19.
# Expected: a date in a TOML file, read as a `serde_json::Value`, is a string.
# Seen: it is an object with one private name of the toml crate, through which figment's values pass as well; converted to
# JSON or YAML the private name stands in the file. The other way round a JSON object with that name becomes a date.
source "$(dirname "$0")/common.bash"

rust 'toml = "=1.2.2"' 'serde_json = "=1.0.154"' 'serde_yaml_ng = "=0.10.0"' 'figment = { version = "=0.10.19", features = ["toml"] }' <<'END'
use figment::{providers::{Format, Toml}, Figment};

fn main() {
    let text = "born = 1979-05-27";
    println!("from_str: {}", toml::from_str::<serde_json::Value>(text).unwrap());
    let value: toml::Value = toml::from_str(text).unwrap();
    println!("toml::Value as JSON: {}", serde_json::to_string(&value).unwrap());
    println!("toml::Value as YAML: {}", serde_yaml_ng::to_string(&value).unwrap().split_whitespace().collect::<Vec<_>>().join(" "));
    println!("figment: {}", Figment::from(Toml::string(text)).extract::<serde_json::Value>().unwrap());
    let back: toml::Value = serde_json::from_str(r#"{"born":{"$__toml_private_datetime":"1979-05-27"}}"#).unwrap();
    println!("from JSON: {}", back["born"].type_str());
}
END
expect <<'END'
from_str: {"born":{"$__toml_private_datetime":"1979-05-27"}}
toml::Value as JSON: {"born":{"$__toml_private_datetime":"1979-05-27"}}
toml::Value as YAML: born: $__toml_private_datetime: 1979-05-27
figment: {"born":{"$__toml_private_datetime":"1979-05-27"}}
from JSON: datetime
END
