"""Where the parts of a study are below ``results/<study>/``, as patterns shared by rules, notes and tables."""

from gliobench.terms import VISIBLE

CELL_FOLDER = "{approach}/{variant}/{modality}/{protocol}"
VISIBLE_COPY = f"{{cohort}}/{VISIBLE}-{{label}}"  # of a cohort, with labels that its images show

REGIONS = "{cohort}/regions/{shard}.tsv"
DECODED = "{cohort}/decoded/{shard}"
FIELD = "fields/{input_name}.json"
INPUT = "{cohort}/inputs/{input_name}/{shard}"  # the approach; `<approach>-<variant>` if the variant has its own input
SPLIT = "{cohort}/splits/{scheme}"
FIRST_TABLE = "{cohort}/baselines.txt"
TUNING = f"{{cohort}}/tuning/{CELL_FOLDER}"
RUNS = f"{{cohort}}/runs/{CELL_FOLDER}"
RUN_FOLDER = f"{RUNS}/repeat-{{repeat}}/seed-{{seed}}/batch-{{batch}}"
PATIENT_PAGES = "patients/{cohort}"  # in the folder of the report
EXPLANATIONS = f"{{cohort}}/explanations/{CELL_FOLDER}"

REPORT_SCRIPTS = "scripts/vega.js"  # of all interactive figures, in the report's folder

# Cost of the jobs of each stage
BENCHMARKS = {
    "generate": "{cohort}/benchmarks/generate.tsv",
    "audit": "{cohort}/benchmarks/audit/{shard}.tsv",
    "preprocess": "{cohort}/benchmarks/preprocess/{input_name}/{shard}.tsv",
    "tune": f"{{cohort}}/benchmarks/tuning/{CELL_FOLDER}.tsv",
    "train": f"{{cohort}}/benchmarks/runs/{CELL_FOLDER}/repeat-{{repeat}}_seed-{{seed}}_batch-{{batch}}.tsv",
    "explain": f"{{cohort}}/benchmarks/explanations/{CELL_FOLDER}.tsv",
}
