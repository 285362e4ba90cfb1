"""services.yaml: the shipped services, and a user's own."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from yikezhong_geodata import data_files
from yikezhong_geodata.data_files import DataFileError, read_yaml
from yikezhong_geodata.services import ServiceError, load_services
from yikezhong_geodata.vocabulary import load_vocabulary


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "name", ["headers", "osm_facilities", "profiles", "services", "vocabulary"]
)
def test_shipped_files_are_read_as_a_users_own(name: str) -> None:
    path = Path(data_files.__file__).parent / "data" / f"{name}.yaml"
    shipped, file = read_yaml(None, shipped=path.name)
    assert file == path.name
    assert repr(yaml.safe_load(path.read_text("utf-8"))) == repr(shipped)
    if name != "headers":  # it has aliases, which a user's file may not have
        assert repr(read_yaml(path, shipped="")[0]) == repr(shipped)


def test_shipped_services() -> None:
    services = {service.id: service for service in load_services()}
    circle = services["elderly_circle"]
    assert circle.categories == ("elderly_complex", "day_care", "mutual_aid")
    assert (circle.functions, circle.group) == ((), "people_60")
    assert (circle.profile, circle.limit_s) == ("walking", 900.0)
    for function in load_vocabulary().functions.names:
        assert services[f"elderly_{function}"].functions == (function,)
    for id_ in ("cemetery_circle", "kindergarten_circle", "school_circle"):
        assert (services[id_].group, services[id_].profile) == ("people", "walking")
    assert services["child_protection"].group == "children"
    assert services["child_protection"].profile == "driving"


def test_own_services(tmp_path: Path) -> None:
    path = write(
        tmp_path / "s.yaml",
        "services:\n  clinic: {name: 诊所, categories: [clinic], group: people,"
        " capacity: staff, people_per_unit: 500, limit_s: 600}\n",
    )
    (service,) = load_services(path)
    assert (service.capacity, service.people_per_unit) == ("staff", 500.0)
    assert service.limit_s == 600.0


@pytest.mark.parametrize(
    ("entry", "key"),
    [
        ("{name: a, categories: [nothing]}", "categories"),
        ("{name: a, categories: []}", "categories"),
        ("{name: a, categories: clinic}", "categories"),
        ("{categories: [clinic]}", "name"),
        ("{name: a, categories: [clinic], functions: [flying]}", "functions"),
        ("{name: a, categories: [clinic], group: cats}", "group"),
        ("{name: a, categories: [clinic], profile: flying}", "profile"),
        ("{name: a, categories: [clinic], limit_s: -1}", "limit_s"),
        ("{name: a, categories: [clinic], limit_s: .inf}", "limit_s"),
        ("{name: a, categories: [clinic], limit_s: '900'}", "limit_s"),
        ("{name: a, categories: [clinic], capacity: rooms}", "capacity"),
        ("{name: a, categories: [clinic], people_per_unit: 0}", "people_per_unit"),
        ("{name: a, categories: [clinic], limit: 900}", "limit"),
        ("3", ""),
    ],
)
def test_wrong_entries_are_named(tmp_path: Path, entry: str, key: str) -> None:
    path = write(tmp_path / "s.yaml", f"services:\n  x: {entry}\n")
    with pytest.raises(ServiceError) as caught:
        load_services(path)
    assert caught.value.column == f"services.x.{key}"


@pytest.mark.parametrize(
    "text",
    [
        "services: {x: &a {name: a}, y: *a}",  # an alias
        "services: {x: {name: a}, x: {name: b}}",  # a repeated key
        "services: [",
        "[]",
        "- " * 20_000,
        "!!python/object/apply:os.system ['true']",
        "",
    ],
)
def test_hostile_yaml_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(DataFileError):
        load_services(write(tmp_path / "s.yaml", text))


def test_large_or_gbk_yaml_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "s.yaml", "#" * (1 << 20) + "\nservices: {}")
    with pytest.raises(DataFileError, match="过大"):
        load_services(path)
    path.write_bytes("services: {x: {name: 诊所}}".encode("gb18030"))
    with pytest.raises(DataFileError, match="UTF-8"):
        load_services(path)
