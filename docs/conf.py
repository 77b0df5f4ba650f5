"""How Sphinx builds these pages into a site: ``make docs`` (ADR 0025).

Its sources are the pages as they stand in the repository, from README.md on: a link means the same there and here.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

project = "Hutong 互通"
html_title = project
html_theme = "furo"
html_show_copyright = False
html_extra_path = ["site"]
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinxcontrib.mermaid"]
root_doc = "README"
include_patterns = ["README*.md", "CHANGELOG.md", "docs/*.md", "docs/**/*.md", "examples/*/README.md",
                    "benchmarks/*.md"]  # fmt: skip
myst_heading_anchors = 4
myst_fence_as_directive = ["mermaid"]
smartquotes = False  # --data is no dash
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_default_options = {"members": True, "undoc-members": True}
suppress_warnings = ["myst.header"]  # a page of tables may begin with a deeper heading

MENU = {
    "Guides": ["docs/guides/department", "docs/guides/department.zh", "docs/guides/partner", "docs/guides/auditor",
               "docs/guides/operator", "Hutong 互通 (中文) <README.zh>"],
    "Reference": ["docs/reference/library", "docs/reference/commands", "docs/reference/settings",
                  "docs/reference/events", "docs/reference/topics", "docs/wire", "docs/lifecycle", "docs/commands"],
    "The house": ["docs/architecture", "docs/promises", "docs/docker", "docs/securing", "docs/observing",
                  "docs/intake", "docs/outsiders", "benchmarks/README", "benchmarks/results", "examples/go/README",
                  "docs/decisions/README", "CHANGELOG"],
}  # fmt: skip
"""What stands beside every page. The README has no such list: GitHub would show it."""


class Folders(SphinxTransform):
    """A link to a folder leads to its README, where that is a page; else it is its text: a site shows no folders."""

    default_priority = 300

    def apply(self, **given: Any) -> None:
        """Change the document in hand."""
        for link in list(self.document.findall(pending_xref)):
            folder = (Path(self.env.doc2path(self.env.docname)).parent / link.get("reftarget", "")).resolve()
            if link.get("reftype") != "myst" or not folder.is_dir():
                continue
            page = f"{folder.relative_to(ROOT)}/README"
            if page in self.env.found_docs:
                link["refdomain"], link["reftype"], link["reftarget"] = "std", "doc", f"/{page}"
            else:
                link.replace_self(link.children or nodes.Text(""))


def _menu(app: Sphinx, page: str, source: list[str]) -> None:
    """Give the first page its menu, and the list of decisions its records."""
    if page == root_doc:
        lists = (f"```{{toctree}}\n:hidden:\n:caption: {name}\n\n" + "\n".join(pages) for name, pages in MENU.items())
        source[0] += "\n\n" + "\n```\n\n".join(lists) + "\n```\n"
    if page == "docs/decisions/README":
        source[0] += "\n\n```{toctree}\n:hidden:\n:glob:\n\n0*\n```\n"


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("source-read", _menu)
    app.add_transform(Folders)
