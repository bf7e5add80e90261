"""Settings of Sphinx for the site. `tools/site.py` puts the sources together and calls it: `make site`."""

import os

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

project = "A first course in PyTorch"
html_title = project
language = "en"
smartquotes = False  # the words of an error are as they are
extensions = ["myst_nb"]
exclude_patterns = ["README.md"]  # its parts are included in another page

# The stored outputs are shown: a test compares each of them with what the notebook computes.
nb_execution_mode = "off"
nb_ipywidgets_js = {}  # no script from elsewhere
myst_heading_anchors = 4
myst_enable_extensions = ["attrs_block", "dollarmath"]
myst_html_meta = {
    "description lang=en": "Seven notebooks from tensors to an image classifier, with exercises that answer back."
}
suppress_warnings = ["myst.header"]  # an exercise has a small heading wherever it stands

html_theme = "sphinx_book_theme"
html_favicon = "_static/favicon.svg"
html_static_path = ["_static"]
html_css_files = ["course.css"]
html_js_files = [("course.js", {"defer": "defer"})]
html_context = {"default_mode": "auto"}  # light or dark, as the reader's machine is
html_copy_source = False
html_use_index = False
html_theme_options = {
    "home_page_in_toc": True,
    "show_navbar_depth": 1,
    "show_toc_level": 1,
    "navbar_persistent": [],
    "use_download_button": False,  # a notebook needs the course around it
    "use_fullscreen_button": False,
    "pygments_light_style": "a11y-light",
    "pygments_dark_style": "a11y-dark",
    "footer_content_items": [],
}

# Where GitHub builds the site, it knows the address of the repository, and every page shows it.
if repository := os.environ.get("GITHUB_REPOSITORY"):
    html_theme_options |= {
        "repository_url": f"{os.environ.get('GITHUB_SERVER_URL', 'https://github.com')}/{repository}",
        "repository_provider": "github",
        "use_repository_button": True,
    }


# A formula becomes MathML, which every browser draws by itself: no script, no fonts from elsewhere.
html_math_renderer = "mathml"


def setup(app: Sphinx) -> None:
    """Tell Sphinx how formulas are written."""
    app.add_html_math_renderer("mathml", inline_renderers=(_formula, None), block_renderers=(_formula, None))


def _formula(page: HTML5Translator, node: nodes.Element) -> None:
    page.body.append(tex2mathml(node.astext(), as_block=isinstance(node, nodes.math_block)))
    raise nodes.SkipNode
