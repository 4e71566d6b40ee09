"""Labels, validation, fingerprints and stamps of Datasets."""

import numpy as np
import pytest
import xarray as xr

from popsim.dataset import check_same_basis, fingerprint, label, stamp, validate
from popsim.errors import DataError
from popsim.units import UNITS
from popsim.variables import DIMENSIONS, VARIABLES


def population(values, ages=None):
    values = np.asarray(values, dtype=float)
    ages = np.arange(values.shape[-1]) if ages is None else ages
    return xr.Dataset(
        {"population": (("region", "sex", "age"), values)},
        coords={
            "region": ["330000"],
            "region_name_zh": ("region", ["浙江"]),
            "sex": ["female", "male"],
            "age": ages,
        },
    )


@pytest.mark.parametrize("row", [*VARIABLES.values(), *DIMENSIONS.values()], ids=lambda r: r.name)
def test_every_label_in_two_languages(row):
    assert row.long_name
    assert row.definition
    assert any("\u4e00" <= character <= "\u9fff" for character in row.long_name_zh)


@pytest.mark.parametrize("row", VARIABLES.values(), ids=lambda row: row.name)
def test_every_unit_is_in_the_table(row):
    assert row.units in UNITS
    assert not row.display or row.display in UNITS


def test_labels_are_attached_and_source_kept():
    data = population(np.ones((1, 2, 3)))
    data.population.attrs["source"] = "census"
    assert label(data, source="other").population.attrs["source"] == "census"
    assert label(data).population.attrs["long_name_zh"] == "人口数"
    assert label(data).age.attrs["long_name_zh"] == "年龄"


def test_all_problems_are_told_at_once_with_their_place():
    values = np.ones((1, 2, 3))
    values[0, 1, 2] = np.nan
    values[0, 0, 1] = -5
    with pytest.raises(DataError) as error:
        validate(population(values, ages=[0, 1, 3]), required=["population", "survival_ratio"])
    assert str(error.value) == (
        "4 problems\n"
        "variable 'survival_ratio' is missing (survival ratio into the age)\n"
        "age is not consecutive after 1; write: 2\n"
        "population, region 330000 (浙江), sex male, age 3: is not a number\n"
        "population, region 330000 (浙江), sex female, age 1: -5 person is below 0"
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.rename(population="populaton"), "unknown variable 'populaton'"),
        (lambda d: d.rename(age="agee"), "unknown dimension 'agee'"),
        (lambda d: d.assign_coords(sex=["male", "female"]), "sex is"),
        (lambda d: d.assign_coords(age=[0.0, 1.0, 2.0]), "age must hold integers"),
        (lambda d: d.assign_coords(age=[1, 2, 3]), "age starts at 1"),
        (lambda d: d.drop_vars("age"), "dimension 'age' has no coordinate labels"),
        (lambda d: d.expand_dims(policy=["x"]), "must not have dimension policy"),
        (lambda d: d.assign_attrs(population_basis="hukou"), "population_basis 'hukou'"),
        (lambda d: xr.concat([d, d], "region"), "region 330000 appears more than once"),
    ],
)
def test_what_does_not_fit_is_refused(change, message):
    with pytest.raises(DataError, match=message):
        validate(change(population(np.ones((1, 2, 3)))))


def test_a_good_dataset_passes():
    validate(population(np.ones((1, 2, 3))), required=["population"])


def test_resident_and_registered_populations_do_not_mix():
    resident, registered = (
        population(np.ones((1, 2, 3))).assign_attrs(population_basis=basis)
        for basis in ("resident", "registered")
    )
    check_same_basis(resident, resident)
    with pytest.raises(DataError, match=r"resident .* and registered"):
        check_same_basis(resident, registered)


def test_fingerprint_sees_values_and_labels():
    data = population(np.ones((1, 2, 3)))
    assert fingerprint(data) == fingerprint(data.copy(deep=True))
    assert fingerprint(data) != fingerprint(data * 2)
    assert fingerprint(data) != fingerprint(data.assign_coords(region=["310000"]))


def test_stamp_keeps_earlier_history():
    data = stamp(stamp(population(np.ones((1, 2, 3))), "built"), "projected", seed=1)
    newest, oldest = data.attrs["history"].splitlines()
    assert newest.endswith("projected")
    assert oldest.endswith("built")
    assert data.attrs["seed"] == 1
