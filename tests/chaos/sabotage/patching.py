"""Replacing a function of the product; loud where it is no longer what the patch was written for."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

Function = Callable[..., Any]


class PatchesNothing(Exception):
    """What a patch replaces is not there: the patch must follow the product, or it would prove nothing."""


def replace(holder: Any, name: str, *parameters: str, by: Callable[[Function], Function]) -> None:
    """Put ``by(original)`` in the place of ``holder.name``, a function with exactly these parameters.

    Raises:
        PatchesNothing: ``holder`` itself has no such function.
    """
    original = vars(holder).get(name)
    if not inspect.isfunction(original):
        raise PatchesNothing(f"{holder.__name__} has no function {name} any more: rewrite the patch")
    found = tuple(inspect.signature(original).parameters)
    if found != parameters:
        raise PatchesNothing(f"{holder.__name__}.{name} takes {found}, not {parameters}: look whether the patch holds")
    setattr(holder, name, functools.update_wrapper(by(original), original))
