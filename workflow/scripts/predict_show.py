"""Draw the input or the Grad-CAM of a patient, and write the page of the prediction."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from pathlib import Path

    import numpy as np

    from gliobench.files import read_json, read_table
    from gliobench.inputs.store import join_shards
    from gliobench.reporting.prediction import Shown, draw_prediction, read_score, score_sentence, write_prediction_page
    from gliobench.reporting.style import save_figure

    prediction, record = read_json(snakemake.input.prediction), read_json(snakemake.input.record)
    inputs, index = join_shards(record["input"]["kind"], [snakemake.input.array], record["series"])
    series = read_table(snakemake.input.series, "series")
    shown = Shown(inputs, index, np.load(snakemake.input.cam), series, np.load(snakemake.input.thumbnails))
    figure, caption = draw_prediction(shown, record)
    picture = Path(snakemake.output.figure[0])
    save_figure(figure, picture.with_suffix(""))
    score = score_sentence(read_score(Path(snakemake.input.record).parent, prediction["model"]), prediction["model"])
    write_prediction_page(snakemake.output.page, prediction, score, picture.name, caption)
