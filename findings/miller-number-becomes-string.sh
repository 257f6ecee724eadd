#!/usr/bin/env bash
# Miller 6.6.0 (Debian).
# Expected: `mlr --json cat` changes nothing; Miller says that it keeps numbers as they were written.
# Seen: an integer that no signed 64-bit one holds, every second u64 and each longer one, and a number beyond a
# double's range are written with quotation marks: the number has
# become a string for the next reader. Smaller ones keep even an exponent or a final zero.
source "$(dirname "$0")/common.bash"

debian miller=6.6.0
printf '%s\n' '{"n":[1.0,1E5,-0]}' '{"n":9223372036854775807}' '{"n":9223372036854775808}' '{"n":123456789012345678901}' '{"n":1E400}' '{"n":-1e400}' \
    | mlr --ijsonl --ojsonl cat > seen
expect <<'END'
{"n": [1.0, 1E5, -0]}
{"n": 9223372036854775807}
{"n": "9223372036854775808"}
{"n": "123456789012345678901"}
{"n": "1E400"}
{"n": "-1e400"}
END
