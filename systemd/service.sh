#!/bin/sh
# What installing and removing do on a running machine, for `make install` and for the .deb alike:
#
#   service.sh agent|hub start     user, folders, sample settings; the units come up, or anew
#   service.sh agent|hub stop      the units go down and do not start with the machine
#   service.sh agent|hub purge     spool or databases, settings and user are deleted
#
# It lies beside the program, in <prefix>/<role>/current/share. Settings that are there are never
# changed. In a folder that is not a running system it does what can be done there.
set -eu

role=${1:-}
step=${2:-}
share=$(dirname "$0")
unit=coldwatch-$role
prefix=${share%/*/*/*}
settings=/etc/coldwatch
command=/usr/local/bin/coldwatch

say() {
    printf 'coldwatch: %s\n' "$*"
}

case $role in
    agent)
        state=/var/lib/coldwatch
        others='coldwatch-watch.service coldwatch-poweroff.path coldwatch-smsd-agent.service'
        ;;
    hub)
        state=/var/lib/coldwatch-hub
        others='coldwatch-enroll.service coldwatch-broker.path coldwatch-smsd-hub.service'
        ;;
    *)
        say "service.sh: unknown role '$role'; write agent or hub" >&2
        exit 2
        ;;
esac

# Whether systemd runs here and not only lies here.
running() {
    [ -d /run/systemd/system ]
}

# Put a sample where there are no settings; they hold telephone numbers, so not everybody reads them.
sample() {
    [ ! -e "$settings/$2" ] || return 0
    install -m 640 -g "coldwatch-$role" "$share/$1" "$settings/$2"
    say "wrote $settings/$2, a sample; write your own into it"
}

# Devices that are there already get their groups now.
devices() {
    if ! udevadm control --reload 2>/dev/null || ! udevadm trigger --action=add \
        --subsystem-match=gpio --subsystem-match=i2c-dev --subsystem-match=spidev \
        --subsystem-match=w1 2>/dev/null; then
        say 'udev does not run here; devices keep their groups'
    fi
}

# One command for people, of the role that is there; the hub's can do all that the agent's can.
link() {
    rm -f "$command"
    for each in hub agent; do
        if [ "$each" != "${1:-}" ] && [ -e "$prefix/$each/current" ]; then
            install -d "$(dirname "$command")"
            ln -s "$prefix/$each/current/bin/coldwatch" "$command"
            return 0
        fi
    done
}

start() {
    link
    systemd-sysusers "$share/$role.sysusers"
    install -d -m 755 "$settings"
    systemd-tmpfiles --create "$share/$role.tmpfiles"
    first=no
    [ -e "$settings/$role.toml" ] || first=yes
    sample "$role.toml" "$role.toml"
    sample "smsd-$role.conf" "smsd-$role.conf"
    if ! running; then
        say "coldwatch-$role is installed; systemd does not run here, so nothing is started"
        return 0
    fi
    systemctl daemon-reload
    [ "$role" = hub ] || devices
    # shellcheck disable=SC2086 # words are wanted
    systemctl try-restart $others
    if [ "$first" = yes ]; then
        # A sample must not run: its readings would be of a fridge that there is not.
        say "next: edit $settings/$role.toml, then: systemctl enable --now $unit"
    elif ! systemctl --quiet is-enabled "$unit"; then
        say "$unit is switched off and stays so; to start it: systemctl enable --now $unit"
    elif systemctl restart "$unit"; then
        say "$unit runs, $("$prefix/$role/current/bin/coldwatch" --version)"
    else
        # It is tried again for ever, but for wrong settings.
        say "$unit did not start; look: journalctl -u $unit -n 30" >&2
        return 1
    fi
}

stop() {
    # shellcheck disable=SC2086
    if running; then
        systemctl --quiet disable --now "$unit" $others 2>/dev/null || true
    else
        systemctl --quiet disable "$unit" $others 2>/dev/null || true
    fi
    link "$role"
    say "coldwatch-$role is stopped and does not start again"
}

purge() {
    rm -rf "$state"
    rm -f "$settings/$role.toml" "$settings/smsd-$role.conf"
    if [ "$role" = agent ]; then
        rm -rf /var/lib/coldwatch-watch
        rm -f "$settings/watch.toml"
    else
        rm -f "$settings/influx-token" "$settings/ca-passphrase"
    fi
    rmdir --ignore-fail-on-non-empty "$settings" 2>/dev/null || true
    if getent passwd "coldwatch-$role" >/dev/null; then userdel "coldwatch-$role"; fi
    say "deleted $state and the settings of coldwatch-$role"
}

case $step in
    start | stop | purge) "$step" ;;
    *)
        say "service.sh: unknown step '$step'; write start, stop or purge" >&2
        exit 2
        ;;
esac
