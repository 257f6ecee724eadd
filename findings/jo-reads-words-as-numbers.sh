#!/usr/bin/env bash
# jo 1.9 (Debian).
# Expected: jo makes a number of a value that is a JSON number, and a string of everything else.
# Seen: it takes whatever C's strtod takes: a hexadecimal word, a postcode with a leading zero, an abbreviated
# commit such as 4e7, a version, and a final point. Integers beyond 2^53 are rounded. What comes out has lost the text.
source "$(dirname "$0")/common.bash"

debian jo=1.9
jo postcode=01067 colour=0x10 commit=4e7 hex=0x1p3 version=1.10 trailing=5. id=9007199254740993 > seen
expect <<'END'
{"postcode":1067,"colour":16,"commit":40000000,"hex":8,"version":1.1,"trailing":5,"id":9007199254740992}
END
