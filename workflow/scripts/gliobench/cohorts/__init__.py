"""Where patients come from."""

from types import ModuleType


def layout(kind: str) -> ModuleType:
    """
    Return the module that reads cohorts of one kind.

    Parameters
    ----------
    kind : str
        rsna, brainstem, synthetic or synthetic-brainstem, as in the config.

    Returns
    -------
    module
        Offers ``read_patients(folder, sites)``, ``read_one(folder, patient_id, name, voi_lut)`` and ``ROLES``, the
        series that each patient has beside the modalities.
    """
    if kind.endswith("brainstem"):
        from gliobench.cohorts import nifti  # the one that is asked for: each takes its time to import

        return nifti
    from gliobench.cohorts import rsna

    return rsna
