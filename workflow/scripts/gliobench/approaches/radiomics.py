"""IBSI features of images, learnt as `gliobench.approaches.tabular` learns tables: nothing is trained here. scikit-learn."""

from gliobench.approaches.tabular import SUFFIX, before_folds, build, fit, load, predict, prepare, save

__all__ = ["SUFFIX", "before_folds", "build", "fit", "load", "predict", "prepare", "save"]
