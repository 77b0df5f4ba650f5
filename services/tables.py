"""Data files that a non-programmer writes for a service: YAML, read strictly into models."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter

from hutong.catalogue import read_file, strict_yaml


class Strict(BaseModel):
    """A frozen part of such a file; an unknown key or a value of another type is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


Model = TypeVar("Model", bound=Strict)


def read_table(path: Path, model: type[Model]) -> Model:
    """The file as ``model``.

    Raises:
        SettingsError: it cannot be read or does not fit; names the file and every fault in it.
    """
    return read_file(path, TypeAdapter(model), strict_yaml)
