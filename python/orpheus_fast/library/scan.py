"""Finds the audio files below some folders: every one of them, each of them once."""

from __future__ import annotations

import errno
import os
import stat
from collections import Counter, deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from orpheus_fast.errors import ParameterError
from orpheus_fast.library.filetypes import (
    AUDIO_EXTENSIONS,
    N_SNIFFED_BYTES,
    OTHER_EXTENSIONS,
    extension,
    looks_like_audio,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["FoundFile", "ScanProblem", "ScanResult", "absolute_path", "display_path", "found_file", "read_head", "scan"]

AnyPath = str | bytes | os.PathLike[str] | os.PathLike[bytes]

_MAX_DEPTH: Final = 100
_SKIPPED_DIRECTORIES: Final = frozenset(
    (b"@eaDir", b"#recycle", b"#snapshot", b"$RECYCLE.BIN", b"System Volume Information", b"__MACOSX", b"lost+found")
)
_PROBLEM_KINDS: Final = {
    errno.EACCES: "permission",
    errno.EPERM: "permission",
    errno.ENOENT: "vanished",
    errno.ENOTDIR: "vanished",
    errno.ELOOP: "broken-link",
    errno.ENAMETOOLONG: "too-deep",
}


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file that may hold sound, as it was when it was looked at.

    `path` and `root` are bytes as the system gave them, absolute. `inode` and
    `device` are folded into signed 64 bits, which is what the catalog stores.
    `aliases` are further names of the same file, met in the same scan.
    """

    path: bytes
    root: bytes
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    device: int
    aliases: tuple[bytes, ...] = ()

    def is_same_as(self, other: FoundFile) -> bool:
        """Whether nothing that the system records about the content has moved."""
        return (self.size, self.mtime_ns, self.ctime_ns, self.inode, self.device) == (
            other.size,
            other.mtime_ns,
            other.ctime_ns,
            other.inode,
            other.device,
        )


@dataclass(frozen=True, slots=True)
class ScanProblem:
    """A place that could not be looked at; `kind` is a stable word, `message` is for people."""

    path: bytes
    kind: str
    message: str


@dataclass(slots=True)
class ScanResult:
    """What a scan met: the candidates in walking order, and everything that is none of them.

    `ignored` counts by reason: `other-extension`, `not-audio-content`,
    `resource-fork`, `hidden-directory`, `special`, `same-file`, `same-directory`.
    """

    roots: tuple[bytes, ...]
    files: list[FoundFile] = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)
    problems: list[ScanProblem] = field(default_factory=list)


def absolute_path(path: AnyPath) -> bytes:
    """Return `path` as absolute bytes, `~` expanded, symbolic links left as they are."""
    raw = os.fsencode(path)
    if not raw or b"\0" in raw:
        message = f"path {path!r} is empty or holds a NUL, expected a file or folder"
        raise ParameterError(message)
    return os.path.abspath(os.path.expanduser(raw))  # noqa: PTH100, PTH111 -- pathlib has no bytes


def display_path(path: bytes) -> str:
    r"""Return `path` as text that is safe to print: what is no character shows as `\x..`.

    Examples
    --------
    >>> display_path(b"caf\xe9/\x1b[2J.mp3")
    'caf\\xe9/\\x1b[2J.mp3'
    """
    text = path.decode("utf-8", "backslashreplace")
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)


def found_file(path: bytes, root: bytes) -> FoundFile:
    """Look at one file again, following links; raises what `os.stat` raises.

    Two looks that are not `is_same_as` each other mean that the file changed in between.
    """
    return _found(path, root, os.stat(path))  # noqa: PTH116 -- pathlib has no bytes


def read_head(path: bytes, n_bytes: int) -> bytes:
    """Return the first `n_bytes` of a regular file, or fewer; of anything else, nothing.

    A FIFO or a device put in the file's place is neither waited for nor read.
    """
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        return os.pread(fd, n_bytes, 0) if stat.S_ISREG(os.fstat(fd).st_mode) else b""
    finally:
        os.close(fd)


def scan(
    roots: Iterable[AnyPath], *, max_depth: int = _MAX_DEPTH, progress: Callable[[int], None] | None = None
) -> ScanResult:
    """Walk `roots` and return every file that may hold sound.

    Real folders are walked before linked ones, so that a file that can be
    reached both ways gets its real path whatever the links are called.

    Parameters
    ----------
    roots : iterable of path-like
        Files and folders. A file named here is a candidate whatever it is called.
    max_depth : int >= 0
        Folders nested deeper below a root are reported as problems, not walked.
    progress : callable, optional
        Called with the number of candidates so far after each folder.

    Raises
    ------
    OSError
        If a root does not exist or cannot be looked at at all.
    """
    absolute = tuple(dict.fromkeys(absolute_path(root) for root in roots))
    walk = _Walk(ScanResult(absolute), max_depth)
    for root in absolute:
        walk.add_root(root)
    for n_files in walk.run():
        if progress is not None:
            progress(n_files)
    return walk.finish()


@dataclass(frozen=True, slots=True)
class _Place:
    path: bytes
    root: bytes
    depth: int


class _Walk:
    """State of one scan. Iterative: no depth of folders can exhaust the stack."""

    def __init__(self, result: ScanResult, max_depth: int) -> None:
        self.result = result
        self.max_depth = max_depth
        self.stack: list[_Place] = []
        self.links: deque[_Place] = deque()
        self.seen_directories: set[tuple[int, int]] = set()
        self.seen_files: dict[tuple[int, int], int] = {}
        self.aliases: dict[int, list[bytes]] = {}

    def add_root(self, root: bytes) -> None:
        status = os.stat(root)  # noqa: PTH116 -- pathlib has no bytes
        if stat.S_ISDIR(status.st_mode):
            self.stack.append(_Place(root, root, 0))
        elif stat.S_ISREG(status.st_mode):
            self.add_file(root, root, status)
        else:
            self.result.problems.append(ScanProblem(root, "special", "is neither a regular file nor a folder"))

    def run(self) -> Iterator[int]:
        self.stack.reverse()
        while self.stack or self.links:
            if self.stack:
                self.walk_directory(self.stack.pop())
                yield len(self.result.files)
            else:
                self.follow(self.links.popleft())

    def finish(self) -> ScanResult:
        for index, names in self.aliases.items():
            self.result.files[index] = replace(self.result.files[index], aliases=tuple(names))
        return self.result

    def walk_directory(self, place: _Place) -> None:
        entries: list[os.DirEntry[bytes]] = []
        try:
            if not self.is_new_directory(place):
                return
            with os.scandir(place.path) as listing:
                # What was listed before a disk error is kept.
                entries.extend(listing)
        except OSError as error:
            self.add_problem(place.path, error)
        entries.sort(key=lambda entry: entry.name)
        folders = []
        for entry in entries:
            try:
                if self.take_entry(entry, place):
                    folders.append(_Place(entry.path, place.root, place.depth + 1))
            except OSError as error:
                self.add_problem(entry.path, error)
        self.stack.extend(reversed(folders))

    def is_new_directory(self, place: _Place) -> bool:
        if place.depth > self.max_depth:
            message = f"is nested more than {self.max_depth} folders deep"
            self.result.problems.append(ScanProblem(place.path, "too-deep", message))
            return False
        status = os.stat(place.path)  # noqa: PTH116 -- pathlib has no bytes
        identity = (status.st_dev, status.st_ino)
        if status.st_ino and identity in self.seen_directories:
            self.result.ignored["same-directory"] += 1
            return False
        self.seen_directories.add(identity)
        return True

    def take_entry(self, entry: os.DirEntry[bytes], place: _Place) -> bool:
        """Deal with one entry; whether it is a folder to walk."""
        if entry.is_symlink():
            self.links.append(_Place(entry.path, place.root, place.depth + 1))
        elif entry.is_dir(follow_symlinks=False):
            return not self.is_hidden(entry.name)
        elif not entry.is_file(follow_symlinks=False):
            self.result.ignored["special"] += 1
        elif self.is_candidate(entry.path, entry.name):
            self.add_file(entry.path, place.root, entry.stat(follow_symlinks=False))
        return False

    def follow(self, place: _Place) -> None:
        name = place.path.rpartition(b"/")[2]
        try:
            status = os.stat(place.path)  # noqa: PTH116 -- pathlib has no bytes
            if stat.S_ISDIR(status.st_mode):
                if not self.is_hidden(name):
                    self.stack.append(place)
            elif not stat.S_ISREG(status.st_mode):
                self.result.ignored["special"] += 1
            elif self.is_candidate(place.path, name):
                self.add_file(place.path, place.root, status)
        except OSError as error:
            if error.errno == errno.ENOENT and extension(name) in OTHER_EXTENSIONS:
                self.result.ignored["other-extension"] += 1
            else:
                self.add_problem(place.path, error, gone="broken-link")

    def is_hidden(self, name: bytes) -> bool:
        hidden = name.startswith(b".") or name in _SKIPPED_DIRECTORIES
        if hidden:
            self.result.ignored["hidden-directory"] += 1
        return hidden

    def is_candidate(self, path: bytes, name: bytes) -> bool:
        suffix = extension(name)
        if name.startswith(b"._"):
            reason = "resource-fork"
        elif suffix in AUDIO_EXTENSIONS:
            return True
        elif suffix in OTHER_EXTENSIONS:
            reason = "other-extension"
        elif looks_like_audio(read_head(path, N_SNIFFED_BYTES)):
            return True
        else:
            reason = "not-audio-content"
        self.result.ignored[reason] += 1
        return False

    def add_file(self, path: bytes, root: bytes, status: os.stat_result) -> None:
        identity = (status.st_dev, status.st_ino)
        files = self.result.files
        # Some network file systems have no inode numbers and say 0 for all.
        index = self.seen_files.setdefault(identity, len(files)) if status.st_ino else len(files)
        if index == len(files):
            files.append(_found(path, root, status))
            return
        self.result.ignored["same-file"] += 1
        if path != files[index].path:
            self.aliases.setdefault(index, []).append(path)

    def add_problem(self, path: bytes, error: OSError, *, gone: str = "vanished") -> None:
        kind = _PROBLEM_KINDS.get(error.errno or 0, "io")
        message = error.strerror or type(error).__name__
        self.result.problems.append(ScanProblem(path, gone if kind == "vanished" else kind, message))


def _found(path: bytes, root: bytes, status: os.stat_result) -> FoundFile:
    return FoundFile(
        path=path,
        root=root,
        size=status.st_size,
        mtime_ns=_int64(status.st_mtime_ns),
        ctime_ns=_int64(status.st_ctime_ns),
        inode=_int64(status.st_ino),
        device=_int64(status.st_dev),
    )


def _int64(value: int) -> int:
    # Inodes are unsigned, and a mended clock can put a file beyond the year 2262.
    return (value + 2**63) % 2**64 - 2**63
