"""Data files that a non-programmer writes for a service: YAML, read strictly into models."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

import hutong
from hutong.catalogue import strict_yaml


class Strict(BaseModel):
    """A frozen part of such a file; an unknown key or a value of another type is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


Model = TypeVar("Model", bound=Strict)


def read_table(path: Path, model: type[Model]) -> Model:
    """The file as ``model``.

    Raises:
        SettingsError: it cannot be read or does not fit; names the file and every fault in it.
    """
    try:
        return model.model_validate(strict_yaml(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise hutong.SettingsError(f"{path} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        faults = (f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise hutong.SettingsError(f"{path}: {'; '.join(faults)}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise hutong.SettingsError(f"{path} is no YAML: {' '.join(str(error).split())}") from error
