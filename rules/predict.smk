# New patients, scored by the models of a finished run; included if `--config patient=... model=...` requests it.
# The run's files are named by their full path, so that no rule of a study claims them and retrains.
PREDICTED = REQUEST.folder
RECORD = f"{REQUEST.run}/run.json"
INPUTS = f"{PREDICTED}/input/patient"


wildcard_constraints:
    patient="[A-Za-z0-9][A-Za-z0-9_-]*",


rule predict_prepare:
    """Audit a patient's series and make the input as in training."""
    input:
        record=RECORD,
    output:
        array=temp(f"{INPUTS}.npy"),
        index=temp(f"{INPUTS}.tsv"),
        series=temp(f"{PREDICTED}/input/series.tsv"),
        thumbnails=temp(f"{PREDICTED}/input/thumbnails.npy"),
    log:
        f"{PREDICTED}/logs/prepare.log",
    conda:
        f"../envs/{environment(REQUEST.record['input']['kind'])}.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=growing(20),
    params:
        patient=lambda wildcards: str(REQUEST.patients[wildcards.patient]),
        images=lambda wildcards: REQUEST.images(wildcards.patient),
        listed=REQUEST.listed is not None,
        library=library_digest(
            "predict_prepare.py",
            f"gliobench/inputs/{REQUEST.record['input']['kind']}.py",
        ),
    script:
        "../workflow/scripts/predict_prepare.py"


rule predict_apply:
    """Apply each fold's model; the environment is that of the approach."""
    input:
        record=RECORD,
        models=[str(path) for path in REQUEST.models],
        array=f"{INPUTS}.npy",
        index=f"{INPUTS}.tsv",
    output:
        answer=temp(f"{PREDICTED}/input/answer.json"),
        cams=temp(f"{PREDICTED}/input/cams.npy"),
    log:
        f"{PREDICTED}/logs/predict.log",
    conda:
        f"../envs/{REQUEST.environment}.yaml"
    threads: 1
    resources:
        mem_mb=memory(3000),
        runtime=growing(20),
        gpu=GPUS if REQUEST.record["toolchain"] == backends.TORCH else 0,
    params:
        fold=REQUEST.fold,
        machine=STUDY.machine,
        library=library_digest(
            "predict_apply.py", f"gliobench/approaches/{REQUEST.record['approach']}.py"
        ),
    script:
        "../workflow/scripts/predict_apply.py"


rule predict_show:
    """Say what the answer is worth; draw the patient in the cohort, and the input; write the page."""
    input:
        record=RECORD,
        answer=f"{PREDICTED}/input/answer.json",
        array=f"{INPUTS}.npy",
        index=f"{INPUTS}.tsv",
        series=f"{PREDICTED}/input/series.tsv",
        thumbnails=f"{PREDICTED}/input/thumbnails.npy",
        cams=f"{PREDICTED}/input/cams.npy",
        study=list(REQUEST.tables.values()),
        template=[
            project_file(path) for path in (ROOT / "workflow" / "report").iterdir()
        ],
    output:
        prediction=f"{PREDICTED}/prediction.json",
        placement=multiext(f"{PREDICTED}/cohort", ".png", ".pdf"),
        figure=multiext(f"{PREDICTED}/{REQUEST.figure}", ".png", ".pdf"),
        page=f"{PREDICTED}/index.html",
    log:
        f"{PREDICTED}/logs/show.log",
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=growing(10),
    params:
        tables=REQUEST.tables,
        library=library_digest("predict_show.py"),
    script:
        "../workflow/scripts/predict_show.py"


if REQUEST.table:

    rule predict_list:
        """The table of a list of patients."""
        input:
            predictions=[f"{folder}/prediction.json" for folder in REQUEST.folders],
        output:
            table=REQUEST.table,
        log:
            f"{REQUEST.home}.log",
        conda:
            "../envs/report.yaml"
        threads: 1
        resources:
            mem_mb=memory(1000),
            runtime=growing(5),
        params:
            library=library_digest("predict_list.py"),
        script:
            "../workflow/scripts/predict_list.py"
