"""`orpheus evaluate`: how good a space is, judged by labels."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import click

from orpheus_fast.cli import opening, options
from orpheus_fast.cli.console import emit_json, printable, show, table, warn, write_line
from orpheus_fast.cli.errors import DONE, SOME_FAILED
from orpheus_fast.cli.quantities import counted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.table import Table

    from orpheus_fast.evaluate import Estimate, Evaluation, Hubness, LabelColumns, Matching, Ranking, SpaceEvaluation

__all__ = ["evaluate"]

_DEFAULT_K: Final = 10
_NAMED: Final = 5
# In a table of a person's screen; --json has them all.
_MOST_LABELS: Final = 50


@click.command(
    cls=options.Taught,
    examples=(
        ("orpheus evaluate labels.csv --library music.orpheus", "columns path, label and, if there is one, artist"),
        (
            "orpheus evaluate moods.csv --label-column quadrant --regress valence --regress arousal",
            "other columns; the library is that of ORPHEUS_LIBRARY",
        ),
        (
            "orpheus evaluate labels.csv --mutual-proximity --no-probe --json --library music.orpheus",
            "with and without the re-rank, for a program; scikit-learn is not needed",
        ),
    ),
)
@click.argument("labels", type=click.Path(), metavar="LABELS.csv")
@options.library
@options.space
@click.option("--path-column", default="path", metavar="COLUMN", help="Column of paths.  [default: path]")
@click.option("--label-column", default="label", metavar="COLUMN", help="Column of labels.  [default: label]")
@click.option(
    "--group-column",
    metavar="COLUMN",
    help="Column of what makes tracks alike besides the label.  [default: artist, if there is one]",
)
@click.option(
    "--regress", multiple=True, metavar="COLUMN", help="Column of numbers to predict; may be given several times."
)
@click.option(
    "-k",
    type=options.at_least_one,
    default=_DEFAULT_K,
    metavar="N",
    help=f"Answers that the precision looks at.  [default: {_DEFAULT_K}]",
)
@click.option("--mutual-proximity", is_flag=True, help="Give the figures under mutual proximity too.")
@click.option(
    "--no-probe", is_flag=True, help="Leave out clusters, linear probe and --regress: all that needs scikit-learn."
)
@options.as_json
def evaluate(  # noqa: PLR0913 -- one per option
    *,
    labels: str,
    library: Path,
    space: str | None,
    path_column: str,
    label_column: str,
    group_column: str | None,
    regress: tuple[str, ...],
    k: int,
    mutual_proximity: bool,
    no_probe: bool,
    as_json: bool,
) -> int:
    """Judge a space by labels of what belongs together.

    LABELS.csv is UTF-8 with commas; its first line names the columns. A path is absolute, or relative to the folder of
    LABELS.csv, or else the end of the path of exactly one track of the library.

    Every labelled track asks, all other labelled tracks are its candidates; once more without those of its own group,
    such as its artist. Brackets hold 95 % bootstrap intervals. What the figures mean is in the guide to evaluating.
    Lines that could not be used are counted on standard error, and the exit code is then 1.
    """
    columns = _columns(path_column, label_column, group_column, regress)
    with opening.open_library(library) as opened:
        from orpheus_fast.evaluate import evaluate_space  # noqa: PLC0415 -- NumPy

        found = evaluate_space(
            opened,
            labels,
            space=space,
            columns=columns,
            k=k,
            mutual_proximity=mutual_proximity,
            probe=not no_probe,
        )
    _tell_unused(found.matching)
    if as_json:
        emit_json("evaluate", {"library": library, "labels": labels, **found.to_dict()})
    else:
        _print(found)
    return DONE if found.matching.is_whole else SOME_FAILED


def _columns(path: str, label: str, group: str | None, numbers: tuple[str, ...]) -> LabelColumns:
    from orpheus_fast.evaluate import LabelColumns  # noqa: PLC0415 -- NumPy

    return LabelColumns(path=path, label=label, group=group, numbers=numbers)


def _tell_unused(matching: Matching) -> None:
    for paths, what in (
        (matching.without_label, "without a label"),
        (matching.unknown, "not in the library"),
        (matching.ambiguous, "the end of several paths of the library"),
        (matching.failed, "could not be decoded, see: orpheus report"),
        (matching.without_vector, "without a vector in this space"),
    ):
        if paths:
            names = ", ".join(paths[:_NAMED]) + (f" and {len(paths) - _NAMED:,} more" if len(paths) > _NAMED else "")
            warn(f"{counted(len(paths), 'line')} of the table not used, {what}: {names}")
    if matching.n_unlabelled:
        warn(f"{counted(matching.n_unlabelled, 'track')} of the space not in the table, left out")


def _print(found: SpaceEvaluation) -> None:
    values = found.evaluation
    groups = f", {counted(values.n_groups, 'group')}" if values.n_groups else ""
    write_line(f"space {found.space_id}: {counted(values.n_tracks, 'track')}, {values.n_labels:,} labels{groups}")
    write_line(f"{values.dim} values compared by {values.metric}, effectively {values.effective_dim:.1f}")
    show(_summary(values))
    show(_by_label(values))
    if values.n_labels > _MOST_LABELS:
        write_line(f"and {values.n_labels - _MOST_LABELS:,} more labels; --json has all")
    for line in _models(values):
        write_line(line)


def _summary(values: Evaluation) -> Table:
    drawn = table("ranking", f">P@{values.k}", ">mAP", ">R-prec", ">1-NN", ">chance", ">ceiling", ">queries", ">hub")
    for name, ranking, hubs in _rankings(values):
        estimates = (ranking.precision, ranking.average_precision, ranking.r_precision, ranking.nearest)
        left_out = f" (-{ranking.n_unanswerable:,})" if ranking.n_unanswerable else ""
        drawn.add_row(
            name,
            *map(_interval, estimates),
            _figure(ranking.chance),
            _figure(ranking.ceiling),
            f"{ranking.n_queries:,}{left_out}",
            f"{hubs.skewness:.2f}",
        )
    return drawn


def _rankings(values: Evaluation) -> Sequence[tuple[str, Ranking, Hubness]]:
    found = [("all", values.all, values.hubness)]
    if values.filtered:
        found.append(("other groups", values.filtered, values.hubness))
    if mutual := values.mutual_proximity:
        found.append(("all, mutual", mutual.all, mutual.hubness))
        if mutual.filtered:
            found.append(("other groups, mutual", mutual.filtered, mutual.hubness))
    return found


def _by_label(values: Evaluation) -> Table:
    ranking = values.filtered or values.all
    which = "label, of other groups" if values.filtered else "label"
    drawn = table(which, ">tracks", f">P@{values.k}", ">mAP", ">R-prec", ">1-NN")
    for scores in ranking.labels[:_MOST_LABELS]:
        figures = (scores.precision, scores.average_precision, scores.r_precision, scores.nearest)
        drawn.add_row(printable(scores.label), f"{scores.n_tracks:,}", *map(_figure, figures))
    return drawn


def _models(values: Evaluation) -> Sequence[str]:
    lines = []
    if found := values.clustering:
        lines.append(
            f"k-means, {found.n_clusters:,} clusters: NMI {found.nmi:.3f}, ARI {found.ari:.3f}, "
            f"silhouette {_figure(found.silhouette)} (of the labels {_figure(found.label_silhouette)})"
        )
    if probe := values.probe:
        lines.append(
            f"linear probe, {probe.n_folds} folds: accuracy {probe.accuracy:.3f}, "
            f"balanced {probe.balanced_accuracy:.3f}, chance {probe.chance:.3f}"
        )
    lines += [
        f"{item.name}, ridge on {item.n_tracks:,} tracks: R2 {item.r2:.3f}, r {item.r:.3f}"
        for item in values.regressions
    ]
    return lines


def _interval(estimate: Estimate) -> str:
    if math.isnan(estimate.value):
        return "-"
    return f"{estimate.value:.3f} [{estimate.low:.3f} {estimate.high:.3f}]"


def _figure(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}"
