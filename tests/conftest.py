import gc

from hypothesis import settings

settings.register_profile("gliobench", deadline=None)  # a busy machine is no failure; speed is measured in perf/
settings.load_profile("gliobench")


def pytest_collection_finish() -> None:
    """Take what was imported from the garbage collector: going through it again and again takes a sixth of the time."""
    gc.collect()
    gc.freeze()
