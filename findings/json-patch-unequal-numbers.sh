#!/usr/bin/env bash
# Rust's json-patch 5.0.0 and Python's jsonpatch 1.33.
# Expected: RFC 6902 says of the operation `test` that numbers are equal if their values are: 1 and 1.0 are, and so are
# 100 and 1e2; the number 1 and `true` are not.
# Seen: json-patch compares serde_json's numbers, which keep apart what was written with a point from what was not, and
# refuses the patch; its `diff` makes a replacement of it. jsonpatch takes `true` for 1, as Python does.
source "$(dirname "$0")/common.bash"

rust 'json-patch = "=5.0.0"' 'serde_json = "=1.0.154"' <<'END'
fn main() {
    for (number, expected) in [("1", "1.0"), ("100", "1e2")] {
        let mut document: serde_json::Value = serde_json::from_str(&format!(r#"{{"n":{number}}}"#)).unwrap();
        let before = document.clone();
        let patch: json_patch::Patch = serde_json::from_str(&format!(r#"[{{"op":"test","path":"/n","value":{expected}}}]"#)).unwrap();
        println!("json-patch, {number} against {expected}: {}", if json_patch::patch(&mut document, &patch).is_ok() { "equal" } else { "not equal" });
        let after = serde_json::from_str(&format!(r#"{{"n":{expected}}}"#)).unwrap();
        println!("diff: {}", serde_json::to_string(&json_patch::diff(&before, &after)).unwrap());
    }
}
END
mv seen rust-seen
python jsonpatch==1.33 <<'END'
import jsonpatch

for document, expected in [(1, 1.0), (1, True), (0, False)]:
    try:
        jsonpatch.apply_patch({"n": document}, [{"op": "test", "path": "/n", "value": expected}])
        print(f"jsonpatch, {document} against {expected}: equal")
    except jsonpatch.JsonPatchTestFailed:
        print(f"jsonpatch, {document} against {expected}: not equal")
print("make_patch:", jsonpatch.make_patch({"n": 1}, {"n": True}), jsonpatch.make_patch({"n": 1}, {"n": 1.0}))
END
cat seen >> rust-seen
mv rust-seen seen
expect <<'END'
json-patch, 1 against 1.0: not equal
diff: [{"op":"replace","path":"/n","value":1.0}]
json-patch, 100 against 1e2: not equal
diff: [{"op":"replace","path":"/n","value":100.0}]
jsonpatch, 1 against 1.0: equal
jsonpatch, 1 against True: equal
jsonpatch, 0 against False: equal
make_patch: [{"op": "replace", "path": "/n", "value": true}] [{"op": "replace", "path": "/n", "value": 1.0}]
END
