"""What another thread may do in the midst of a module: something between any two instructions."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, ModuleType
from typing import Any


@contextmanager
def between_instructions(of: ModuleType, do: Callable[[], object]) -> Iterator[None]:
    """Do something before each instruction of a module's functions, as far as we call them."""

    def trace(frame: FrameType, event: str, _argument: Any) -> Any:
        if frame.f_code.co_filename != of.__file__:
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            do()
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(before)
