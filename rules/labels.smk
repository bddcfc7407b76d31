# No rules here: the labels that trainings read, or draw for copies of a cohort.


def kind_of_labels(cohort):
    """The module of `gliobench.training.labels` that gives a cohort or copies of it their labels."""
    labels = labels_of(cohort)
    if labels in (PERMUTATIONS, WITHIN_SITE):
        return "permuted"
    return "spiked" if labels.startswith(f"{SPIKED}-") else "own"


def labelled(wildcards):
    """The patients and split that a training reads; or the tables that copies with other labels are drawn from."""
    kind, cohort = kind_of_labels(wildcards.cohort), parent_cohort(wildcards.cohort)
    if kind == "own":
        patients = f"{RESULTS}/{wildcards.cohort}/patients.tsv"
        return {
            "patients": ancient(patients),  # changed patients change the split
            "split": split_scheme(wildcards),
        }
    made = paths.RUN.format(**wildcards)
    tables = zip(("patients", "series"), cohort_tables(cohort))
    read = {name: as_audited(path, made, cohort) for name, path in tables}
    return read | (quantity(cohort) if kind == "spiked" else {})


def quantity(cohort):
    """The quantity that labels are drawn from: tables of features, or the facts of the baselines."""
    wanted = STUDY.cohorts[cohort]["spiked"]
    if "features" in wanted:
        group = STUDY.feature_sources(cohort)[wanted["features"]]
        return {"tables": feature_tables({wanted["features"]: group})}
    return {
        "facts": shards_of_input(cohort, BASELINE, "npy"),
        "fact_indexes": shards_of_input(cohort, BASELINE, "tsv"),
    }


def labels_of_training(wildcards):
    """The labels that a training reads or draws, as plain data: their kind, and the seed of each cohort or copy."""
    kind, cohort = kind_of_labels(wildcards.cohort), parent_cohort(wildcards.cohort)
    labels = {"kind": kind, "seeds": STUDY.base_seeds(wildcards.cohort)}
    if kind == "own":
        return labels
    labels["scheme"] = STUDY.splits[STUDY.scheme_name(cell_of(wildcards))]
    if kind == "permuted":
        within_sites = labels_of(wildcards.cohort) == WITHIN_SITE
        return labels | {"within_sites": within_sites}
    return labels | {
        "quantity": STUDY.cohorts[cohort]["spiked"],
        "features": STUDY.feature_sources(cohort),
        "oracle_auc": float(labels_of(wildcards.cohort).partition("-")[2]),
    }


def made_from_labels(wildcards):
    """The note of the patients and images that copies with other labels are drawn from."""
    if kind_of_labels(wildcards.cohort) == "own":
        return {}
    cohort = parent_cohort(wildcards.cohort)
    note = content_note(paths.RUN.format(**wildcards), cohort)
    return {note: cohort_tables(cohort)}
