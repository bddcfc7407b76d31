"""
What a trained run says of one new patient.

In three steps, since they need different environments: `patient` reads the images and makes the input as the
training's was made, `folds` asks the run's models, and `gliobench.reporting.prediction` draws and words the answer.
`request` checks what was asked for.
"""
