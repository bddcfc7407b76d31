# Functions only: files of the user that lie elsewhere now, and what was made of them and stays.
import json
from functools import cache
from types import SimpleNamespace

from gliobench import moved


def place_of(cohort):
    """Where a cohort's files lie, and all else that its audit depends on."""
    settings = STUDY.cohorts[cohort]
    asked = SimpleNamespace(cohort=cohort)  # in place of wildcards
    series = STUDY.cohort_series(cohort)
    code = library_digest("read_cohort.py", "audit_series.py", "gather_series.py")
    return moved.place_of(
        own_tables(asked),
        cohort_folder(asked),
        series,
        [settings["kind"], settings.get("exclude"), series, code],
    )


def made_place(wildcards):
    """The note of where the audited files lie: none of a generated cohort, which lies in the results."""
    if STUDY.generated(wildcards.cohort):
        return {}
    return {
        f"{RESULTS}/{belonging.NOTES}/{wildcards.cohort}/place.json": json.dumps(
            place_of(wildcards.cohort)
        )
    }


def audit_forced():
    """Whether the command line has the audit run again, so that its files may hold something else."""
    forced = {"-F", "--forceall", "-f", "--force"}
    return bool(
        (forced | {"read_cohort", "audit_series", "gather_series"}) & set(sys.argv)
    )


@cache
def only_moved(cohort):
    """Whether a cohort's audit has nothing new to read but the same files at another place."""
    note = Path(RESULTS, belonging.NOTES, cohort, "place.json")
    if STUDY.generated(cohort) or audit_forced() or not note.is_file():
        return False
    return moved.only_moved(json.loads(note.read_text()), place_of(cohort))


def cohort_tables(cohort):
    """What the audit tells of a cohort."""
    return tuple(f"{RESULTS}/{cohort}/{table}.tsv" for table in ("patients", "series"))


def content_note(made, cohort):
    """The note of what the images of a cohort were when something was made of them; `made`: its path in the results."""
    return f"{RESULTS}/{belonging.NOTES}/{made}.{cohort}.content"


def made_from(made):
    """The note that a job takes of the patients and images that it reads."""

    def notes(wildcards):
        cohort = wildcards.cohort
        return {content_note(made.format(**wildcards), cohort): cohort_tables(cohort)}

    return notes


content_now = cache(moved.content_digest)  # hundreds of jobs ask
KEPT = (
    {}
)  # notes of what stays as it is because its files only moved, with the tables that tell


def as_audited(path, made, cohort):
    """What the audit makes as an input, whose time tells nothing where the same files only moved."""
    note, tables = Path(content_note(made, cohort)), cohort_tables(cohort)
    if not only_moved(cohort) or not note.is_file():
        return path
    if note.read_text() != content_now(tables):
        return path
    KEPT[note] = tables
    return ancient(path)


def audited(file, made):
    """An input function for something that the audit makes, for a job that makes `made`."""
    return lambda wildcards: as_audited(
        f"{COHORT}/{file}".format(**wildcards),
        made.format(**wildcards),
        wildcards.cohort,
    )


def check_kept():
    """Refuse what was kept because the user's files only moved, where the audit found other content."""
    others = {
        Path(tables[0]).parent.name
        for note, tables in KEPT.items()
        if note.read_text() != moved.content_digest(tables)
    }
    if others:
        raise WorkflowError(
            f"GlioBench: the files of cohort {', '.join(sorted(others))} are not those that its results were made of: "
            "the same command makes anew what depends on them."
        )
