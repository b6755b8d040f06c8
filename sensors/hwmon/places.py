"""Where the kernel shows a chip: by name among its hwmon and IIO devices, or by a path.

The numbers in ``hwmon3`` and ``iio:device0`` are given in the order in which drivers load, which may
change with each start; so a chip is named by what its ``name`` file says.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sensors import sysfs
from sensors.contract import NoDataError, ProbeFaultError

# Below the root, where each driver class shows its devices.
CLASSES: Final = (Path("class/hwmon"), Path("bus/iio/devices"))
# A file of its own beside a raw value says what one step of it is, and what zero is (sysfs-bus-iio).
RAW: Final = "_raw"


@dataclass(frozen=True, slots=True)
class Place:
    """A path, or else the chip's name, the file in its folder, and which of several such chips.

    Attributes:
        root: ``/sys``; a recorded tree in tests.
        path: the file; None where the chip is named.
        name: what the chip's ``name`` file holds.
        input: the file in the chip's folder.
        index: which of several chips of that name, in the order of their places on the bus; None
            where there is to be one only.
    """

    root: Path
    path: Path | None
    name: str | None
    input: str | None
    index: int | None

    def find(self) -> Path:
        """Return the file; raise NoDataError or ProbeFaultError with what there is instead."""
        if self.path is not None:
            return self.path
        assert self.name is not None
        assert self.input is not None
        chips = self._chips()
        mine = [folder for name, folder in chips if name == self.name]
        if not mine:
            others = ", ".join(sorted({name for name, _ in chips})) or "none"
            raise NoDataError(
                f"the kernel shows no chip {self.name}; is its overlay loaded, is it plugged in? "
                f"it shows {others}"
            )
        if self.index is None and len(mine) > 1:
            raise ProbeFaultError(
                f"there are {len(mine)} chips {self.name}; set `index` from 0 to {len(mine) - 1}"
            )
        if (self.index or 0) >= len(mine):
            raise NoDataError(f"there is no chip {self.name} number {self.index}; {len(mine)} are")
        return mine[self.index or 0] / self.input

    def _chips(self) -> list[tuple[str, Path]]:
        """Return the name and folder of each chip that has our file, ordered by its place on the bus.

        A chip whose driver serves hwmon and IIO appears in both; only one has the file.
        """
        found = []
        for folder in CLASSES:
            try:
                devices = list((self.root / folder).iterdir())
            except OSError:
                continue
            for device in devices:
                try:
                    name = sysfs.read(device / "name").strip().decode("ascii", "replace")
                except OSError:
                    continue
                found.append((name, device))
        with_file = [item for item in found if (item[1] / str(self.input)).exists()]
        chips = with_file if any(name == self.name for name, _ in with_file) else found
        return sorted(
            chips, key=lambda item: (item[0], str((item[1] / "device").resolve()), item[1])
        )
