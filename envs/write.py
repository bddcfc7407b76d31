"""Write envs/*.yaml, one per toolchain, from requirements.lock: `make envs`."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
TOOLCHAINS = ("imaging", "radiomics", "tensorflow", "torch", "report")
HEAD = """\
# Written by `make envs` from requirements.lock: change pyproject.toml, then `make lock envs`.
channels:
  - conda-forge
dependencies:
  - python=3.11
  - pip
  - pip:
"""
# The marker of a package that every supported platform needs: always true, so left out.
EVERYWHERE = (
    " ; (python_full_version < '3.14' and platform_machine == 'arm64' and sys_platform == 'darwin')"
    " or (python_full_version < '3.14' and platform_machine == 'aarch64' and sys_platform == 'linux')"
    " or (python_full_version < '3.14' and platform_machine == 'x86_64' and sys_platform == 'linux')"
)


def pins(toolchain: str) -> list[str]:
    """Return ``name==version ; markers`` of a toolchain's packages with all dependencies, as in the lock file."""
    command = ["uv", "pip", "compile", "--quiet", "--universal", "--python-version", "3.11", "--no-emit-index-url"]
    command += ["--no-annotate", "--no-header", "--group", toolchain, "--constraint", "requirements.lock"]
    compiled = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [line.removesuffix(EVERYWHERE) for line in compiled.splitlines() if line]


def main() -> None:
    """Write every toolchain's environment."""
    for toolchain in TOOLCHAINS:
        lines = "".join(f"    - {pin}\n" for pin in pins(toolchain))
        (ROOT / "envs" / f"{toolchain}.yaml").write_text(HEAD + lines, encoding="utf-8")
        print(f"envs/{toolchain}.yaml: {lines.count('- ')} pins", file=sys.stderr)


if __name__ == "__main__":
    main()
