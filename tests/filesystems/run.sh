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
#
# The rows of two views ("twice": two mounts by bindfs; "beside": one beside its directory; "locks": it hands
# locks on) have four processes, two in each view, increment at the same time:
#
# kept:    how many increments were acknowledged, and how many are there; then how many were refused
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

views() { # views DIR DIR: four processes at once, and what is there afterwards in either
  local number told acknowledged=0 refused=0 end=
  for number in 1 2 3 4; do
    local dir=$1; [ $((number % 2)) = 0 ] && dir=$2
    mkfifo "$top/in$number"
    timeout 120 "$worker" count-up "$dir" 150 <"$top/in$number" >"$top/out$number" 2>>"$top/why" &
  done
  exec 11>"$top/in1" 12>"$top/in2" 13>"$top/in3" 14>"$top/in4"
  for number in 1 2 3 4; do
    for _ in $(seq 600); do grep -q ready "$top/out$number" && break; sleep 0.05; done
  done
  echo >&11; echo >&12; echo >&13; echo >&14
  exec 11>&- 12>&- 13>&- 14>&-
  for number in 1 2 3 4; do
    for _ in $(seq 1200); do told=$(sed -n 2p "$top/out$number"); [ -n "$told" ] && break; sleep 0.05; done
    set -- "$1" "$2" $told
    acknowledged=$((acknowledged + ${3:-0})) refused=$((refused + ${4:-0})) end="$end ${5:-ended}"
  done
  local one other
  one=$("$worker" print "$1" 2>>"$top/why") other=$("$worker" print "$2" 2>>"$top/why")
  echo "$acknowledged acknowledged, ${one%% *} and ${other%% *} there; $refused refused;$end"
  rm -f "$top"/in? "$top"/out?
}

views_row() { # twice | beside, then -locks where they are handed on
  local options=
  case $1 in *-locks) options="--enable-lock-forwarding --multithreaded" ;; esac
  serve bindfs -f $options "$top/behind" "$top/at" || return
  case $1 in
    twice*)
      mkdir "$top/other"
      bindfs -f $options "$top/behind" "$top/other" >/dev/null 2>>"$top/why" &
      there "$top/other" || return
      views "$top/at/db" "$top/other/db"
      umount "$top/other"; rmdir "$top/other" ;;
    beside*) views "$top/at/db" "$top/behind/db" ;;
  esac
}

printf '| %-15s | %-12s | %-10s | %-5s | %s |\n' "file system" kept stale page note
echo "| --- | --- | --- | --- | --- |"
rows=${*:-ext4 xfs btrfs tmpfs overlay bindfs mergerfs gocryptfs encfs fuse-overlayfs ntfs-3g exfat-fuse fuse2fs
  twice twice-locks beside beside-locks}
for row in $rows; do
  mkdir -p "$top/at" "$top/behind"
  case $row in
    twice* | beside*)
      kept=$(views_row "$row" 2>"$top/why") || kept="skipped: $(head -c 160 "$top/why" | tr '\n|' '  ')"
      printf '| %-15s | %s |\n' "$row" "$kept"
      umount "$top/at" 2>/dev/null || umount -l "$top/at" 2>/dev/null
      wait 2>/dev/null
      rm -rf "$top/at" "$top/behind"
      continue ;;
  esac
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
