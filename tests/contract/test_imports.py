"""What may be imported by whom, and what an import may cost."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import orpheus_fast
from orpheus_fast.errors import MissingExtraError

PACKAGE = Path(orpheus_fast.__file__).parent

# An importer stands to the right of what it imports; rooms of one group may not import each other.
ORDER = [
    {"_native"},
    {"errors"},
    {"_arrays", "demo", "ffmpeg_worker", "threads"},
    {"audio", "features", "search"},
    {"embed"},
    {"library"},
    {"discover", "evaluate"},
    {"engine"},
    {"server", "cli", "bench"},
]
RANK = {room: rank for rank, rooms in enumerate(ORDER) for room in rooms}
HEAVY = ("torch", "faiss", "sklearn", "umap", "librosa", "scipy", "pandas", "transformers")


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_rooms(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            parts = node.module.split(".")
            if parts[0] == "orpheus_fast":
                names |= {parts[1]} if len(parts) > 1 else {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("orpheus_fast.")}
    return names


MODULES = sorted(
    path for path in PACKAGE.rglob("*.py") if path.name not in ("__init__.py", "__main__.py") or room_of(path) in RANK
)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_room_imports_only_rooms_to_its_left(path: Path) -> None:
    room = room_of(path)
    assert room in RANK, f"{room} has no place in the order of the rooms"
    for other in imported_rooms(path) - {room}:
        if other.startswith("__"):
            continue
        assert other in RANK, f"{path.name} imports {other}, which is no room"
        assert RANK[other] < RANK[room], f"{room} may not import {other}"


def loaded_by(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*sys.modules, sep='\\n')"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return set(run.stdout.split())


def test_importing_the_package_loads_nothing_heavy() -> None:
    loaded = loaded_by("import orpheus_fast")
    assert not loaded & {*HEAVY, "numpy", "click", "rich", "sqlite3", "orpheus_fast._native"}


def test_the_library_loads_no_optional_dependency() -> None:
    loaded = loaded_by("import orpheus_fast as o; o.Library; o.decode; o.stream; o.VectorIndex")
    assert "orpheus_fast._native" in loaded
    assert not loaded & {*HEAVY, "click", "rich"}


def test_every_public_name_can_be_had() -> None:
    for name in orpheus_fast.__all__:
        if name == "StreamDataset" and find_spec("torch") is None:
            with pytest.raises(MissingExtraError, match=r"orpheus-fast\[torch\]"):
                getattr(orpheus_fast, name)
            continue
        assert getattr(orpheus_fast, name) is not None
    assert set(orpheus_fast.__all__) <= set(dir(orpheus_fast))
    with pytest.raises(AttributeError, match="no attribute 'opera'"):
        orpheus_fast.opera  # type: ignore[attr-defined]  # noqa: B018
