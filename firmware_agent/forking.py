"""The records behind a fork, numbered anew: they become the beginning of another stream."""

from __future__ import annotations

import json

from firmware_agent.chain import Chain, Draft
from firmware_agent.damage import body_of, intact
from firmware_agent.spool import GONE, Row, Spool, Stream
from firmware_agent.stamping import Place
from protocol.reading import ESTIMATED, SYNCED

# So many records at a time: 2 MB of memory.
MOST_AT_ONCE = 2_000


def carry_over(
    spool: Spool, old: Stream, common: int, new: Stream, chain: Chain, settings: Draft
) -> None:
    """Write the records of ``old`` behind ``common`` into ``new``, whose end is ``chain``.

    The settings in force there come first: the old stream's, or ``settings`` where it has none
    left. What is lost of the old stream leaves no hole in the new one; what is damaged says so.
    """
    after, h = common, spool.hash_at(old, common)
    while rows := spool.rows(old.n, after, MOST_AT_ONCE):
        after = rows[-1].seq
        taken = []
        for row in rows:
            whole, h = intact(h, row), row.h
            if row.kind == GONE:
                continue
            if chain.seq == 0:
                taken.append(_first_settings(spool, old, common, row, chain, settings))
            body = body_of(row, whole=whole) | {"seq": chain.seq + 1}
            taken.append(chain.add_pending(body) if row.h is None else chain.seal(body))
        spool.put(new.n, taken)


def _first_settings(
    spool: Spool, old: Stream, common: int, first: Row, chain: Chain, settings: Draft
) -> Row:
    """Return the settings record in force at the first record that is carried over."""
    kept = spool.settings_before(old.n, common)
    if kept is not None:
        fields = json.loads(kept)
        draft = Draft("settings", first.mono_ms, {k: fields[k] for k in ("version", "series")})
    else:
        draft = settings
    seen = body_of(first)
    place = Place(seen["at"], first.boot, first.mono_ms)
    body = draft.body(1, place, SYNCED if seen["clock"] == SYNCED else ESTIMATED)
    return chain.add_pending(body) if first.h is None else chain.seal(body)
