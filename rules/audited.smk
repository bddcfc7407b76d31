# No rules here: what jobs read of the audit, which counts as unchanged if the user's files only moved.
from types import SimpleNamespace


def place_of(cohort):
    """The location of a cohort's files, and everything else that its audit depends on."""
    asked = SimpleNamespace(cohort=cohort)  # instead of wildcards
    series = STUDY.cohort_series(cohort)
    code = library_digest("read_cohort.py", "audit_series.py", "gather_series.py")
    return moved.place_of(
        own_tables(asked),
        cohort_folder(asked),
        series,
        [STUDY.kinds[cohort], STUDY.excluded(cohort), series, code],
    )


def made_place(wildcards):
    """The note of the location of the audited files: none for a generated cohort, which is in the results."""
    if STUDY.generated(wildcards.cohort):
        return {}
    return {
        f"{RESULTS}/{belonging.NOTES}/{wildcards.cohort}/place.json": json.dumps(
            place_of(wildcards.cohort)
        )
    }


def audit_forced():
    """Whether the command line forces the audit to run again, so that its files may change."""
    given, audit = command_line(), {"read_cohort", "audit_series", "gather_series"}
    return bool(given.forceall or given.force or audit & set(given.forcerun))


@cache
def only_moved(cohort):
    """Whether a cohort's audit would only read the same files at another location."""
    note = Path(RESULTS, belonging.NOTES, cohort, "place.json")
    if STUDY.generated(cohort) or audit_forced() or not note.is_file():
        return False
    return moved.only_moved(json.loads(note.read_text()), place_of(cohort))


def cohort_tables(cohort):
    """The audit tables of a cohort."""
    return tuple(f"{RESULTS}/{cohort}/{table}.tsv" for table in ("patients", "series"))


def content_note(made, cohort):
    """The note of a cohort's image content when a result was made; `made`: the result's path."""
    return f"{RESULTS}/{belonging.NOTES}/{made}.{cohort}.content"


def made_from(made):
    """The note of the patients and images that a job reads."""

    def notes(wildcards):
        cohort = wildcards.cohort
        return {content_note(made.format(**wildcards), cohort): cohort_tables(cohort)}

    return notes


content_now = cache(moved.table_digest)  # called by hundreds of jobs
KEPT_NOTES = (
    {}
)  # notes of results kept because their files only moved, with the tables that show it


def as_audited(path, made, cohort):
    """Output of the audit as an input, with its time ignored if the same files only moved."""
    note, tables = Path(content_note(made, cohort)), cohort_tables(cohort)
    if not only_moved(cohort) or not note.is_file():
        return path
    if note.read_text() != content_now(tables):
        return path
    KEPT_NOTES[note] = tables
    return ancient(path)


def audited(file, made):
    """An input function for output of the audit, for a job that makes `made`."""
    return lambda wildcards: as_audited(
        f"{COHORT}/{file}".format(**wildcards),
        made.format(**wildcards),
        wildcards.cohort,
    )


def check_kept():
    """Refuse results kept because the user's files only moved, if the audit found other content."""
    others = {
        Path(tables[0]).parent.name
        for note, tables in KEPT_NOTES.items()
        if note.read_text() != moved.table_digest(tables)
    }
    if others:
        raise WorkflowError(
            f"GlioBench: the files of cohort {', '.join(sorted(others))} differ from those used for its results: "
            "the same command re-runs what depends on them."
        )
