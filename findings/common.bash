# What every finding needs: a scratch folder, pinned packages, and the comparison of what is seen with what is described.
# It is sourced by the scripts beside it and never knows anything of one of them.
# Exit codes: 0 as described, or skipped with a reason; 1 the behaviour changed; 2 the packages could not be installed or built.
set -euo pipefail

finding=$(basename "$0" .sh)
scratch=$(mktemp -d)
cleanup=()
finish() {
    for undo in "${cleanup[@]}"; do eval "$undo" > /dev/null 2>&1 || true; done
    cd /
    rm -rf "$scratch"
}
trap finish EXIT
cd "$scratch"

skip() {
    echo "$finding: skipped: $1"
    exit 0
}

broken() {
    echo "$finding: cannot be tried: $1"
    exit 2
}

needs() {
    local tool
    for tool in "$@"; do
        command -v "$tool" > /dev/null || skip "$tool is not installed"
    done
}

needs_root() {
    [ "$(id -u)" = 0 ] || skip "only root may do this"
}

# rust 'name = "=1.2.3"'… < main.rs: builds a program with these dependencies, runs it, and keeps its output in `seen`.
rust() {
    needs cargo
    mkdir -p src
    cat > src/main.rs
    {
        printf '[package]\nname = "%s"\nversion = "0.0.0"\nedition = "2021"\npublish = false\n\n[dependencies]\n' "$finding"
        printf '%s\n' "$@"
        printf '\n[profile.dev]\ndebug = false\n'
    } > Cargo.toml
    export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$scratch/target}"
    cargo build --quiet >&2 || broken "the program does not build"
    "$CARGO_TARGET_DIR/debug/$finding" > seen || echo "ended with code $?" >> seen
}

# python name==1.2.3… < main.py: the same in a virtual environment.
python() {
    needs python3
    python3 -m venv environment > /dev/null 2>&1 || skip "python3 has no venv"
    environment/bin/pip install --quiet --disable-pip-version-check "$@" >&2 || broken "pip cannot install $*"
    cat > main.py
    environment/bin/python main.py > seen || echo "ended with code $?" >> seen
}

# javascript name@1.2.3… < main.mjs: the same with npm.
javascript() {
    needs node npm
    npm install --silent --no-audit --no-fund --ignore-scripts "$@" >&2 || broken "npm cannot install $*"
    cat > main.mjs
    node main.mjs > seen || echo "ended with code $?" >> seen
}

# debian name=1.2.3…: these packages in these upstream versions, installed where that is possible.
debian() {
    needs dpkg-query
    local wanted name version
    for wanted in "$@"; do
        name=${wanted%%=*}
        version=$(dpkg-query -W -f '${Version}' "$name" 2> /dev/null || true)
        if [ -z "$version" ]; then
            needs_root
            apt-get install --yes --quiet "$name" > /dev/null 2>&1 || skip "apt-get cannot install $name (try apt-get update)"
            version=$(dpkg-query -W -f '${Version}' "$name")
        fi
        echo "$finding: $name $version"
        case "$version" in
            "${wanted#*=}"*) ;;
            *) skip "$name is $version here, and this was seen with ${wanted#*=}" ;;
        esac
    done
}

# etcd_server: Debian's etcd on a socket in the scratch folder; `etcdctl` talks to it.
etcd_server() {
    debian etcd-server=3.4.23 etcd-client=3.4.23
    export ETCDCTL_API=3 ETCDCTL_ENDPOINTS=unix://client:1
    etcd --data-dir data --listen-client-urls unix://client:1 --advertise-client-urls unix://client:1 \
        --listen-peer-urls unix://peer:1 --initial-advertise-peer-urls unix://peer:1 \
        --initial-cluster default=unix://peer:1 > etcd.log 2>&1 &
    cleanup+=("kill $!" "wait $!")
    local tries
    for tries in $(seq 100); do
        etcdctl endpoint health > /dev/null 2>&1 && return
        sleep 0.1
    done
    broken "etcd does not start: $(tail -n 1 etcd.log)"
}

# expect < text: fails where `seen` is not that text.
expect() {
    cat > described
    if ! diff -u described seen; then
        echo "$finding: CHANGED"
        exit 1
    fi
    echo "$finding: as described"
}
