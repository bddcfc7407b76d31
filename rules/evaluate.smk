FORMATS = ["tsv", "md", "tex", "html"]


rule score:
    """Score every cell of a cohort and its repeats and subgroups, compare cells in pairs, and split their variance."""
    input:
        unpack(audited_there),
        predictions=lambda wildcards: run_files(wildcards.cohort, "predictions.tsv"),
        records=lambda wildcards: run_files(wildcards.cohort, "run.json"),
        permuted_predictions=lambda wildcards: permuted_files(
            wildcards.cohort, "predictions.tsv"
        ),
        permuted_records=lambda wildcards: permuted_files(wildcards.cohort, "run.json"),
        subgroups=subgroups_source,
    output:
        metrics=f"{COHORT}/metrics.tsv",
        pairwise=f"{COHORT}/pairwise.tsv",
        variance=f"{COHORT}/variance.tsv",
        repeats=f"{COHORT}/repeats.tsv",
        subgroups=f"{COHORT}/subgroups.tsv",
    log:
        f"{COHORT}/logs/score.log",
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=growing(60),
    params:
        cells=lambda wildcards: STUDY.cell_facts(wildcards.cohort),
        seed=STUDY.seed,
        resamples=STUDY.bootstrap,
        subgroups=subgroups_settings,
        made_from=made_from(SCORES),
        library=library_digest("score.py"),
    script:
        "../workflow/scripts/score.py"


rule tabulate_baselines:
    """The first table: the baselines of a cohort, scored before the other approaches are trained."""
    input:
        unpack(audited_there),
        predictions=lambda wildcards: baseline_files(
            wildcards.cohort, "predictions.tsv"
        ),
        records=lambda wildcards: baseline_files(wildcards.cohort, "run.json"),
        published=project_file("config/published.tsv"),
    output:
        f"{RESULTS}/{paths.FIRST_TABLE}",
    log:
        f"{COHORT}/logs/tabulate_baselines.log",
    priority: FOR_FIRST_TABLE
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=growing(10),
    params:
        cells=lambda wildcards: [
            record
            for record in STUDY.cell_facts(wildcards.cohort)
            if record["approach"] == BASELINE
        ],
        kind=lookup(dpath="{cohort}/kind", within=STUDY.cohorts),
        seed=STUDY.seed,
        resamples=STUDY.bootstrap,
        library=library_digest("tabulate_baselines.py"),
    script:
        "../workflow/scripts/tabulate_baselines.py"


rule tabulate_comparison:
    """The result: every cell of the study with the published figures, and the verdicts."""
    input:
        metrics=expand(f"{COHORT}/metrics.tsv", cohort=SCORED_COHORTS),
        pairwise=expand(f"{COHORT}/pairwise.tsv", cohort=SCORED_COHORTS),
        variance=expand(f"{COHORT}/variance.tsv", cohort=SCORED_COHORTS),
        repeats=expand(f"{COHORT}/repeats.tsv", cohort=SCORED_COHORTS),
        subgroups=expand(f"{COHORT}/subgroups.tsv", cohort=SCORED_COHORTS),
        patients=expand(f"{COHORT}/patients.tsv", cohort=DESCRIBED_COHORTS),
        histories=files_of(history_claimed(), "history.tsv"),
        records=files_of(history_claimed(), "run.json"),
        published=project_file("config/published.tsv"),
    output:
        report(
            f"{RESULTS}/tables/comparison.html",
            caption="../workflow/report/comparison.rst",
            category="Tables",
            labels={"table": "comparison"},
        ),
        multiext(f"{RESULTS}/tables/comparison", ".tsv", ".md", ".tex", ".txt"),
        multiext(
            f"{RESULTS}/tables/published_vs_reproduced",
            *(".tsv", ".md", ".tex", ".html", ".txt"),
        ),
        expand(
            f"{RESULTS}/tables/{{table}}.{{format}}",
            table=["pairwise", "variance", "subgroups"],
            format=FORMATS,
        ),
    log:
        f"{RESULTS}/logs/tabulate_comparison.log",
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=growing(10),
    params:
        cells=STUDY.cell_facts(),
        cohorts={
            name: {
                "kind": STUDY.kinds[name],
                "like": GENERATED.get(STUDY.kinds[name], STUDY.kinds[name]),
                "generated": STUDY.generated(name),
            }
            for name in SCORED_COHORTS
        },
        replicates_of=STUDY.replicates_of,
        study=plan.study_question(STUDY),
        about=about_study(),
        made_with=belonging.note_of_comparison(STUDY),
        library=library_digest("tabulate_comparison.py"),
    script:
        "../workflow/scripts/tabulate_comparison.py"


rule describe_cohorts:
    """The cohorts, and which patients and series are left out and why."""
    input:
        patients=expand(f"{COHORT}/patients.tsv", cohort=DESCRIBED_COHORTS),
        series=expand(f"{COHORT}/series.tsv", cohort=DESCRIBED_COHORTS),
        left_out=expand(f"{COHORT}/left_out.tsv", cohort=DESCRIBED_COHORTS),
        indexes=list(described_inputs()),
        fields=list(described_fields()),
    output:
        expand(
            f"{RESULTS}/tables/{{table}}.{{format}}",
            table=["cohorts", "exclusions"],
            format=FORMATS,
        ),
    log:
        f"{RESULTS}/logs/describe_cohorts.log",
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=growing(10),
    params:
        cohorts=DESCRIBED_COHORTS,
        inputs=list(described_inputs().values()),
        fields=list(described_fields().values()),
        library=library_digest("describe_cohorts.py"),
    script:
        "../workflow/scripts/describe_cohorts.py"


rule tabulate_replicates:
    """Controls: the mean AUC over replicated cohorts, and its difference between variants, as a table and a figure."""
    input:
        comparison=f"{RESULTS}/tables/comparison.tsv",
    output:
        table=expand(f"{RESULTS}/tables/replicates.{{format}}", format=FORMATS),
        figure=figure(
            f"{RESULTS}/figures/replicates",
            "controls",
            category="Controls",
            figure="replicates",
        ),
    log:
        f"{RESULTS}/logs/tabulate_replicates.log",
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=growing(10),
    params:
        replicates_of=STUDY.replicates_of,
        library=library_digest("tabulate_replicates.py"),
    script:
        "../workflow/scripts/tabulate_replicates.py"


rule tabulate_copies:
    """Controls on the study's own images: what is found in permuted labels, and in labels drawn from a quantity."""
    input:
        predictions=files_of(COPIES, "predictions.tsv"),
        records=files_of(COPIES, "run.json"),
    output:
        table=expand(f"{RESULTS}/tables/copies.{{format}}", format=FORMATS),
    log:
        f"{RESULTS}/logs/tabulate_copies.log",
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=growing(30),
    params:
        library=library_digest("tabulate_copies.py"),
    script:
        "../workflow/scripts/tabulate_copies.py"


rule tabulate_visible:
    """The graded control: what each method reaches on labels that the images show, and on its own."""
    input:
        predictions=files_of(SEEN_CELLS, "predictions.tsv"),
        records=files_of(SEEN_CELLS, "run.json"),
        metrics=expand(
            f"{COHORT}/metrics.tsv",
            cohort=sorted({cell.cohort for cell in STUDY.visible_cells}),
        ),
    output:
        table=expand(f"{RESULTS}/tables/visible.{{format}}", format=FORMATS),
        figure=figure(
            f"{RESULTS}/figures/visible",
            "visible",
            category="Controls",
            figure="visible labels",
        ),
    log:
        f"{RESULTS}/logs/tabulate_visible.log",
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=growing(30),
    params:
        seed=STUDY.seed,
        resamples=STUDY.bootstrap,
        library=library_digest("tabulate_visible.py"),
    script:
        "../workflow/scripts/tabulate_visible.py"


rule tabulate_sensitivity:
    """How the AUC of each approach grows with the planted signal, and the weakest signal it finds."""
    input:
        comparison=f"{RESULTS}/tables/comparison.tsv",
        cohorts=f"{RESULTS}/tables/cohorts.tsv",
    output:
        table=expand(f"{RESULTS}/tables/sensitivity.{{format}}", format=FORMATS),
        figure=figure(
            f"{RESULTS}/figures/sensitivity",
            "sensitivity",
            category="Overview",
            figure="sensitivity floor",
        ),
    log:
        f"{RESULTS}/logs/tabulate_sensitivity.log",
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=growing(10),
    params:
        replicates_of=STUDY.sensitivity,
        library=library_digest("tabulate_sensitivity.py"),
    script:
        "../workflow/scripts/tabulate_sensitivity.py"


rule tabulate_cost:
    """The cost of every job, summed by stage, cell and study."""
    input:
        jobs=list(measured_jobs()),
        trainings=[benchmark for benchmark, _ in trainings()],
        records=[record for _, record in trainings()],
        comparison=f"{RESULTS}/tables/comparison.tsv",
        replicates=f"{RESULTS}/tables/replicates.tsv" if STUDY.replicates_of else [],
    output:
        table=expand(f"{RESULTS}/tables/cost.{{format}}", format=FORMATS),
        figure=figure(
            f"{RESULTS}/figures/cost",
            "cost",
            category="Overview",
            figure="AUC against cost",
        ),
    log:
        f"{RESULTS}/logs/tabulate_cost.log",
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=growing(10),
    params:
        jobs=list(measured_jobs().values()),
        replicates_of=STUDY.replicates_of,
        library=library_digest("tabulate_cost.py"),
    script:
        "../workflow/scripts/tabulate_cost.py"
