"""
Prediction for one new patient with a trained run.

Three steps, because they need different environments: `patient` reads the images and makes the input as in
training, `folds` applies the run's models, and `gliobench.reporting.prediction` draws and describes the result.
`request` checks the request.
"""
