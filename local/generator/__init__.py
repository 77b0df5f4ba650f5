"""A seeded generator of a city's complaints: any day of a year by its rhythm, any scale, people all made up."""

from __future__ import annotations

from local.generator.complaint import SYSTEM, Complaint, Identity, Place, personal_strings
from local.generator.drawing import Generator, complaints

__all__ = ["SYSTEM", "Complaint", "Generator", "Identity", "Place", "complaints", "personal_strings"]
