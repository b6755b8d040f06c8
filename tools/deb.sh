#!/bin/sh
# Make coldwatch-agent.deb and coldwatch-hub.deb (or the one that is named) in dist/.
#
# Everything is in them, the Python packages as well: a Pi without internet installs from a stick. So
# a package is for the architecture of the machine that makes it and for its Python (3.11 on Debian
# 12); make the one for a Pi on a Pi. What happens on the machine is systemd/service.sh, as with
# `make install`. Settings are no conffiles: what people wrote is never asked about in an upgrade.
set -eu
cd "$(dirname "$0")/.."

python=${COLDWATCH_PYTHON:-/usr/bin/python3}

say() {
    printf 'coldwatch: %s\n' "$*"
}

command -v dpkg-deb >/dev/null || {
    say 'dpkg-deb is missing; as root: apt-get install dpkg' >&2
    exit 1
}

version=$(sed -n 's/^__version__ = "\(.*\)"/\1/p' coldwatch/__init__.py)-${REVISION:-1}
architecture=$(dpkg --print-architecture)
minor=$("$python" -c 'import sys; print(sys.version_info[1])')

describe() {
    case $1 in
        agent) echo 'daemon beside vaccine fridges: reads probes, judges, sends' ;;
        hub) echo 'receives readings of vaccine fridges, judges, holds batches, tells people' ;;
    esac
}

# What stands beside it, and is another process.
beside() {
    case $1 in
        agent) echo 'Suggests: gammu-smsd, libdbd-sqlite3' ;;
        hub) printf 'Recommends: mosquitto\nSuggests: gammu-smsd, libdbd-sqlite3\n' ;;
    esac
}

control() {
    cat <<END
Package: coldwatch-$1
Version: $version
Architecture: $architecture
Maintainer: The coldwatch authors <coldwatch@localhost>
Section: science
Priority: optional
Depends: python3 (>= 3.$minor), python3 (<< 3.$((minor + 1))~), systemd (>= 252)
$(beside "$1")
Installed-Size: $(du -sk --exclude=DEBIAN "$2" | cut -f 1)
Description: coldwatch $1, $(describe "$1")
 With all its Python packages, in /opt/coldwatch. Settings: /etc/coldwatch/$1.toml.
END
}

preinst() {
    cat <<END
#!/bin/sh
set -e
if [ -e /usr/local/lib/systemd/system/coldwatch-$1.service ]; then
    echo 'coldwatch: installed by make install; there, first: make uninstall ROLE=$1 (it keeps all data)' >&2
    exit 1
fi
END
}

# systemd before 254 would warn of what it does not know at each start.
postinst() {
    cat <<END
#!/bin/sh
set -e
[ "\$1" = configure ] || exit 0
known=\$(systemctl --version | sed -n '1s/^systemd \([0-9]*\).*/\1/p')
if [ "\${known:-0}" -ge 254 ]; then
    install -D -m 644 /opt/coldwatch/$1/current/share/backoff.conf \\
        /etc/systemd/system/coldwatch-$1.service.d/backoff.conf
fi
/opt/coldwatch/$1/current/share/service.sh $1 start || true
END
}

prerm() {
    cat <<END
#!/bin/sh
set -e
[ "\$1" != remove ] || /opt/coldwatch/$1/current/share/service.sh $1 stop
END
}

# At that time the program is gone, so service.sh is in here.
postrm() {
    cat <<END
#!/bin/sh
if [ "\$1" = remove ]; then
    rm -f /etc/systemd/system/coldwatch-$1.service.d/backoff.conf
    [ ! -d /run/systemd/system ] || systemctl daemon-reload
fi
[ "\$1" = purge ] || exit 0
set -- $1 purge
END
    tail -n +2 systemd/service.sh
}

pack() {
    root=build/deb/$1
    rm -rf "$root"
    DESTDIR=$(pwd)/$root PREFIX=/opt/coldwatch LIBDIR=/usr/lib NAME=$version \
        tools/install.sh install "$1"
    rm -rf "$root/usr/lib/systemd/system/coldwatch-$1.service.d"
    install -m 644 systemd/backoff.conf "$root/opt/coldwatch/$1/$version/share/"
    install -d "$root/DEBIAN"
    control "$1" "$root" >"$root/DEBIAN/control"
    for script in preinst postinst prerm postrm; do
        "$script" "$1" >"$root/DEBIAN/$script"
        chmod 755 "$root/DEBIAN/$script"
    done
    mkdir -p dist
    file=dist/coldwatch-${1}_${version}_$architecture.deb
    say "packing $file"
    # zstd: what xz takes minutes for on a Pi, it does in seconds; dpkg knows it from Debian 12 on.
    dpkg-deb --root-owner-group -Zzstd --build "$root" "$file" >/dev/null
    rm -rf "$root"
}

case ${1:-both} in
    both)
        pack agent
        pack hub
        ;;
    agent | hub) pack "$1" ;;
    *)
        say "unknown ROLE=$1; write ROLE=agent, ROLE=hub, or nothing for both" >&2
        exit 2
        ;;
esac
