#!/usr/bin/env bash
# pyarrow 26.0.1 (PyPI).
# Expected: the reader of JSON lines has uint64 and decimals among its types, and a whole number stays whole or is refused.
# Seen: one number of 2^63 or more makes the whole column double: all others of it are rounded as well, without an error.
# And a column of strings that all look like dates becomes timestamps, which print as other strings.
source "$(dirname "$0")/common.bash"

python pyarrow==26.0.1 <<'END'
import pyarrow.json

for lines in ['{"id":9007199254740993}\n', '{"id":9007199254740993}\n{"id":9223372036854775808}\n', '{"id":"2024-01-01"}\n']:
    with open("log.jsonl", "w") as log:
        log.write(lines)
    column = pyarrow.json.read_json("log.jsonl").column("id")
    print(column.type, [str(value) for value in column])
END
expect <<'END'
int64 ['9007199254740993']
double ['9007199254740992.0', '9.223372036854776e+18']
timestamp[s] ['2024-01-01 00:00:00']
END
