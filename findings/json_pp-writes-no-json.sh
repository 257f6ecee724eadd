#!/usr/bin/env bash
# json_pp (Perl 5.36, JSON::PP) and json_xs (JSON::XS 4.04), as Debian 12 has them.
# Expected: a formatter of JSON gives out JSON.
# Seen: a number beyond a double's range, which JSON allows and many writers of decimals give out, becomes the bare word
# `Inf` or `inf`, which no reader of JSON takes, not even the two themselves. Exit code 0.
source "$(dirname "$0")/common.bash"

debian perl=5.36 libjson-xs-perl=4.040
needs json_pp json_xs
for tool in json_pp json_xs; do
    echo '[1E400]' | "$tool" > out && echo "$tool: $(tr -d ' \n' < out)"
    if "$tool" < out > /dev/null 2>&1; then echo "$tool reads that"; else echo "$tool refuses that"; fi
done > seen
expect <<'END'
json_pp: [Inf]
json_pp refuses that
json_xs: [inf]
json_xs refuses that
END
