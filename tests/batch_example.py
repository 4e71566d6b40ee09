"""A small batch that the tests of batches share."""

import os
import sys
from pathlib import Path

#: Child processes import the same modules as the tests.
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": os.pathsep.join(os.path.abspath(path) for path in sys.path if path),
}

SCENARIO = """\
schema: popsim.scenario/1
id: {name}
label: {{en: "{name} in words", zh: 补助}}
regions: {regions}
policies:
  grant:
    kind: cash_transfer
    announced: 2022-01-01
    amount: {{2: 30000 CNY, 3+: 60000 CNY}}
    births: {{from: 2022-01-01}}
"""
BATCH = """\
schema: popsim.batch/1
id: small
label: {en: Small, zh: 小批}
data: {baseline: zhejiang-2020, split: {counties: 4}}
scenarios: [grant, local]
uncertainty: progression
until: 2028
draws: 12
seed: 3
keep:
  indicators: [births, births_by_order, third_child_share, population_total, payments]
  quantiles: [0.1, 0.5, 0.9]
"""


def write_batch(folder, text=BATCH):
    for scenario, regions in (("grant", "all"), ("local", '["339002"]')):
        content = SCENARIO.format(name=scenario, regions=regions)
        (folder / f"{scenario}.yaml").write_text(content, encoding="utf-8")
    path = folder / "small.batch.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def bits(store):
    """Return every byte of the results by file."""
    arrays = Path(store) / "results.zarr"
    return {str(f.relative_to(arrays)): f.read_bytes() for f in arrays.rglob("*") if f.is_file()}
