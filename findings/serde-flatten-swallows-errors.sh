#!/usr/bin/env bash
# serde 1.0.229, with serde_json 1.0.154 and toml 1.2.2.
# Expected: `#[serde(flatten)] Option<Inner>` is `None` where the fields of `Inner` are absent, and an error where they are
# there and wrong, as it is without `flatten`.
# Seen: any error inside becomes `None`, in every format: a port beyond its type, a misspelt field, a wrong type. Nothing
# is reported, and a program that writes its settings back erases what it could not read. serde.rs does not mention it.
source "$(dirname "$0")/common.bash"

rust 'serde = { version = "=1.0.229", features = ["derive"] }' 'serde_json = "=1.0.154"' 'toml = "=1.2.2"' <<'END'
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
struct Server {
    port: u16,
    host: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Nested {
    name: String,
    server: Option<Server>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Flat {
    name: String,
    #[serde(flatten)]
    server: Option<Server>,
}

fn main() {
    println!("nested: {}", serde_json::from_str::<Nested>(r#"{"name":"n","server":{"port":70000,"host":"h"}}"#).unwrap_err());
    for text in [r#"{"name":"n","port":70000,"host":"h"}"#, r#"{"name":"n","port":"80","host":"h"}"#, r#"{"name":"n","port":80,"hots":"h"}"#] {
        let flat: Flat = serde_json::from_str(text).unwrap();
        println!("{text}: {:?}, written back as {}", flat.server, serde_json::to_string(&flat).unwrap());
    }
    println!("toml: {:?}", toml::from_str::<Flat>("name = 'n'\nport = 70000\nhost = 'h'").unwrap().server);
}
END
expect <<'END'
nested: invalid value: integer `70000`, expected u16 at line 1 column 34
{"name":"n","port":70000,"host":"h"}: None, written back as {"name":"n"}
{"name":"n","port":"80","host":"h"}: None, written back as {"name":"n"}
{"name":"n","port":80,"hots":"h"}: None, written back as {"name":"n"}
toml: None
END
