"""Data files that a non-programmer writes for a service: YAML, read strictly into models."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

import hutong


class Strict(BaseModel):
    """A frozen part of such a file; an unknown key or a value of another type is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


Model = TypeVar("Model", bound=Strict)


class _StrictYaml(yaml.SafeLoader):
    """YAML that does not let a repeated key pass."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"key {key.value!r} stands twice", problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def read_table(path: Path, model: type[Model]) -> Model:
    """The file as ``model``.

    Raises:
        SettingsError: it cannot be read or does not fit; names the file and every fault in it.
    """
    try:
        return model.model_validate(yaml.load(path.read_text(encoding="utf-8"), _StrictYaml))  # a SafeLoader
    except OSError as error:
        raise hutong.SettingsError(f"{path} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        faults = (f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise hutong.SettingsError(f"{path}: {'; '.join(faults)}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise hutong.SettingsError(f"{path} is no YAML: {' '.join(str(error).split())}") from error
