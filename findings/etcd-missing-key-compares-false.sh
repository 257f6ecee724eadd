#!/usr/bin/env bash
# etcd 3.4.23 (Debian).
# Expected: in a transaction exactly one of `value("k") = "x"` and `value("k") != "x"` holds; and a key that is not there
# counts as revision 0, version 0, lease 0, as its comparisons with these do.
# Seen: where the key is missing every comparison of its value is false, `!=` too. "Put unless it is already x" never puts.
source "$(dirname "$0")/common.bash"

etcd_server
for comparison in 'value("k") = "x"' 'value("k") != "x"' 'value("k") < "x"' 'value("k") = ""' 'mod("k") = "0"' 'version("k") < "1"'; do
    echo "$comparison: $(printf '%s\n\n\n\n\n' "$comparison" | etcdctl txn | head -n 1)"
done > seen
expect <<'END'
value("k") = "x": FAILURE
value("k") != "x": FAILURE
value("k") < "x": FAILURE
value("k") = "": FAILURE
mod("k") = "0": SUCCESS
version("k") < "1": SUCCESS
END
