import gc

from hypothesis import settings

settings.register_profile("gliobench", deadline=None)  # a busy machine is no failure; speed is measured in perf/
settings.load_profile("gliobench")


def pytest_collection_finish() -> None:
    """Keep what was imported from the garbage collector, which would go through it again and again."""
    gc.collect()
    gc.freeze()
