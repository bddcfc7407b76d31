"""Where patients come from."""

from types import ModuleType


def layout(kind: str) -> ModuleType:
    """
    Return the module that reads cohorts of one kind.

    Parameters
    ----------
    kind : str
        rsna, brainstem, synthetic, synthetic-brainstem or table, as in the config; or single, a patient's own folder.

    Returns
    -------
    module
        Offers ``read_patients(folder, sites)`` (but for single) and ``read_one(folder, patient_id, name, voi_lut)``.
    """
    # The one that is asked for: each takes its time to import.
    if kind.endswith("brainstem"):
        from gliobench.cohorts import nifti

        return nifti
    if kind == "table":
        from gliobench.cohorts import table

        return table
    if kind == "single":
        from gliobench.cohorts import single

        return single
    from gliobench.cohorts import rsna

    return rsna
