"""The demo cities: one folder of data each, and the strict models that read them (``City.load("beijing")``)."""

from __future__ import annotations

from local.cities.city import City, CityOrganisation
from local.cities.reading import CategoryNode, Division

__all__ = ["CategoryNode", "City", "CityOrganisation", "Division"]
