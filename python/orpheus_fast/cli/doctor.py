"""`orpheus doctor`: what is installed, and what it finds on this machine."""

from __future__ import annotations

import os
import platform
import sqlite3
from importlib import util
from typing import TYPE_CHECKING, Any, Final

import click

from orpheus_fast.cli import opening, options
from orpheus_fast.cli.console import emit_json, write_line
from orpheus_fast.cli.errors import DONE, failure_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["doctor", "installed_version"]

_DISTRIBUTION: Final = "orpheus-fast"
# Module and distribution of what some commands can use, and none needs.
_EXTRAS: Final = {
    "av": "av",
    "faiss": "faiss-cpu",
    "torch": "torch",
    "transformers": "transformers",
    "safetensors": "safetensors",
    "sklearn": "scikit-learn",
    "umap": "umap-learn",
    "pyarrow": "pyarrow",
    "fastapi": "fastapi",
    "ray": "ray",
}
_NEEDED: Final = ("numpy", "click", "rich")


@click.command(
    cls=options.Taught,
    examples=(
        ("orpheus doctor", "versions, extras, processor, spaces"),
        ("orpheus doctor --library music.orpheus --json", "with the state of a library, to go with a bug report"),
    ),
)
@options.library_if_given
@options.as_json
def doctor(*, library: Path | None, as_json: bool) -> int:
    """Say what is installed and what it finds on this machine.

    Versions, optional packages, processor features, threads, whether FFmpeg decodes what orpheus does not, built-in
    spaces and, with --library, the state of that library. Nothing is imported that is only looked for, and nothing
    leaves this machine.
    """
    findings: dict[str, Any] = {
        "versions": _versions(),
        "extras": {name: _version_of(name, package) for name, package in _EXTRAS.items()},
        "machine": _machine(),
        "native": _native(),
        "ffmpeg": _ffmpeg(),
        "spaces": _spaces(),
        "environment": {name: value for name, value in sorted(os.environ.items()) if name.startswith("ORPHEUS_")},
        "library": _library(library) if library else None,
    }
    if as_json:
        emit_json("doctor", findings)
        return DONE
    _print(findings)
    return DONE


def installed_version() -> str:
    """Return the version of this package; `unknown` where it runs without being installed."""
    return _recorded_version(_DISTRIBUTION) or "unknown"


def _recorded_version(distribution: str) -> str | None:
    from importlib import metadata  # noqa: PLC0415 -- a sixth of the time of --help

    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _versions() -> dict[str, str | None]:
    return {
        "orpheus_fast": installed_version(),
        "python": f"{platform.python_version()} ({platform.python_implementation()})",
        "sqlite": sqlite3.sqlite_version,
        **{name: _version_of(name, name) for name in _NEEDED},
    }


def _version_of(module: str, distribution: str) -> str | None:
    """Return the version of a package that is there, None of one that is not; without importing it."""
    try:
        found = util.find_spec(module) is not None
    except (ImportError, ValueError):
        return None
    return (_recorded_version(distribution) or "present") if found else None


def _machine() -> dict[str, object]:
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"platform": platform.platform(), "cpu": platform.machine(), "threads": allowed, "cpus": os.cpu_count()}


def _native() -> dict[str, object]:
    try:
        from orpheus_fast import _native as native  # noqa: PLC0415 -- may be missing
    except ImportError as error:
        return {"state": "missing", "reason": str(error)}
    found: dict[str, object] = {"state": "loaded", "version": getattr(native, "__version__", "unknown")}
    features = getattr(native, "cpu_features", None)
    return {**found, "cpu_features": features()} if callable(features) else found


def _ffmpeg() -> dict[str, object]:
    try:
        from orpheus_fast.audio import fallback  # noqa: PLC0415 -- the native module may be missing
    except ImportError as error:
        return {"state": "missing", "reason": str(error)}
    return fallback.state()


def _spaces() -> list[dict[str, object]]:
    try:
        from orpheus_fast.library.spaces import BUILT_IN  # noqa: PLC0415 -- NumPy
    except ImportError:
        return []
    return [
        {"name": spec.name, "space_id": spec.space_id, "dim": spec.dim, "metric": spec.metric}
        for spec in BUILT_IN.values()
    ]


def _library(folder: Path) -> dict[str, object]:
    try:
        with opening.open_library(folder) as library:
            return {"state": "readable", **library.info().to_dict()}
    except Exception as error:
        failure = failure_of(error)
        return {"state": failure.name, "folder": folder, "reason": failure.message}


def _print(findings: Mapping[str, Any]) -> None:
    for title in ("versions", "extras", "machine", "native", "ffmpeg", "environment"):
        _print_section(title, findings[title])
    _print_section(
        "spaces", {space["name"]: f"{space['dim']} values, {space['metric']}" for space in findings["spaces"]}
    )
    if findings["library"]:
        _print_section("library", findings["library"])


def _print_section(title: str, values: Mapping[str, object]) -> None:
    if not values:
        return
    write_line(title)
    width = max(len(name) for name in values)
    for name, value in values.items():
        write_line(f"  {name:<{width}}  {_text(value)}")


def _text(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_text(item)}" for name, item in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(_text(item) for item in value)
    return str(value)
