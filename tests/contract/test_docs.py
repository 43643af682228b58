"""What the documents promise: links lead somewhere, commands exist, examples run."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from orpheus_fast.cli.app import orpheus
from orpheus_fast.demo import write_collection
from orpheus_fast.features import CLASSICAL_LAYOUTS, classical_columns

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from orpheus_fast.features import ClassicalLayout

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
EXAMPLES = sorted(ROOT.glob("examples/*.py"))
SECONDS = 300

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
# What an example may do without.
OPTIONAL = ("faiss", "torch")


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def prose(text: str) -> str:
    return FENCE.sub("", text)


def fences(text: str, *languages: str) -> Iterator[str]:
    return (body for language, body in FENCE.findall(text) if language in languages)


def anchors(text: str) -> set[str]:
    """Names that headings have on the web: lower case, hyphens for spaces, nothing but word characters."""
    headings = HEADING.findall(prose(text))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def lines_of_code(text: str) -> Iterator[str]:
    """Commands in the document, without prompts and comments."""
    for body in fences(text, "bash", "console"):
        yield from (line.strip().removeprefix("$ ") for line in body.splitlines())
    yield from INLINE.findall(prose(text))


def test_there_are_documents_and_examples() -> None:
    assert {"README.md", "ARCHITECTURE.md", "docs/reference/cli.md"} <= {name_of(path) for path in DOCUMENTS}
    assert len(EXAMPLES) >= 4


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_relative_link_leads_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for link in LINK.findall(prose(text)):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = (document.parent / file).resolve() if file else document
        assert target.exists(), f"{link}: there is no {target}"
        assert target.is_relative_to(ROOT), f"{link} leads out of the project"
        if anchor:
            assert anchor in anchors(target.read_text(encoding="utf-8")), f"{link}: no such heading"


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_path_of_the_project_that_a_document_names_exists(document: Path) -> None:
    for code in INLINE.findall(prose(document.read_text(encoding="utf-8"))):
        if re.fullmatch(r"(rust|python|tests|benches|docs|examples)/[\w./-]*", code):
            assert (ROOT / code).exists(), code


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_make_target_that_a_document_names_exists(document: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    lines = lines_of_code(document.read_text(encoding="utf-8"))
    named = {match[1] for line in lines if (match := re.match(r"make ([a-z]+)\b", line))}
    assert named <= targets


def test_the_readme_names_the_two_commands() -> None:
    lines = list(lines_of_code((ROOT / "README.md").read_text(encoding="utf-8")))
    for command in ("make demo", "make demo MUSIC=", "make test"):
        assert any(line.startswith(command) for line in lines), command


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_orpheus_command_line_is_understood(document: Path) -> None:
    for line in lines_of_code(document.read_text(encoding="utf-8")):
        program, *words = shlex.split(line, comments=True) if "orpheus " in line else [""]
        # COMMAND stands for any of them.
        if Path(program).name == "orpheus" and words and not words[0].isupper():
            parse(words)


def parse(words: list[str]) -> None:
    """Take the words apart as the program would; raises for an option or a command that does not exist."""
    context = click.Context(orpheus, info_name="orpheus")
    if words[0].startswith("-"):
        orpheus.make_parser(context).parse_args(list(words))
        return
    command = orpheus.commands[words[0]]
    inner = click.Context(command, info_name=words[0], parent=context)
    command.make_parser(inner).parse_args(words[1:])


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    return load(ROOT / "docs" / "reference" / "make_cli_reference.py")


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_reference_of_the_command_line_is_current(reference: ModuleType) -> None:
    written = reference.PAGE.read_text(encoding="utf-8")
    assert written == reference.page(), "run: python docs/reference/make_cli_reference.py"


def test_every_command_is_in_the_reference(reference: ModuleType) -> None:
    headings = anchors(reference.PAGE.read_text(encoding="utf-8"))
    assert {f"orpheus-{name}" for name in orpheus.commands} <= headings


def test_the_picture_shows_what_the_demo_says() -> None:
    picture = (ROOT / "docs" / "images" / "demo.svg").read_text(encoding="utf-8").replace("&#160;", " ")
    for words in ("orpheus demo", "sounds like", "nearest neighbours", "Try next:"):
        assert words in picture
    assert "http" not in picture.replace("http://www.w3.org/2000/svg", "").replace("https://www.textualize.io", "")


@pytest.mark.parametrize("layout", CLASSICAL_LAYOUTS)
def test_the_page_of_the_classical_space_names_the_values_in_their_order(layout: ClassicalLayout) -> None:
    page = (ROOT / "docs" / "concepts" / "classical-space.md").read_text(encoding="utf-8")
    columns = classical_columns(layout)
    covered: list[int] = []
    for start, end, cell in re.findall(r"^\| (\d+)(?: to (\d+))? \| ([^|]+) \|", page, re.MULTILINE):
        first, last = int(start), int(end or start)
        names = INLINE.findall(cell)
        # The table holds the endings of both layouts.
        if last < len(columns) and (columns[first], columns[last]) == (names[0], names[-1]):
            covered += range(first, last + 1)
    assert covered == list(range(len(columns)))


def run(script: Path, folder: Path) -> str:
    """Run a script as a reader would, in `folder`; warnings are errors."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ORPHEUS_")}
    command = [sys.executable, "-W", "error", str(script)]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize("example", EXAMPLES, ids=name_of)
def test_every_example_runs(example: Path, tmp_path: Path) -> None:
    assert run(example, tmp_path)
    assert not list(tmp_path.iterdir()), "an example leaves nothing behind"


@pytest.fixture(scope="module")
def reader_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which a reader sits: some music, some single tracks."""
    folder = tmp_path_factory.mktemp("reader")
    tracks = write_collection(folder / "music", n_pieces=3)
    for number, name in enumerate(("song", "a", "b", "c")):
        shutil.copy(tracks[number % 3], folder / f"{name}.flac")
    return folder


def python_of(document: Path) -> str:
    """All Python of a document at its own line numbers, without blocks that need what is not installed."""
    text = document.read_text(encoding="utf-8")
    lines = [""] * (text.count("\n") + 1)
    for match in FENCE.finditer(text):
        if match[1] == "python" and not lacks_something(match[2]):
            first = text.count("\n", 0, match.start(2))
            body = match[2].splitlines()
            lines[first : first + len(body)] = body
    return "\n".join(lines)


def lacks_something(code: str) -> bool:
    imported = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Import)]
    names = {alias.name for node in imported for alias in node.names}
    return any(importlib.util.find_spec(name) is None for name in names.intersection(OPTIONAL))


@pytest.mark.parametrize(
    "document",
    [path for path in DOCUMENTS if any(fences(path.read_text(encoding="utf-8"), "python"))],
    ids=name_of,
)
def test_the_python_in_a_document_runs(document: Path, reader_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "reader"
    shutil.copytree(reader_folder, folder)
    script = tmp_path / f"{document.stem}.py"
    script.write_text(python_of(document), encoding="utf-8")
    run(script, folder)
