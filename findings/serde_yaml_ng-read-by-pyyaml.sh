#!/usr/bin/env bash
# serde_yaml_ng 0.10.0, read by PyYAML 6.0.2.
# Expected: the writer quotes a string that another reader could take for something else; it does so for `017`, `0b11`,
# `1e3` and `NULL`.
# Seen: it leaves bare what YAML 1.1 has beyond words such as `on`: a time of day or a ratio becomes a number in base 60, an
# underscore disappears, and `=` and `<<`, as values, stop the reader. PyYAML, which Ansible and most of Python use, reads 1.1.
source "$(dirname "$0")/common.bash"

rust 'serde_yaml_ng = "=0.10.0"' <<'END'
use std::collections::BTreeMap;

fn main() {
    for value in ["017", "12:30:45", "16:9", "1_000", "-1_0", "685_230.15", "190:20:30.15", "=", "<<"] {
        print!("{}", serde_yaml_ng::to_string(&BTreeMap::from([("v", value)])).unwrap());
    }
}
END
mv seen lines.yaml
python PyYAML==6.0.2 <<'END'
import yaml

for line in open("lines.yaml"):
    try:
        print(line.strip(), "->", repr(yaml.safe_load(line)["v"]))
    except yaml.YAMLError as error:
        print(line.strip(), "->", type(error).__name__)
END
expect <<'END'
v: '017' -> '017'
v: 12:30:45 -> 45045
v: 16:9 -> 969
v: 1_000 -> 1000
v: -1_0 -> -10
v: 685_230.15 -> 685230.15
v: 190:20:30.15 -> 685230.15
v: = -> ConstructorError
v: << -> ConstructorError
END
