# No rules here: the labels that trainings read, or draw for copies of a cohort.


def tables_of_labels(wildcards):
    """The patients and split that a training reads; or the tables that copies with other labels are drawn from."""
    kind, cohort = kind_of_labels(wildcards.cohort), parent_cohort(wildcards.cohort)
    if kind == "own":
        patients = f"{RESULTS}/{wildcards.cohort}/patients.tsv"
        return {
            "patients": ancient(patients),  # changed patients change the split
            "split": split_table(wildcards),
        }
    made = paths.RUN_FOLDER.format(**wildcards)
    tables = zip(("patients", "series"), cohort_tables(cohort))
    read = {name: as_audited(path, made, cohort) for name, path in tables}
    return read | (spiked_facts(cohort) if kind == "spiked" else {})


def spiked_facts(cohort):
    """The facts of the baselines, if labels are drawn from one of them; edited features make other patients."""
    if "features" in STUDY.cohorts[cohort]["spiked"]:
        return {}
    return {
        "facts": shards_of_input(cohort, BASELINE, "npy"),
        "fact_indexes": shards_of_input(cohort, BASELINE, "tsv"),
    }


def made_from_labels(wildcards):
    """The note of the patients and images that copies with other labels are drawn from."""
    if kind_of_labels(wildcards.cohort) == "own":
        return {}
    cohort = parent_cohort(wildcards.cohort)
    note = content_note(paths.RUN_FOLDER.format(**wildcards), cohort)
    return {note: cohort_tables(cohort)}
