"""A real SLURM of one node on this machine, with its own key, ports and folders; nothing of it outlives its block."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scontrol", "scancel")
PACKAGES = ("munge", "slurmctld", "slurmd", "slurm-client")
PATIENCE = 120  # seconds, of every wait
LOST = 10  # seconds without a word after which a node is taken for dead
CONFIG = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
SlurmctldPort={controller}
SlurmdPort={node}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
ReturnToService=2
MinJobAge=3600
SlurmdTimeout={lost}
SchedulerType=sched/backfill
SchedulerParameters=sched_min_interval=200000,batch_sched_delay=0
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory} Gres=gpu:{gpus} State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


class OneNode:
    """
    A controller and a node on the loopback interface, as a block: ``with OneNode(folder, cpus=2, gpus=1) as slurm``.

    Memory is not watched and the GPUs are `/dev/null`: what is real is the queue, and who may hold how much of what.
    """

    def __init__(self, folder: Path, cpus: int, gpus: int, memory: int = 64000):
        self.folder = folder
        self.variables = {"SLURM_CONF": str(folder / "slurm.conf"), "PATH": f"{folder}/bin:{os.environ['PATH']}"}
        self._daemons: dict[str, psutil.Popen] = {}
        host = socket.gethostname().split(".")[0]
        controller, node = free_ports(2)
        values = {"folder": folder, "host": host, "controller": controller, "node": node, "lost": LOST}
        values |= {"cpus": cpus, "memory": memory, "gpus": gpus}
        (folder / "state").mkdir(parents=True)
        (folder / "spool").mkdir()
        (folder / "bin").mkdir()
        self._wrap_srun()
        (folder / "slurm.conf").write_text(CONFIG.format(**values), encoding="utf-8")
        (folder / "gres.conf").write_text(f"Name=gpu Count={gpus} File=/dev/null\n" * bool(gpus), encoding="utf-8")
        key = folder / "munge.key"
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o400)

    def __enter__(self) -> "OneNode":
        try:
            self._start("munged", "--foreground", "--force", *self._munge_files())
            self._wait(lambda: (self.folder / "munge.socket").exists(), "munged listens")
            self._start("slurmctld", "-D", "-f", self.variables["SLURM_CONF"])
            self.start_node()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if "slurmctld" in self._daemons:
            self.call("scancel", "--full", "--user=root", check=False)
        self.kill_node()
        for daemon in self._daemons.values():
            daemon.terminate()
        for daemon in psutil.wait_procs(self._daemons.values(), timeout=10)[1]:
            daemon.kill()

    def start_node(self) -> None:
        """Start the node's daemon and wait until the node takes jobs."""
        self._start("slurmd", "-D", "-f", self.variables["SLURM_CONF"])
        self._wait(lambda: self.state() == "idle", "the node is idle")

    def kill_node(self) -> None:
        """Let the node die: its daemon and all that it started, at once; the controller hears no more of it."""
        node = self._daemons.pop("slurmd", None)
        doomed = ([node, *node.children(recursive=True)] if node else []) + self._steps()
        for process in doomed:
            process.send_signal(signal.SIGSTOP)  # so that none reports the end of another
        for process in doomed:
            process.kill()
        psutil.wait_procs(doomed, timeout=10)

    def state(self) -> str:
        """Return the node's state, in SLURM's words."""
        return self.call("sinfo", "--noheader", "--format=%T", check=False).strip()

    def jobs(self) -> list[list[str]]:
        """Return number, state, memory and GPUs asked for, and comment of each job, old ones first, finished or not."""
        columns = ("JobID", "State", "MinMemory", "tres-per-job", "Comment")
        asked = ",".join(f"{column}:|" for column in columns)
        lines = self.call("squeue", "--noheader", "--states=all", "--sort=i", f"--Format={asked}").splitlines()
        return [line.split("|")[: len(columns)] for line in lines]

    def call(self, *command: str, check: bool = True) -> str:
        """Run one of SLURM's commands and return what it printed."""
        done = subprocess.run(command, env=os.environ | self.variables, capture_output=True, text=True, check=False)
        assert done.returncode == 0 or not check, f"{command}: {done.stderr}"
        return done.stdout

    def _wrap_srun(self) -> None:
        """Have a job's steps find this configuration: Snakemake's plugin takes the variable from them."""
        wrapper = self.folder / "bin" / "srun"
        real = shutil.which("srun")
        wrapper.write_text(f'#!/bin/sh\nSLURM_CONF={self.folder}/slurm.conf exec {real} "$@"\n', encoding="utf-8")
        wrapper.chmod(0o755)

    def _munge_files(self) -> list[str]:
        names = {"key-file": "key", "socket": "socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
        return [f"--{option}={self.folder}/munge.{suffix}" for option, suffix in names.items()]

    def _start(self, program: str, *arguments: str) -> None:
        with (self.folder / f"{program}.out").open("a") as output:
            environment = os.environ | self.variables
            command = [shutil.which(program, path="/usr/sbin:/usr/bin") or program, *arguments]
            self._daemons[program] = psutil.Popen(command, env=environment, stdout=output, stderr=output)

    def _wait(self, met: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not met():
            ended = [name for name, daemon in self._daemons.items() if daemon.poll() is not None]
            assert not ended, f"{ended[0]} ended: {self._said(ended[0])}"
            assert time.monotonic() < deadline, f"waited {PATIENCE} s until {what}: {self._said('slurmctld')}"
            time.sleep(0.2)

    def _said(self, program: str) -> str:
        files = sorted(self.folder.glob(f"{program}.[lo]*"))
        return "\n".join(file.read_text(encoding="utf-8")[-2000:] for file in files)

    def _steps(self) -> list[psutil.Process]:
        """Return this cluster's job steps, which leave their daemon, and all that they started."""
        steps = [process for process in psutil.process_iter(["name", "open_files"]) if self._is_step(process.info)]
        return [process for step in steps for process in [*step.children(recursive=True), step]]

    def _is_step(self, process: dict[str, Any]) -> bool:
        logs = [file.path for file in process["open_files"] or []]
        return process["name"] == "slurmstepd" and str(self.folder / "slurmd.log") in logs


def free_ports(count: int) -> list[int]:
    """Return ports of the loopback interface that nobody listens on."""
    sockets = [socket.socket() for _ in range(count)]
    for opened in sockets:
        opened.bind(("127.0.0.1", 0))
    ports = [opened.getsockname()[1] for opened in sockets]
    for opened in sockets:
        opened.close()
    return ports
