#!/usr/bin/env bash
# Runs one fuzz target: from its seeds, and from what earlier runs have learnt.
#
#   cargo install cargo-fuzz
#   worsen/fuzz/run.sh TARGET [what libFuzzer is to be told; 60 seconds without it]
#
# Stable Rust is enough. The sanitizers would need a nightly one, and look for what safe Rust rules out.
set -euo pipefail
cd "$(dirname "$0")/.."

target=${1:?"which target? $(cd fuzz/fuzz_targets && echo *)"}
shift
[ "$#" -gt 0 ] || set -- -max_total_time=60
mkdir -p "fuzz/corpus/$target"
exec cargo fuzz run --sanitizer none "$target" "fuzz/corpus/$target" "fuzz/seeds/$target" -- \
    -timeout=10 -print_final_stats=1 "$@"
