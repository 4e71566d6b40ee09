"""The order of imports: a module imports only from its own layer or the ones below."""

import ast
import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

import popsim

PACKAGE = Path(popsim.__file__).parent
LAYERS = [
    {"errors", "units"},
    {"variables"},
    {"dataset"},
    {"kernels"},
    {"data"},
    {"demography"},
    {"tables"},
    {"policy"},
    {"simulation"},
    {"evaluation", "monitoring"},
    {"store", "plotting"},
    {"batch", "report"},
    {"testing", "proof", "cli"},
]
LEVEL = {room: level for level, rooms in enumerate(LAYERS) for room in rooms}
MODULES = sorted(p for p in PACKAGE.rglob("*.py") if p != PACKAGE / "__init__.py")


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names |= {node.module, *(f"{node.module}.{a.name}" for a in node.names)}
        elif isinstance(node, ast.ImportFrom):
            pytest.fail(f"{path}: relative import")
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return names


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_one_way(path):
    here = LEVEL[room(path)]
    for name in imported(path):
        parts = name.split(".")
        if parts[0] == "popsim" and len(parts) > 1 and parts[1] in LEVEL:
            there = LEVEL[parts[1]]
            assert there <= here, f"{room(path)} imports {name}, which lies above it"


@pytest.mark.parametrize(
    "path", sorted((PACKAGE / "kernels").glob("*.py")), ids=lambda path: path.name
)
def test_kernels_import_only_numpy_and_numba(path):
    outside = {name.split(".")[0] for name in imported(path)} - set(sys.stdlib_module_names)
    # llvmlite is the half of numba that makes the code.
    assert outside <= {"numpy", "numba", "llvmlite", "popsim"}
    own = {name for name in imported(path) if name.startswith("popsim.")}
    assert all(name.startswith("popsim.kernels") for name in own)


def test_every_room_has_a_place_in_the_order():
    assert {room(path) for path in MODULES} <= set(LEVEL)


def modules_after(statement: str) -> set[str]:
    code = f"{statement}\nimport sys\nprint(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_a_run_does_not_wait_for_scipy():
    heavy = {"scipy.linalg", "scipy.optimize", "scipy.interpolate", "matplotlib"}
    assert not modules_after("import popsim.simulation") & heavy


def test_importing_popsim_compiles_nothing():
    assert not modules_after("import popsim") & {"numba", "matplotlib", "scipy", "dask"}


def test_the_compiled_kernel_is_renewed_when_a_part_changes():
    from popsim.kernels.projection import PARTS

    kernels = PACKAGE / "kernels"
    names = ("births", "combinations", "lanes", "vectors", "year_step")
    parts = b"".join((kernels / f"{name}.py").read_bytes() for name in names)
    digest = hashlib.sha256(parts).hexdigest()[:16]
    assert digest == PARTS, f'write PARTS = "{digest}" in kernels/projection.py'
