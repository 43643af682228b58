"""We read what FAISS wrote, say what it is, and write it again as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import faiss
import pytest

from faiss_kinds import DIM, KINDS, MADE, METRICS, described, index_of
from orpheus_fast import search

if TYPE_CHECKING:
    from pathlib import Path

ROWS = [None, 0, 1, 7, 320]


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> None:
    # Threads of OpenMP that wait for each other take minutes on a busy machine.
    faiss.omp_set_num_threads(1)


def written(index: Any, path: Path) -> bytes:
    faiss.write_index(index, str(path))
    return path.read_bytes()


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("kind", KINDS + MADE)
def test_what_faiss_wrote_is_described_rightly_and_copied_byte_for_byte(tmp_path: Path, kind: str, metric: str) -> None:
    for n in ROWS:
        theirs = index_of(kind, metric, n)
        content = written(theirs, tmp_path / "theirs")
        found = search.describe(tmp_path / "theirs")
        # FAISS makes an HNSW over PQ for L2 whatever it is asked for.
        stored = metric if theirs.metric_type == METRICS[metric] else "l2"
        expected = (described(kind), DIM, n or 0, stored, theirs.is_trained)
        assert (found.kind, found.dim, found.ntotal, found.metric, found.is_trained) == expected
        search.copy_index(tmp_path / "theirs", tmp_path / "ours")
        assert (tmp_path / "ours").read_bytes() == content, f"{n} vectors"
