"""Columns that tables of scores share. Apart from what computes them, so that a report job starts without it."""

CELL = ["cohort", "approach", "variant", "modality", "protocol"]
ROUND = ["repeat", "seed_index"]
RUN = [*ROUND, "fold"]
HARMONISED, MAIN, BASELINE = "harmonised", "main", "baseline"  # the protocol, variant and approach that tables compare
METRICS = (
    "accuracy",
    "auc",
    "precision",
    "recall",
    "specificity",
    "f1",
    "balanced_accuracy",
    "brier",
    "pr_auc",
    "mcc",
    "log_loss",
)
PUBLISHED = ("accuracy", "auc", "precision", "recall")
