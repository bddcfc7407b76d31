# No rules here: which files of runs, of their cost and of their figures are joined, and by what.
import csv
from dataclasses import asdict


def run_folders(cell):
    """The folders of a cell's trainings; in a partial report, of those that exist."""
    folders = STUDY.run_folders(cell)
    return [each for each in folders if snapshot.has_run(each)] if PARTIAL else folders


def is_whole(cell):
    """Whether no training of a cell is missing; in a study that is not partial, none will be."""
    return len(run_folders(cell)) == len(STUDY.run_folders(cell))


def folders_of(cells):
    """The folder of every training of some cells."""
    return [folder for cell in cells for folder in run_folders(cell)]


def about_study():
    """A sentence on how much of the study exists, in a partial report."""
    if not PARTIAL:
        return ""
    trained = [each for cell in CELLS for each in (cell, *STUDY.copies(cell))]
    wanted = sum(len(STUDY.run_folders(each)) for each in trained)
    return snapshot.about(len(folders_of(trained)), wanted)


def files_of(cells, name):
    """The file of that name of every run of some cells."""
    return [f"{folder}/{name}" for folder in folders_of(cells)]


def run_files(cohort, name):
    """The file of that name of every run of a cohort."""
    return files_of([cell for cell in CELLS if cell.cohort == cohort], name)


def baseline_files(cohort, name):
    """The file of that name of every run of a cohort's baselines."""
    baselines = {"cohort": cohort, "approach": BASELINE}
    return files_of(plan.cells_like(CELLS, baselines), name)


def first_tables():
    """The table of the baselines of every cohort that other approaches follow on; replicates have none."""
    if PARTIAL:
        return []
    methods = {}
    for cell in SHOWN_CELLS:
        methods.setdefault(cell.cohort, set()).add(cell.approach)
    return [
        f"{RESULTS}/{paths.FIRST_TABLE}".format(cohort=cohort)
        for cohort, names in methods.items()
        if BASELINE in names and len(names) > 1
    ]


def permuted_files(cohort, name):
    """The file of that name of every run on labels of a cohort permuted among all patients or within sites."""
    cells = [cell for cell in CELLS if cell.cohort == cohort]
    copies = [
        copy
        for cell in cells
        for copy in STUDY.permuted(cell) + STUDY.permuted(cell, WITHIN_SITE)
    ]
    return files_of(copies, name)


# Copies that the table `copies` has as controls; not those within sites, where recognising the hospital still scores.
COPIES = [
    copy
    for cell in CELLS
    for copy in STUDY.permuted(cell) + STUDY.spiked(cell)
    if is_whole(copy)
]


def seen_cells():
    """The cells with visible labels, each after its copies; in a partial report, those of which nothing is missing."""
    groups = [[*STUDY.visible(cell), cell] for cell in STUDY.visible_cells]
    return [each for group in groups if all(map(is_whole, group)) for each in group]


SEEN_CELLS = seen_cells()


SCORES = "{cohort}/metrics"  # what a note says of which patients were scored


def audited_there(wildcards):
    """The patients and series of a cohort; in a partial report, if they have been read."""
    tables = dict(zip(("patients", "series"), cohort_tables(wildcards.cohort)))
    if PARTIAL and not all(map(os.path.isfile, tables.values())):
        return dict.fromkeys(tables, [])
    made = SCORES.format(**wildcards)
    return {
        name: as_audited(path, made, wildcards.cohort) for name, path in tables.items()
    }


def subgroups_settings(wildcards):
    """The cohort's key `subgroups`; its table is found from where Snakemake was started, also in a partial report."""
    settings = cohort_settings(wildcards).get("subgroups")
    if not (settings and PARTIAL):
        return settings
    return settings | {
        "table": os.path.join(os.environ[snapshot.STARTED], settings["table"])
    }


def subgroups_source(wildcards):
    """The user's table of subgroups as an input, so that edits are noticed; a missing one gives a message."""
    table = (subgroups_settings(wildcards) or {}).get("table")
    return [table] if table and os.path.isfile(table) else []


def cell_files(wildcards, name):
    """The file of that name of every run of one cell."""
    return files_of([cell_of(wildcards)], name)


def joint_files(wildcards, name):
    """The file of that name of every run that a figure of several cells shows."""
    return files_of(plan.cells_like(SHOWN_CELLS, wildcards), name)


def overlay_files(wildcards, name):
    """The file of that name of every run that the overlays of a cohort draw."""
    return files_of(plan.overlay_cells(STUDY, wildcards.cohort), name)


def sweep_files(wildcards, name):
    """The file of that name of every run of a sweep."""
    return files_of(plan.sweep_cells(SHOWN_CELLS, wildcards), name)


def method_files(wildcards, name):
    """The file of that name of every run of the methods on a cohort's pages."""
    return files_of(plan.cells_like(SHOWN_CELLS, {"cohort": wildcards.cohort}), name)


def thumbnail_shards(wildcards, suffix):
    """The audited series of a cohort and their thumbnails, if images are shown."""
    paths_of = shards(f"{COHORT}/audit/{{shard}}.{suffix}")
    return expand(paths_of, cohort=wildcards.cohort) if STUDY.show_images else []


def explanation_files(wildcards, name):
    """The file of that name of every explained cell on a cohort's pages."""
    cells = plan.explained_cells(STUDY, wildcards.cohort)
    return [
        f"{RESULTS}/{paths.EXPLANATIONS}/{name}".format(**vars(cell)) for cell in cells
    ]


def explained_methods(wildcards):
    """The explained cells on a cohort's pages, each with the modalities of its channels."""
    return [
        vars(cell)
        | {"channels": [name for name in STUDY.series(cell) if name in MODALITIES]}
        for cell in plan.explained_cells(STUDY, wildcards.cohort)
    ]


def first_run(wildcards, names):
    """Files of the first run of a cell."""
    folder = STUDY.run_folders(cell_of(wildcards))[0]
    return [f"{folder}/{name}" for name in names]


def figure(stem, caption, **labels):
    """A figure as PNG for the report and as PDF for a paper."""
    about = {
        "caption": f"../workflow/report/{caption}.rst",
        "category": labels.pop("category"),
        "labels": labels,
    }
    png = report(f"{stem}.png", **about)
    return [png, f"{stem}.pdf"]


def history_claimed():
    """The cells with a published figure of their training history, each once."""
    names = ("approach", "variant", "modality", "protocol")
    with open(ROOT / "config" / "published.tsv", encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t")
        claims = {tuple(row[name] for name in names) for row in rows if row["epoch"]}
    return [
        cell for cell in CELLS if tuple(getattr(cell, name) for name in names) in claims
    ]


def jobs_of_cohort(cohort):
    """The jobs that generate and audit a cohort."""
    if STUDY.generated(cohort):
        yield {"stage": "generate", "cohort": cohort}
    for shard in SHARDS:
        yield {"stage": "audit", "cohort": cohort, "shard": shard}


def jobs_of_cell(cell):
    """The jobs of a cell other than its trainings."""
    name = STUDY.input_name(cell)
    approach, variant = STUDY.input_owners[name]
    for shard in SHARDS:
        made = {"cohort": cell.cohort, "approach": approach, "variant": variant}
        yield {"stage": "preprocess", **made, "input_name": name, "shard": shard}
    if STUDY.approaches[cell.approach].tuned(cell.variant):
        yield {"stage": "tune", **asdict(cell)}
    if cell in SHOWN_CELLS and "gradcam" in plan.figure_names(STUDY, cell.approach):
        yield {"stage": "explain", **asdict(cell)}


def measured_jobs():
    """The jobs other than trainings, by the file of their cost; in a partial report, those that are done."""
    jobs = [job for name in SCORED_COHORTS for job in jobs_of_cohort(name)]
    jobs += [job for cell in CELLS for job in jobs_of_cell(cell)]
    files = {
        f"{RESULTS}/{paths.BENCHMARKS[job['stage']].format(**job)}": job for job in jobs
    }
    return {
        path: job for path, job in files.items() if not PARTIAL or os.path.isfile(path)
    }


def trainings():
    """The cost and record of every training: of all cells, and of their counterparts on copies with other labels."""
    cells = [each for cell in CELLS for each in (cell, *STUDY.copies(cell))]
    pairs = [
        (benchmark, f"{folder}/run.json")
        for cell in cells
        for benchmark, folder in zip(
            STUDY.run_benchmarks(cell), STUDY.run_folders(cell)
        )
    ]
    return [pair for pair in pairs if not PARTIAL or all(map(os.path.isfile, pair))]


SCORED_COHORTS = list(dict.fromkeys(cell.cohort for cell in CELLS))
DESCRIBED_COHORTS = [
    name
    for name in SCORED_COHORTS
    if not PARTIAL or os.path.isfile(f"{RESULTS}/{name}/series.tsv")
]


def described_inputs():
    """The index of every input, which lists what could not be made, with its cohort and name."""
    owners = {
        path: [cell.cohort, STUDY.input_name(cell)]
        for cell in CELLS
        if cell.cohort in DESCRIBED_COHORTS
        for path in shards_of_input(cell.cohort, STUDY.input_name(cell), "tsv")
    }
    return {
        path: owner
        for path, owner in owners.items()
        if not PARTIAL or os.path.isfile(path)
    }


def described_fields():
    """The field of view of every input with a grid around the brain."""
    fields = {
        f"{RESULTS}/{paths.FIELD.format(input_name=name)}": name
        for name in STUDY.input_names
        if STUDY.field_cohorts(name)
    }
    return {
        path: name
        for path, name in fields.items()
        if not PARTIAL or os.path.isfile(path)
    }
