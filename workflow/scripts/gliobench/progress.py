"""A study in the terminal while it runs: a line per stage, and errors as one message each."""

import logging
import os
import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean
from typing import Any

from gliobench.processes import SHOWN

MINUTE = 60
WIDTH = 120  # characters of a line where there is no terminal
TAIL = 2**14  # bytes of a log that are searched for its last message
SILENT = (
    "it ended without a message, as a job does that the system kills for want of memory: then run fewer at once, by "
    "`--resources mem_mb=<less than the machine's memory>` or `--cores 1`"
)
MESSAGE = re.compile(r"^\d\d:\d\d:\d\d ", re.MULTILINE)  # begins a message in a log
# The stage of a rule, by the first prefix that fits; the order is that of the terminal.
STAGES = {
    "cohorts": ("generate", "read_cohort", "audit_series", "gather_series", "fetch"),
    "inputs": ("choose_field", "preprocess", "measure_regions", "imagenet_"),
    "splits": ("split", "see_labels"),
    "tuning": ("tune",),
    "baselines": ("train_baselines", "tabulate_baselines"),
    "copies": ("train_sklearn_copies",),  # of a cohort with other labels, by the approaches in scikit-learn
    "training": ("train_",),
    "predict": ("predict_prepare", "predict_apply", "predict_show", "predict_list"),
    "figures": ("plot_", "explain"),
    "tables": ("score", "describe_", "tabulate_"),
    "report": ("page",),
    "estimate": ("count_jobs", "time_", "estimate"),
}
TOLD = ("read_cohort", "tabulate_baselines")  # rules whose last message is a result, which stays in the terminal
NUMBERING = ("shard", "batch")  # wildcards that number the jobs of one thing
NUMBERED = ("repeat", "seed")  # wildcards whose values need a name
# What Snakemake says about itself in every run.
CHATTER = (
    *("Using shell", "Provided ", "Rules claiming", "Conda environments: ignored", "Singularity containers: ignored"),
    *("Select jobs", "Execute ", "Assuming ", "Building DAG", "host:", "Shutting down", "Exiting because"),
    *("Complete log", "Elapsed time", "Job rate limit", "Removing temporary output"),
)
EVENTS = ("job_info", "job_started", "job_finished", "job_error", "run_info")
STOPPED = "Terminating processes on user request"  # Snakemake on Ctrl-C, before it ends each running job in an error
# Snakemake repeats a job's error, which has been printed as the job's message.
REPEATED = ("RuleException", "CalledProcessError", "WorkflowError:\nAt least one job did not complete")


def stage_of(rule: str) -> str | None:
    """Return the stage of a rule; None for targets, which do nothing."""
    return next((stage for stage, prefixes in STAGES.items() if rule.startswith(prefixes)), None)


@dataclass
class Job:
    """A job that has started."""

    rule: str
    name: str
    log: str | None
    begun: float


@dataclass
class Stage:
    """The jobs of a stage: how many of each rule there are, and what those took that are done."""

    jobs: Counter[str]
    begun: float | None = None
    ended: float | None = None
    seconds: dict[str, list[float]] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """The number of jobs."""
        return self.jobs.total()

    @property
    def done(self) -> int:
        """The number of jobs that are done."""
        return sum(map(len, self.seconds.values()))

    def left(self, running: int) -> float | None:
        """Seconds to go, by the mean of each rule's jobs that are done, else of all; None as long as there are none."""
        known = [each for of_rule in self.seconds.values() for each in of_rule]
        if not known or self.done == self.total:
            return None
        of_rules = {rule: self.seconds.get(rule, []) for rule in self.jobs}
        left = sum((self.jobs[rule] - len(done)) * mean(done or known) for rule, done in of_rules.items())
        return left / max(running, 1)


class Progress:
    """
    What a study has done, from the events that Snakemake logs.

    Parameters
    ----------
    clock : callable, optional
        Returns the time in s.
    """

    def __init__(self, clock: Any = time.monotonic) -> None:
        self.clock = clock
        self.begun = clock()
        self.stages: dict[str, Stage] = {}
        self.jobs: dict[int, Job] = {}
        self.running: dict[int, Job] = {}

    def take(self, event: str, record: Mapping[str, Any]) -> str | None:
        """Count an event; return the stage that it completes, if it does."""
        if event == "run_info":
            self._plan(record["stats"])
        elif event == "job_info":
            self._start(record)
        elif event == "job_error":
            self.running.pop(record["jobid"], None)
        elif event == "job_finished":
            return self._finish(record["job_id"])
        return None

    def _plan(self, stats: Mapping[str, int]) -> None:
        planned: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for rule, count in stats.items():
            if stage := stage_of(rule):
                planned[stage][rule] += count
        self.stages = {stage: Stage(planned[stage]) for stage in STAGES if stage in planned}

    def _start(self, record: Mapping[str, Any]) -> None:
        if stage := self.stages.get(stage_of(record["rule_name"]) or ""):
            now = self.clock()
            stage.begun = stage.begun or now
            log = next(iter(record["log"]), None)
            job = Job(record["rule_name"], job_name(record["rule_name"], record["wildcards"]), log, now)
            self.running[record["jobid"]] = job

    def _finish(self, number: int) -> str | None:
        job = self.running.pop(number, None)
        if job is None:
            return None
        name = stage_of(job.rule) or ""
        stage, now = self.stages[name], self.clock()
        stage.seconds.setdefault(job.rule, []).append(now - job.begun)
        if stage.done < stage.total:
            return None
        stage.ended = now
        return name

    def count(self) -> str:
        """Say how many jobs of all stages are done."""
        stages = self.stages.values()
        return f"{sum(stage.done for stage in stages)} of {sum(stage.total for stage in stages)}"

    def since(self) -> str:
        """Say how long the study has run."""
        return duration(self.clock() - self.begun)

    def running_in(self, stage: str) -> list[Job]:
        """Return the running jobs of a stage, the oldest first."""
        return [job for job in self.running.values() if stage_of(job.rule) == stage]

    def line(self, name: str) -> tuple[str, str, str]:
        """Say how far a stage is: its name, its count, and its time or what it works on."""
        stage = self.stages[name]
        count = f"{stage.done} of {stage.total}"
        if stage.ended is not None and stage.begun is not None:
            return name, count, f"done in {duration(stage.ended - stage.begun)}"
        running = self.running_in(name)
        left = stage.left(len(running))
        says = [] if left is None or not running else [f"about {duration(left)} to go"]
        if running:
            oldest = running[0]
            more = f" and {len(running) - 1} more" if len(running) > 1 else ""
            says.append(f"{(last_message(oldest.log) or oldest.name).splitlines()[0]}{more}")
        return name, count, ": ".join(filter(None, says))


def job_name(rule: str, wildcards: Mapping[str, Any]) -> str:
    """Name a job by what it does, its cohort, approach, variant and so on, without what only numbers the jobs."""
    names = [f"{name} {value}" if name in NUMBERED else str(value)
             for name, value in wildcards.items() if name not in NUMBERING]  # fmt: skip
    does = [] if rule.startswith("train_") else [rule.replace("_", " ")]
    return " ".join(does + names)


def last_message(log: str | None) -> str | None:
    """Return the last message in a job's log, without a traceback; None if it says nothing yet."""
    messages = MESSAGE.split(_tail(Path(log))) if log and Path(log).is_file() else []
    return messages[-1].split("\nTraceback")[0].strip() if len(messages) > 1 else None


def _tail(log: Path) -> str:
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - TAIL))
        return file.read().decode("utf-8", errors="replace")


def duration(seconds: float) -> str:
    """Say a time in s, min or h."""
    if seconds < MINUTE:
        return f"{seconds:.0f} s"
    minutes = round(seconds / MINUTE)
    return f"{minutes} min" if minutes < MINUTE else f"{minutes // MINUTE} h {minutes % MINUTE} min"


def error_message(record: Mapping[str, Any]) -> str:
    """Say which job failed and why: the last message of its log, and where the log is."""
    log = next(iter(record["log"]), None)
    why = last_message(log) or SILENT
    place = f"\n  log: {log}" if log else ""
    return f"GlioBench: {why}\n  job: {record['rule_name']}{place}"


class Terminal(logging.Handler):
    """
    Shows `Progress`: live in a terminal, otherwise a line per minute and per completed stage.

    Parameters
    ----------
    stream : text file
        The terminal, usually the standard error.
    """

    def __init__(self, stream: Any = sys.stderr) -> None:
        super().__init__()
        self.stream = stream
        self.progress = Progress()
        self.said = self.progress.begun
        self.stopped = False
        self.live = _live(self._table) if stream.isatty() else None

    def emit(self, record: logging.LogRecord) -> None:
        """Show a record of Snakemake's logger."""
        try:
            event = str(getattr(record, "event", None))
            if event in EVENTS:
                self._show(event, vars(record))
            elif event in ("None", "error"):
                self._pass_on(record)
        except Exception:
            self.handleError(record)

    def _show(self, event: str, record: Mapping[str, Any]) -> None:
        ended = self.progress.running.get(record["job_id"]) if event == "job_finished" else None
        completed = self.progress.take(event, record)
        if ended and ended.rule in TOLD and (told := last_message(ended.log)):
            self._print(told)
        if event == "job_error" and not self.stopped:
            self._print(error_message(record))
        if event == "run_info" and self.live:
            self.live.start()
        if not self.live and completed:
            self._print(self._text(completed))
        elif not self.live and self.progress.clock() - self.said > MINUTE:
            running = list(filter(self.progress.running_in, self.progress.stages))
            if running:  # between two jobs on one core nothing runs: the next job's start is told
                self.said = self.progress.clock()
            for stage in running:
                self._print(self._text(stage))

    def _pass_on(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        self.stopped |= message.startswith(STOPPED)
        if not message.startswith((*CHATTER, *REPEATED)):
            self._print(message)

    def _text(self, stage: str) -> str:
        name, count, says = self.progress.line(stage)
        line = f"[{self.progress.since()}, {self.progress.count()}] {name} {count}  {says}"
        return line if len(line) <= WIDTH else f"{line[: WIDTH - 3]}..."

    def _table(self) -> Any:
        from rich.table import Table

        table = Table.grid(padding=(0, 2), expand=True)
        table.add_column(style="bold", no_wrap=True)
        table.add_column(justify="right", no_wrap=True)
        table.add_column(
            no_wrap=True, overflow="ellipsis", ratio=1
        )  # a long message is cut, never a stage or its count
        for stage in self.progress.stages:
            table.add_row(*self.progress.line(stage))
        table.add_row("all", self.progress.count(), f"{self.progress.since()} so far")
        return table

    def _print(self, text: str) -> None:
        if self.live and self.live.is_started:
            self.live.console.print(text, markup=False, highlight=False, soft_wrap=True)
        else:
            print(text, file=self.stream, flush=True)

    def close(self) -> None:
        """Leave the last state in the terminal."""
        if self.live and self.live.is_started:
            self.live.stop()
        super().close()


class Plan(logging.Handler):
    """Sums up the jobs of a dry run by stage and approach; Snakemake shows them by rule."""

    def __init__(self) -> None:
        super().__init__()
        self.jobs: Counter[tuple[str, str, str]] = Counter()  # by rule, cohort, and approach or input

    def emit(self, record: logging.LogRecord) -> None:
        """Count a job."""
        if str(getattr(record, "event", None)) == "job_info" and stage_of(rule := vars(record)["rule_name"]):
            wildcards = vars(record)["wildcards"]
            of = wildcards.get("approach", wildcards.get("input_name", ""))
            self.jobs[rule, wildcards.get("cohort", ""), of] += 1

    def text(self) -> str:
        """Return a line per stage; nothing without jobs."""
        lines = []
        for stage in STAGES:
            of_stage: Counter[str] = Counter()
            for (rule, _, approach), count in self.jobs.items():
                of_stage[approach] += count * (stage_of(rule) == stage)
            named = ", ".join(
                f"{approach} {count}" for approach, count in sorted(of_stage.items()) if approach and count
            )
            if total := of_stage.total():
                lines.append(f"  {stage:<9} {total:>6}  {named}".rstrip())
        return "\n".join(["GlioBench: jobs by stage and approach", *lines]) if lines else ""

    def write(self, path: str | Path) -> None:
        """Write the jobs as the table ``jobs``, for the job that estimates what they will take."""
        rows = [("stage", "rule", "cohort", "approach", "jobs")]
        rows += [(stage_of(names[0]) or "", *names, str(count)) for names, count in self.jobs.items()]
        Path(path).write_text("".join(f"{chr(9).join(row)}\n" for row in rows), encoding="utf-8")


def _live(table: Any) -> Any:
    """Return a live display, None without the library for it: then lines are printed."""
    try:
        from rich.console import Console
        from rich.live import Live
    except ImportError:
        return None
    return Live(get_renderable=table, console=Console(stderr=True), refresh_per_second=2)


def show_progress(logger: logging.Logger) -> Terminal | None:
    """
    Replace Snakemake's own display by `Terminal`, unless the user has chosen another logger.

    Returns
    -------
    Terminal or None
        None if nothing was replaced.
    """
    own = [handler for handler in logger.handlers if handler.name == "DefaultStreamHandler"]
    if not own:
        return None
    for handler in own:
        logger.removeHandler(handler)
    terminal = Terminal()
    logger.addHandler(terminal)
    os.environ[SHOWN] = "1"
    return terminal
