"""The web service of a finished run: upload a patient's series, get the prediction, keep the log."""
