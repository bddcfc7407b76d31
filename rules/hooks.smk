# Functions only: what the front door does when a study starts and ends.
import atexit
import re

from snakemake.logging import logger

from gliobench.predict.request import check_target
from gliobench.processes import hold

STOPPED = re.compile("Signals.SIGINT|on user request")  # what Snakemake says of Ctrl-C


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
        print(f"\n{belonging.not_shown(STUDY, strange)}", file=sys.stderr)
    else:
        texts = [path.read_text(encoding="utf-8") for path in tables]
        print("", *texts, f"Report: {page.resolve()}", sep="\n", file=sys.stderr)


def say_how_it_goes_on(logs):
    """Say after Ctrl-C that nothing is lost; `logs` are what Snakemake has written of this run."""
    texts = (Path(log).read_text(encoding="utf-8", errors="replace") for log in logs)
    if any(map(STOPPED.search, texts)):
        print(
            "\nGlioBench: stopped. The same command goes on from here.",
            file=sys.stderr,
        )


def warn_of_absent_data():
    """Say at the end of a plan which of the user's files are not there: the jobs that read them would stop."""
    for place, path in absent_data():
        print(f"GlioBench: {place}: {path} does not exist (yet).", file=sys.stderr)


def absent_data():
    """The tables and folders that the config names and that do not exist."""
    named = [
        (f"cohorts.{name}.{key}", settings[key])
        for name, settings in STUDY.cohorts.items()
        for key in ("path", "table", "sites")
        if key in settings
    ]
    return [(place, path) for place, path in named if not Path(path).exists()]


def show_when_nothing_is_to_be_done(record):
    """Print the result of a finished study again: Snakemake calls no hook where there is nothing to be done."""
    nothing = record.getMessage().startswith("Nothing to be done")
    if nothing and not workflow.dryrun:
        show_prediction(REQUEST.folder) if REQUEST else show_result(RESULTS)
    return True


if workflow.is_main_process and not PARTIAL:
    # Snakemake calls no hook after a dry run.
    atexit.register(lambda: warn_of_absent_data() if workflow.dryrun else None)

logger.addFilter(show_when_nothing_is_to_be_done)
