# Functions only: what the front door does when a study starts and ends.
from snakemake.logging import logger

from gliobench.predict.request import check_target
from gliobench.processes import hold


def hold_study(results):
    """Let no second Snakemake work on the same results; what is asked for must fit together."""
    try:
        check_target(REQUEST, workflow.dag_settings.targets)
        check_download(workflow.dag_settings.targets)
        hold(f"{results}/.lock")
    except GlioBenchError as error:
        raise WorkflowError(f"GlioBench: {error}") from None


def check_download(targets):
    """A download that would fetch nothing must not look like one that is done."""
    if "download" in targets and not DOWNLOADS:
        raise GlioBenchError(
            "`download` fetches cohorts of kind rsna, and this study has none: name a study that has one, "
            "for example --configfile config/config.yaml."
        )


def show_prediction(folder):
    """Say where a prediction is, once it is there."""
    page = Path(folder) / "index.html"
    if page.is_file():
        print(f"\nPrediction: {page.resolve()}", file=sys.stderr)


def show_result(results):
    """Print the tables that people came for, once they are there."""
    tables = [
        Path(results) / "tables" / f"{name}.txt"
        for name in ("comparison", "published_vs_reproduced")
    ]
    page = Path(results) / "report" / "index.html"
    if not all(path.is_file() for path in [*tables, page]):
        return
    strange = belonging.strange_rows(STUDY)
    if strange:
        print(f"\n{belonging.not_shown(results, strange)}", file=sys.stderr)
    else:
        texts = [path.read_text(encoding="utf-8") for path in tables]
        print("", *texts, f"Report: {page.resolve()}", sep="\n", file=sys.stderr)


def show_when_nothing_is_to_be_done(record):
    """Print the result of a finished study again: Snakemake calls no hook where there is nothing to be done."""
    nothing = record.getMessage().startswith("Nothing to be done")
    if nothing and not workflow.dryrun:
        show_prediction(REQUEST.folder) if REQUEST else show_result(RESULTS)
    return True


logger.addFilter(show_when_nothing_is_to_be_done)
