"""What a change may do to released schemas: add, nothing else."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from itertools import permutations
from pathlib import Path

from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType
from avro.schema import parse

from hutong.catalogue import Catalogue

Released = Mapping[str, bytes]
"""The files under ``schemas/`` at the base: path to content."""


class NoBaseError(Exception):
    """There is nothing to compare with; the text says why and what to do."""


def released(repository: Path) -> Released:
    """The schemas and ids of main: where this branch left it, or, on main itself, its former commit."""

    def git(*arguments: str) -> bytes:
        run = subprocess.run(["git", "-C", str(repository), *arguments], capture_output=True, check=False)
        if run.returncode:
            raise NoBaseError(f"git {' '.join(arguments)}: {run.stderr.decode().strip()}")
        return run.stdout

    def base() -> str:
        for main in ("origin/main", "main"):
            try:
                git("rev-parse", "--verify", "--quiet", f"{main}^{{commit}}")
            except NoBaseError:
                continue
            at = git("merge-base", main, "HEAD").decode().strip()
            return at if at != git("rev-parse", "HEAD").decode().strip() else "HEAD^1"
        return "HEAD^1"

    try:
        if git("rev-list", "--max-parents=0", "HEAD").split() == git("rev-parse", "HEAD").split():
            if git("rev-parse", "--is-shallow-repository").strip() == b"true":
                raise NoBaseError("this clone is shallow")
            return {}  # the very first commit
        at = base()
        names = git("ls-tree", "-r", "--name-only", "-z", at, "--", "schemas").decode().split("\0")
        wanted = [name for name in names if name.endswith(".avsc") or name == "schemas/ids.json"]
        return {name.removeprefix("schemas/"): git("show", f"{at}:{name}") for name in wanted}
    except (NoBaseError, FileNotFoundError) as error:
        raise NoBaseError(f"no main branch to compare with (fetch it with its history): {error}") from None


def breaches(before: Released, root: Path) -> Iterator[str]:
    """What the schemas under ``root`` took back of what was released."""
    for name, content in before.items():
        if name == "ids.json":
            now = json.loads((root / name).read_text(encoding="utf-8"))
            for number, entry in json.loads(content).items():
                if now.get(number) != entry:
                    yield f"ids.json: {number} was released as {entry['file']} and is changed or gone"
        elif not (root / name).exists():
            yield f"{name}: released, and gone"
        elif (root / name).read_bytes() != content:
            yield f"{name}: released, and edited (write the next revision instead)"


def incompatibilities(catalogue: Catalogue) -> Iterator[str]:
    """Pairs of revisions of one version of which one cannot read the other (FULL_TRANSITIVE)."""
    for type_ in sorted(catalogue.types):
        for reader, writer in permutations(catalogue.revisions(type_), 2):
            checker = ReaderWriterCompatibilityChecker()  # type: ignore[no-untyped-call]
            result = checker.get_compatibility(parse(reader.text), parse(writer.text))
            if result.compatibility is not SchemaCompatibilityType.compatible:
                places = ", ".join(sorted(result.locations))
                yield f"{reader.file} cannot read {writer.file}: {places}: {', '.join(sorted(result.messages))}"
