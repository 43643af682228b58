from __future__ import annotations

import errno
import os
import shutil
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from libraries import without_rights
from orpheus_fast.errors import ParameterError
from orpheus_fast.library.filetypes import AUDIO_EXTENSIONS, OTHER_EXTENSIONS, extension, looks_like_audio
from orpheus_fast.library.scan import absolute_path, display_path, found_file, scan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orpheus_fast.library.scan import ScanResult


def touch(path: Path | bytes, content: bytes = b"x") -> None:
    raw = os.fsencode(path)
    os.makedirs(os.path.dirname(raw), exist_ok=True)  # noqa: PTH103, PTH120
    with open(raw, "wb") as file:  # noqa: PTH123
        file.write(content)


def names(result: ScanResult, root: Path) -> list[str]:
    return [os.fsdecode(os.path.relpath(file.path, os.fsencode(root))) for file in result.files]


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Make a folder that a process without rights can reach, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="orpheus-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_every_audio_file_is_found_once_in_the_order_of_names(tmp_path: Path) -> None:
    for name in ("b/2.FLAC", "b/1.mp3", "a/x.ogg", "z.wav", "B/1.mp3"):
        touch(tmp_path / name)
    result = scan([tmp_path])
    assert names(result, tmp_path) == ["z.wav", "B/1.mp3", "a/x.ogg", "b/1.mp3", "b/2.FLAC"]
    assert result.problems == []
    assert result.ignored.total() == 0


def test_two_scans_of_an_unchanged_folder_are_equal(tmp_path: Path) -> None:
    for number in range(50):
        touch(tmp_path / f"{number % 7}/{number}.mp3")
    assert scan([tmp_path]).files == scan([tmp_path]).files


def test_what_certainly_holds_no_sound_is_counted_and_not_opened(tmp_path: Path) -> None:
    for name in ("cover.JPG", "album.cue", "notes.txt", "rip.log"):
        touch(tmp_path / name, b"fLaC")
    result = scan([tmp_path])
    assert result.files == []
    assert result.ignored == {"other-extension": 4}


@pytest.mark.parametrize(
    ("content", "is_audio"),
    [
        (b"fLaC" + bytes(60), True),
        (b"RIFF\0\0\0\0WAVEfmt ", True),
        (b"RIFF\0\0\0\0WEBPVP8 ", False),
        (b"FORM\0\0\0\0AIFF", True),
        (b"FORM\0\0\0\0ILBM", False),
        (b"OggS" + bytes(60), True),
        (b"ID3\x04", True),
        (b"\0\0\0\x20ftypM4A ", True),
        (b"\x1a\x45\xdf\xa3", True),
        (b"\xff\xfb\x90\x64", True),
        (b"\xff\xf1\x50\x80", True),
        (b"\xff\xff\xff\xff", False),
        (b"\xff\xd8\xff\xe0", False),
        (b"\xff\xfe<\0", False),
        ((b"G" + bytes(187)) * 3, True),
        ((bytes(4) + b"G" + bytes(187)) * 3, True),
        (b"Good morning" + bytes(600), False),
        (bytes(256), False),
        (b"", False),
        (b"\xff", False),
    ],
)
@pytest.mark.parametrize("name", ["track", "track.xyz"])
def test_a_name_that_says_nothing_is_decided_by_content(
    tmp_path: Path, content: bytes, *, is_audio: bool, name: str
) -> None:
    touch(tmp_path / name, content)
    result = scan([tmp_path])
    assert len(result.files) == is_audio
    assert result.ignored["not-audio-content"] == (not is_audio)


def test_an_empty_file_with_an_audio_name_is_a_candidate(tmp_path: Path) -> None:
    touch(tmp_path / "empty.mp3", b"")
    assert names(scan([tmp_path]), tmp_path) == ["empty.mp3"]


def test_no_extension_is_both_audio_and_not() -> None:
    assert not AUDIO_EXTENSIONS & OTHER_EXTENSIONS
    assert all(suffix == suffix.lower() and b"." not in suffix for suffix in AUDIO_EXTENSIONS | OTHER_EXTENSIONS)


def test_the_extension_is_what_follows_the_last_dot_of_a_name() -> None:
    cases = {b"a.MP3": b"mp3", b"a.b.flac": b"flac", b".mp3": b"", b"mp3": b"", b"a.": b""}
    assert {name: extension(name) for name in cases} == cases


def test_any_bytes_can_be_sniffed() -> None:
    assert not any(looks_like_audio(bytes([value]) * 64) for value in range(256) if value != ord("G"))


def test_resource_forks_and_hidden_folders_are_counted_and_passed_over(tmp_path: Path) -> None:
    for name in ("a/._1.mp3", ".Trash/2.mp3", "@eaDir/3.mp3", ".git/x/4.mp3", "a/.5.mp3"):
        touch(tmp_path / name)
    result = scan([tmp_path])
    assert names(result, tmp_path) == ["a/.5.mp3"]
    assert result.ignored == {"resource-fork": 1, "hidden-directory": 3}


def test_a_hidden_folder_that_is_named_is_walked(tmp_path: Path) -> None:
    touch(tmp_path / ".music/1.mp3")
    assert len(scan([tmp_path / ".music"]).files) == 1


def test_a_file_that_is_named_is_a_candidate_whatever_it_is_called(tmp_path: Path) -> None:
    touch(tmp_path / "readme.txt")
    result = scan([tmp_path / "readme.txt"])
    assert names(result, tmp_path) == ["readme.txt"]
    assert result.files[0].root == result.files[0].path


def test_a_root_that_does_not_exist_is_an_error_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as error:
        scan([tmp_path / "none"])
    assert error.value.filename == os.fsencode(tmp_path / "none")


@pytest.mark.parametrize("root", ["", b"", "a\0b"])
def test_a_path_that_cannot_be_one_is_refused(root: str | bytes) -> None:
    with pytest.raises(ParameterError):
        scan([root])


def test_nested_and_repeated_roots_give_each_file_once(tmp_path: Path) -> None:
    touch(tmp_path / "a/b/1.mp3")
    touch(tmp_path / "a/2.mp3")
    result = scan([tmp_path / "a", tmp_path / "a/b", tmp_path / "a", tmp_path / "a/2.mp3", tmp_path / "a" / ".." / "a"])
    assert sorted(names(result, tmp_path)) == ["a/2.mp3", "a/b/1.mp3"]


def test_rings_of_links_end(tmp_path: Path) -> None:
    touch(tmp_path / "a/1.mp3")
    (tmp_path / "a/up").symlink_to("..")
    (tmp_path / "a/self").symlink_to("self")
    for here, there in (("r1", "r2"), ("r2", "r3"), ("r3", "r1")):
        (tmp_path / here).mkdir()
        (tmp_path / here / "next").symlink_to(tmp_path / there)
    result = scan([tmp_path])
    assert names(result, tmp_path) == ["a/1.mp3"]
    assert [problem.kind for problem in result.problems] == ["broken-link"]
    assert result.ignored["same-directory"] == 4


def test_a_file_reached_twice_keeps_its_real_path_and_lists_the_others(tmp_path: Path) -> None:
    touch(tmp_path / "real/1.mp3")
    (tmp_path / "a-link").symlink_to("real")
    (tmp_path / "b.mp3").symlink_to("real/1.mp3")
    os.link(tmp_path / "real/1.mp3", tmp_path / "real/2.mp3")
    result = scan([tmp_path])
    assert names(result, tmp_path) == ["real/1.mp3"]
    assert [os.path.relpath(alias, os.fsencode(tmp_path)) for alias in result.files[0].aliases] == [
        b"real/2.mp3",
        b"b.mp3",
    ]
    assert result.ignored == {"same-file": 2, "same-directory": 1}


def test_a_link_out_of_the_root_is_followed_once(tmp_path: Path) -> None:
    touch(tmp_path / "disk/album/1.mp3")
    (tmp_path / "music").mkdir()
    (tmp_path / "music/album").symlink_to(tmp_path / "disk/album")
    (tmp_path / "music/again").symlink_to(tmp_path / "disk/album")
    assert len(scan([tmp_path / "music"]).files) == 1


def test_a_dangling_link_is_reported_unless_its_name_says_that_it_is_no_sound(tmp_path: Path) -> None:
    (tmp_path / "gone.mp3").symlink_to("nowhere.mp3")
    (tmp_path / "gone").symlink_to("nowhere")
    (tmp_path / "gone.jpg").symlink_to("nowhere.jpg")
    result = scan([tmp_path])
    assert [(Path(os.fsdecode(problem.path)).name, problem.kind) for problem in result.problems] == [
        ("gone", "broken-link"),
        ("gone.mp3", "broken-link"),
    ]
    assert result.ignored == {"other-extension": 1}


def test_a_fifo_is_neither_opened_nor_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "song.mp3")
    os.mkfifo(tmp_path / "unknown")
    (tmp_path / "linked.mp3").symlink_to("song.mp3")
    result = scan([tmp_path])
    assert result.files == []
    assert result.ignored == {"special": 3}
    named = scan([tmp_path / "song.mp3"])
    assert [problem.kind for problem in named.problems] == ["special"]


def test_a_folder_that_may_not_be_read_is_reported_and_the_rest_is_scanned(open_folder: Path) -> None:
    touch(open_folder / "open/1.mp3")
    touch(open_folder / "shut/2.mp3")
    with without_rights(open_folder):
        _as_owner(open_folder / "shut", 0)
        result = scan([open_folder])
    assert names(result, open_folder) == ["open/1.mp3"]
    assert [(problem.path, problem.kind) for problem in result.problems] == [
        (os.fsencode(open_folder / "shut"), "permission")
    ]


def test_a_nameless_file_that_may_not_be_read_is_reported(open_folder: Path) -> None:
    touch(open_folder / "unknown", b"fLaC")
    (open_folder / "unknown").chmod(0)
    with without_rights(open_folder):
        _as_owner(open_folder / "unknown", 0)
        result = scan([open_folder])
    assert [problem.kind for problem in result.problems] == ["permission"]


def _as_owner(path: Path, mode: int) -> None:
    """Change rights as whoever made the files, inside `without_rights`."""
    effective = os.geteuid()
    os.seteuid(os.getuid())
    try:
        path.chmod(mode)
    finally:
        os.seteuid(effective)


def test_a_disk_error_in_one_folder_is_reported_and_the_rest_is_scanned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a/1.mp3", "bad/2.mp3", "c/3.mp3"):
        touch(tmp_path / name)
    real = os.scandir

    def failing(path: bytes) -> Any:
        if path.endswith(b"/bad"):
            raise OSError(errno.EIO, "Input/output error", path)
        return real(path)

    monkeypatch.setattr(os, "scandir", failing)
    result = scan([tmp_path])
    assert names(result, tmp_path) == ["a/1.mp3", "c/3.mp3"]
    assert [(problem.kind, problem.message) for problem in result.problems] == [("io", "Input/output error")]


def test_folders_nested_too_deep_are_reported_and_not_walked(tmp_path: Path) -> None:
    touch(tmp_path / "1/2/3/4/deep.mp3")
    touch(tmp_path / "1/2/3/fine.mp3")
    result = scan([tmp_path], max_depth=3)
    assert names(result, tmp_path) == ["1/2/3/fine.mp3"]
    assert [problem.kind for problem in result.problems] == ["too-deep"]
    assert len(scan([tmp_path]).files) == 2


def test_names_are_bytes_and_twins_stay_apart(tmp_path: Path) -> None:
    long = b"x" * 251 + b".mp3"
    raw = [b"caf\xe9.mp3", "caf\u00e9.mp3".encode(), "cafe\u0301.mp3".encode(), b"-i.mp3", b"a\nb.mp3", long]
    for name in raw:
        touch(os.fsencode(tmp_path) + b"/" + name)
    assert sorted(os.path.basename(file.path) for file in scan([tmp_path]).files) == sorted(raw)  # noqa: PTH119
    assert all(display_path(name).isprintable() for name in raw)


def test_a_tilde_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert absolute_path("~/Music") == os.fsencode(tmp_path / "Music")


def test_progress_ends_with_the_number_of_files(tmp_path: Path) -> None:
    for number in range(9):
        touch(tmp_path / f"{number % 3}/{number}.mp3")
    counts: list[int] = []
    scan([tmp_path], progress=counts.append)
    assert counts == [0, 3, 6, 9]


def test_a_change_between_two_looks_shows(tmp_path: Path) -> None:
    touch(tmp_path / "1.mp3")
    path, root = os.fsencode(tmp_path / "1.mp3"), os.fsencode(tmp_path)
    before = found_file(path, root)
    assert before.is_same_as(found_file(path, root))
    touch(tmp_path / "1.mp3", b"other")
    assert not before.is_same_as(found_file(path, root))


def test_numbers_beyond_signed_64_bits_can_be_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    status = SimpleNamespace(st_size=1, st_mtime_ns=2**63, st_ctime_ns=0, st_ino=2**64 - 1, st_dev=7)
    with monkeypatch.context() as patch:
        patch.setattr(os, "stat", lambda _path: status)
        file = found_file(b"/x", b"/")
    assert (file.mtime_ns, file.inode, file.device) == (-(2**63), -1, 7)
