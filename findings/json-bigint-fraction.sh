#!/usr/bin/env bash
# json-bigint 1.0.0 (npm).
# Expected: with `useNativeBigInt` large integers become BigInts and everything else is parsed as by JSON.parse.
# Seen: any number of more than 15 characters is handed to BigInt, one with a point or an exponent too, and that throws:
# the text of an ordinary double, such as pi, cannot be parsed, nor what JSON.stringify made of a random number.
source "$(dirname "$0")/common.bash"

javascript json-bigint@1.0.0 <<'END'
import jsonBigint from "json-bigint";

const native = jsonBigint({ useNativeBigInt: true });
for (const text of ["9007199254740993", "3.14159265358979", JSON.stringify(Math.PI), "-1.7976931348623157e+308"]) {
    let read;
    try {
        read = native.parse(text);
    } catch (error) {
        read = `${error.name}: ${error.message}`;
    }
    console.log(`${text} -> ${typeof read === "bigint" ? `${read}n` : read}`);
}
END
expect <<'END'
9007199254740993 -> 9007199254740993n
3.14159265358979 -> SyntaxError: Cannot convert 3.14159265358979 to a BigInt
3.141592653589793 -> SyntaxError: Cannot convert 3.141592653589793 to a BigInt
-1.7976931348623157e+308 -> SyntaxError: Cannot convert -1.7976931348623157e+308 to a BigInt
END
