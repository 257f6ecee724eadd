#!/usr/bin/env bash
# Runs the tests that make sense on every system as a Windows program, under wine.
#
#   apt-get install wine wine64 gcc-mingw-w64-x86-64 && rustup target add x86_64-pc-windows-gnu
#   tests/wine/run.sh [what the test runner is to be told]
#
# Without one of these it says so, and ends well.
set -euo pipefail
cd "$(dirname "$0")/../.."

target=x86_64-pc-windows-gnu
skip() { printf 'skipped: %s\n' "$*"; exit 0; }

command -v wine > /dev/null || skip "there is no wine here"
command -v x86_64-w64-mingw32-gcc > /dev/null || skip "there is no gcc for Windows here (gcc-mingw-w64-x86-64)"
command -v rustup > /dev/null && rustup target add "$target" > /dev/null 2>&1 ||
    skip "the target $target cannot be added here"

folder="$(pwd)/target/wine"
mkdir -p "$folder/lib"
x86_64-w64-mingw32-gcc -O2 -shared -o "$folder/lib/bcryptprimitives.dll" tests/wine/bcryptprimitives.c -ladvapi32

# A world of its own for wine, whatever the user has.
export WINEPREFIX="$folder/prefix" WINEDEBUG="${WINEDEBUG:--all}" WINEPATH="$folder/lib"
export CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER=x86_64-w64-mingw32-gcc
export CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER=wine
wine --version
cargo test -p worsen-tests-portable --target "$target" "$@"
