"""NiiVue, the viewer of images: its bundle comes in the package `ipyniivue`, of which nothing else is used."""

import re
from functools import cache
from importlib.metadata import distribution
from pathlib import Path

PACKAGE = "ipyniivue"
BUNDLE = "ipyniivue/static/widget.js"
# The bundle exports a notebook's widget only; the class of the viewer has a new short name in every version.
MADE = re.compile(r'"Creating new Niivue instance"\);let \w+=[^;]+;\w+=new (\w+)\(')


@cache
def niivue() -> str:
    """
    Return NiiVue as a module that exports `Niivue`.

    Raises
    ------
    RuntimeError
        The package has another version than that of requirements-service.lock.
    """
    bundle = Path(str(distribution(PACKAGE).locate_file(BUNDLE))).read_text(encoding="utf-8")
    found = MADE.search(bundle)
    if found is None:
        version = distribution(PACKAGE).version
        raise RuntimeError(f"NiiVue is not found in {PACKAGE} {version}: install requirements-service.lock.")
    return f"{bundle}\nexport {{ {found[1]} as Niivue }};\n"
