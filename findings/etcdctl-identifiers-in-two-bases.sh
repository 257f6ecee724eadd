#!/usr/bin/env bash
# etcdctl 3.4.23 and jq 1.6 (Debian).
# Expected: what `etcdctl -w json` gives out as the identifier of a lease, `etcdctl lease` takes.
# Seen: it takes hexadecimal digits only, and JSON has the decimal ones, without a hint; as hexadecimal ones they
# are beyond 64 bits. They are also beyond 2^53: jq has rounded them before one converts them, so that the lease of the
# converted identifier does not exist. (Members' identifiers likewise.)
source "$(dirname "$0")/common.bash"

debian jq=1.6
etcd_server
{
    etcdctl lease grant 600 -w json > lease
    id=$(grep -o '"ID":[0-9]*' lease | cut -d: -f2)
    rounded=$(jq .ID lease)
    etcdctl lease timetolive "$(printf '%x' "$id")" > /dev/null && echo "the identifier in hexadecimal: found"
    etcdctl lease timetolive "$id" 2>&1 | grep -o 'value out of range.*'
    [ "$id" = "$rounded" ] || echo "jq gives out another number"
    etcdctl lease timetolive "$(printf '%x' "$rounded")" | grep -o 'already expired'
} > seen || true
expect <<'END'
the identifier in hexadecimal: found
value out of range), expecting ID in Hex
jq gives out another number
already expired
END
