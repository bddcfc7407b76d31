"""Say what the answer for a patient is worth; draw where it lies in the cohort, and the input or its Grad-CAM."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from pathlib import Path

    import numpy as np

    from gliobench.evaluation.one_patient import out_of_fold
    from gliobench.figures.placement import placement_caption, placement_figure
    from gliobench.figures.style import save_figure
    from gliobench.files import check_record, read_json, read_table, write_json
    from gliobench.predict.describe import describe, evidence, read_input, read_study
    from gliobench.reporting.prediction import Shown, draw_prediction, write_prediction_page

    record, answer = read_json(snakemake.input.record), read_json(snakemake.input.answer)
    series, study = read_table(snakemake.input.series, "series"), read_study(snakemake.params.tables)
    inputs, index, reason = read_input(record, snakemake.input.array)
    prediction = describe(record, answer, series, reason, study)
    check_record(prediction, "prediction", snakemake.output.prediction)
    write_json(prediction, snakemake.output.prediction)
    cams = np.load(snakemake.input.cams)
    cam = evidence(cams, prediction) if cams.size else cams
    shown = Shown(inputs, index, cam, series, np.load(snakemake.input.thumbnails))
    tested = out_of_fold(study.predictions, prediction["phase"])
    captions = {}
    for figure, caption, path in [
        (placement_figure(prediction, tested), placement_caption(prediction), Path(snakemake.output.placement[0])),
        (*draw_prediction(shown, record), Path(snakemake.output.figure[0])),
    ]:
        save_figure(figure, path.with_suffix(""))
        captions[path.name] = caption
    write_prediction_page(snakemake.output.page, prediction, captions)
