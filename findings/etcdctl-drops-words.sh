#!/usr/bin/env bash
# etcdctl 3.4.23 (Debian).
# Expected: `etcdctl put KEY VALUE` with a further argument, a value with a space that nobody quoted, is an error of usage.
# Seen: the further words are dropped and the answer is OK: half of the value is stored. In `etcdctl txn` too, and `get`
# ignores what follows its range.
source "$(dirname "$0")/common.bash"

etcd_server
{
    etcdctl put greeting hello world
    echo "exit code $?"
    etcdctl get greeting --print-value-only
    printf '\nput motto first things first\n\n\n' | etcdctl txn | tr -s '\n'
    etcdctl get motto --print-value-only
    etcdctl get greeting greetinh motto --keys-only | tr -s '\n'
} > seen
expect <<'END'
OK
exit code 0
hello
SUCCESS
OK
first
greeting
END
