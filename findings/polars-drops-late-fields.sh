#!/usr/bin/env bash
# polars 2.1.0 beside pyarrow 26.0.1 (PyPI).
# Expected: `read_ndjson` gives a column to every field; a field of a type that was not foreseen is an error, which it is.
# Seen: a field that first appears after the hundredth line is left out without an error or a warning. Logs of programs
# that were updated look like that. pyarrow has the column.
source "$(dirname "$0")/common.bash"

python polars==2.1.0 pyarrow==26.0.1 <<'END'
import warnings

import polars
import pyarrow.json

warnings.simplefilter("error")
for lines in [99, 100]:
    with open("log.jsonl", "w") as log:
        log.write('{"a":1}\n' * lines + '{"a":1,"added":2}\n')
    print(lines, "lines before: polars", polars.read_ndjson("log.jsonl").columns, "pyarrow", pyarrow.json.read_json("log.jsonl").column_names)
END
expect <<'END'
99 lines before: polars ['a', 'added'] pyarrow ['a', 'added']
100 lines before: polars ['a'] pyarrow ['a', 'added']
END
