"""The 1-Wire bus that several probes share, and one conversion for all of them.

From three probes on one master on, their conversions are begun together: ``trigger`` written into
the master's ``therm_bulk_read`` (Linux 5.10, w1_therm.rst) makes all of them convert at once, and the
next ``w1_slave`` of each hands that conversion out. With parasite power the kernel holds the bus
throughout a conversion, so eight probes asked singly would take eight times 750 ms.

What the kernel does, and what follows (drivers/w1/slaves/w1_therm.c):

- It heeds a trigger of exactly eight bytes (with the newline) and is silent about any other; that it
  was heeded shows only in the file, which then holds -1 (converting) or 1 (some value is unread).
- A value that was not fetched is handed out by the *next* read, however much later. So a conversion
  older than ``FRESH_MS`` is begun again, and before the first single read of a probe what an earlier
  program may have left unread is thrown away.
- While it converts, ``w1_slave`` is empty.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final
from weakref import WeakValueDictionary

from sensors import sysfs
from sensors.contract import ProbeTransientError

if TYPE_CHECKING:
    from config.clock import Clock

FILE: Final = "therm_bulk_read"
TRIGGER: Final = b"trigger\n"
# With one or two probes the trigger costs more than it saves.
FROM: Final = 3
# A conversion older than this belongs to an earlier cycle: probes are read from every second on.
FRESH_MS: Final = 1_000
# Twice the slowest conversion; the kernel itself gives up after 2 s (W1_POLL_CONVERT_TEMP).
_LONGEST_MS: Final = 2_000
_STEP_MS: Final = 50


class Bus:
    """All masters below one root. Any thread may use it; make it with :func:`bus_at`."""

    def __init__(self, root: Path) -> None:
        """Know nothing of the bus yet; nothing is opened."""
        self.root = root
        # Why the conversions are not begun together although they should be; "" where they are.
        self._refused = ""
        self._ids: set[str] = set()
        self._lock = threading.Lock()
        # Whose conversion has not been fetched yet, and when it ended.
        self._unread: dict[str, int] = {}
        self._met: set[str] = set()

    def join(self, probe_id: str) -> None:
        """Note that this probe is going to be read."""
        with self._lock:
            self._ids.add(probe_id)

    def text(self, probe_id: str, clock: Clock) -> bytes:
        """Return the ``w1_slave`` of a probe with a conversion of now; raise OSError.

        Raises ProbeTransientError where a conversion of all does not end.
        """
        file = self.root / probe_id / "w1_slave"
        master = (self.root / probe_id).resolve(strict=True).parent
        bulk = master / FILE
        if not bulk.exists():
            self._refused = ""
            return sysfs.read(file)
        if self._on(master) >= FROM:
            with self._lock:
                if self._is_converted(probe_id, bulk, clock):
                    self._unread.pop(probe_id, None)
                    self._met.add(probe_id)
                    return sysfs.read(file)
        if probe_id not in self._met or probe_id in self._unread:
            self._met.add(probe_id)
            self._unread.pop(probe_id, None)
            if self._settled(bulk, clock) == b"1":
                sysfs.read(file)
        return sysfs.read(file)

    def note(self, probe_id: str) -> str:
        """Return what is to be put right on the bus; only the first of its probes says it."""
        if not self._refused:
            return ""
        there = (each for each in sorted(self._ids) if (self.root / each).exists())
        return self._refused if next(there, None) == probe_id else ""

    def others(self) -> list[str]:
        """Return the DS18B20 that the kernel sees now, sorted."""
        try:
            return sorted(path.name for path in self.root.iterdir() if path.name.startswith("28-"))
        except OSError:
            return []

    def _on(self, master: Path) -> int:
        """Return how many of the probes that are read hang on this master."""
        return sum((master / probe_id).exists() for probe_id in tuple(self._ids))

    def _is_converted(self, probe_id: str, bulk: Path, clock: Clock) -> bool:
        """Make sure that the probe has a fresh conversion; False where the kernel makes none."""
        now = clock.mono_ms()
        age = now - self._unread.get(probe_id, now - FRESH_MS * 1_000)
        if 0 <= age <= FRESH_MS * max(1.0, clock.speed):
            return True
        # Another master has conversions of its own.
        mine = [each for each in self._ids if (bulk.parent / each).exists()]
        for each in mine:
            self._unread.pop(each, None)
        try:
            sysfs.write(bulk, TRIGGER)
        except OSError as error:
            self._refused = (
                f"its bus converts one by one, for {bulk} may not be written; "
                "let the agent's user write it"
                if error.errno in sysfs.FORBIDDEN
                else f"its bus converts one by one: {bulk}: {error.strerror}"
            )
            return False
        if self._settled(bulk, clock) != b"1":
            self._refused = f"its bus converts one by one: the kernel heeds no trigger in {bulk}"
            return False
        self._refused = ""
        self._unread |= dict.fromkeys(mine, clock.mono_ms())
        return True

    def _settled(self, bulk: Path, clock: Clock) -> bytes:
        """Wait until no conversion of all is under way; return the state: ``0`` or ``1``."""
        still = threading.Event()
        for _ in range(_LONGEST_MS // _STEP_MS):
            state = sysfs.read(bulk).strip()
            if state != b"-1":
                return state
            clock.wait(still, _STEP_MS * clock.speed)
        raise ProbeTransientError("the conversion of all probes on the bus does not end")


_buses: WeakValueDictionary[Path, Bus] = WeakValueDictionary()
_making = threading.Lock()


def bus_at(root: Path) -> Bus:
    """Return the bus below a root: one for the whole process, for there is one in the machine."""
    with _making:
        bus = _buses.get(root)
        if bus is None:
            bus = _buses[root] = Bus(root)
        return bus
