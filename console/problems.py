"""What the console refuses, in words that stand in the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final


def N_(text: str) -> str:  # noqa: N802 - gettext's own name for "to be translated later"
    """Mark a text for the catalogue; it is translated where it is shown."""
    return text


class ProblemError(Exception):
    """A request that cannot be answered.

    Attributes:
        status: of HTTP.
        message: one line of the catalogue, with ``%(name)s`` for values.
        values: what they are.
    """

    def __init__(self, status: int, message: str, values: Mapping[str, object]) -> None:
        """Keep all three."""
        super().__init__(message % values)
        self.status = status
        self.message = message
        self.values = values


def no_such_asset(key: str) -> ProblemError:
    """Return what is said where nobody knows an asset."""
    message = N_("There is no asset %(key)s; the overview lists those there are.")
    return ProblemError(404, message, {"key": key})


def no_such_batch(batch: str) -> ProblemError:
    """Return what is said where nobody knows a batch."""
    message = N_("There is no batch %(batch)s; the list of batches names those there are.")
    return ProblemError(404, message, {"batch": batch})


def which_batch(lot: str, batches: str) -> ProblemError:
    """Return what is said where several products have one lot number."""
    message = N_("Lot %(lot)s is known of several products; write one of %(batches)s.")
    return ProblemError(404, message, {"lot": lot, "batches": batches})


def no_such_site(site: str) -> ProblemError:
    """Return what is said where nobody knows a site."""
    message = N_("There is no site %(site)s; the overview lists those there are.")
    return ProblemError(404, message, {"site": site})


def no_such_page(path: str) -> ProblemError:
    """Return what is said of a path that leads nowhere."""
    message = N_("There is no page %(path)s; begin with the overview.")
    return ProblemError(404, message, {"path": path})


def no_such_alarm(id_: str) -> ProblemError:
    """Return what is said where nobody knows an alarm."""
    message = N_("There is no alarm %(id)s; the page of alarms lists those there are.")
    return ProblemError(404, message, {"id": id_})


def no_such_work(id_: str) -> ProblemError:
    """Return what is said where nobody knows planned work."""
    message = N_("There is no planned work %(id)s; the page of alarms lists what there is.")
    return ProblemError(404, message, {"id": id_})


def no_hub() -> ProblemError:
    """Return what is said where there is no hub whose database could be written."""
    return ProblemError(409, N_("No hub has run here yet. Nothing was changed."), {})


def no_such_person(person: str) -> ProblemError:
    """Return what is said where somebody acts who is not among a site's people."""
    message = N_("%(person)s is none of the people of this site; choose your name from the list.")
    return ProblemError(422, message, {"person": person or "–"})


_LEFT_OUT: Final = {
    "reason": N_("The reason is missing; choose one. Nothing was changed."),
    "action": N_("What was done is missing; write it. Nothing was changed."),
    "text": N_("The reason “other” needs your own words. Nothing was changed."),
    "start": N_("The beginning cannot be read; choose day and time. Nothing was changed."),
    "until": N_("The end must lie behind the beginning and behind now. Nothing was changed."),
}


def left_out(field: str) -> ProblemError:
    """Return what is said where something is missing that is needed: a field of a form."""
    return ProblemError(422, _LEFT_OUT[field], {})


def cannot_do(reason: str) -> ProblemError:
    """Return what is said where the hub's own rules refuse; the reason is their line."""
    message = N_("Nothing was changed: %(reason)s")
    return ProblemError(409, message, {"reason": reason})


def cannot_write(reason: str) -> ProblemError:
    """Return what is said where the hub's database does not take anything now."""
    message = N_("Nothing was changed, the hub's files cannot be written now: %(reason)s")
    return ProblemError(503, message, {"reason": reason})


def foreign_request() -> ProblemError:
    """Return what is said of a request that no page of ours has sent."""
    return ProblemError(
        403, N_("This does not come from a page of the console. Nothing was changed."), {}
    )


def form_too_old() -> ProblemError:
    """Return what is said of a form whose token is not that of the browser's cookie."""
    message = N_("This form is too old. Nothing was changed; load the page again and repeat it.")
    return ProblemError(403, message, {})


def unreadable_form() -> ProblemError:
    """Return what is said of a form that cannot be read."""
    return ProblemError(400, N_("This form cannot be read. Nothing was changed."), {})


def json_only() -> ProblemError:
    """Return what is said of a call whose body is no JSON."""
    return ProblemError(415, N_("Write Content-Type: application/json. Nothing was changed."), {})


def too_much(most: int) -> ProblemError:
    """Return what is said of a body that is too long."""
    return ProblemError(
        413, N_("At most %(most)s bytes are taken. Nothing was changed."), {"most": most}
    )


def cannot_read(reason: str) -> ProblemError:
    """Return what is said where a database cannot be read; the reason is the store's own line."""
    message = N_("The hub's files cannot be read now: %(reason)s")
    return ProblemError(503, message, {"reason": reason})


def too_many_downloads(most: int) -> ProblemError:
    """Return what is said where as many downloads are under way as the hub makes at a time."""
    message = N_("%(most)s downloads are under way already; try again in a minute.")
    return ProblemError(429, message, {"most": most})


def cannot_make(reason: str) -> ProblemError:
    """Return what is said where the hub's disk does not take a workbook."""
    message = N_("The file cannot be made: %(reason)s. CSV needs no room on the hub's disk.")
    return ProblemError(503, message, {"reason": reason})


def not_installed(format_: str, package: str) -> ProblemError:
    """Return what is said where the library of a file format is missing."""
    message = N_(
        "%(format)s needs the package %(package)s, which the hub does not have; write there: "
        "%(command)s. CSV needs none."
    )
    values = {"format": format_, "package": package, "command": "pip install 'coldwatch[export]'"}
    return ProblemError(501, message, values)


def bad_parameter(name: str, value: str, error: Mapping[str, object]) -> ProblemError:
    """Return what is said of a parameter that failed its check; ``error`` is one of pydantic's."""
    context = error.get("ctx")
    limits = context if isinstance(context, Mapping) else {}
    kind = str(error["type"])
    values: dict[str, object] = {"name": name, "value": value[:80]}
    if kind in {"literal_error", "enum"}:
        message = N_("%(name)s=%(value)s: write %(choices)s.")
        values["choices"] = str(limits.get("expected", "")).replace("'", "").replace(" or ", ", ")
    elif kind.startswith("int_"):
        message = N_("%(name)s=%(value)s: write a whole number.")
    elif kind == "bool_parsing":
        message = N_("%(name)s=%(value)s: write 1 or 0.")
    elif kind == "greater_than_equal":
        message = N_("%(name)s=%(value)s: write %(limit)s or more.")
        values["limit"] = limits.get("ge")
    elif kind == "less_than_equal":
        message = N_("%(name)s=%(value)s: write %(limit)s or less.")
        values["limit"] = limits.get("le")
    elif kind == "json_invalid":
        message = N_("The body is no JSON. Nothing was changed.")
    elif kind in {"missing", "string_too_short"} and _in_body(error):
        message = N_("%(name)s is missing; add it to the body. Nothing was changed.")
    elif kind == "missing":
        message = N_("%(name)s is missing; add it to the address.")
    elif kind == "string_too_long":
        message = N_("%(name)s is too long; write at most %(limit)s characters.")
        values["limit"] = limits.get("max_length")
    else:
        message = N_("%(name)s=%(value)s cannot be understood.")
    return ProblemError(400, message, values)


def _in_body(error: Mapping[str, object]) -> bool:
    place = error.get("loc")
    return isinstance(place, tuple) and place[:1] == ("body",)
