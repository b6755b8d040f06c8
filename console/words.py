"""What the pages call the codes that the system uses: states, sides, qualities, points."""

from __future__ import annotations

from typing import Final

from console.models import Excursion
from console.problems import N_
from journal.excursions import CALIBRATION, LAMP, LOST_CONTACT, MISPLACED

WORDS: Final[dict[str, dict[str, str]]] = {
    "state": {
        "inside": N_("Inside"),
        "above": N_("Too hot"),
        "below": N_("Too cold"),
        "both": N_("Too hot and too cold"),
        "silent": N_("Silent"),
        "lost": N_("Lost contact"),
        "none": N_("No data"),
    },
    "excursion": {
        "hot": N_("too hot"),
        "cold": N_("too cold"),
        "door": N_("door open"),
        "mains": N_("mains lost"),
        "silent": N_("no reading"),
        "lost": N_("lost contact"),
        "misplaced": N_("speaks for another"),
        "calibration": N_("calibration overdue"),
        "apart": N_("two points disagree"),
        "stuck": N_("stuck at one value"),
        "warming": N_("warms too fast"),
        "cooling": N_("cools too fast"),
        "lamp": N_("UV lamp"),
        "high": N_("too high"),
        "low": N_("too low"),
    },
    "level": {
        "well": N_("Well"),
        "look": N_("Look at it"),
        "bad": N_("Bad"),
    },
    "certainty": {"certain": N_("certain"), "possible": N_("possible")},
    "sms": {
        "waiting": N_("waiting"),
        "handed": N_("handed over"),
        "sent": N_("sent"),
        "refused": N_("refused"),
        "delivered": N_("arrived"),
        "undelivered": N_("not delivered"),
        "unconfirmed": N_("sent, not confirmed"),
        "spared": N_("not sent, told meanwhile"),
    },
    "verdict": {
        "usable": N_("Usable"),
        "hold": N_("On hold"),
        "ask": N_("Ask the manufacturer"),
    },
    "site": {
        "fixed": N_("fixed point"),
        "temporary": N_("temporary point"),
        "mobile": N_("mobile point"),
    },
    "point": {
        "center": N_("center"),
        "upper": N_("upper"),
        "lower": N_("lower"),
        "ambient": N_("ambient"),
        "door": N_("door"),
        "mains": N_("mains"),
        "link": N_("link"),
    },
    "quantity": {
        "temperature": N_("temperature"),
        "humidity": N_("humidity"),
        "open": N_("door"),
        "present": N_("mains"),
        "occupied": N_("somebody there"),
        "on": N_("on"),
        "voltage": N_("voltage"),
        "current": N_("current"),
        "charge": N_("charge"),
        "intensity": N_("intensity"),
        "core_temperature": N_("processor temperature"),
        "undervoltage": N_("supply too weak"),
        "throttled": N_("slowed down"),
        "disk_free": N_("disk free"),
        "memory_free": N_("memory free"),
        "clock_synced": N_("clock synchronised"),
        "card_worn": N_("card worn"),
        "relay_welded": N_("current flows while off: the relay is welded"),
        "lamp_dark": N_("no current: the tube is dark"),
        "lines_unwritable": N_("the relay line cannot be driven"),
        "wipe_due": N_("weekly wipe due"),
        "hours": N_("past its rated hours"),
        "contact": N_("contact"),
        "claim": N_("whom it speaks for"),
    },
    "grade": {"suspect": N_("doubtful reading"), "rejected": N_("reading rejected")},
    "reason": {
        "crc": N_("wrong checksum"),
        "all-zero": N_("all zero"),
        "power-on": N_("power-on value"),
        "out-of-range": N_("outside the data sheet"),
        "implausible": N_("implausible"),
        "stuck": N_("stuck at one value"),
        "flapping": N_("contact flaps"),
        "too-fast": N_("changes too fast"),
    },
    "rule": {
        "consecutive": N_("without a break"),
        "cumulative": N_("summed up"),
        "instant": N_("two readings"),
        "silence": N_("no valid reading"),
        "disagreement": N_("two points disagree"),
        "rate": N_("changes too fast"),
        "stuck": N_("stuck at one value"),
        LAMP: N_("UV lamp"),
        LOST_CONTACT: N_("nothing received"),
        MISPLACED: N_("speaks for another"),
        CALIBRATION: N_("calibration overdue"),
    },
    "lamp": {
        "cycle": N_("Cycle"),
        "refused": N_("Refused"),
        "fault": N_("Fault"),
        "warning": N_("Warning"),
        "wiped": N_("Wiped"),
        "replaced": N_("Tube replaced"),
        "reset": N_("Faults looked into"),
    },
    "lamp_by": {
        "schedule": N_("schedule"),
        "button": N_("button"),
        "page": N_("page"),
        "command": N_("command"),
    },
    "lamp_warning": {
        "relay-welded": N_("current flows while off: the relay is welded"),
        "lamp-dark": N_("no current: the tube is dark"),
        "lines-unwritable": N_("the relay line cannot be driven"),
        "wipe-due": N_("weekly wipe due"),
        "hours": N_("past its rated hours"),
        "intensity": N_("intensity too low"),
        "cut": N_("last cycle cut short"),
    },
    "lamp_why": {
        "agent-died": N_("the agent died"),
        "agent-stalled": N_("the agent stood still"),
        "agent-stops": N_("the agent was ended"),
        "button-stuck": N_("the button is stuck"),
        "cooling": N_("it cools down"),
        "current-unreadable": N_("the current cannot be read"),
        "door-open": N_("door open"),
        "door-unreadable": N_("the door contact cannot be read"),
        "hours": N_("past its rated hours"),
        "intensity": N_("intensity too low"),
        "lamp-dark": N_("no current: the tube is dark"),
        "late": N_("asked for too late"),
        "lines-unwritable": N_("the relay line cannot be driven"),
        "mains-unreadable": N_("the mains contact cannot be read"),
        "missed": N_("missed"),
        "no-mains": N_("mains lost"),
        "power-cut": N_("power cut"),
        "presence-blind": N_("the presence sensor is blind"),
        "presence-stuck": N_("the presence sensor is stuck"),
        "presence-unreadable": N_("the presence sensor cannot be read"),
        "relay-welded": N_("current flows while off: the relay is welded"),
        "running": N_("it is on already"),
        "somebody-there": N_("somebody there"),
        "stopped": N_("stopped by a person"),
        "too-long": N_("longer than allowed"),
        "wipe-due": N_("weekly wipe due"),
    },
    "alarms": {
        "unanswered": N_("Nobody sees to these now"),
        "answered": N_("Somebody sees to these"),
        "unexplained": N_("Over, and still to be explained"),
    },
    "alarm": {
        "unanswered": N_("Not answered"),
        "answered": N_("Answered"),
        "unexplained": N_("To be explained"),
    },
    "done": {
        "answered": N_("Entered: you are seeing to it."),
        "explained": N_("Entered: the alarm is explained."),
        "planned": N_("Entered: the work is planned."),
        "ended": N_("Entered: the work has ended."),
    },
    "step": {
        "opened": N_("first"),
        "repeat": N_("again, nobody had answered"),
        "escalated": N_("those before had not answered"),
        "resumed": N_("again, it went on"),
        "work-over": N_("planned work was over"),
        "recovered": N_("it is over"),
        "unreachable": N_("somebody could not be reached"),
        "answered": N_("somebody had answered"),
    },
    "arrival": {
        "waiting": N_("not yet: it waits"),
        "handed": N_("not yet: being sent"),
        "sent": N_("sent, no report yet"),
        "delivered": N_("arrived"),
        "refused": N_("no: refused"),
        "undelivered": N_("no: not delivered"),
    },
    "done_by": {
        "acknowledged": N_("Answered"),
        "explained": N_("Explained"),
        "sms": N_("SMS received"),
        "silenced": N_("Buzzer silenced for a while at the panel"),
    },
    "way": {"sms": N_("by SMS"), "console": N_("on this page"), "command": N_("by command")},
    "why": {
        "door": N_("door left open"),
        "defrost": N_("defrosting"),
        "restocking": N_("restocking"),
        "power": N_("power cut"),
        "equipment": N_("equipment fault"),
        "probe": N_("probe dead or lost"),
        "test": N_("test"),
        "other": N_("other"),
    },
    "device": {"online": N_("online"), "offline": N_("offline")},
    "period": {
        "6h": N_("6 h"),
        "24h": N_("24 h"),
        "7d": N_("7 d"),
        "30d": N_("30 d"),
        "90d": N_("90 d"),
    },
}

# Units as people write them; a switch has none.
SYMBOLS: Final = {"degC": "°C", "%RH": "%RH", "uW/cm2": "µW/cm²", "0/1": ""}


def what(excursion: Excursion) -> str:
    """Return the code, in ``WORDS["excursion"]``, of what an excursion is to people."""
    if excursion.kind == LOST_CONTACT:
        return "lost"
    if excursion.kind == MISPLACED:
        return "misplaced"
    if excursion.kind == CALIBRATION:
        return "calibration"
    if excursion.kind == LAMP:
        return "lamp"
    if excursion.side in ("silent", "apart", "stuck"):
        return excursion.side
    if excursion.kind == "rate":
        return "warming" if excursion.side == "above" else "cooling"
    if excursion.quantity == "temperature":
        return "hot" if excursion.side == "above" else "cold"
    if excursion.quantity == "open":
        return "door"
    if excursion.quantity == "present":
        return "mains"
    return "high" if excursion.side == "above" else "low"
