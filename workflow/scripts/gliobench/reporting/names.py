"""Names of figures and pages, and where they lie below a study's results. Light to import: parsing needs it."""

# An approach's YAML names its figures; these are the names, by what one figure shows.
EACH_PHASE = ("roc", "confusion", "classification")  # one cell and phase

CELL = "figures/{cohort}/{approach}/{variant}/{modality}/{protocol}"
SLICES = "figures/{cohort}/{approach}/slices-{modality}"
PHASE_CURVES = "figures/{cohort}/{approach}/{variant}/phase-curves-{protocol}"
SWEEP = "figures/{cohort}/{approach}/sweep-{modality}-{protocol}"
LEAKAGE = "figures/leakage"
OVERVIEW = {"forest": "AUC of every cell", "cost": "AUC against cost"}  # of the whole study: file and caption -> label
OVERLAYS = {
    "roc": "ROC curves",
    "precision_recall": "Precision and recall",
    "calibration": "Calibration",
}  # of a cohort
DRAWN_FROM_TABLES = ("forest", "cost", "controls", "sensitivity", "leakage")  # of the whole study
PLACED = (*DRAWN_FROM_TABLES, "audit")  # with a place of their own in the report
DRAWN_FROM_IMAGES = ("audit", "slices", "montage", "examples", "gradcam")
DRAWN_FROM_SCORES = (*EACH_PHASE, "distributions", "curves")
SPLIT_VARIANTS = ("slice_split", "patient_split")
PAGES = ("index.html", "comparison.html", "controls.html", "cohorts.html", "cost.html", "method.html")
APPROACH_PAGE = "approaches/{approach}.html"
