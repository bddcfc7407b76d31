"""What the rules change in Snakemake itself is still there to be changed."""

import inspect

from snakemake.scheduling.job_scheduler import JobScheduler


def test_the_scheduler_has_the_limit_of_jobs_per_time_that_a_study_lifts():
    source = inspect.getsource(JobScheduler)
    assert "self.job_rate_limiter = " in source
    assert "if self.job_rate_limiter is None" in source
