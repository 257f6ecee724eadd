#!/usr/bin/env bash
# hjson 3.2.2 (npm) and hjson 3.1.0 (PyPI).
# Expected: a string survives `stringify` and `parse` (`dumps` and `loads`).
# Seen: for strings with control characters the multi-line form is chosen, which cannot hold what is written into it: a
# tab at the start disappears, and a carriage return before a line feed too. The Python package makes integers of floats
# besides.
source "$(dirname "$0")/common.bash"

javascript hjson@3.2.2 <<'END'
import hjson from "hjson";

for (const text of ["\tindented", "a\r\nb", "\t"]) {
    console.log(`npm: ${JSON.stringify(text)} -> ${JSON.stringify(hjson.parse(hjson.stringify({ text })).text)}`);
}
END
mv seen npm-seen
python hjson==3.1.0 <<'END'
import hjson

for value in ["\tindented", "a\r\nb", "\t", 1.0, -0.0]:
    print("PyPI:", repr(value), "->", repr(hjson.loads(hjson.dumps({"v": value}))["v"]))
END
cat npm-seen seen > both
mv both seen
expect <<'END'
npm: "\tindented" -> "indented"
npm: "a\r\nb" -> "a\nb"
npm: "\t" -> "\t"
PyPI: '\tindented' -> 'indented'
PyPI: 'a\r\nb' -> 'a\nb'
PyPI: '\t' -> '\t'
PyPI: 1.0 -> 1
PyPI: -0.0 -> 0
END
