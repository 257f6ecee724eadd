#!/usr/bin/env bash
# rust-ini 0.21.3 and configparser 3.3.0.
# Expected: a settings crate reads the values that it wrote, or refuses to write them.
# Seen: rust-ini drops spaces at the ends and quotation marks around a value, and splits a name at its colon. configparser
# writes `#` and `;` bare and takes what follows for a comment when it reads: a password or a colour is cut short, or is
# empty. No call fails.
source "$(dirname "$0")/common.bash"

rust 'rust-ini = "=0.21.3"' 'configparser = "=3.3.0"' <<'END'
fn main() {
    let entries = [("password", "ab#cd;ef"), ("colour", "#ff0000"), ("separator", " | "), ("quoted", "\"x\""), ("a:b", "v")];
    let mut written = ini::Ini::new();
    for (name, value) in entries {
        written.with_section(Some("s")).set(name, value);
    }
    let mut text = Vec::new();
    written.write_to(&mut text).unwrap();
    let read = ini::Ini::load_from_str(std::str::from_utf8(&text).unwrap()).unwrap();
    for (name, value) in entries {
        let found = read.section(Some("s")).and_then(|section| section.get(name));
        if found != Some(value) {
            println!("rust-ini, {name}: {value:?} -> {found:?}");
        }
    }

    let mut written = configparser::ini::Ini::new();
    for (name, value) in entries {
        written.set("s", name, Some(value.to_string()));
    }
    let mut read = configparser::ini::Ini::new();
    read.read(written.writes()).unwrap();
    for (name, value) in entries {
        let found = read.get("s", name);
        if found.as_deref() != Some(value) {
            println!("configparser, {name}: {value:?} -> {found:?}");
        }
    }
}
END
expect <<'END'
rust-ini, separator: " | " -> Some("|")
rust-ini, quoted: "\"x\"" -> Some("x")
rust-ini, a:b: "v" -> None
configparser, password: "ab#cd;ef" -> Some("ab")
configparser, colour: "#ff0000" -> Some("")
configparser, separator: " | " -> Some("|")
configparser, a:b: "v" -> None
END
