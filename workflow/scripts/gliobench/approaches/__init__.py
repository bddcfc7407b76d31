"""
One file per approach: its network, how it trains, how it predicts.

A module here is found by its file name and provides:

``prepare(machine)``
    Set up the framework for the `gliobench.training.Machine`, once per process; returns the device's name.
``build(shape, parameters, weights)``
    A model for inputs of that shape; built once per job, so that its folds share one compiled step. `weights` is
    ``none``, ``imagenet`` or the path of a file. If it has the attribute ``accumulate``, 1 unless the GPU's memory was
    full, each minibatch is trained in so many parts.
``fit(model, phase, train, validation, parameters, seed, on_epoch)``
    Train one phase of the approach's YAML and leave the model in its best state; the first phase starts from the
    initial weights, with the rest drawn with `seed`. Calls ``on_epoch(record)`` after each epoch (columns
    of the schema ``history``), returns the best epoch (from 1), raises `gliobench.training.Diverged` when the loss is
    NaN or infinite.
``predict(model, inputs)``
    Log odds of label 1 for each row of `inputs`, float64; a probability would lose the order of rows near 0 and 1.
``save(model, path)``, ``load(path)``, ``SUFFIX``
    The trained model as one file of that suffix, in a format that carries no code.
``before_folds(inputs, labels, parameters)``
    Only where a variant peeks on purpose: returns the inputs, changed with the labels of all patients of a job. Such a
    variant has a ``caveat`` in the YAML.
``cam_layer(model)``, ``redrawn(model, seed)``
    Only for the figure ``gradcam``, in PyTorch: the layer with the maps to weight, and the network with random weights.
"""
