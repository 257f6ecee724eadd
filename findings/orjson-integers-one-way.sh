#!/usr/bin/env bash
# orjson 3.13.0 (PyPI).
# Expected: integers are exact or refused: `dumps` refuses 2**64, and the documentation says that integers are of 64 bits.
# Seen: `loads` makes a float of one that does not fit, silently, where the standard library and msgspec give the integer.
source "$(dirname "$0")/common.bash"

python orjson==3.13.0 msgspec==0.22.0 <<'END'
import json

import msgspec
import orjson

for text in ["18446744073709551615", "18446744073709551616", "-9223372036854775809"]:
    print(text, "json", json.loads(text), "msgspec", msgspec.json.decode(text), "orjson", repr(orjson.loads(text)))
try:
    orjson.dumps(2**64)
except TypeError as error:
    print("dumps:", error)
END
expect <<'END'
18446744073709551615 json 18446744073709551615 msgspec 18446744073709551615 orjson 18446744073709551615
18446744073709551616 json 18446744073709551616 msgspec 18446744073709551616 orjson 1.8446744073709552e+19
-9223372036854775809 json -9223372036854775809 msgspec -9223372036854775809 orjson -9.223372036854776e+18
dumps: Integer exceeds 64-bit range
END
