"""The demo cities' files are read strictly and fit each other."""

from __future__ import annotations

import csv
import gzip
from collections import Counter
from pathlib import Path

import pytest

from hutong.errors import SettingsError
from hutong.rules.territory import Categories, read_divisions
from local.cities import City
from local.cities.organisations import Organisations
from services.dispatch.routing import Rule
from services.tables import read_table
from tests.shared_data import shared_file


@pytest.mark.parametrize("name", ["beijing", "nyc"])
def test_city_loads_and_every_lead_answers(name: str) -> None:
    """A demo city loads, its own id comes first, and whoever may lead has a desk and a parent chain to the city."""
    city = City.load(name)
    assert next(iter(city.organisations)) == city.id
    for organisation in city.organisations.values():
        assert organisation.desk or organisation.rights
        above = organisation
        while above.parent is not None:
            above = city.organisations[above.parent]
        assert above.id == city.id


def test_a_size_takes_the_busiest_of_each_level() -> None:
    """The usual city has 4 districts, 3 streets of each and some communities: all four levels; "all" has every one."""

    def levels(size: str | None) -> Counter[str]:
        return Counter(organisation.level.value for organisation in City.load("beijing", size).organisations.values())

    usual, districts, everything = levels(None), levels("districts"), levels("all")
    assert (usual["district"], usual["street"]) == (4, 12)
    assert (districts["district"], districts["street"]) == (16, 48)
    assert (everything["district"], everything["street"]) == (16, 343)
    assert usual["community"] >= 4
    assert usual["city"] == everything["city"] == 1
    assert {"110105026", "110108011"} <= City.load("beijing").organisations.keys()


def test_a_size_that_there_is_not_is_told() -> None:
    """The sizes to choose from are named; a city of one size takes none."""
    with pytest.raises(SettingsError, match="choose one of demo, districts, all"):
        City.load("beijing", "vast")
    with pytest.raises(SettingsError, match=r"no places\.yaml"):
        City.load("nyc", "all")


def test_places_that_are_not_in_the_divisions_are_told() -> None:
    """A district that is missing, and a busy street that there is not, are named."""
    city = City.load("beijing")
    assert city.places is not None
    fewer = {code: division for code, division in city.divisions.items() if code not in ("110119", "110105026")}
    told = sorted(set(city.places.faults(fewer)))
    assert told == [
        "places: 110105026 is no street of the city",
        "places: the district 110119 is not here, or not in the divisions",
    ]


def test_every_category_has_a_unit_in_charge_and_another_to_ask() -> None:
    """In the usual city at least two units with a door may lead each finest category, wherever a street has one;
    several units share some, and none that must help is unknown to the city."""
    city = City.load("beijing")
    shared = 0
    for path in city.categories:
        units = [unit for unit in city.routing.units(path, "110105026") if unit in city.organisations]
        assert len(units) >= 2, path
        helpers = city.routing.candidates(path, "110105026")[0].assistants
        assert set(helpers) <= city.organisations.keys()
        shared += bool(helpers)
    assert shared >= 5


def test_beijing_has_its_real_divisions() -> None:
    """Beijing has 16 districts and 343 streets and towns, each street's code beginning with its district's."""
    divisions = City.load("beijing").divisions.values()
    assert sum(division.level == "district" for division in divisions) == 16
    streets = [division for division in divisions if division.level == "street"]
    assert len(streets) == 343
    assert all(street.code[:6] == street.parent for street in streets)


def test_beijing_keeps_the_published_top_categories() -> None:
    """The ten top categories of 2020 are there, marked as published."""
    published = [
        node.zh for path, node in City.load("beijing").categories.items() if "/" not in path and node.label == "S"
    ]
    ten = "疫情防控 市场管理 公共服务 住房 医疗卫生 城乡建设 交通管理 社会秩序 劳动和社会保障 教育"
    assert published == ten.split()


def test_nyc_tree_and_routing_cover_the_export() -> None:
    """Every agency and complaint type of the export is a category, and routing sends it to that agency."""
    export = shared_file("nyc311_queens_2020_2023.csv.gz")
    city = City.load("nyc")
    with gzip.open(export, "rt", encoding="utf-8", newline="") as file:
        pairs = {(row["Agency"], row["Complaint Type"]) for row in csv.DictReader(file)}
    for agency, kind in pairs:
        category = f"{agency.lower()}/{kind.lower().replace(' ', '-')}"
        assert category in city.categories
        assert city.routing.units(category, "queens")[0] == f"nyc.{agency.lower()}"


def test_beijing_routing_names_the_unit_in_charge() -> None:
    """Clear duty goes straight to the unit, the rest to the street, and what cannot be placed to the district."""
    units = City.load("beijing").routing.units
    assert units("public_service/heating", "110105026")[0] == "110000.heat"
    assert units("housing/property", "110105026") == ("110105026", "110000.housing", "110105")
    assert units("education/enrolment", "110101003")[0] == "110101"


def test_unknown_key_is_named_with_its_file(tmp_path: Path) -> None:
    """A misspelt key is an error that names the file and the key."""
    file = tmp_path / "tree.yaml"
    file.write_text(
        "city: '110000'\nversion: 1\ncategories: {a: {zh: 甲, en: A, label: S, udner: {}}}\n", encoding="utf-8"
    )
    with pytest.raises(SettingsError, match=r"tree\.yaml: categories\.a\.udner"):
        Categories.load(file)


def test_code_written_as_a_number_is_an_error(tmp_path: Path) -> None:
    """An unquoted code is a number to YAML, and refused rather than guessed at."""
    file = tmp_path / "tree.yaml"
    file.write_text("city: 110000\nversion: 1\ncategories: {}\n")
    with pytest.raises(SettingsError, match="city: Input should be a valid string"):
        Categories.load(file)


@pytest.mark.parametrize(
    ("organisations", "reason"),
    [
        ("{id: nyc.dep, names: {en: D}, level: department, parent: nyc}", "must be the city itself"),
        ("{id: nyc, names: {en: N}, level: city}, {id: nyc, names: {en: N}, level: city}", "nyc stands twice"),
        (
            "{id: nyc, names: {en: N}, level: city}, {id: nyc.a, names: {en: A}, level: department}",
            "the parent of nyc.a",
        ),
        ("{id: nyc, names: {en: N}, level: city, rights: [everything]}", "rights"),
    ],
)
def test_organisations_that_do_not_fit_are_refused(tmp_path: Path, organisations: str, reason: str) -> None:
    """A city that is not first, a doubled id, a missing parent, an unknown right are errors."""
    file = tmp_path / "organisations.yaml"
    head = "city: nyc\nversion: 1\ntime_zone: UTC\npartitions: 1\n"
    file.write_text(f"{head}organisations: [{organisations}]\n")
    with pytest.raises(SettingsError, match=reason):
        read_table(file, Organisations)


def test_contradictions_between_files_are_all_told() -> None:
    """A lead that does not exist, a category outside the tree and a misnamed division are named together."""
    city = City.load("beijing")
    wrong = city.routing.model_copy(update={"rules": (Rule(category="ghosts", lead="110000.ghosts", label="A"),)})
    renamed = city.organisations["110105"].model_copy(update={"names": {"zh": "朝阳县"}})
    broken = city.model_copy(update={"routing": wrong, "organisations": {**city.organisations, "110105": renamed}})
    assert sorted(broken.faults()) == [
        "110105 is called 朝阳区 in the divisions",
        "routing names 110000.ghosts, which is no organisation of the city",
        "routing names the category ghosts, which is not in the tree",
    ]


def test_division_without_its_parent_is_refused(tmp_path: Path) -> None:
    """A street whose district is missing is an error that names the line."""
    file = tmp_path / "d.csv"
    file.write_text(
        "code,name,level,parent\n110000,北京市,city,\n110101001,东华门街道,street,110101\n", encoding="utf-8"
    )
    with pytest.raises(SettingsError, match=r"d\.csv, line 3"):
        read_divisions(file)
