//! A TOML file as one JSON object. Never here: which file that is.

use std::path::Path;

use toml::Value;

use crate::{
    error::{self, Error},
    imported::LeftOut,
};

/// The members of the file; what JSON has no value for is left out.
pub(super) fn to_json(path: &Path, text: &str) -> Result<(String, Vec<LeftOut>), Error> {
    let table: toml::Table = text
        .parse()
        .map_err(|error| error::transfer::source_is_not(path, "TOML", error))?;
    let mut left_out = Vec::new();
    let mut json = String::from("{");
    for (key, value) in table {
        let begin = json.len();
        if json.len() > 1 {
            json.push(',');
        }
        push_string(&key, &mut json);
        json.push(':');
        if let Err(why) = push(&value, &mut json) {
            json.truncate(begin);
            left_out.push(LeftOut {
                key,
                why: why.into(),
            });
        }
    }
    json.push('}');
    Ok((json, left_out))
}

fn push_string(text: &str, json: &mut String) {
    // A string always becomes JSON.
    json.push_str(&serde_json::to_string(text).unwrap_or_default());
}

fn push(value: &Value, json: &mut String) -> Result<(), &'static str> {
    match value {
        Value::String(text) => push_string(text, json),
        Value::Integer(number) => json.push_str(&number.to_string()),
        Value::Float(number) if number.is_finite() => {
            json.push_str(&serde_json::to_string(number).unwrap_or_default());
        }
        Value::Float(_) => return Err("JSON has neither infinities nor NaN"),
        Value::Boolean(is) => json.push_str(if *is { "true" } else { "false" }),
        Value::Datetime(time) => push_string(&time.to_string(), json),
        Value::Array(all) => {
            json.push('[');
            for (number, value) in all.iter().enumerate() {
                json.push_str(if number > 0 { "," } else { "" });
                push(value, json)?;
            }
            json.push(']');
        }
        Value::Table(table) => {
            json.push('{');
            for (number, (key, value)) in table.iter().enumerate() {
                json.push_str(if number > 0 { "," } else { "" });
                push_string(key, json);
                json.push(':');
                push(value, json)?;
            }
            json.push('}');
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_toml_says_is_what_json_says() {
        let text = r#"
            name = "a \"b\""
            big = 9223372036854775807
            half = 0.5
            whole = 2.0
            when = 1979-05-27T07:32:00Z
            never = inf
            list = [1, [2, 3], { x = nan }]
            [network]
            port = 80
            [network.hosts]
            "a.b" = true
        "#;
        let (json, left_out) = to_json(Path::new("x.toml"), text).unwrap();
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        let expected = serde_json::json!({
            "name": "a \"b\"",
            "big": 9_223_372_036_854_775_807_i64,
            "half": 0.5,
            "whole": 2.0,
            "when": "1979-05-27T07:32:00Z",
            "network": {"port": 80, "hosts": {"a.b": true}},
        });
        assert_eq!(json, expected);
        let keys: Vec<&str> = left_out.iter().map(LeftOut::key).collect();
        assert_eq!(keys, ["list", "never"]);
        assert_eq!(to_json(Path::new("x.toml"), "").unwrap().0, "{}");
        assert_eq!(to_json(Path::new("x.toml"), "a = inf").unwrap().0, "{}");
        let error = to_json(Path::new("x.toml"), "a = ").unwrap_err();
        assert!(error.to_string().contains("x.toml"), "{error}");
    }
}
