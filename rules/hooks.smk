# No rules here: what happens when a study starts and ends.
import atexit
import re

from snakemake.logging import logger

from gliobench.estimate import PLANNED
from gliobench.predict.request import check_target
from gliobench.processes import hold, join_interrupts
from gliobench.progress import Plan, show_progress

STOPPED = re.compile("Signals.SIGINT|on user request")  # Snakemake's text for Ctrl-C


def hold_study(results):
    """Prevent a second Snakemake on the same results, and check that the request is consistent."""
    try:
        check_target(REQUEST, workflow.dag_settings.targets)
        check_download(workflow.dag_settings.targets)
        hold(f"{ESTIMATE if ESTIMATED else results}/.lock")
    except GlioBenchError as error:
        raise WorkflowError(f"GlioBench: {error}") from None
    except OSError as error:
        raise WorkflowError(f"GlioBench: {refused(error)}") from None


def keras_is_planned():
    """Whether a job of an approach of Keras is planned."""
    planned = workflow.dag.needrun_jobs(exclude_finished=False)
    named = {job.wildcards.get("approach") for job in planned}
    return not named.isdisjoint(STUDY.keras_approaches)


def begin_on_backend():
    """Keep what Keras runs on once it is about to be used."""
    if keras_is_planned():
        backends.begin(STUDY)
        say_unused_gpus()


def say_unused_gpus():
    """Say if Keras leaves GPUs unused that nobody decided to leave unused."""
    if sentence := backends.unused_gpus(STUDY, here=workflow.local_exec):
        print(f"GlioBench: {sentence}", file=sys.stderr)


def lift_rate_limit():
    """Lift the limit of jobs per time where they run here: with one, Snakemake (9.27) plans again for ever for every job that ends."""
    if workflow.local_exec:
        workflow.scheduler.job_rate_limiter = None


def check_download(targets):
    """A download without anything to fetch must not look like a finished one."""
    if "download" in targets and not DOWNLOADS:
        raise GlioBenchError(
            "`download` fetches cohorts of kind rsna, and this study has none: name a study that has one, "
            "for example --configfile config/config.yaml."
        )


def print_prediction():
    """Print the answer for a patient, or the table of a list of patients, once it exists."""
    leave_terminal()
    if not all(Path(path).is_file() for path in REQUEST.results):
        return
    from gliobench.reporting.terminal import print_answer, print_patients

    show = print_patients if REQUEST.table else print_answer
    print("", show(REQUEST.table or REQUEST.home), sep="\n", file=sys.stderr)


def print_result(results):
    """Print the result tables once they exist; published figures only where the study could judge one."""
    leave_terminal()
    names = ["comparison"] + ["published_vs_reproduced"] * (not STUDY.own)
    tables = [Path(results) / "tables" / f"{name}.txt" for name in names]
    page = Path(results) / "report" / "index.html"
    if not all(path.is_file() for path in [*tables, page]):
        return
    strange = belonging.strange_rows(STUDY)
    if strange:
        print(f"\n{belonging.not_shown(STUDY, strange)}", file=sys.stderr)
    else:
        texts = [path.read_text(encoding="utf-8") for path in tables]
        print("", *texts, f"Report: {page.resolve()}", sep="\n", file=sys.stderr)
        if model := plan.run_to_predict_with(STUDY):
            command = f"snakemake predict --config patient=<folder> model={model}"
            print(f"A new patient: {command}", file=sys.stderr)


def print_estimate(path):
    """Print what the study will take, once it is known."""
    leave_terminal()
    if path.is_file():
        print("", path.read_text(encoding="utf-8"), sep="\n", file=sys.stderr)


def print_end():
    """Print what was asked for: a prediction, an estimate, or the result of the study."""
    if REQUEST:
        print_prediction()
    elif ESTIMATED:
        print_estimate(Path(RESULTS, "tables", "estimate.txt"))
    else:
        print_result(RESULTS)


def say_how_it_goes_on(logs):
    """Say after Ctrl-C or an error that nothing is lost; `logs` are Snakemake's logs of this run."""
    leave_terminal()
    there = filter(Path.is_file, map(Path, logs))  # .snakemake may have been cleared
    texts = (log.read_text(encoding="utf-8", errors="replace") for log in there)
    if any(map(STOPPED.search, texts)):
        why = "stopped"
    else:
        why = "stopped by an error"
    print(f"\nGlioBench: {why}. The same command resumes from here.", file=sys.stderr)


def sum_up_plan():
    """End a plan with its jobs by stage, and the user's missing files: the jobs that read them would fail."""
    if PLANNED in os.environ:
        PLAN.write(os.environ[PLANNED])
    if PLAN.jobs:
        print(f"\n{PLAN.text()}", file=sys.stderr)
        if keras_is_planned():
            say_unused_gpus()
    if PLAN.jobs and not (REQUEST or ESTIMATED):
        print(
            f"GlioBench: what it takes on this machine: {estimate_command()}",
            file=sys.stderr,
        )
    for place, path in absent_data():
        print(f"GlioBench: {place}: {path} does not exist (yet).", file=sys.stderr)


def estimate_command():
    """The command that says what the study will take."""
    configs = " ".join(map(os.path.relpath, workflow.overwrite_configfiles))
    return f"snakemake {TARGET}" + (f" --configfile {configs}" if configs else "")


def absent_data():
    """The missing tables and folders among those named in the config."""
    named = [
        (f"cohorts.{name}.{key}", settings[key])
        for name, settings in STUDY.cohorts.items()
        for key in ("path", "table")
        if key in settings
    ]
    named += [
        (f"cohorts.{name}.sites", path)
        for name, settings in STUDY.cohorts.items()
        if "sites" in settings
        for path in site_tables(sites_of(name))
    ]
    named += [
        (f"cohorts.{name}.subgroups.table", settings["subgroups"]["table"])
        for name, settings in STUDY.cohorts.items()
        if settings.get("subgroups")
    ]
    return [(place, path) for place, path in named if not Path(path).exists()]


def show_when_nothing_is_to_be_done(record):
    """Print the result of a finished study again: Snakemake calls no hook if there is nothing to be done."""
    nothing = record.getMessage().startswith("Nothing to be done")
    if nothing and not DRY_RUN:
        print_end()
    return True


# The study in the terminal while it runs; Snakemake shows a plan itself.
DRY_RUN = workflow.output_settings.dryrun
TERMINAL = show_progress(logger) if workflow.is_main_process and not DRY_RUN else None


def leave_terminal():
    """End the live display, so that what follows is below it."""
    if TERMINAL:
        TERMINAL.close()


atexit.register(leave_terminal)

if workflow.is_main_process:
    join_interrupts()
    # Snakemake calls no hook after a dry run.
    if DRY_RUN and not PARTIAL:
        PLAN = Plan()
        logger.addHandler(PLAN)
        atexit.register(sum_up_plan)

logger.addFilter(show_when_nothing_is_to_be_done)
