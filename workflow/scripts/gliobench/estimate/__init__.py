"""What a study will take, before it starts: its plan, and what was timed of it on this machine."""

TARGET = "estimate"
COMMAND = "GLIOBENCH_COMMAND"  # environment variable: the arguments of the command that asks for it, without the target
PLANNED = "GLIOBENCH_PLAN"  # environment variable: where a dry run writes its jobs
BACKEND = "GLIOBENCH_BACKEND"  # environment variable: what Keras runs on in it, also on nodes that show other GPUs
