"""Several DS18B20 on one bus, against a stand-in for the kernel's w1_therm (simulator/w1_kernel.py)."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from sensors import sysfs
from sensors.contract import NoDataError, ProbeTransientError
from sensors.ds18b20.bus import FRESH_MS, bus_at
from sensors.ds18b20.driver import Ds18b20
from simulator.w1_kernel import CONVERSION_MS, Chip, W1Kernel
from tests.sensors.clocks import HandClock

IDS = [f"28-00000000000{n}" for n in range(8)]


def kernel(
    folder: Path, patch: pytest.MonkeyPatch, count: int, *, bulk: bool = True, writable: bool = True
) -> W1Kernel:
    """Return a bus with so many probes, in place of the kernel's files."""
    made = W1Kernel(folder, bulk=bulk, writable=writable)
    for n, probe_id in enumerate(IDS[:count]):
        made.plug(probe_id, Chip(sixteenths=80 + 16 * n))
    patch.setattr(sysfs, "read", made.read)
    patch.setattr(sysfs, "write", made.write)
    return made


def values(probes: list[Ds18b20]) -> list[int | None]:
    """Read one after the other."""
    return [probe.read().value for probe in probes]


def test_eight_probes_convert_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three cycles: one trigger each, every value of its own cycle, 750 ms and not eight times that."""
    bus, clock = kernel(tmp_path, monkeypatch, 8), HandClock()
    probes = [Ds18b20(bus.devices, probe_id, clock) for probe_id in IDS]
    for cycle in range(3):
        for n, chip in enumerate(bus.chips.values()):
            chip.sixteenths = 80 + 16 * n + cycle
        assert values(probes) == [(80 + 16 * n + cycle) * 1000 // 16 for n in range(8)]
        clock.pass_ms(10_000)

    assert bus.triggers == 3
    assert bus.slept_ms == 3 * CONVERSION_MS
    assert all(probe.notes() == () for probe in probes)


def test_threads_of_one_cycle_share_one_conversion(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the sampler does it: every probe in a thread of its own, all at the same time."""
    bus, clock = kernel(tmp_path, monkeypatch, 8), HandClock()
    probes = [Ds18b20(bus.devices, probe_id, clock) for probe_id in IDS]
    found: dict[int, int | None] = {}
    begin = threading.Barrier(8)

    def read(n: int) -> None:
        begin.wait(10)
        found[n] = probes[n].read().value

    threads = [threading.Thread(target=read, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)

    assert found == {n: 5_000 + 1_000 * n for n in range(8)}
    assert bus.triggers == 1


def test_each_master_converts_its_own_probes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two masters with four probes each: one trigger for each master, none is read one by one."""
    first, clock = W1Kernel(tmp_path / "a"), HandClock()
    second = W1Kernel(tmp_path / "b")
    for n, probe_id in enumerate(IDS):
        master = first if n < 4 else second
        master.plug(probe_id, Chip(sixteenths=80 + 16 * n))
        if master is second:
            (first.devices / probe_id).symlink_to(second.master / probe_id)

    def of(path: Path) -> W1Kernel:
        return second if second.master in path.resolve().parents else first

    monkeypatch.setattr(sysfs, "read", lambda path: of(path).read(path))
    monkeypatch.setattr(sysfs, "write", lambda path, text: of(path).write(path, text))
    probes = [Ds18b20(first.devices, probe_id, clock) for probe_id in IDS]
    for cycle in range(2):
        assert values(probes) == [5_000 + 1_000 * n for n in range(8)]
        assert (first.triggers, second.triggers) == (cycle + 1, cycle + 1)
        clock.pass_ms(10_000)
    assert first.slept_ms == second.slept_ms == 2 * CONVERSION_MS


@pytest.mark.parametrize("count", [1, 2])
def test_one_or_two_probes_are_asked_singly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    """The kernel's own advice: the trigger pays only from three probes on."""
    bus = kernel(tmp_path, monkeypatch, count)
    probes = [Ds18b20(bus.devices, probe_id, HandClock()) for probe_id in IDS[:count]]

    assert values(probes) == [5_000, 6_000][:count]
    assert bus.triggers == 0


def test_only_the_probes_that_are_read_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight on the bus of which one is ours: the others' conversions are nobody's business."""
    bus = kernel(tmp_path, monkeypatch, 8)

    assert Ds18b20(bus.devices, IDS[3], HandClock()).read().value == 8_000
    assert bus.triggers == 0


def test_without_the_file_it_is_right_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel before 5.10 has no therm_bulk_read: each read converts, and nothing is wrong."""
    bus = kernel(tmp_path, monkeypatch, 4, bulk=False)
    probes = [Ds18b20(bus.devices, probe_id, HandClock()) for probe_id in IDS[:4]]

    assert values(probes) == [5_000, 6_000, 7_000, 8_000]
    assert [probe.notes() for probe in probes] == [()] * 4


def test_a_file_that_may_not_be_written_is_told_and_costs_time_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel makes the file for root alone (0644): values come all the same, and a note."""
    bus = kernel(tmp_path, monkeypatch, 4, writable=False)
    probes = [Ds18b20(bus.devices, probe_id, HandClock()) for probe_id in IDS[:4]]

    assert values(probes) == [5_000, 6_000, 7_000, 8_000]
    assert "therm_bulk_read may not be written" in probes[0].notes()[0]
    assert [probe.notes() for probe in probes[1:]] == [()] * 3
    bus.writable = True
    assert values(probes) == [5_000, 6_000, 7_000, 8_000]
    assert probes[0].notes() == ()


def test_a_value_of_an_earlier_trigger_is_never_taken_for_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel hands out an unfetched value however old: by us in bulk, by others before us."""
    bus, clock = kernel(tmp_path, monkeypatch, 4), HandClock()
    bus.write(bus.master / "therm_bulk_read", b"trigger\n")
    for chip in bus.chips.values():
        chip.sixteenths = 320
    alone = Ds18b20(bus.devices, IDS[0], clock)
    assert alone.read().value == 20_000

    probes = [alone, *(Ds18b20(bus.devices, probe_id, clock) for probe_id in IDS[1:4])]
    assert values(probes[:3]) == [20_000] * 3
    bus.chips[IDS[3]].sixteenths = 336
    clock.pass_ms(FRESH_MS + 1)
    assert probes[3].read().value == 21_000

    for probe_id in IDS[:2]:
        bus.unplug(probe_id)
    bus.chips[IDS[2]].sixteenths = 352
    # Two are left, which are asked singly; the third's value of the last trigger is thrown away.
    assert probes[2].read().value == 22_000


def test_it_waits_while_a_conversion_is_under_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """-1 is waited out; one that never ends is one failed read and no hang."""
    bus, clock = kernel(tmp_path, monkeypatch, 3), HandClock()
    probes = [Ds18b20(bus.devices, probe_id, clock) for probe_id in IDS[:3]]
    bus.converting = 5
    assert values(probes) == [5_000, 6_000, 7_000]

    clock.pass_ms(10_000)
    bus.converting = 1_000
    with pytest.raises(ProbeTransientError, match="does not end"):
        probes[0].read()
    bus.converting = 0
    assert values(probes) == [5_000, 6_000, 7_000]


def test_a_kernel_that_heeds_no_trigger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refused trigger is silent: it shows in the state only. Reads go on, singly."""
    bus = kernel(tmp_path, monkeypatch, 3)
    monkeypatch.setattr(bus, "_trigger", lambda: None)
    probes = [Ds18b20(bus.devices, probe_id, HandClock()) for probe_id in IDS[:3]]

    assert values(probes) == [5_000, 6_000, 7_000]
    assert "heeds no trigger" in probes[0].notes()[0]


def test_an_unplugged_probe_does_not_hold_the_others_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its message names what is on the bus; the others go on; it comes back by itself."""
    bus, clock = kernel(tmp_path, monkeypatch, 4), HandClock()
    probes = [Ds18b20(bus.devices, probe_id, clock) for probe_id in IDS[:4]]
    values(probes)
    bus.unplug(IDS[0])
    clock.pass_ms(10_000)

    with pytest.raises(NoDataError) as raised:
        probes[0].read()
    assert str(raised.value) == (
        "probe 28-000000000000 is not on the bus; is it plugged in? "
        "on the bus are 28-000000000001, 28-000000000002, 28-000000000003"
    )
    assert values(probes[1:]) == [6_000, 7_000, 8_000]
    bus.plug(IDS[0])
    clock.pass_ms(10_000)
    assert values(probes) == [5_000, 6_000, 7_000, 8_000]


def test_an_empty_bus_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody there at all is another fault: the wiring."""
    bus = kernel(tmp_path, monkeypatch, 0)

    with pytest.raises(NoDataError, match="no DS18B20 is on the bus"):
        Ds18b20(bus.devices, IDS[0], HandClock()).read()


def test_there_is_one_bus_for_one_root(tmp_path: Path) -> None:
    """However many probes are opened, they meet in one object; another root is another bus."""
    assert bus_at(tmp_path) is bus_at(tmp_path)
    assert bus_at(tmp_path) is not bus_at(tmp_path / "other")


class TestResolution:
    def test_it_is_written_once_and_only_where_it_differs(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A hundred readings: one write to the probe that differs, none to the one that agrees."""
        bus, clock = kernel(tmp_path, monkeypatch, 2), HandClock()
        bus.chips[IDS[1]].bits = 10
        probes = [Ds18b20(bus.devices, probe_id, clock, resolution=10) for probe_id in IDS[:2]]
        for _ in range(100):
            values(probes)

        assert [bus.chips[probe_id].written for probe_id in IDS[:2]] == [[10], []]
        assert [probe.notes() for probe in probes] == [(), ()]

    def test_after_a_loss_of_power_it_is_set_again(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It stands in volatile memory; the probe says in every reading which one it has."""
        bus = kernel(tmp_path, monkeypatch, 1)
        probe = Ds18b20(bus.devices, IDS[0], HandClock(), resolution=11)
        for _ in range(3):
            probe.read()
            probe.read()
            bus.chips[IDS[0]].bits = 12

        assert bus.chips[IDS[0]].written == [11, 11, 11]

    def test_a_copy_that_knows_12_bit_only_is_asked_once_and_told(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It reads on; nobody writes to it with every reading."""
        bus = kernel(tmp_path, monkeypatch, 1)
        bus.chips[IDS[0]].fixed = True
        probe = Ds18b20(bus.devices, IDS[0], HandClock(), resolution=9)
        for _ in range(10):
            probe.read()

        assert bus.chips[IDS[0]].written == [9]
        assert probe.notes() == ("has 12 bit and not 9; it does not take another resolution",)

    def test_a_refused_write_is_told(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """And the reading counts."""
        bus = kernel(tmp_path, monkeypatch, 1, writable=False)
        probe = Ds18b20(bus.devices, IDS[0], HandClock(), resolution=9)

        assert probe.read().value == 5_000
        assert "resolution: may not be written" in probe.notes()[0]


class TestPower:
    def test_parasite_power_is_told(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """It is a note, not a fault: the reading counts."""
        bus = kernel(tmp_path, monkeypatch, 1)
        bus.chips[IDS[0]].wired = False
        probe = Ds18b20(bus.devices, IDS[0], HandClock())

        assert probe.read().value == 5_000
        assert "connect VDD to 3.3 V" in probe.notes()[0]

    def test_meant_parasite_power_is_not(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whoever writes that it is meant is not told for ever."""
        bus = kernel(tmp_path, monkeypatch, 1)
        bus.chips[IDS[0]].wired = False
        probe = Ds18b20(bus.devices, IDS[0], HandClock(), parasite=True)
        probe.read()

        assert probe.notes() == ()

    def test_rewired_and_plugged_again(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The note goes when the probe comes back with its supply wire."""
        bus = kernel(tmp_path, monkeypatch, 1)
        bus.chips[IDS[0]].wired = False
        probe = Ds18b20(bus.devices, IDS[0], HandClock())
        probe.read()
        bus.unplug(IDS[0])
        with pytest.raises(NoDataError):
            probe.read()
        bus.plug(IDS[0])
        probe.read()

        assert probe.notes() == ()
