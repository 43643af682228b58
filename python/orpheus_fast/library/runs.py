"""One run over folders: scan, plan, index, and the report of it."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING

from orpheus_fast.errors import LibraryNotFoundError
from orpheus_fast.library import ledger
from orpheus_fast.library.indexer import ENGINE_VERSION, Indexer, tags_of
from orpheus_fast.library.interrupt import deferred_interrupts
from orpheus_fast.library.results import IndexProgress, IndexReport
from orpheus_fast.library.scan import display_path, scan
from orpheus_fast.library.spaces import built_in
from orpheus_fast.library.store import Store

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from orpheus_fast.library.scan import AnyPath, ScanResult
    from orpheus_fast.library.spaces import SpaceSpec
    from orpheus_fast.library.writer import Writer

__all__ = ["DEFAULT_SPACES", "index_into", "preview", "preview_of", "specs_of"]

DEFAULT_SPACES = ("sound",)
_TAG_THREADS = 4
_TAGS_PER_COMMIT = 1024


def preview(
    folder: str | os.PathLike[str],
    paths: Iterable[AnyPath],
    *,
    spaces: Sequence[str] | None = None,
    retry_failed: bool = False,
    progress: Callable[[IndexProgress], None] | None = None,
) -> IndexReport:
    """Tell what `Library.index` would do, for a library that need not exist yet."""
    tell = progress or (lambda _: None)
    try:
        store = Store.open(folder)
    except LibraryNotFoundError:
        return preview_of(None, list(paths), specs_of(spaces, None), tell, retry_failed=retry_failed)
    with store:
        return preview_of(store, list(paths), specs_of(spaces, store), tell, retry_failed=retry_failed)


def specs_of(names: Sequence[str] | None, store: Store | None) -> list[SpaceSpec]:
    """Return the definitions of the wanted spaces, as this version computes them."""
    if names is None:
        names = list(store.catalog.spaces()) if store is not None else []
    return [built_in(name) for name in dict.fromkeys(names or DEFAULT_SPACES)]


def preview_of(
    store: Store | None,
    paths: list[AnyPath],
    specs: list[SpaceSpec],
    tell: Callable[[IndexProgress], None],
    *,
    retry_failed: bool,
) -> IndexReport:
    """Scan and plan for a library, or for one that is yet to be made, and change nothing."""
    started = time.monotonic()
    catalog = store.catalog if store is not None else None
    ledger.check_roots(catalog, paths)
    scanned = scan(paths, progress=lambda n: tell(IndexProgress("scan", 0, n)))
    plan = ledger.plan(catalog, scanned, specs, engine_version=ENGINE_VERSION, retry_failed=retry_failed)
    report = _begun(scanned, plan)
    outcomes, kinds = _known_outcomes(plan)
    _settle(report, outcomes, kinds)
    report.seconds = time.monotonic() - started
    return report


def index_into(
    writer: Writer,
    paths: list[AnyPath],
    specs: list[SpaceSpec],
    tell: Callable[[IndexProgress], None],
    *,
    jobs: int | None,
    retry_failed: bool,
    accept_losses: bool,
) -> IndexReport:
    """Scan, plan and work through what is due; see `Library.index`."""
    started = time.monotonic()
    ledger.check_roots(writer.catalog, paths)
    scanned = scan(paths, progress=lambda n: tell(IndexProgress("scan", 0, n)))
    plan = ledger.plan(
        writer.catalog,
        scanned,
        specs,
        engine_version=ENGINE_VERSION,
        retry_failed=retry_failed,
        accept_losses=accept_losses,
    )
    ledger.apply(writer.catalog, plan)
    report = _begun(scanned, plan)
    outcomes, kinds = _known_outcomes(plan)
    indexer = Indexer(writer, n_threads=jobs, report=report, progress=tell)
    try:
        _read_missing_tags(writer, plan.untagged)
        indexer.run(plan.jobs, {spec.name: spec for spec in specs})
    except KeyboardInterrupt:
        report.interrupted = True
    _settle(report, outcomes + indexer.outcomes, kinds + indexer.kinds)
    report.seconds = time.monotonic() - started
    return report


def _read_missing_tags(writer: Writer, untagged: Mapping[int, bytes]) -> None:
    """Read tags of tracks that were indexed before tags were, without decoding them again."""
    files = iter(untagged.items())
    with ThreadPoolExecutor(_TAG_THREADS, thread_name_prefix="orpheus-tags") as readers:
        while chunk := dict(islice(files, _TAGS_PER_COMMIT)):
            found = zip(chunk, readers.map(tags_of, chunk.values()), strict=True)
            tags = {track_id: said for track_id, said in found if said is not None}
            with deferred_interrupts():
                writer.catalog.refresh_tags(tags)


def _begun(scanned: ScanResult, plan: ledger.Plan) -> IndexReport:
    return IndexReport(
        found=len(scanned.files),
        unchanged=plan.counts[ledger.Action.UNCHANGED],
        missing=len(plan.missing),
        ignored=dict(scanned.ignored),
        problems=[(display_path(problem.path), problem.message) for problem in scanned.problems],
    )


def _known_outcomes(plan: ledger.Plan) -> tuple[Counter[str], Counter[str]]:
    """Outcomes and reasons of the found files that need not be decoded again."""
    outcomes: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    for (outcome, kind), n in plan.settled.items():
        outcomes[outcome] += n
        if kind:
            kinds[kind] += n
    return outcomes, kinds


def _settle(report: IndexReport, outcomes: Counter[str], kinds: Counter[str]) -> None:
    report.outcomes = {name: outcomes[name] for name in ("ok", "partial", "failed")}
    pending = report.found - sum(report.outcomes.values())
    if pending:
        report.outcomes["pending"] = pending
    report.kinds = dict(kinds.most_common())
