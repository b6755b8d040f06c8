#!/bin/sh
# Install the agent or the hub as a service, or take it away: make install, make uninstall.
#
#   tools/install.sh install|uninstall [agent|hub]
#
# The program comes into <PREFIX>/<role>/<version>, a virtual environment with the versions and hashes
# of requirements/, and <PREFIX>/<role>/current leads there. It is made beside the old one, tried, and
# only then is the link turned, by one rename: whatever fails before, the old one runs on.
#
# From the environment: PREFIX (/opt/coldwatch), DESTDIR (files only, nothing is started),
# LIBDIR (/usr/local/lib; where units and the like go), REQUIREMENTS (agent, pi or hub),
# COLDWATCH_PYTHON (/usr/bin/python3), PURGE=1 (uninstall: spool and settings too), and all that pip
# knows, such as PIP_NO_INDEX=1 PIP_FIND_LINKS=/media/usb/wheels where there is no network.
set -eu
cd "$(dirname "$0")/.."

what=${1:-}
role=${2:-}
PREFIX=${PREFIX:-/opt/coldwatch}
DESTDIR=${DESTDIR:-}
LIBDIR=${LIBDIR:-/usr/local/lib}
python=${COLDWATCH_PYTHON:-/usr/bin/python3}

say() {
    printf 'coldwatch: %s\n' "$*"
}

fail() {
    say "$*" >&2
    exit 1
}

is_a_pi() {
    grep -q 'Raspberry Pi' /proc/device-tree/model 2>/dev/null
}

if [ -z "$role" ] && is_a_pi; then role=agent; fi
case $role in
    agent | hub) ;;
    '') fail "agent or hub? write: make $what ROLE=agent (beside fridges) or ROLE=hub (a server)" ;;
    *) fail "unknown ROLE=$role; write ROLE=agent or ROLE=hub" ;;
esac

home=$DESTDIR$PREFIX/$role
new=$home/.new

units_of() {
    case $role in
        agent) echo coldwatch-agent.service coldwatch-watch.service coldwatch-poweroff.path \
            coldwatch-poweroff.service ;;
        hub) echo coldwatch-hub.service coldwatch-enroll.service coldwatch-broker.path \
            coldwatch-broker.service ;;
    esac
}

require_root() {
    [ -n "$DESTDIR" ] || [ "$(id -u)" = 0 ] || fail "this needs root: sudo make $what ROLE=$role"
}

# The other way of installing must not lie below this one: units of /usr/local go before /usr.
refuse_beside_deb() {
    [ -z "$DESTDIR" ] && command -v dpkg-query >/dev/null || return 0
    case $(dpkg-query --show --showformat='${db:Status-Status}' "coldwatch-$role" 2>/dev/null) in
        installed) fail "the package coldwatch-$role is installed; first: apt-get remove coldwatch-$role" ;;
    esac
}

require_python() {
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
        fail "$python is no Python 3.11 or newer; name one: COLDWATCH_PYTHON=/path/to/python3"
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        fail "$python has no ensurepip; as root: apt-get install python3-venv"
}

# On a Pi the libraries of its probes come along; RPi.GPIO and sysv-ipc are compiled there.
requirements() {
    if [ -n "${REQUIREMENTS:-}" ]; then
        echo "$REQUIREMENTS"
    elif [ "$role" = agent ] && is_a_pi; then
        echo pi
    else
        echo "$role"
    fi
}

# Everything is compiled here and knows its later place; nothing at that place is written later.
build() {
    lock=requirements/$(requirements).txt
    [ -e "$lock" ] || fail "there is no $lock; write REQUIREMENTS=agent, pi or hub"
    rm -rf "$new"
    mkdir -p "$home"
    trap 'rm -rf "$new"' EXIT
    trap 'exit 1' HUP INT TERM
    say "making the environment of $role $version, with $("$python" --version)"
    "$python" -m venv "$new"
    pip="$new/bin/python3 -m pip --disable-pip-version-check --quiet --no-input"
    say "installing what $lock names, each file checked against its hash"
    $pip install --no-compile --require-hashes --requirement "$lock" ||
        fail 'that failed; what was installed before runs on'
    $pip install --no-compile --no-deps --no-build-isolation .
    # What was needed for installing alone.
    $pip uninstall --yes hatchling editables pathspec pluggy tomlkit trove-classifiers \
        setuptools pip 2>/dev/null
    final=$PREFIX/$role/$name
    find "$new/bin" -mindepth 1 ! -name 'python*' -delete
    printf '#!%s/bin/python3\nimport sys\n\nfrom coldwatch.cli import main\n\nsys.exit(main())\n' \
        "$final" >"$new/bin/coldwatch"
    chmod 755 "$new/bin/coldwatch"
    find "$new/lib" -name direct_url.json -delete
    sed -i '/^command = /d' "$new/pyvenv.cfg"
    "$new/bin/python3" -m compileall -q -s "$new" -p "$final" "$new/lib" ||
        fail 'the program could not be compiled; what was installed before runs on'
    put_share
    chmod -R go+rX,go-w "$new"
}

# What service.sh needs, and what a person may look up on the machine.
put_share() {
    install -d "$new/share"
    install -m 755 systemd/service.sh "$new/share/"
    install -m 644 "systemd/$role.sysusers" "systemd/$role.tmpfiles" "systemd/smsd-$role.conf" \
        "docs/settings/$role.toml" docs/install.md docs/install.zh.md LICENSE "$new/share/"
    if [ "$role" = hub ]; then
        install -m 644 systemd/mosquitto/coldwatch-limits.conf "$new/share/"
    else
        install -m 644 docs/settings/watch.toml "$new/share/"
    fi
}

# The new version has to run, and to take the settings that are there, before the old one goes.
try_out() {
    "$new/bin/python3" -m coldwatch --version >/dev/null ||
        fail 'the new version does not run; what was installed before runs on'
    file=/etc/coldwatch/$role.toml
    if [ -z "$DESTDIR" ] && [ -e "$home/current" ] && [ -e "$file" ]; then
        "$new/bin/python3" -m coldwatch check "$file" >&2 ||
            fail "version $version does not take $file; what was installed before runs on"
    fi
}

# One rename turns the link. The version before stays, to go back to; older ones go.
turn() {
    before=$(readlink "$home/current" 2>/dev/null || true)
    mv "$new" "$home/$name"
    trap - EXIT
    # A power cut behind the rename must not leave a link to files that were never written.
    sync -f "$home/$name"
    # -f: one that was cut off at this line before has left the link behind.
    ln -sfn "$name" "$home/.current"
    mv -T "$home/.current" "$home/current"
    for old in "$home"/*/; do
        old=$(basename "$old")
        case $old in current | "$name" | "$before") ;; *) rm -rf "${home:?}/$old" ;; esac
    done
    say "installed $PREFIX/$role/$name${before:+; to go back: see docs/install.md}"
}

put_file() {
    install -d "$DESTDIR$LIBDIR/$(dirname "$2")"
    sed -e "s#/opt/coldwatch/#$PREFIX/#g" -e "s#@ROLE@#$role#g" "systemd/$1" >"$DESTDIR$LIBDIR/$2.new"
    chmod 644 "$DESTDIR$LIBDIR/$2.new"
    mv "$DESTDIR$LIBDIR/$2.new" "$DESTDIR$LIBDIR/$2"
}

# systemd 252, as in Debian 12, would warn of what it does not know at each start.
knows_backoff() {
    known=$(systemctl --version 2>/dev/null | sed -n '1s/^systemd \([0-9]*\).*/\1/p')
    [ "${known:-0}" -ge 254 ]
}

put_units() {
    for unit in $(units_of); do put_file "$unit" "systemd/system/$unit"; done
    put_file coldwatch-smsd.service "systemd/system/coldwatch-smsd-$role.service"
    put_file "$role.sysusers" "sysusers.d/coldwatch-$role.conf"
    put_file "$role.tmpfiles" "tmpfiles.d/coldwatch-$role.conf"
    if [ "$role" = agent ]; then put_file coldwatch.udev udev/rules.d/60-coldwatch.rules; fi
    if knows_backoff; then
        put_file backoff.conf "systemd/system/coldwatch-$role.service.d/backoff.conf"
    fi
}

install_role() {
    require_root
    refuse_beside_deb
    require_python
    version=$(sed -n 's/^__version__ = "\(.*\)"/\1/p' coldwatch/__init__.py)
    name=${NAME:-$version}
    again=2
    while [ -e "$home/$name" ]; do
        name=$version-$again
        again=$((again + 1))
    done
    umask 022
    build
    try_out
    turn
    put_units
    [ -n "$DESTDIR" ] || "$home/current/share/service.sh" "$role" start
}

uninstall_role() {
    require_root
    [ -e "$home/current" ] || fail "there is no $role in $DESTDIR$PREFIX"
    service=$home/current/share/service.sh
    if [ -z "$DESTDIR" ]; then
        "$service" "$role" stop
        if [ "${PURGE:-}" = 1 ]; then "$service" "$role" purge; fi
    fi
    for unit in $(units_of) "coldwatch-smsd-$role.service"; do
        rm -rf "$DESTDIR$LIBDIR/systemd/system/$unit" "$DESTDIR$LIBDIR/systemd/system/$unit.d"
    done
    rm -f "$DESTDIR$LIBDIR/sysusers.d/coldwatch-$role.conf" \
        "$DESTDIR$LIBDIR/tmpfiles.d/coldwatch-$role.conf"
    [ "$role" = hub ] || rm -f "$DESTDIR$LIBDIR/udev/rules.d/60-coldwatch.rules"
    rm -rf "$home"
    rmdir --ignore-fail-on-non-empty "$DESTDIR$PREFIX"
    if [ -z "$DESTDIR" ] && [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
    say "removed $PREFIX/$role"
    [ -n "$DESTDIR" ] || kept
}

kept() {
    [ "${PURGE:-}" != 1 ] || return 0
    case $role in agent) state=/var/lib/coldwatch ;; hub) state=/var/lib/coldwatch-hub ;; esac
    say "kept: $state, /etc/coldwatch and the user coldwatch-$role; with PURGE=1 they go too"
}

case $what in
    install) install_role ;;
    uninstall) uninstall_role ;;
    *) fail "tools/install.sh: unknown '$what'; write install or uninstall" ;;
esac
