from __future__ import annotations

import json
from dataclasses import fields, replace

import pytest

from libraries import space
from orpheus_fast.errors import LibraryFormatError, ParameterError, UnknownSpaceError
from orpheus_fast.library.spaces import BUILT_IN, SpaceSpec, built_in


def test_the_ids_of_the_built_in_spaces_stay_what_libraries_on_disk_say() -> None:
    # A change here makes every stored vector stale: it must be meant.
    assert [spec.space_id for spec in BUILT_IN.values()] == [
        "sound-02d1728eff8a",
        "sound-standardised-e55f9aa86230",
        "classical-bb4ac6e7685e",
        "classical33-76d946f0013d",
    ]


def test_every_field_but_the_name_changes_the_hash() -> None:
    base = space(pad_threshold=0.5, max_windows=3, layer=2, layout="a", front_end="b")
    other = {
        "model": "n",
        "revision": "2",
        "sample_rate": 44_100,
        "dim": 13,
        "policy": "evenly",
        "window_seconds": 6.0,
        "hop_seconds": 6.0,
        "pad_threshold": 0.6,
        "max_windows": 4,
        "metric": "l2",
        "standardise": True,
        "layer": 3,
        "layout": "c",
        "front_end": "d",
    }
    # There is only one pooling so far.
    assert {field.name for field in fields(SpaceSpec)} == {"name", "pooling", *other}
    ids = {replace(base, **{name: value}).space_id for name, value in other.items()} | {base.space_id}
    assert len(ids) == len(other) + 1
    assert replace(base, name="other").space_id == base.space_id.replace("small", "other")


def test_whole_seconds_are_the_same_space_as_an_integer_or_a_float() -> None:
    assert space(window_seconds=5, hop_seconds=5).space_id == space(window_seconds=5.0, hop_seconds=5.0).space_id


def test_a_space_comes_back_from_its_configuration() -> None:
    for spec in (*BUILT_IN.values(), space(layer=11, max_windows=3), space(policy="whole", window_seconds=None)):
        assert SpaceSpec.from_config(spec.name, spec.config) == spec


@pytest.mark.parametrize("config", ["", "[]", "{}", '{"dim": 3}', "nan", "[" * 100_000])
def test_a_configuration_that_is_none_is_refused(config: str) -> None:
    with pytest.raises(LibraryFormatError, match="small"):
        SpaceSpec.from_config("small", config)


def test_a_field_of_a_later_version_is_refused_by_name() -> None:
    config = json.dumps({**json.loads(space().config), "temperature": 3})
    with pytest.raises(LibraryFormatError, match="temperature"):
        SpaceSpec.from_config("small", config)


@pytest.mark.parametrize(
    "changes",
    [
        {"dim": 0},
        {"dim": 1.5},
        {"dim": True},
        {"sample_rate": -1},
        {"metric": "hamming"},
        {"policy": "random"},
        {"pooling": "max"},
        {"window_seconds": 0.0},
        {"window_seconds": float("nan")},
        {"window_seconds": None},
        {"hop_seconds": None},
        {"pad_threshold": 1.5},
        {"max_windows": 0},
    ],
)
def test_a_value_that_cannot_be_is_named_in_the_refusal(changes: dict[str, object]) -> None:
    with pytest.raises(ParameterError, match=next(iter(changes))):
        space(**changes)


@pytest.mark.parametrize("name", ["", "A", "a b", "a/b", "..", "a.b", "-a", "a" * 65, "ä", "a\n"])
def test_a_name_that_could_leave_the_folder_or_the_shell_is_refused(name: str) -> None:
    with pytest.raises(ParameterError, match="space name"):
        space(name)


def test_an_unknown_space_is_answered_with_those_that_are_known() -> None:
    with pytest.raises(UnknownSpaceError, match="classical, classical33"):
        built_in("clasical")
