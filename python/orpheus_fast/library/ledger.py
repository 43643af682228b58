"""Decides, for every file that a scan found and every track that is known, what is to be done."""

from __future__ import annotations

import errno
import os
import stat
from collections import Counter
from dataclasses import dataclass, field, replace
from enum import StrEnum
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from orpheus_fast.errors import RootUnavailableError
from orpheus_fast.library.records import TAGS_VERSION
from orpheus_fast.library.scan import absolute_path, display_path

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from orpheus_fast.library.catalog import Catalog
    from orpheus_fast.library.changes import CatalogWriter
    from orpheus_fast.library.records import Known
    from orpheus_fast.library.scan import AnyPath, FoundFile, ScanResult
    from orpheus_fast.library.spaces import SpaceSpec

__all__ = ["Action", "Job", "Plan", "apply", "check_roots", "file_digest", "plan"]

_DIGEST_BYTES: Final = 65_536
_DIGEST_SIZE: Final = 16

# A root that lost more than this share of at least so many tracks was unmounted rather than tidied.
_MAX_LOST_SHARE: Final = 0.5
_MIN_KNOWN: Final = 20
_GONE: Final = (errno.ENOENT, errno.ENOTDIR)


class Action(StrEnum):
    """Why a file is to be decoded, or that it need not be.

    `NEW`: never seen. `CHANGED`: other content than last time. `RETRY`: failed
    before, and the engine is another one or the user asked for it. `EXTEND`: the
    same content, for spaces that do not have it yet. `UNCHANGED`: nothing to do.
    """

    NEW = "new"
    CHANGED = "changed"
    RETRY = "retry"
    EXTEND = "extend"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Job:
    """One file to decode, and the names of the spaces to compute from it.

    `track_id` is `None` for a new file. `keep_other_spaces` goes into the
    `TrackResult` as it is: vectors in other spaces hold where the content does.
    """

    found: FoundFile
    action: Action
    spaces: tuple[str, ...]
    track_id: int | None = None

    @property
    def keep_other_spaces(self) -> bool:
        """Whether what other spaces hold of the track is still right."""
        return self.action is Action.EXTEND


@dataclass(slots=True)
class Plan:
    """What a run has to do.

    Attributes
    ----------
    jobs : list of Job
        Files to decode, in the order of the scan.
    counts : Counter of Action
        How many files there are of each kind; they add up to the files found.
    settled : Counter of (str, str)
        Outcome and kind of the files that need not be decoded: `counts[UNCHANGED]` in all.
    refreshed : dict
        Per track id: unchanged content whose file was touched, moved to another
        inode, or is back after it had been missing, with its digest.
    missing : list of int
        Tracks whose files are gone.
    untagged : dict
        Per track id: a file that need not be decoded, but whose tags were never read, or by an older version.
    """

    jobs: list[Job] = field(default_factory=list)
    counts: Counter[Action] = field(default_factory=Counter)
    settled: Counter[tuple[str, str]] = field(default_factory=Counter)
    refreshed: dict[int, tuple[FoundFile, bytes | None]] = field(default_factory=dict)
    missing: list[int] = field(default_factory=list)
    untagged: dict[int, bytes] = field(default_factory=dict)


def check_roots(catalog: Catalog | None, roots: Iterable[AnyPath]) -> None:
    """Stop before a scan if one of `roots` cannot be reached.

    Raises
    ------
    RootUnavailableError
        If the library knows tracks there: a disk that is not mounted, a share that is offline.
    OSError
        If it does not: most likely a misspelt name.
    """
    for root in map(absolute_path, roots):
        try:
            os.stat(root)  # noqa: PTH116 -- pathlib has no bytes
        except OSError as error:
            n_known = len(catalog.known_under([root])) if catalog is not None else 0
            if n_known:
                raise RootUnavailableError(_unreachable(root, n_known, error)) from error
            raise


def plan(
    catalog: Catalog | None,
    scanned: ScanResult,
    spaces: Sequence[SpaceSpec],
    *,
    engine_version: str,
    retry_failed: bool = False,
    accept_losses: bool = False,
) -> Plan:
    """Compare what was found with what is known.

    Parameters
    ----------
    catalog : Catalog or None
        `None` for a library that does not exist yet, as in a dry run.
    scanned : ScanResult
        What `scan` returned.
    spaces : sequence of SpaceSpec
        The spaces that are wanted. A space that the library does not have, or has
        under another id, counts as having no vectors.
    engine_version : str
        What decodes now; see `TrackResult`.
    retry_failed : bool
        Whether to try again what failed under the same engine.
    accept_losses : bool
        Whether a root may lose most of its tracks at once.

    Raises
    ------
    RootUnavailableError
        If a root lost more than half of 20 or more known tracks, and not `accept_losses`.
    """
    known = catalog.known_under(scanned.roots) if catalog is not None else {}
    judge = _Judge(_tracks_done(catalog, spaces), engine_version, retry_failed=retry_failed)
    result = Plan()
    met = set()
    for found in scanned.files:
        file, track = _matched(found, known)
        if track is not None:
            met.add(track.id)
        judge.decide(file, track, result)
    result.missing = _missing(known, met, scanned.roots, accept_losses=accept_losses)
    return result


def apply(catalog: CatalogWriter, decided: Plan) -> None:
    """Record what a plan found out without decoding: touched files, and which are missing or back."""
    catalog.refresh_files(decided.refreshed)
    catalog.mark_missing(decided.missing)


def file_digest(path: bytes) -> bytes | None:
    """Return a hash of length, first and last 64 KiB of a file; `None` if it cannot be read.

    Tells a file that was merely touched, renamed over or given other rights from
    one that was written to. It is no identity: two files may differ in the middle only.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError:
        return None
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            return None
        state = blake2b(status.st_size.to_bytes(8, "little"), digest_size=_DIGEST_SIZE)
        state.update(os.pread(fd, _DIGEST_BYTES, 0))
        state.update(os.pread(fd, _DIGEST_BYTES, max(0, status.st_size - _DIGEST_BYTES)))
        return state.digest()
    except OSError:
        return None
    finally:
        os.close(fd)


class _Judge:
    def __init__(self, done: Mapping[str, Collection[int]], engine_version: str, *, retry_failed: bool) -> None:
        self.done = done
        self.engine_version = engine_version
        self.retry_failed = retry_failed

    def decide(self, found: FoundFile, track: Known | None, result: Plan) -> None:
        action, spaces = self.verdict(found, track, result)
        result.counts[action] += 1
        if action is not Action.UNCHANGED:
            result.jobs.append(Job(found, action, spaces, track.id if track else None))
        elif track is not None:
            result.settled[track.outcome, track.kind] += 1
            if track.tags_version < TAGS_VERSION:
                result.untagged[track.id] = found.path

    def verdict(self, found: FoundFile, track: Known | None, result: Plan) -> tuple[Action, tuple[str, ...]]:
        everything = tuple(self.done)
        if track is None:
            return Action.NEW, everything
        if not _is_unchanged(found, track, result):
            return Action.CHANGED, everything
        if track.outcome == "failed":
            retry = self.retry_failed or track.engine_version != self.engine_version
            return (Action.RETRY, everything) if retry else (Action.UNCHANGED, ())
        lacking = tuple(name for name, tracks in self.done.items() if track.id not in tracks)
        return (Action.EXTEND, lacking) if lacking else (Action.UNCHANGED, ())


def _is_unchanged(found: FoundFile, track: Known, result: Plan) -> bool:
    """Whether the content is that of `track`; notes in `result` what has moved without it."""
    if (found.size, found.mtime_ns) != (track.size, track.mtime_ns):
        return False
    digest = track.digest
    if (found.ctime_ns, found.inode) != (track.ctime_ns, track.inode):
        # Size and time can be kept by whoever edits a tag in place; ctime cannot. But it moves with every
        # chmod and link too, and the inode with every copy: so look inside. The device is no reason to
        # look: it is numbered anew with every mount, and a whole share would be read for nothing.
        digest = file_digest(found.path)
        if digest is None or digest != track.digest:
            return False
        result.refreshed[track.id] = (found, digest)
    elif track.missing_since is not None:
        result.refreshed[track.id] = (found, digest)
    return True


def _matched(found: FoundFile, known: Mapping[bytes, Known]) -> tuple[FoundFile, Known | None]:
    """Return the track that `found` is, by whichever of its names it is known."""
    for path in (found.path, *found.aliases):
        track = known.get(path)
        if track is not None:
            return (found if path == found.path else replace(found, path=path)), track
    return found, None


def _tracks_done(catalog: Catalog | None, spaces: Sequence[SpaceSpec]) -> dict[str, Collection[int]]:
    held = catalog.spaces() if catalog is not None else {}
    done: dict[str, Collection[int]] = {}
    for spec in spaces:
        record = held.get(spec.name)
        current = record is not None and record.spec.space_id == spec.space_id
        done[spec.name] = catalog.tracks_done(record) if catalog and record and current else ()
    return done


def _missing(
    known: Mapping[bytes, Known], met: Collection[int], roots: Sequence[bytes], *, accept_losses: bool
) -> list[int]:
    # Not met is not gone: the track may lie in a folder that could not be read this time, or behind
    # a name that is passed over. Only a path that the system says does not exist is.
    gone = {path for path, track in known.items() if track.id not in met and _is_gone(path)}
    lost = {path for path in gone if known[path].missing_since is None}
    present = {path for path, track in known.items() if track.missing_since is None}
    for root in roots:
        n_lost, n_present = (_n_under(root, paths) for paths in (lost, present))
        if not accept_losses and n_present >= _MIN_KNOWN and n_lost > _MAX_LOST_SHARE * n_present:
            message = (
                f"{n_lost} of {n_present} known tracks below {display_path(root)} are gone at once: is the disk "
                "mounted? nothing was changed; if they were really removed, accept the losses (--accept-losses)"
            )
            raise RootUnavailableError(message)
    return sorted(known[path].id for path in lost)


def _is_gone(path: bytes) -> bool:
    try:
        os.stat(path)  # noqa: PTH116 -- pathlib has no bytes
    except OSError as error:
        return error.errno in _GONE
    return False


def _n_under(root: bytes, paths: Iterable[bytes]) -> int:
    prefix = root.rstrip(b"/") + b"/"
    return sum(path.startswith(prefix) or path == root for path in paths)


def _unreachable(root: bytes, n_known: int, error: OSError) -> str:
    reason = error.strerror or type(error).__name__
    return (
        f"{display_path(root)}, where the library knows {n_known} tracks, cannot be reached: {reason}; is it mounted?"
    )
