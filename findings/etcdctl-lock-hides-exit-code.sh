#!/usr/bin/env bash
# etcdctl 3.4.23 (Debian).
# Expected: `etcdctl lock NAME COMMAND` ends with the command's exit code, as with flock, nice and env.
# Seen: every failure is 1, which is also what an error of etcdctl itself is: a script cannot tell whether its command
# ran.
source "$(dirname "$0")/common.bash"

etcd_server
for code in 0 3 77; do
    etcdctl lock name -- sh -c "exit $code" 2> /dev/null && code_seen=$? || code_seen=$?
    echo "the command's $code is $code_seen"
done > seen
etcdctl --endpoints unix://nobody:1 --dial-timeout 200ms --command-timeout 200ms lock name true > /dev/null 2>&1 || echo "no server is $?" >> seen
expect <<'END'
the command's 0 is 0
the command's 3 is 1
the command's 77 is 1
no server is 1
END
