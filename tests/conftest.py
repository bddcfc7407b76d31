from hypothesis import settings

settings.register_profile("gliobench", deadline=None)  # a busy machine is no failure; speed is measured in perf/
settings.load_profile("gliobench")
