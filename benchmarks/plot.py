"""The curve as a picture."""

from __future__ import annotations

from pathlib import Path

from benchmarks.scale import Curve


def draw(curve: Curve, path: Path) -> None:
    """Write CPU per event against tickets as SVG. The same figures give the same bytes."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    mpl.rcParams["svg.hashsalt"] = "hutong"
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for name, costs in curve.items():
        axes.plot(list(costs), list(costs.values()), marker="o", label=name)
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("tickets")
    axes.set_ylabel("CPU per event, µs")
    axes.grid(visible=True, which="major", alpha=0.3)
    axes.legend()
    figure.savefig(path, format="svg", metadata={"Date": None})
