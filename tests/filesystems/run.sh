#!/usr/bin/env bash
# Runs real processes on the file systems that this machine can mount, and prints a row for each:
#
#   tests/filesystems/run.sh [name…]
#
# It asks for root, loop devices and /dev/fuse; what is missing is a row that says so. With INSTALL=1 it
# first installs from Debian what the rows need. Everything is mounted in a directory of its own, and
# unmounted at the end.
#
# kept:    of 600 increments by two processes, how many were acknowledged, and how many are there
# stale:   of 600 reads in another process after an acknowledged write, how many were stale
# page:    whether the lock file has the page that processes share
set -u
cd "$(dirname "$0")/../.."

if [ "${INSTALL:-}" = 1 ]; then
  apt-get update -q && apt-get install -yq --no-install-recommends btrfs-progs xfsprogs dosfstools exfatprogs \
    exfat-fuse ntfs-3g fuse2fs bindfs mergerfs encfs gocryptfs fuse-overlayfs fuse3
fi
[ "$(id -u)" = 0 ] || { echo "skipped: only root may mount"; exit 0; }
cargo build -q -p worsen-tests --bin worker || exit 1
worker=${CARGO_TARGET_DIR:-target}/debug/worker
top=$(mktemp -d)
trap 'mounted=$(awk -v top="$top/" "index(\$5, top) == 1 { print \$5 }" /proc/self/mountinfo | tac)
  for at in $mounted; do umount -l "$at"; done; rm -rf "$top"' EXIT

image() { # image MIB MKFS...
  truncate -s "$1M" "$top/image" && shift && "$@" "$top/image" >/dev/null 2>&1
}
there() { # waits until the directory is a mount
  for _ in $(seq 200); do mountpoint -q "$1" && return; sleep 0.05; done
  return 1
}
serve() { # serve PROGRAM ARGUMENTS...: mounts $top/at, by a server in the background
  "$@" >"$top/server" 2>&1 &
  there "$top/at"
}

mount_row() {
  local at=$top/at behind=$top/behind
  case $1 in
    ext4) image 64 mkfs.ext4 -q && mount -o loop "$top/image" "$at" ;;
    xfs) image 320 mkfs.xfs -q && mount -o loop "$top/image" "$at" ;;
    btrfs) image 128 mkfs.btrfs -q && mount -o loop "$top/image" "$at" ;;
    tmpfs) mount -t tmpfs none "$at" ;;
    overlay) mkdir "$behind/low" "$behind/up" "$behind/work" &&
      mount -t overlay -o "lowerdir=$behind/low,upperdir=$behind/up,workdir=$behind/work" none "$at" ;;
    bindfs) serve bindfs -f "$behind" "$at" ;;
    mergerfs) serve mergerfs -f "$behind" "$at" ;;
    gocryptfs) gocryptfs -q -init -extpass "echo word" "$behind" &&
      serve gocryptfs -q -fg -extpass "echo word" "$behind" "$at" ;;
    encfs) serve encfs --standard --extpass="echo word" -f "$behind" "$at" ;;
    fuse-overlayfs) mkdir "$behind/low" "$behind/up" "$behind/work" &&
      serve fuse-overlayfs -f -o "lowerdir=$behind/low,upperdir=$behind/up,workdir=$behind/work" "$at" ;;
    ntfs-3g) image 64 mkntfs -Fq && serve ntfs-3g -o no_detach "$top/image" "$at" ;;
    exfat-fuse) image 64 mkfs.exfat && loop=$(losetup -f --show "$top/image") &&
      serve mount.exfat-fuse -d "$loop" "$at" ;;
    fuse2fs) image 64 mkfs.ext4 -q && serve fuse2fs -f "$top/image" "$at" ;;
    *) echo "no such row: $1" >&2; return 1 ;;
  esac
}

stale() { # of 300 writes in each of two processes, each read in the other
  "$worker" take-turns "$1" synced <"$top/in" >"$top/out" &
  local other=$! line stale=0
  exec 7>"$top/in" 8<"$top/out"
  coproc OBEY { "$worker" obey "$1"; }
  echo open >&"${OBEY[1]}"; read -r line <&"${OBEY[0]}"
  for count in $(seq 300); do
    echo "set-count $((2 * count))" >&"${OBEY[1]}"; read -r line <&"${OBEY[0]}"
    echo >&7; read -r line <&8
    [ "${line%% *}" = "$((2 * count))" ] || stale=$((stale + 1))
    echo count >&"${OBEY[1]}"; read -r line <&"${OBEY[0]}"
    [ "$line" = "$((2 * count + 1))" ] || stale=$((stale + 1))
  done
  exec 7>&- 8<&-
  eval "exec ${OBEY[1]}>&-"
  wait "$other" "$OBEY_PID" 2>/dev/null
  echo "$stale of 600"
}

printf '| %-15s | %-12s | %-10s | %-5s | %s |\n' "file system" kept stale page note
echo "| --- | --- | --- | --- | --- |"
rows=${*:-ext4 xfs btrfs tmpfs overlay bindfs mergerfs gocryptfs encfs fuse-overlayfs ntfs-3g exfat-fuse fuse2fs}
for row in $rows; do
  mkdir -p "$top/at" "$top/behind"
  mkfifo "$top/in" "$top/out"
  if mount_row "$row" 2>"$top/why"; then
    one=0 other=0
    timeout 120 "$worker" increment "$top/at/db" 1 300 2>>"$top/why" & first=$!
    timeout 120 "$worker" increment "$top/at/db" 1 300 2>>"$top/why" || other=$?
    wait "$first" || one=$?
    there=$("$worker" print "$top/at/db" 2>>"$top/why")
    if [ "$one$other" = 00 ]; then kept="600, ${there%% *}"; else kept="ended, ${there%% *}"; fi
    stale=$(stale "$top/at/turns")
    page=no
    size=$(stat -c %s "$top/at/db/state.lock" 2>/dev/null || echo 0)
    [ "$size" -ge 4096 ] && page=yes
    printf '| %-15s | %-12s | %-10s | %-5s | %s |\n' "$row" "$kept" "$stale" "$page" \
      "$(stat -c 'mode %a' "$top/at/db/state.db") $(head -c 120 "$top/why" | tr '\n|' '  ')"
    umount "$top/at" 2>/dev/null || umount -l "$top/at"
  else
    printf '| %-15s | skipped: %s |\n' "$row" "$(head -c 160 "$top/why" | tr '\n|' '  ')"
  fi
  wait 2>/dev/null
  [ -z "${loop:-}" ] || { losetup -d "$loop"; loop=; }
  rm -rf "$top/at" "$top/behind" "$top/image" "$top/in" "$top/out"
done
