"""A Debian 12 with a real systemd, booted by systemd-nspawn, for as long as a test needs it.

The root comes from debootstrap, once, into ~/.cache/coldwatch. Each machine has a layer of its own
over it in memory, which stays when the machine is switched off: so it can be booted again with what
it had on its disk, and be copied. It has no network but its loopback.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

HOUSE: Final = Path(__file__).resolve().parents[2]
CACHE: Final = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "coldwatch"
SUITE: Final = "bookworm"
PACKAGES: Final = (
    "systemd", "systemd-sysv", "dbus", "libpam-systemd", "udev", "procps", "iproute2",
    "python3", "python3-venv", "make", "mosquitto", "gammu-smsd", "libdbd-sqlite3",
)  # fmt: skip
# The checkout is bound to /src, the Python packages to /wheels.
INSTALL: Final = "PIP_NO_INDEX=1 PIP_FIND_LINKS=/wheels make -s -C /src install ROLE=agent"
PROGRAMS: Final = {"debootstrap": "debootstrap", "systemd-nspawn": "systemd-container"}


def why_not() -> str | None:
    """Return what keeps a machine from being made here, in one line; None where nothing does."""
    if os.geteuid() != 0:
        return "a container with systemd needs root"
    missing = [package for name, package in PROGRAMS.items() if shutil.which(name) is None]
    if missing:
        return f"as root: apt-get install {' '.join(missing)}"
    return None


def debian() -> Path:
    """Return the root made by debootstrap; making it takes a minute or some, once."""
    name = hashlib.sha256(" ".join((SUITE, *PACKAGES)).encode()).hexdigest()[:12]
    root = CACHE / f"debian-{SUITE}-{name}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"debian-{SUITE}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not root.exists():
            making = root.with_suffix(".making")
            if making.exists():
                shutil.rmtree(making)
            _run(
                ["debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", SUITE,
                 str(making)],
                900,
            )  # fmt: skip
            for archive in (making / "var/cache/apt/archives").glob("*.deb"):
                archive.unlink()
            # It would look for a modem; ours is started with settings of ours.
            (making / "etc/systemd/system/gammu-smsd.service").symlink_to("/dev/null")
            making.rename(root)
    return root


def wheels(lock: str) -> Path:
    """Return a folder with what a file of requirements/ names, for Debian 12's Python 3.11."""
    text = (HOUSE / "requirements" / lock).read_bytes()
    folder = CACHE / f"wheels-{lock.removesuffix('.txt')}-{hashlib.sha256(text).hexdigest()[:12]}"
    if not folder.exists():
        making = folder.with_suffix(f".{os.getpid()}")
        python = sys.executable if sys.version_info[:2] == (3, 11) else "/usr/bin/python3.11"
        _run(
            [python, "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
             "--require-hashes", "--requirement", str(HOUSE / "requirements" / lock),
             "--dest", str(making)],
            600,
        )  # fmt: skip
        making.rename(folder)
    return folder


def _run(command: Sequence[str], seconds: float) -> None:
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        timeout=seconds, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{command[0]}: {done.stdout[-2000:].decode(errors='replace')}"


class Machine:
    """One machine: switched on by :meth:`boot`, off by :meth:`poweroff`, gone with :meth:`destroy`."""

    def __init__(self, folder: Path, below: Sequence[Path]) -> None:
        """Make its disk in an empty folder, over the layers ``below``, the uppermost first."""
        self._folder = folder
        self._below = list(below)
        self._nspawn: subprocess.Popen[bytes] | None = None
        self.init = 0
        folder.mkdir(parents=True)
        _run(["mount", "-t", "tmpfs", "-o", "mode=755", "coldwatch-test", str(folder)], 20)
        for name in ("upper", "work", "root"):
            (folder / name).mkdir()
        lower = ":".join(str(each) for each in self._below)
        options = f"lowerdir={lower},upperdir={folder}/upper,workdir={folder}/work"
        try:
            _run(["mount", "-t", "overlay", "-o", options, "coldwatch-test", str(self.root)], 20)
        except BaseException:
            _run(["umount", str(folder)], 20)
            raise

    @property
    def root(self) -> Path:
        """Its disk, as this machine sees it."""
        return self._folder / "root"

    @property
    def layers(self) -> list[Path]:
        """What another machine may be made over, so that it begins as this one is now."""
        return [self._folder / "upper", *self._below]

    def boot(self, *binds: tuple[Path, str]) -> None:
        """Switch it on and wait until systemd has started everything."""
        options = [f"--bind-ro={source}:{target}" for source, target in binds]
        with (self._folder / "console.log").open("ab") as log:
            self._nspawn = subprocess.Popen(
                ["systemd-nspawn", "-q", "-D", str(self.root), "--boot", "--register=no",
                 "--keep-unit", "--private-network", "--kill-signal=SIGRTMIN+3",
                 "--console=pipe", "-M", f"coldwatch-test-{self._folder.name}", *options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                # So that systemd in there may write to its /sys, as one on a Pi may.
                env=os.environ | {"SYSTEMD_NSPAWN_API_VFS_WRITABLE": "yes"},
            )  # fmt: skip
        deadline = time.monotonic() + 60
        while True:
            assert self._nspawn.poll() is None, f"the container was refused:\n{self.console()}"
            assert time.monotonic() < deadline, f"it did not come up:\n{self.console()}"
            children = Path(f"/proc/{self._nspawn.pid}/task/{self._nspawn.pid}/children")
            if found := children.read_text().split():
                self.init = int(found[0])
                done = self.run("systemctl is-system-running --wait", check=False)
                if done.stdout.strip() in {"running", "degraded"}:
                    assert done.stdout.strip() == "running", self.run("systemctl --failed").stdout
                    return
            time.sleep(0.2)

    def console(self) -> str:
        """Return what it has printed."""
        return (self._folder / "console.log").read_text(errors="replace")[-3000:]

    def run(self, command: str, *, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a line of shell in it, as root."""
        done = subprocess.run(
            ["nsenter", "-t", str(self.init), "-a", "/bin/sh", "-c", command],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False,
            env={"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                 "LC_ALL": "C.UTF-8", "HOME": "/root"},
        )  # fmt: skip
        if check and done.returncode != 0:
            journal = self.run("journalctl -n 40 --no-pager", check=False).stdout
            raise AssertionError(
                f"{command}: {done.returncode}\n{done.stdout}{done.stderr}{journal}"
            )
        return done

    def show(self, unit: str, what: str) -> str:
        """Return one property of a unit."""
        return self.run(f"systemctl show --value -p {what} {unit}").stdout.strip()

    def wait(self, what: str, true: Callable[[], bool], seconds: float = 60) -> None:
        """Wait until something is so; fail with its journal where it never is."""
        deadline = time.monotonic() + seconds
        while not true():
            if time.monotonic() > deadline:
                journal = self.run("journalctl -n 60 --no-pager", check=False).stdout
                raise AssertionError(f"not within {seconds:.0f} s: {what}\n{journal}")
            time.sleep(0.2)

    def poweroff(self) -> None:
        """Switch it off in order."""
        if self._nspawn is None:
            return
        self.run("systemctl poweroff", check=False)
        try:
            self._nspawn.wait(60)
        except subprocess.TimeoutExpired:
            self.cut()
        self._nspawn = None

    def ended(self, seconds: float) -> bool:
        """Tell whether it switches itself off within this time."""
        assert self._nspawn is not None
        try:
            self._nspawn.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        self._nspawn = None
        return True

    def cut(self) -> None:
        """Switch it off as a power cut would: every process is killed."""
        if self._nspawn is None:
            return
        # Its first process takes all others along; nspawn by itself would leave it behind.
        if Path(f"/proc/{self.init}").exists() and self.init:
            subprocess.run(["kill", "-KILL", str(self.init)], check=False)
        self._nspawn.kill()
        self._nspawn.wait(30)
        self._nspawn = None

    def destroy(self) -> None:
        """Take it away with its disk."""
        self.cut()
        for mount in (self.root, self._folder):
            subprocess.run(["umount", "--lazy", str(mount)], check=False)


Make = Callable[..., Machine]
"""Makes a machine: over Debian alone, or over what another one is now."""
