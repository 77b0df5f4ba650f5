"""The demo cities: one folder of data each, and the strict models that read them (``City.load("beijing")``)."""

from __future__ import annotations

from local.cities.city import City
from local.cities.organisations import CityOrganisation

__all__ = ["City", "CityOrganisation"]
