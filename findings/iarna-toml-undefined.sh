#!/usr/bin/env bash
# @iarna/toml 3.0.0 (npm).
# Expected: `stringify` writes TOML, which its own `parse` reads.
# Seen: a number that JavaScript prints with an exponent and no point, which all powers of ten below 1e-6 are, is written
# with `.undefined` behind it. No error; the settings file cannot be read again.
source "$(dirname "$0")/common.bash"

javascript @iarna/toml@3.0.0 <<'END'
import toml from "@iarna/toml";

for (const number of [0.000001, 1e-7, 1.5e-7, 5e-324]) {
    const text = toml.stringify({ number }).trim();
    let read;
    try {
        read = toml.parse(text).number;
    } catch (error) {
        read = error.name;
    }
    console.log(`${number}: ${text} -> ${read}`);
}
END
expect <<'END'
0.000001: number = 0.000001 -> 0.000001
1e-7: number = 1e-7.undefined -> TomlError
1.5e-7: number = 1.5e-7 -> 1.5e-7
5e-324: number = 5e-324.undefined -> TomlError
END
