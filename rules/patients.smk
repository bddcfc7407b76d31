# The pages of a cohort's patients: one job a cohort.
rule page_patients:
    """A page for every patient of a cohort, their list, and the most confident mistakes."""
    input:
        predictions=lambda wildcards: method_files(wildcards, "predictions.tsv"),
        records=lambda wildcards: method_files(wildcards, "run.json"),
        patients=f"{COHORT}/patients.tsv",
        series=f"{COHORT}/series.tsv",
        exclusions=f"{RESULTS}/tables/exclusions.tsv",
        audited=lambda wildcards: thumbnail_shards(wildcards, "tsv"),
        thumbnails=lambda wildcards: thumbnail_shards(wildcards, "npy"),
        cams=lambda wildcards: explanation_files(wildcards, "cams.tsv"),
        maps=lambda wildcards: explanation_files(wildcards, "cams.npy"),
        images=lambda wildcards: explanation_files(wildcards, "images.npy"),
        template=TEMPLATES,
    output:
        directory(f"{RESULTS}/report/{paths.PATIENT_PAGES}"),
    log:
        f"{LOGS}/page_patients.log",
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=growing(60),
    params:
        methods=lambda wildcards: plan.patient_methods(STUDY, wildcards.cohort),
        explained=explained_methods,
        show_images=STUDY.show_images,
        study=plan.report_facts(STUDY),
        library=library_digest("page_patients.py"),
    script:
        "../workflow/scripts/page_patients.py"
