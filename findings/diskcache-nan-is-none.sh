#!/usr/bin/env bash
# diskcache 5.6.3 (PyPI).
# Expected: a float comes back as the float that it was; `in` and `[]` agree.
# Seen: floats are bound as SQLite's REAL, which has no NaN: NULL is stored, and None comes back, without an error, for a
# key that is there. An infinity survives, and so does a NaN inside a list, which is pickled.
source "$(dirname "$0")/common.bash"

python diskcache==5.6.3 <<'END'
import diskcache

cache = diskcache.Cache("cache")
for value in [float("inf"), float("nan"), [float("nan")]]:
    cache["key"] = value
    print(repr(value), "->", repr(cache["key"]), "key" in cache)
print("incr:", end=" ")
cache["sum"] = float("nan")
try:
    print(cache.incr("sum", 1))
except TypeError as error:
    print(type(error).__name__)
END
expect <<'END'
inf -> inf True
nan -> None True
[nan] -> [nan] True
incr: TypeError
END
