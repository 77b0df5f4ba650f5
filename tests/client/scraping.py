"""Reading what a program serves, as Prometheus does: over HTTP, with the official parser."""

from __future__ import annotations

import urllib.request
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample


@dataclass(frozen=True, slots=True)
class Scrape:
    """Everything that was served at one moment."""

    samples: tuple[Sample, ...]

    def value(self, name: str, **labels: str) -> float:
        """The sum of the samples of this name with these labels; 0 where there is none."""
        return sum(one.value for one in self.samples if one.name == name and labels.items() <= one.labels.items())

    def by(self, name: str, label: str) -> dict[str, float]:
        """The samples of this name, by one label."""
        return {one.labels[label]: one.value for one in self.samples if one.name == name}


def scrape(url: str) -> Scrape:
    """What is served at ``url`` now."""
    with urllib.request.urlopen(url, timeout=20) as answer:
        text = answer.read().decode()
    return Scrape(tuple(sample for family in text_string_to_metric_families(text) for sample in family.samples))
