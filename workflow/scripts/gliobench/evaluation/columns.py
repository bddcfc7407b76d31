"""Columns that tables of scores share. Apart from what computes them, so that a report job starts without it."""

CELL = ["cohort", "approach", "variant", "modality", "protocol"]
ROUND = ["repeat", "seed_index"]
RUN = [*ROUND, "fold"]
METRICS = ("accuracy", "auc", "precision", "recall", "specificity", "f1", "balanced_accuracy", "brier")
PUBLISHED = ("accuracy", "auc", "precision", "recall")
