"""What can be wrong: what it is called, whom it is about, and what to do first.

A trouble is known by kind, quantity and side of its rule. A quantity that this version does not
know is said as what it is, a reading that is too high or too low.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from alerts.wording import N_
from protocol.reading import UNITS

# Vaccine: what people get up for. Danger: what harms people. Lamp: a UV lamp. Monitor: the device
# that watches.
About = Literal["vaccine", "danger", "lamp", "monitor"]


@dataclass(frozen=True, slots=True)
class Words:
    """What is said of one trouble; all are sentences of the catalogue.

    Attributes:
        wrong: what is wrong, in capitals.
        actions: what to do, from the fullest to the shortest.
        about: whom the message is about.
        result: what follows from it, where that is not plain; else empty.
        shows_value: whether value and limit say something; of a contact they do not.
    """

    wrong: str
    actions: tuple[str, ...]
    about: About = "vaccine"
    result: str = ""
    shows_value: bool = True


_CHECK: Final = (N_("Check it now."),)

# By quantity and side.
_BY_QUANTITY: Final[Mapping[tuple[str, str], Words]] = {
    ("temperature", "above"): Words(
        N_("TOO HOT"),
        (
            N_("Check door and power now. Move the vaccines if it does not cool."),
            N_("Check door and power now."),
            N_("Check it now."),
        ),
    ),
    ("temperature", "below"): Words(
        N_("TOO COLD"),
        (
            N_("Check it now. Do not use its vaccines until they are assessed."),
            N_("Check it now, use no vaccine."),
            N_("Check it now."),
        ),
    ),
    ("humidity", "above"): Words(N_("TOO HUMID"), _CHECK),
    ("humidity", "below"): Words(N_("TOO DRY"), _CHECK),
    ("present", "below"): Words(
        N_("MAINS LOST"),
        (N_("Keep it shut. See to power, or move the vaccines."), N_("Keep it shut.")),
        shows_value=False,
    ),
    ("open", "above"): Words(N_("DOOR OPEN"), (N_("Shut it now."),), shows_value=False),
    ("charge", "below"): Words(
        N_("BATTERY LOW"),
        (N_("Restore its mains."),),
        "monitor",
        N_("When empty nobody watches it."),
    ),
    ("voltage", "below"): Words(
        N_("BATTERY LOW"),
        (N_("Restore its mains."),),
        "monitor",
        N_("When empty nobody watches it."),
    ),
    ("card_worn", "above"): Words(
        N_("MEMORY CARD WORN OUT"), (N_("Have the card replaced."),), "monitor"
    ),
    ("disk_free", "below"): Words(
        N_("DISK NEARLY FULL"),
        (N_("Call who maintains it."),),
        "monitor",
        N_("Readings will be lost."),
    ),
    ("memory_free", "below"): Words(
        N_("MEMORY NEARLY FULL"), (N_("Call who maintains it."),), "monitor"
    ),
    ("clock_synced", "below"): Words(
        N_("CLOCK NOT SET"),
        (N_("Check its network."),),
        "monitor",
        N_("The times of its readings are uncertain."),
        shows_value=False,
    ),
    ("undervoltage", "above"): Words(
        N_("SUPPLY TOO WEAK"),
        (N_("Change its power supply and cable."),),
        "monitor",
        shows_value=False,
    ),
    ("throttled", "above"): Words(
        N_("COMPUTER SLOWED DOWN"),
        (N_("Check its cooling and power supply."),),
        "monitor",
        shows_value=False,
    ),
}

# Without readings of a contact: the temperature is known all the same.
_SILENT: Final[Mapping[str, Words]] = {
    "present": Words(
        N_("MAINS INPUT SILENT"),
        (N_("Check its wiring."),),
        "monitor",
        N_("Lost mains would not be told."),
        shows_value=False,
    ),
    "open": Words(
        N_("DOOR CONTACT SILENT"),
        (N_("Check its wiring."),),
        "monitor",
        N_("An open door would not be told."),
        shows_value=False,
    ),
}

# By kind, whatever the quantity.
_BY_KIND: Final[Mapping[str, Words]] = {
    "silence": Words(
        N_("NO READINGS"),
        (N_("Check probe and fridge now."),),
        result=N_("Temperature unknown."),
        shows_value=False,
    ),
    "disagreement": Words(
        N_("PROBES DISAGREE"),
        (
            N_("Check with another thermometer now; until then the worse one counts."),
            N_("Check with another thermometer now."),
        ),
    ),
    "stuck": Words(
        N_("READING STUCK"),
        (N_("Check the probe, read the display."), N_("Check the probe now.")),
        result=N_("True temperature unknown."),
    ),
    "lost-contact": Words(
        N_("NO CONTACT"),
        (N_("Check power and network, read the display."), N_("Check power and network.")),
        result=N_("Temperature unknown."),
        shows_value=False,
    ),
    "misplaced": Words(N_("READINGS NOT TAKEN"), (N_("Check its settings."),), shows_value=False),
    "calibration": Words(
        N_("CALIBRATION OVERDUE"), (N_("Have the probe calibrated."),), shows_value=False
    ),
}

# Of a UV lamp, by what its device says of it (firmware_agent/lamp/).
_LAMPS: Final[Mapping[str, Words]] = {
    "relay_welded": Words(
        N_("CANNOT BE PUT OUT"),
        (
            N_("STAY OUT of the room, cut the power outside it. UV-C burns eyes and skin."),
            N_("STAY OUT of the room, cut the power outside it."),
            N_("STAY OUT."),
        ),
        "danger",
        shows_value=False,
    ),
    "lamp_dark": Words(
        N_("DOES NOT BURN"),
        (N_("Check tube and wiring."),),
        "lamp",
        N_("The room is not disinfected."),
        shows_value=False,
    ),
    "lines_unwritable": Words(
        N_("CANNOT BE SWITCHED"), (N_("Check the device."),), "lamp", shows_value=False
    ),
    "intensity": Words(
        N_("UV TOO WEAK"),
        (
            N_("Wipe the tube with alcohol; if it stays weak, replace it."),
            N_("Wipe or replace the tube."),
        ),
        "lamp",
        N_("The room is not disinfected."),
        shows_value=False,
    ),
    "hours": Words(
        N_("TUBE PAST ITS HOURS"),
        (
            N_("Measure its intensity; replace it below 70 uW/cm2."),
            N_("Measure its intensity."),
        ),
        "lamp",
        shows_value=False,
    ),
    "wipe_due": Words(
        N_("WEEKLY WIPE DUE"), (N_("Wipe the tube with alcohol."),), "lamp", shows_value=False
    ),
}
_LAMP: Final = Words(N_("NEEDS SOMEBODY"), _CHECK, "lamp", shows_value=False)

_RATES: Final[Mapping[tuple[str, str], Words]] = {
    ("temperature", "above"): Words(
        N_("WARMING FAST"), (N_("Check door and power now."), N_("Check it now."))
    ),
    ("temperature", "below"): Words(
        N_("COOLING FAST"), (N_("Check its thermostat now."), N_("Check it now."))
    ),
    ("", "above"): Words(N_("RISES FAST"), _CHECK),
    ("", "below"): Words(N_("FALLS FAST"), _CHECK),
}

_OTHER: Final[Mapping[str, Words]] = {
    "above": Words(N_("READS TOO HIGH"), _CHECK),
    "below": Words(N_("READS TOO LOW"), _CHECK),
}
_WRONG: Final = Words(N_("READS WRONG"), _CHECK)

# Whoever knows only the side of a trouble, as a notice does, knows its kind by that.
_KIND_OF_SIDE: Final = {"silent": "silence", "apart": "disagreement", "stuck": "stuck"}
# Of these sides, but of no series' readings.
_NO_SILENCE: Final = frozenset({"lost-contact", "misplaced", "calibration"})


def words_of(kind: str, quantity: str, side: str) -> Words:
    """Return what is said of a trouble."""
    if kind == "rate":
        return _RATES.get((quantity, side)) or _RATES.get(("", side), _WRONG)
    if kind == "lamp":
        return _LAMPS.get(quantity, _LAMP)
    by_side = _KIND_OF_SIDE.get(side, "")
    if "silence" in (kind, by_side) and kind not in _NO_SILENCE and quantity in _SILENT:
        return _SILENT[quantity]
    special = _BY_KIND.get(kind) or _BY_KIND.get(by_side)
    if special is not None:
        return special
    known = _BY_QUANTITY.get((quantity, side))
    if known is not None:
        return known
    found = _OTHER.get(side, _WRONG)
    if UNITS.get(quantity) == "0/1":
        return Words(found.wrong, found.actions, found.about, shows_value=False)
    return found
