"""HTML by the templates of ``workflow/report``: text is escaped, and nothing is loaded from elsewhere."""

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

TEMPLATES = Path(__file__).parents[3] / "report"


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
    )


def render(template: str, **values: object) -> str:
    """
    Fill a template of ``workflow/report``.

    Parameters
    ----------
    template : str
        File name of the template.
    **values
        What its names stand for; a name without a value is an error.
    """
    return _environment().get_template(template).render(**values)
