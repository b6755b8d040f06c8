#!/bin/sh
# Print the path of a program that the tests run for real and that no registry carries as a binary;
# build it from Go's module proxy where there is none yet.
#
#   tools/go-program.sh influxd            InfluxDB 2.9, without its pages (tests/influxd/go.mod)
#   tools/go-program.sh telegraf           Telegraf 1.39, only with what reads our topics
#   tools/go-program.sh influxd --find     only look: exit 1 and one line where there is none
#
# One on PATH is taken if it is of that version; else the one in the user's cache, where it is built
# once. What the compilers leave is removed after success, and kept after a failure or an interrupt,
# so that the next run goes on from there; only Go's module cache stays. Two at a time build once.
set -eu
cd "$(dirname "$0")/.."

say() {
    printf 'coldwatch: %s\n' "$*" >&2
}

program=${1:-}
case $program in
    influxd)
        version=2.9.1 commit=d4fa1941fd
        said="InfluxDB v${version%.*}."
        lasts='about 10 minutes on two cores and 4 GB of disk'
        ;;
    telegraf)
        version=1.39.3
        said="Telegraf ${version%.*}."
        lasts='about 3 minutes on two cores and 1 GB of disk'
        ;;
    *)
        say "tools/go-program.sh: unknown program '$program'; write influxd or telegraf"
        exit 2
        ;;
esac
case ${2:-} in
    '' | --find) ;;
    *)
        say "tools/go-program.sh: unknown option $2; write --find or nothing"
        exit 2
        ;;
esac

home=${XDG_CACHE_HOME:-$HOME/.cache}/coldwatch/$program-$version
made=$home/$program
build=$home/build
log=$home/build.log

# Print the path of the program, if it is on PATH in the right version or was built before.
find_program() {
    if on_path=$(command -v "$program") &&
        "$on_path" version 2>/dev/null </dev/null | grep -F "$said" >/dev/null; then
        echo "$on_path"
    elif [ -x "$made" ]; then
        echo "$made"
    else
        return 1
    fi
}

# Whether a version (1.26.8) is at least another (1.25).
at_least() {
    [ "$(printf '%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]
}

# Debian 12 has Go and Rust, but too old ones, so these two are not installed from here.
require_go() {
    have=$(go env GOVERSION 2>/dev/null || true)
    at_least "${have#go}" "$1" && return
    say "to build $program, Go $1 or newer is needed (there is ${have:-none on PATH});" \
        'install it from https://go.dev/dl/'
    exit 1
}

require_rust() {
    have=$(rustc --version 2>/dev/null | cut -d ' ' -f 2)
    if ! command -v cargo >/dev/null || ! at_least "$have" "$1"; then
        say "to build $program, cargo and Rust $1 or newer are needed" \
            "(there is ${have:-none on PATH}); install them from https://rustup.rs/"
        exit 1
    fi
}

require_c() {
    command -v pkg-config >/dev/null || bring pkg-config pkgconf
    command -v cc >/dev/null || bring gcc
    echo '#include <stdlib.h>' | cc -E - >/dev/null 2>&1 || bring libc6-dev
}

bring() {
    say "installing $1 with apt"
    tools/system-packages.sh --install "$@" && return
    say "to build $program, $1 is needed and could not be installed; run: sudo apt-get install $1"
    exit 1
}

# Run one step with all that it prints in the log; where it fails, show the end of that.
step() {
    say "  $1"
    shift
    "$@" >>"$log" 2>&1 && return
    tail -n 20 "$log" >&2
    say "building $program failed; all that was printed: $log"
    exit 1
}

# The name that rustup has for the toolchain in use; nothing where Rust came without rustup.
installed_rust() {
    rustup show active-toolchain 2>/dev/null | cut -d ' ' -f 1
}

# Flux, the query language in influxd, is a Rust library, which influxdata's stand-in for pkg-config
# builds when it is asked for it; a build that an interrupt cut short is begun anew. The compiler is
# the one installed, not the one that Flux pins, and what newer ones warn of is no error.
build_influxd() {
    cd tests/influxd
    export RUSTUP_TOOLCHAIN="${RUSTUP_TOOLCHAIN:-$(installed_rust)}" RUSTFLAGS='--cap-lints warn'
    unset CARGO_TARGET_DIR CARGO_BUILD_TARGET_DIR CARGO_BUILD_TARGET PKG_CONFIG
    [ -e "$build/flux-is-built" ] || rm -rf "$GOCACHE/pkgconfig"
    step '1 of 3: what stands in for pkg-config' \
        go build -o "$build/bin/" github.com/influxdata/pkg-config
    step '2 of 3: Flux, in Rust' "$build/bin/pkg-config" --cflags flux
    touch "$build/flux-is-built"
    tags=sqlite_foreign_keys,sqlite_json
    # Flux has assembly for these two alone.
    case $(go env GOARCH) in amd64 | s390x) ;; *) tags=$tags,noasm ;; esac
    export PATH="$build/bin:$PATH"
    step '3 of 3: influxd, in Go' go build -tags "$tags" -o "$build/bin/" \
        -ldflags "-s -w -X main.version=v$version -X main.commit=$commit" \
        github.com/influxdata/influxdb/v2/cmd/influxd
}

build_telegraf() {
    module=github.com/influxdata/telegraf
    export CGO_ENABLED=0 GOBIN="$build/bin"
    step '1 of 1: telegraf, in Go' go install \
        -tags custom,inputs.mqtt_consumer,parsers.json_v2,outputs.influxdb_v2 \
        -ldflags "-s -w -X $module/internal.Version=$version" \
        "$module/cmd/telegraf@v$version"
}

if find_program; then exit 0; fi
if [ "${2:-}" = --find ]; then
    say "there is no $program ${version%.*} on PATH and none in $home;" \
        "tools/go-program.sh $program builds it: $lasts, once"
    exit 1
fi

mkdir -p "$home"
exec 9>"$home/lock"
if ! flock --nonblock 9; then
    say "$program is being built already; waiting for that"
    flock 9
fi
if find_program; then exit 0; fi

case $program in
    influxd)
        require_go 1.25.10
        require_rust 1.83
        require_c
        ;;
    telegraf) require_go 1.26 ;;
esac
say "building $program $version in $home, once: $lasts"
began=$(date +%s)
mkdir -p "$build/bin"
: >"$log"
# Version control says nothing about a module from the proxy, and modules are to stay read-only:
# Flux is built in a copy for that reason.
export GOCACHE="$build/go" GOFLAGS=-buildvcs=false
(build_"$program")
name=$("$build/bin/$program" version 2>&1 || true)
case $name in
    "$said"*) ;;
    *)
        say "what was built in $build/bin calls itself '$name' and not '$said'"
        exit 1
        ;;
esac
mv "$build/bin/$program" "$made"
rm -rf "$build"
say "$program is built, after $((($(date +%s) - began + 59) / 60)) minutes"
echo "$made"
