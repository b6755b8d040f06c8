"""A machine for tests: a Linux kernel that is a program (User-Mode Linux), built by tools/uml.sh.

Its root is the host's own file system, read-only, so the checkout and its Python are there at the
same paths, and nothing that runs inside can harm them. One folder is shared for writing. It may have
a disk (an image with ext4), and GPIO lines (the kernel's gpio-sim, labelled as a Pi 4's chip).
SIGKILL is a power cut: what the kernel had not yet written to the image is lost.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NoReturn

import pytest

HOUSE = Path(__file__).resolve().parents[2]

LABEL = "pinctrl-bcm2711"
# In the guest: the folder of gpio-sim's files, for simulator.lines.Lines(..., kernel=True).
SIM = Path("/run/sim")
# In the guest: where the disk is mounted.
DISK = Path("/run/disk")

_INIT = """\
#!/bin/sh
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export HOME=/run TMPDIR=/run LG_WD=/run LC_ALL=C.UTF-8
export PYTHONDONTWRITEBYTECODE=1 RPI_LGPIO_REVISION=c03114 {environment}
mount -t proc none /proc
mount -t sysfs none /sys
mount -t tmpfs none /run
mount -t hostfs none {share} -o {share}
ip link set lo up 2>/dev/null
[ -e /dev/ubda ] && mkdir {disk} && mount -t ext4 /dev/ubda {disk}
{lines}
cd {share}
: >booted
(
{script}
) >output 2>&1 </dev/null
code=$?
cd /
umount {disk} 2>/dev/null
echo $code >{share}/exit-new
mv {share}/exit-new {share}/exit
sync
echo o >/proc/sysrq-trigger
sleep 60
"""

_LINES = """\
mount -t configfs none /sys/kernel/config
chip=/sys/kernel/config/gpio-sim/header
mkdir $chip $chip/bank0
echo {count} >$chip/bank0/num_lines
echo {label} >$chip/bank0/label
echo 1 >$chip/live
ln -s /sys/devices/platform/$(cat $chip/dev_name)/$(cat $chip/bank0/chip_name) {sim}
"""


@cache
def kernel() -> Path | None:
    """Return the kernel as `tools/uml.sh` built it."""
    found = subprocess.run(
        [HOUSE / "tools" / "uml.sh", "--find"], capture_output=True, text=True, check=False
    )
    return Path(found.stdout.strip()) if found.returncode == 0 else None


def require() -> Path:
    """Return the kernel; without it the test is skipped, and fails in CI."""
    path = kernel()
    if path is None:
        _missing("no user-mode kernel: `make uml` builds it in about six minutes, once")
    return path


def _missing(reason: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def make_disk(path: Path, megabytes: int = 64) -> Path:
    """Make an image with an empty ext4 at ``path``, to be a machine's disk."""
    program = shutil.which("mkfs.ext4", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if program is None:
        _missing("no mkfs.ext4 here; as root: apt-get install e2fsprogs")
    with path.open("wb") as file:
        file.truncate(megabytes << 20)
    subprocess.run([program, "-q", "-F", path], check=True, stdin=subprocess.DEVNULL)
    return path


class Machine:
    """One machine. It may be started again after its end, with the same disk.

    Attributes:
        share: a folder that both sides write to, at the same path on either side.
        console: what the kernel said.
    """

    def __init__(
        self,
        folder: Path,
        script: str,
        *,
        disk: Path | None = None,
        lines: int = 0,
        memory_mb: int = 192,
        environment: str = "",
    ) -> None:
        """Make a machine in ``folder`` (an empty one) that runs a script of /bin/sh as root.

        The script begins in the shared folder. Its output goes to ``share/output``; when it ends,
        its exit code to ``share/exit``, and the machine is switched off. ``environment`` is
        ``NAME=value …``; ``lines`` the number of GPIO lines.
        """
        self.share = folder / "share"
        self.console = folder / "console"
        self._init = folder / "init"
        self._disk = disk
        self._memory_mb = memory_mb
        self._process: subprocess.Popen[bytes] | None = None
        self.share.mkdir(parents=True)
        text = _INIT.format(
            share=shlex.quote(str(self.share)),
            disk=DISK,
            environment=environment,
            script=script,
            lines=_LINES.format(count=lines, label=LABEL, sim=SIM) if lines else "",
        )
        self._init.write_text(text)
        self._init.chmod(0o755)

    @property
    def running(self) -> bool:
        """Whether it is on."""
        return self._process is not None and self._process.poll() is None

    @property
    def output(self) -> str:
        """What the script has written so far."""
        path = self.share / "output"
        return path.read_text(errors="replace") if path.exists() else ""

    def start(self) -> None:
        """Switch it on; it has booted when ``share/booted`` is there."""
        assert not self.running
        # A test that fails leaves its machine on, in a session of its own.
        atexit.register(self.cut)
        for name in ("booted", "exit", "output"):
            (self.share / name).unlink(missing_ok=True)
        disk = [] if self._disk is None else [f"ubd0={self._disk}"]
        with self.console.open("ab") as console:
            self._process = subprocess.Popen(
                [
                    require(), f"mem={self._memory_mb}M", "root=/dev/root", "rootfstype=hostfs",
                    "rootflags=/", "ro", f"init={self._init}", "con=null", "con0=null,fd:1",
                    f"uml_dir={self._init.parent}/", "quiet", "panic=-1", *disk,
                ],
                cwd=self._init.parent,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                # Each address space inside is a process outside; all of them end with the group.
                start_new_session=True,
            )  # fmt: skip

    def cut(self) -> None:
        """Cut its power; harmless when it is off."""
        process = self._process
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        atexit.unregister(self.cut)

    def wait(self, timeout_s: float = 60) -> int:
        """Wait until it has switched itself off; return the script's exit code.

        Raises AssertionError, with what was said, where it ended otherwise or goes on for longer.
        """
        assert self._process is not None
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.cut()
            raise AssertionError(f"still on after {timeout_s} s: {self._said()}") from None
        finally:
            self.cut()
        code = self.share / "exit"
        assert code.exists(), f"ended without an exit code: {self._said()}"
        return int(code.read_text())

    def wait_for(self, name: str, timeout_s: float = 60) -> None:
        """Wait until a file is there in the shared folder: the script says how far it is."""
        until = time.monotonic() + timeout_s
        while not (self.share / name).exists():
            assert self.running, f"ended before {name} was there: {self._said()}"
            assert time.monotonic() < until, f"no {name} after {timeout_s} s: {self._said()}"
            time.sleep(0.02)

    def _said(self) -> str:
        console = self.console.read_text(errors="replace") if self.console.exists() else ""
        return f"{self.output[-3000:]}\n--- console ---\n{console[-2000:]}"


def python(*arguments: str | Path) -> str:
    """Return the line of a script that runs the checkout's Python inside, in the checkout."""
    words = [sys.executable, *arguments]
    return f"(cd {shlex.quote(str(HOUSE))} && {shlex.join(str(word) for word in words)})"


def run(
    folder: Path,
    arguments: Sequence[str | Path],
    timeout_s: float = 60,
    *,
    lines: int = 0,
    environment: str = "",
) -> str:
    """Run the checkout's Python in a new machine; return its output, and fail if it failed."""
    machine = Machine(folder, python(*arguments), lines=lines, environment=environment)
    machine.start()
    code = machine.wait(timeout_s)
    assert code == 0, machine.output
    return machine.output
