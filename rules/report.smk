TEMPLATES = [project_file(path) for path in (ROOT / "workflow" / "report").iterdir()]
LEAKAGE_CELLS = plan.leakage_cells(STUDY)
LEAKAGE_CELLS += [copy for cell in LEAKAGE_CELLS for copy in STUDY.permuted(cell)]


rule tabulate_leakage:
    """Slice leakage: how much splitting slices freely, and reporting the best validation epoch, add to a score."""
    input:
        predictions=files_of(LEAKAGE_CELLS, "predictions.tsv"),
        records=files_of(LEAKAGE_CELLS, "run.json"),
    output:
        table=expand(f"{RESULTS}/tables/leakage.{{format}}", format=FORMATS),
        figure=figure(
            f"{RESULTS}/{plan.LEAKAGE_FIGURE}",
            "leakage",
            category="Leakage",
            figure="slice leakage",
        ),
    log:
        f"{RESULTS}/logs/tabulate_leakage.log",
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=growing(10),
    params:
        replicates_of=STUDY.replicates_of,
        library=library_digest("tabulate_leakage.py"),
    script:
        "../workflow/scripts/tabulate_leakage.py"


PAGE_TABLES = [
    *("comparison", "published_vs_reproduced", "pairwise", "variance", "subgroups"),
    *("cohorts", "exclusions", "cost"),
    *["replicates"] * bool(STUDY.replicates_of),
    *["copies"] * bool(COPIES),
    *["visible"] * bool(SEEN_CELLS),
    *["sensitivity"] * bool(STUDY.sensitivity),
    *["leakage"] * bool(LEAKAGE_CELLS),
]


rule page:
    """The study's report: pages that open offline, with their figures; and a record of what made it."""
    input:
        figures=[shown["path"] for shown in PAGE_FIGURES],
        tables=expand(f"{RESULTS}/tables/{{table}}.tsv", table=PAGE_TABLES),
        published=project_file("config/published.tsv"),
        fidelity=project_file("docs/fidelity.md"),
        records=files_of(CELLS, "run.json"),
        predictions=files_of(SHOWN_CELLS, "predictions.tsv"),
        shown_records=files_of(SHOWN_CELLS, "run.json"),
        patients=expand(
            f"{RESULTS}/report/{paths.PATIENT_PAGES}",
            cohort=plan.patient_cohorts(STUDY),
        ),
        template=TEMPLATES,
    output:
        pages=[f"{RESULTS}/report/{page}" for page in plan.report_pages(STUDY)],
        tables=expand(f"{RESULTS}/report/tables/{{table}}.tsv", table=PAGE_TABLES),
        figures=directory(f"{RESULTS}/report/figures"),
        study=f"{RESULTS}/study.json",
    log:
        f"{RESULTS}/logs/page.log",
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=growing(10),
    params:
        figures=PAGE_FIGURES,
        study=plan.report_facts(STUDY) | {"about": about_study()},
        config=config,
        library=library_digest("page.py"),
    script:
        "../workflow/scripts/page.py"
