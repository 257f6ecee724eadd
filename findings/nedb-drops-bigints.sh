#!/usr/bin/env bash
# @seald-io/nedb 4.1.2 (npm), which keeps its documents as lines of JSON.
# Expected: a value that JSON has no form for is refused, as JSON.stringify refuses a BigInt.
# Seen: a field with a BigInt is left out, in memory and in the file, and the insertion succeeds: the identifier from a
# 64-bit column is gone. In a list it becomes null.
source "$(dirname "$0")/common.bash"

javascript @seald-io/nedb@4.1.2 <<'END'
import Datastore from "@seald-io/nedb";
import fs from "node:fs";

const store = new Datastore({ filename: "documents" });
await store.loadDatabaseAsync();
const { _id, ...returned } = await store.insertAsync({ name: "a", id: 9007199254740993n, list: [1, 2n] });
console.log("returned", JSON.stringify(returned));
console.log("in the file", fs.readFileSync("documents", "utf8").trim().replace(_id, "…"));
console.log("JSON.stringify", (() => { try { return JSON.stringify({ id: 1n }); } catch (error) { return error.name; } })());
END
expect <<'END'
returned {"name":"a","list":[1,null]}
in the file {"name":"a","list":[1,null],"_id":"…"}
JSON.stringify TypeError
END
