#!/bin/sh
# Print the path of a Linux kernel that runs as a program (User-Mode Linux), with simulated GPIO
# lines and ext4: the tests cut its power with SIGKILL. No distribution has it as a binary, so it is
# built from Debian's own kernel source, once, into the user's cache.
#
#   tools/uml.sh            build it where there is none yet
#   tools/uml.sh --find     only look: exit 1 and one line where there is none
#
# The cache goes by the kernel's settings (tests/uml/kernel.config) and by the number of this recipe; a
# newer point release of the source is no reason to build again. Known to work with Debian 12's 6.1.
set -eu
cd "$(dirname "$0")/.."

say() {
    printf 'coldwatch: %s\n' "$*" >&2
}

case ${1:-} in
    '' | --find) ;;
    *)
        say "tools/uml.sh: unknown option $1; write --find or nothing"
        exit 2
        ;;
esac

lasts='about 6 minutes on two cores and 2 GB of disk'
# One more for each change of the steps below that makes another kernel.
recipe=1
key=$(sha256sum <tests/uml/kernel.config | cut -c 1-12)
home=${XDG_CACHE_HOME:-$HOME/.cache}/coldwatch/uml-$recipe-$key
made=$home/linux
build=$home/build
log=$home/build.log

if [ -x "$made" ]; then
    echo "$made"
    exit 0
fi
if [ "${1:-}" = --find ]; then
    say "there is no user-mode kernel in $home; \`make uml\` builds it: $lasts, once"
    exit 1
fi

machine=$(uname -m)
if [ "$(uname -s)" != Linux ] || [ "$machine" != x86_64 ]; then
    say "User-Mode Linux runs on x86_64 alone, and this is $(uname -s) on $machine"
    exit 1
fi

# The newest source that Debian's package left here.
source_archive() {
    find /usr/src -maxdepth 1 -name 'linux-source-*.tar.xz' 2>/dev/null | sort -V | tail -n 1
}

# Run one step with all that it prints in the log; where it fails, show the end of that.
step() {
    say "  $1"
    shift
    "$@" >>"$log" 2>&1 && return
    tail -n 20 "$log" >&2
    say "building the user-mode kernel failed; all that was printed: $log"
    exit 1
}

mkdir -p "$home"
exec 9>"$home/lock"
if ! flock --nonblock 9; then
    say 'the user-mode kernel is being built already; waiting for that'
    flock 9
fi
if [ -x "$made" ]; then
    echo "$made"
    exit 0
fi

tools/system-packages.sh uml
archive=$(source_archive)
if [ -z "$archive" ]; then
    say 'there is no kernel source to build from; as root: apt-get install linux-source'
    exit 1
fi

say "building a user-mode kernel in $home, once: $lasts"
began=$(date +%s)
rm -rf "$build"
mkdir -p "$build"
: >"$log"
step "1 of 4: $(basename "$archive")" tar -xf "$archive" -C "$build" --strip-components=1
# gpio-sim's lines take an interrupt each for their edges, and user mode has 64 in all.
irqs=$build/arch/um/include/asm/irq.h
step '2 of 4: room for the interrupts of GPIO lines' \
    sed -i -E 's/^#define NR_IRQS\s+UM_LAST_SIGNAL_IRQ$/#define NR_IRQS (UM_LAST_SIGNAL_IRQ + 256)/' "$irqs"
step '    (it is there)' grep -qF '(UM_LAST_SIGNAL_IRQ + 256)' "$irqs"
# A build that somebody's environment steers is another build.
unset ARCH CROSS_COMPILE KCONFIG_CONFIG KBUILD_OUTPUT MAKEFLAGS MFLAGS CFLAGS LDFLAGS
configure() {
    make -C "$build" ARCH=um defconfig
    (cd "$build" && scripts/kconfig/merge_config.sh -m .config "$OLDPWD/tests/uml/kernel.config")
    make -C "$build" ARCH=um olddefconfig
    for wanted in GPIO_SIM GPIO_CDEV CONFIGFS_FS HOSTFS BLK_DEV_UBD EXT4_FS; do
        grep -qx "CONFIG_$wanted=y" "$build/.config" || {
            echo "the kernel's settings lack CONFIG_$wanted"
            return 1
        }
    done
}
step '3 of 4: its settings' configure
step '4 of 4: the kernel' nice -n 10 make -C "$build" ARCH=um -j "$(nproc)" linux
strip -o "$home/linux-new" "$build/linux"
mv "$home/linux-new" "$made"
rm -rf "$build"
say "the user-mode kernel is built, after $((($(date +%s) - began + 59) / 60)) minutes"
echo "$made"
