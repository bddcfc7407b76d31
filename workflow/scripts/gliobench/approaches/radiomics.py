"""IBSI features of images: the code of `gliobench.approaches.tabular` learns from them. scikit-learn."""

from gliobench.approaches.tabular import SUFFIX, before_folds, build, fit, load, predict, prepare, save

__all__ = ["SUFFIX", "before_folds", "build", "fit", "load", "predict", "prepare", "save"]
