"""Sphinx configuration: ``sphinx-build -W -b html docs docs/_build/html``, without a network."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "src")]

import generate  # noqa: E402

from popsim import __version__  # noqa: E402

generate.write_all(HERE / "generated")

project = "popsim"
author = "popsim contributors"
version = release = __version__
language = "en"

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinxcontrib.bibtex",
]
exclude_patterns = ["_build", "jupyter_execute"]

myst_enable_extensions = ["amsmath", "deflist", "dollarmath"]
myst_heading_anchors = 3
# The notebook is run by the tests. Here it is shown as it is kept, without outputs, so that
# building the pages compiles no kernel and gives the same pages everywhere.
nb_execution_mode = "off"

napoleon_google_docstring = False
napoleon_use_rtype = False
# Attributes of a NamedTuple are members already; listed as fields they are not doubled.
napoleon_use_ivar = True
autodoc_typehints = "none"
autodoc_member_order = "bysource"
# The tables of api.md name the entries below them; pages of their own are not wanted.
autosummary_generate = False

bibtex_bibfiles = ["references.bib"]
bibtex_default_style = "plain"
bibtex_reference_style = "author_year"

html_theme = "furo"
html_title = f"popsim {__version__}"
