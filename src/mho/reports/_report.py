"""report: a self-contained page, with the same numbers as JSON and CSV, and the bibliography."""

from __future__ import annotations

import csv
import importlib.metadata
import io
import json
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

import mho.reports._figures as figures
from mho.core import HOW, Cost, How, cite, cited_keys, entry_fields, format_quantity, walk_sources, write_atomically
from mho.cost import by_block, layer_costs, rate, second_opinion, uncounted

from ._ablation import Ablation
from ._evaluation import Evaluation, time_name
from ._style import svg

_DATA = Path(__file__).parent.parent / "data" / "report"
_PACKAGES = ("mho", "torch", "numpy")


def report(
    evaluations: Evaluation | Sequence[Evaluation],
    title: str = "",
    notes: Sequence[str] = (),
    ablations: Sequence[Ablation] = (),
) -> Report:
    """Put one evaluation, or several to compare, into a report; `notes` are sentences printed at its head."""
    several = (evaluations,) if isinstance(evaluations, Evaluation) else tuple(evaluations)
    if not several:
        raise ValueError("a report needs at least one evaluation")
    return Report(
        several, title or f"{several[0].name} on {several[0].program.chip.name}", tuple(notes), tuple(ablations)
    )


def provenance() -> dict[str, Any]:
    """Return what computed the numbers: versions and machine kind."""
    versions: dict[str, str] = {}
    for name in _PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return {"versions": versions | {"python": platform.python_version()}, "threads": torch.get_num_threads()}


@dataclass(frozen=True)
class Report:
    """Evaluations side by side. `save` writes a folder, `to_html` and `to_json` the parts."""

    evaluations: tuple[Evaluation, ...]
    title: str
    notes: tuple[str, ...] = ()
    ablations: tuple[Ablation, ...] = ()

    def save(self, folder: str | Path) -> Path:
        """Write the page, `report.json`, tables as CSV, `references.bib` and the programs into a folder.

        Each file is written whole or not at all; returns the path of the page.
        """
        folder = Path(folder)
        texts = {  # all of them before the first is written
            "report.json": self.to_json(),
            "accuracy.csv": self.accuracy_csv(),
            "cost.csv": self.cost_csv(),
            "placement.csv": self.placement_csv(),
            "references.bib": self.bibliography(),
            "index.html": self.to_html(),
        }
        for slug, e in zip(_slugs([e.name for e in self.evaluations]), self.evaluations, strict=True):
            e.program.save(folder / "programs" / f"{slug}.mho")
        for name, text in texts.items():
            write_atomically(folder / name, text)
        return folder / "index.html"

    def to_dict(self) -> dict[str, Any]:
        """Return the whole report as plain values."""
        return {
            "schema": 1,
            "title": self.title,
            "notes": list(self.notes),
            **provenance(),
            "evaluations": [e.to_dict() for e in self.evaluations],
            "ablations": [a.to_dict() for a in self.ablations],
            "references": self.bibliography(),
        }

    def to_json(self) -> str:
        """Return the whole report as JSON."""
        return json.dumps(self.to_dict(), indent=1, allow_nan=False, default=str) + "\n"

    def bibliography(self) -> str:
        """Return the BibTeX of all that the chips rest on."""
        return cite(*(e.program.chip for e in self.evaluations))

    def accuracy_csv(self) -> str:
        """Return one row per evaluation, condition and chip instance."""
        rows: list[list[Any]] = [
            ["evaluation", "chip", "time_s", "compensation", "temperature_k", "instance", "accuracy"]
        ]
        for e in self.evaluations:
            for condition, accuracies in zip(e.run.conditions, e.run.accuracy(e.labels).tolist(), strict=True):
                told = [e.name, e.program.chip.name, condition.time, condition.compensation, condition.temperature]
                rows += [[*told, i, a] for i, a in enumerate(accuracies)]
        return _csv(rows)

    def cost_csv(self) -> str:
        """Return one row per evaluation, part and block."""
        rows: list[list[Any]] = [["evaluation", "part", "block", "energy_j", "latency_s", "area_m2"]]
        for e in self.evaluations:
            for part in e.cost.parts:
                for leaf in part.parts or (part,):
                    rows.append([e.name, part.name, leaf.name, leaf.cost.energy, leaf.cost.latency, leaf.cost.area])
        return _csv(rows)

    def placement_csv(self) -> str:
        """Return one row per block of weights."""
        head = ["layer", "group", "row_tile", "column_tile", "tile", "row", "column", "rows", "columns"]
        rows: list[list[Any]] = [["evaluation", *head]]
        rows += [[e.name, *(getattr(b, h) for h in head)] for e in self.evaluations for b in e.program.placement.blocks]
        return _csv(rows)

    def to_html(self) -> str:
        """Return the page: one file with everything in it."""
        import jinja2

        environment: Any = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_DATA), autoescape=True, trim_blocks=True, lstrip_blocks=True
        )
        environment.filters["quantity"] = format_quantity
        template = environment.get_template("report.html.j2")
        es = self.evaluations
        sources: dict[tuple[How, str, str], dict[str, str]] = {}
        for e in es:
            for v in walk_sources(e.program.chip):
                s = v.source
                key = (s.how, ", ".join(s.fields), s.reason or s.where)
                entry = sources.setdefault(key, {"path": v.path, "key": s.key, "chips": e.program.chip.name})
                if e.program.chip.name not in entry["chips"].split(", "):
                    entry["chips"] += f", {e.program.chip.name}"
        keys = cited_keys(*(e.program.chip for e in es))
        return template.render(
            title=self.title,
            notes=self.notes,
            evaluations=es,
            css=(_DATA / "report.css").read_text(encoding="utf-8"),
            time_name=time_name,
            blocks=_blocks(es),
            shown_tiles=figures.SHOWN_TILES,
            layer_costs=layer_costs,
            accuracy_svg=svg(figures.accuracy_over_time(es), "accuracy over time"),
            block_svgs={q: svg(figures.blocks(es, q), f"{q} by block") for q in ("energy", "latency", "area")},
            compared_svg=svg(figures.compared(es), "accuracy against energy, latency and area") if len(es) > 1 else "",
            error_svg=svg(figures.error_growth(es), "error by layer"),
            ablations=[(a, svg(figures.ablation(a), f"non-idealities, {a.name}")) for a in self.ablations],
            details=[
                {
                    "e": e,
                    "energy": svg(figures.layers(e, "energy"), f"energy by layer, {e.name}"),
                    "latency": svg(figures.layers(e, "latency"), f"latency by layer, {e.name}"),
                    "placement": svg(figures.placement(e), f"placement, {e.name}"),
                }
                for e in self._distinct_chips()
            ],
            ratings=[
                {"chip": chip, "peak": rate(chip), "opinion": second_opinion(chip), "uncounted": uncounted(chip)}
                for chip in {e.program.chip.fingerprint(): e.program.chip for e in es}.values()
            ],
            sources=[
                {"how": k[0], "how_text": HOW[k[0]], "fields": k[1], "where": k[2], **v} for k, v in sources.items()
            ],
            references=[(k, entry_fields(k)) for k in keys],
            provenance=provenance(),
        )

    def _distinct_chips(self) -> list[Evaluation]:
        """Return the first evaluation of each chip and network: cost and placement of the others look the same."""
        kinds = {(e.program.chip.fingerprint(), e.program.quant.graph.nodes): e for e in reversed(self.evaluations)}
        return list(kinds.values())[::-1]


def _csv(rows: list[list[Any]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()


def _blocks(evaluations: Sequence[Evaluation]) -> dict[str, list[tuple[Cost, float] | None]]:
    """Return by block, for each evaluation, its cost and share of the energy; None where there is no such block."""
    tables = [by_block(e.cost) for e in evaluations]
    totals = [e.cost.total.energy for e in evaluations]
    return {
        name: [(t[name], t[name].energy / e) if name in t else None for t, e in zip(tables, totals, strict=True)]
        for name in dict.fromkeys(name for t in tables for name in t)
    }


def _slugs(names: Sequence[str]) -> list[str]:
    """Return a file name for each evaluation; equal ones are numbered."""
    out: list[str] = []
    for name in names:
        slug = "".join(c if c.isalnum() else "-" for c in name.lower()).strip("-") or "program"
        unique, count = slug, 1
        while unique in out:
            count += 1
            unique = f"{slug}-{count}"
        out.append(unique)
    return out
