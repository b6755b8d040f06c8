#!/bin/sh
# Bring the programs that are not Python's, with apt where that is allowed; else say what to run.
#
#   tools/system-packages.sh demo test        what these need and the machine lacks
#   tools/system-packages.sh --install NAME…  the first of these packages that there is
#
# Missing programs stop nothing here: the demo has a broker of its own and a log in place of the
# modem, and tests that need them say so. Installing must leave no service behind that nobody asked
# for: Debian starts and enables mosquitto and gammu-smsd when they are installed, so a policy-rc.d
# forbids starting for as long as apt runs, and what apt has enabled is disabled again. A service
# that was there before is left as it is.
set -eu

policy=${COLDWATCH_POLICY_RC_D:-/usr/sbin/policy-rc.d}
mark='# by coldwatch, while apt runs; remove it if no apt is running'

say() {
    printf 'coldwatch: %s\n' "$*" >&2
}

# Print the packages that provide what is missing for one purpose.
missing() {
    case $1 in
        demo)
            has_program mosquitto || echo mosquitto
            has_program gammu-smsd || echo gammu-smsd
            has_program sqlite3 || echo sqlite3
            # gammu-smsd speaks to SQLite through a module that no program shows.
            has_file '*/dbd/libdbdsqlite3.so' || echo libdbd-sqlite3
            ;;
        test)
            has_program chromium || has_program chromium-browser || echo chromium
            # Pages in Chinese: without it every character is a box.
            has_file '*/NotoSansCJK*' || echo fonts-noto-cjk
            # Disks of the machines in tests/support/uml.py.
            has_program mkfs.ext4 || echo e2fsprogs
            # A real systemd to install into, in a container (tests/systemd).
            has_program debootstrap || echo debootstrap
            has_program systemd-nspawn || echo systemd-container
            has_program shellcheck || echo shellcheck
            # The hub's other database (tests/support/postgres.py); its programs are on no PATH.
            has_file '*/postgresql/*/bin/initdb' || echo postgresql
            ;;
        uml)
            # To build the kernel of the tests: tools/uml.sh.
            for program in make gcc flex bison bc; do
                has_program "$program" || echo "$program"
            done
            has_program xz || echo xz-utils
            [ -e /usr/include/stdio.h ] || echo libc6-dev
            find /usr/src -maxdepth 1 -name 'linux-source-*.tar.xz' 2>/dev/null | grep -q . ||
                echo linux-source
            ;;
        *)
            say "tools/system-packages.sh: unknown purpose $1; write demo, test or uml"
            exit 2
            ;;
    esac
}

# Debian keeps daemons where only root's PATH looks.
has_program() {
    PATH="$PATH:/usr/sbin:/sbin:/usr/local/sbin" command -v "$1" >/dev/null
}

has_file() {
    [ -n "$(find /usr/lib /usr/local/lib /usr/share/fonts /usr/local/share/fonts \
        -path "$1" -print -quit 2>/dev/null)" ]
}

may_install() {
    command -v apt-get >/dev/null && { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

forbid_starting() {
    if [ ! -e "$policy" ]; then
        trap 'as_root rm -f "$policy"' EXIT
        trap 'exit 1' HUP INT TERM
        printf '#!/bin/sh\n%s\nexit 101\n' "$mark" | as_root tee "$policy" >/dev/null
        as_root chmod 755 "$policy"
    elif grep -qF "$mark" "$policy"; then
        trap 'as_root rm -f "$policy"' EXIT # left behind by a run that was killed
    fi
}

apt_get() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get --quiet --yes \
        --no-install-recommends -o DPkg::Lock::Timeout=120 "$@" </dev/null
}

# The list of packages may be old or empty: look it up anew, once, when a package is not found.
install() {
    log=$(mktemp)
    if apt_get install "$@" >"$log" 2>&1 ||
        { apt_get update >"$log" 2>&1 && apt_get install "$@" >>"$log" 2>&1; }; then
        rm -f "$log"
        return 0
    fi
    tail -n 5 "$log" >&2
    rm -f "$log"
    return 1
}

# Undo the enabling of a service whose package we have just brought.
disable() {
    for service in "$@"; do
        case $service in
            mosquitto | gammu-smsd | postgresql)
                if command -v systemctl >/dev/null; then
                    as_root systemctl --quiet disable "$service" >/dev/null 2>&1 || true
                else
                    as_root update-rc.d "$service" disable >/dev/null 2>&1 || true
                fi
                say "installed $service; its system service is left switched off"
                ;;
        esac
    done
}

if [ "${1:-}" = --install ]; then
    shift
    may_install || exit 1
    forbid_starting
    for package in "$@"; do
        if install "$package"; then exit 0; fi
    done
    exit 1
fi

packages=$(for purpose in "$@"; do missing "$purpose"; done)
[ -n "$packages" ] || exit 0
# shellcheck disable=SC2086 # words are wanted
set -- $packages
if ! command -v apt-get >/dev/null; then
    say "these programs are missing: $*; install them as your system does"
elif may_install; then
    say "installing $* with apt"
    forbid_starting
    if install "$@"; then
        disable "$@"
    else
        say "that failed; to try again by hand: sudo apt-get install $*"
    fi
else
    say "missing, and only root may bring them: sudo apt-get install $*"
fi
