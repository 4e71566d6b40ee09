"""The arrays of a store: named, labelled and sized before any task runs, then filled by region.

A task fills whole chunks of its own, so tasks never meet in a file. Chunks are compressed and
carry a checksum, which Zarr checks at every reading.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from popsim import __version__
from popsim.batch.costs import COSTS
from popsim.batch.extras import loaded
from popsim.batch.inputs import Inputs, digest_of
from popsim.batch.manifest import ARRAYS
from popsim.batch.model import Batch
from popsim.batch.task import DIFFERENCE, DRAWS, MEAN, MONEY, POPULATION, layout
from popsim.dataset import dimension_labels, variable_labels
from popsim.evaluation.compare import PAIRED_DIFFERENCE
from popsim.policy.cost import WINDOWS

__all__ = ["ArraySpec", "Template", "make_template"]

Array = NDArray[np.float64]
_AUXILIARY = ("region_name", "region_name_zh", "parent", "scenario_label", "scenario_label_zh")
_KEPT_ATTRIBUTES = ("title", "population_basis", "first_projected_year", "fertility_held")
TOTALS = (
    "means of several regions may be added, quantiles may not: the quantile of a sum is not the "
    "sum of quantiles"
)
COSTLESS = (
    "a cost per additional birth is not a number where nothing is paid (no cost), and infinite "
    "where births do not rise (no additional births)"
)


@dataclass(frozen=True)
class ArraySpec:
    """One array of a store.

    Parameters
    ----------
    dims : tuple of str
        ``region``, ``scenario`` and its own.
    shape, chunks : tuple of int
    attributes : dict of str to str
    """

    dims: tuple[str, ...]
    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    attributes: dict[str, str]


#: What a thread has opened: making arrays takes half as long as filling them.
_latest = threading.local()


@dataclass(frozen=True)
class Template:
    """All arrays and coordinates of a store.

    Parameters
    ----------
    arrays : dict of str to ArraySpec
    coordinates : dict of str to tuple
        Dimension, labels and attributes by name.
    attributes : dict of str to object
        Of the whole.
    dtype : str
        How numbers are stored.
    block : int
        Scenarios of a task.
    """

    arrays: dict[str, ArraySpec]
    coordinates: dict[str, tuple[str, list[Any], dict[str, str]]]
    attributes: dict[str, Any]
    dtype: str
    block: int

    def files(self) -> dict[str, bytes]:
        """Return the descriptions of arrays and the coordinates as files, by path in the store."""
        zarr = loaded("zarr")
        kept: dict[str, Any] = {}
        store = zarr.storage.MemoryStore(store_dict=kept)
        group = zarr.create_group(store=store, zarr_format=3, attributes=self.attributes)
        for name in self.arrays:
            self._create(group, name)
        for name, (dim, labels, attributes) in self.coordinates.items():
            text = any(isinstance(label, str) for label in labels)
            values = np.array(labels, dtype=object if text else None)
            array = group.create_array(
                name,
                shape=values.shape,
                chunks=values.shape,
                dtype="str" if text else values.dtype,
                dimension_names=(dim,),
                attributes=attributes,
                config={"write_empty_chunks": True},
            )
            array[:] = values
        return _as_files(kept)

    def encoded(self, region: int, first: int, results: Mapping[str, Array]) -> dict[str, bytes]:
        """Return the chunks that a task fills as files, by path in the store.

        Parameters
        ----------
        region : int
            Position of the region.
        first : int
            Position of the first scenario.
        results : mapping of str to numpy.ndarray
            From :func:`popsim.batch.task.compute`; the first dimension is the scenario.
        """
        kept, arrays = self._open()
        kept.clear()
        for name, array in arrays.items():
            values = results[name]
            array[region, first : first + len(values)] = values.astype(self.dtype)
        return _as_files(kept)

    def _open(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return a store in memory and its arrays: those of the last call of this thread."""
        known: tuple[Template, dict[str, Any], dict[str, Any]] | None
        known = getattr(_latest, "opened", None)
        if known is None or known[0] is not self:
            zarr = loaded("zarr")
            kept: dict[str, Any] = {}
            group = zarr.create_group(
                store=zarr.storage.MemoryStore(store_dict=kept), zarr_format=3
            )
            known = self, kept, {name: self._create(group, name) for name in self.arrays}
            _latest.opened = known
        return known[1:]

    def _create(self, group: Any, name: str) -> Any:
        codecs, spec = loaded("zarr.codecs"), self.arrays[name]
        return group.create_array(
            name,
            shape=spec.shape,
            chunks=spec.chunks,
            dtype=self.dtype,
            fill_value=math.nan,
            compressors=[
                codecs.BloscCodec(cname="zstd", clevel=3, shuffle="shuffle"),
                codecs.Crc32cCodec(),
            ],
            # All in the folder of the array: one for each dimension is larger than many chunks.
            chunk_key_encoding={"name": "default", "separator": "."},
            dimension_names=spec.dims,
            attributes=spec.attributes,
            config={"write_empty_chunks": True},
        )

    @property
    def bytes_uncompressed(self) -> int:
        """Size of all arrays before compression [bytes]."""
        cells = sum(math.prod(spec.shape) for spec in self.arrays.values())
        return cells * np.dtype(self.dtype).itemsize


def make_template(batch: Batch, inputs: Inputs, block: int) -> Template:
    """Lay out the store of a batch.

    Parameters
    ----------
    batch : Batch
    inputs : Inputs
    block : int
        Scenarios of a task.

    Returns
    -------
    Template

    Raises
    ------
    DataError
        When the data do not give what an indicator needs.
    """
    keep = batch.keep
    regions = [str(region) for region in inputs.data["region"].values]
    own = layout(
        inputs.region(regions[0]),
        response=inputs.response,
        uncertainty=inputs.uncertainty,
        years=inputs.years,
        seed=inputs.seed,
        indicators=inputs.indicators,
    )
    labels: dict[str, list[Any]] = {
        "region": regions,
        "scenario": [scenario.id for scenario in inputs.scenarios],
        "quantile": list(keep.quantiles),
    }
    if keep.draws:
        labels["draw"] = list(inputs.draws)
    arrays: dict[str, ArraySpec] = {}

    def add(name: str, dims: tuple[str, ...], attributes: dict[str, str], scenarios: int) -> None:
        shape = tuple(len(labels[dim]) for dim in dims)
        arrays[name] = ArraySpec(dims, shape, (1, scenarios, *shape[2:]), attributes)

    for name in inputs.indicators:
        named = _labels(name)
        dims = tuple(own[name])
        labels |= own[name]
        kinds = [("", named)]
        if keep.differences:
            kinds.append((DIFFERENCE, _of_difference(named)))
        for suffix, attributes in kinds:
            add(name + suffix, ("region", "scenario", "quantile", *dims), attributes, block)
            if keep.means:
                mean = name + suffix + MEAN
                add(mean, ("region", "scenario", *dims), _of_mean(attributes), block)
        if name in keep.draws:
            add(name + DRAWS, ("region", "scenario", *dims, "draw"), named, 1)
    if keep.population:
        labels |= own[POPULATION]
        attributes = {**_labels(POPULATION), "source": "projected, central trajectory"}
        add(POPULATION, ("region", "scenario", *own[POPULATION]), attributes, 1)
    if keep.costs:
        labels["window"] = list(WINDOWS)
        for name, dims in COSTS.items():
            add(name, ("region", "scenario", *dims), _labels(name), block)
    return Template(
        arrays=arrays,
        coordinates=_coordinates(inputs, labels),
        attributes=_attributes(batch, inputs),
        dtype="float32" if keep.precision == "single" else "float64",
        block=block,
    )


def _labels(name: str) -> dict[str, str]:
    labels = variable_labels(name, "projected")
    if name == MONEY:
        labels["definition"] += " All instruments of the scenario together."
    return labels


def _of_mean(labels: dict[str, str]) -> dict[str, str]:
    return {
        **labels,
        "long_name": f"{labels['long_name']}, mean over draws",
        "long_name_zh": f"{labels['long_name_zh']}（抽样均值）",
    }


def _of_difference(labels: dict[str, str]) -> dict[str, str]:
    return {
        **labels,
        "long_name": f"{labels['long_name']}, difference from no new policy",
        "long_name_zh": f"{labels['long_name_zh']}（与无新增政策之差）",
        "source": PAIRED_DIFFERENCE,
    }


def _coordinates(
    inputs: Inputs, labels: dict[str, list[Any]]
) -> dict[str, tuple[str, list[Any], dict[str, str]]]:
    found = {dim: (dim, values, dimension_labels(dim)) for dim, values in labels.items()}
    for name in ("region_name", "region_name_zh", "parent"):
        if name in inputs.data.coords:
            values = [str(value) for value in inputs.data[name].values]
            found[name] = ("region", values, {})
    scenarios = inputs.scenarios
    found["scenario_label"] = ("scenario", [scenario.label.en for scenario in scenarios], {})
    found["scenario_label_zh"] = ("scenario", [scenario.label.zh for scenario in scenarios], {})
    return found


def _attributes(batch: Batch, inputs: Inputs) -> dict[str, Any]:
    marked = [
        f"{name}: {array.attrs['source']}"
        for name, array in inputs.data.data_vars.items()
        if any(word in array.attrs.get("source", "") for word in ("RECONSTRUCTED", "ILLUSTRATIVE"))
    ]
    given = {key: inputs.data.attrs[key] for key in _KEPT_ATTRIBUTES if key in inputs.data.attrs}
    return {
        **given,
        "batch": batch.id,
        "label": batch.label.en,
        "label_zh": batch.label.zh,
        "reference": inputs.scenarios[0].id,
        "draws": batch.draws,
        "seed": batch.seed,
        "response": inputs.response.spec.id,
        "uncertainty": batch.uncertainty,
        "demographic_noise": str(batch.demographic_noise).lower(),
        "popsim_version": __version__,
        "inputs_sha256": digest_of(inputs.identities),
        "notices": "\n".join([TOTALS, *[COSTLESS] * batch.keep.costs, *marked]),
        # Where xarray finds the names that are not labels of a dimension.
        "coordinates": " ".join(
            name for name in _AUXILIARY if name in inputs.data.coords or "scenario" in name
        ),
    }


def _as_files(kept: dict[str, Any]) -> dict[str, bytes]:
    """Return what a store in memory holds, by path in the store on disk."""
    return {f"{ARRAYS}/{path}": kept[path].to_bytes() for path in sorted(kept)}
