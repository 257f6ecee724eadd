#!/usr/bin/env bash
# TinyDB 4.9.0 (PyPI).
# Expected: the identifier of a removed document is not given to another: within one process it is not, whatever is removed.
# Seen: the next identifier is counted from the largest one in the file when the file is opened. The same steps with a
# restart between them give the removed document's identifier to a stranger, and whoever kept it finds that one.
source "$(dirname "$0")/common.bash"

python tinydb==4.9.0 <<'END'
from tinydb import TinyDB


def identifiers(path, restart):
    store = TinyDB(path)
    store.insert({"who": "first"})
    removed = store.insert({"who": "second"})
    store.remove(doc_ids=[removed])
    if restart:
        store.close()
        store = TinyDB(path)
    store.insert({"who": "stranger"})
    return removed, store.get(doc_id=removed)


print("one process:", identifiers("one.json", False))
print("restarted:", identifiers("two.json", True))
END
expect <<'END'
one process: (2, None)
restarted: (2, {'who': 'stranger'})
END
