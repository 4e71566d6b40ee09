"""Files of databases as they are published: WPP, HMD, HFD."""

import gzip

import numpy as np
import pytest

from popsim.data.hfd import read_hfd
from popsim.data.hmd import read_hmd
from popsim.data.wpp import read_wpp
from popsim.errors import DataError

PLACE = (
    "SortOrder,LocID,Notes,ISO3_code,ISO2_code,SDMX_code,LocTypeID,LocTypeName,ParentID,Location,"
    "VarID,Variant,Time"
)
CHINA = "134,156,5,CHN,CN,156,4,Country/Area,906,China,2,{variant},{time}"
JAPAN = "140,392,,JPN,JP,392,4,Country/Area,906,Japan,2,{variant},{time}"


def wpp(path, columns, *rows, packed=False):
    text = "\n".join([f"{PLACE},{columns}", *rows]) + "\n"
    if packed:
        with gzip.open(path, "wt", encoding="utf-8-sig") as stream:
            stream.write(text)
    else:
        path.write_text(text, encoding="utf-8-sig")
    return path


def china(time, rest, variant="Medium"):
    return CHINA.format(time=time, variant=variant) + "," + rest


def japan(time, rest, variant="Medium"):
    return JAPAN.format(time=time, variant=variant) + "," + rest


@pytest.mark.parametrize(
    ("name", "middle", "variable", "dim"),
    [
        ("PopulationByAge5GroupSex", 0.5, "mid_year_population", "year"),
        ("Population1JanuaryByAge5GroupSex", 0, "population", "time"),
    ],
)
def test_wpp_population_by_its_date(tmp_path, name, middle, variable, dim):
    columns = "MidPeriod,AgeGrp,AgeGrpStart,AgeGrpSpan,PopMale,PopFemale,PopTotal"
    rows = [
        f(year, f"{year + middle},{group},{start},5,{start + 1.5},{start + 2.5},{2 * start + 4}")
        for f in (china, japan)
        for year in (2024, 2025)
        for group, start in (("0-4", 0), ("100+", 100))
    ]
    file = wpp(tmp_path / f"WPP2024_{name}_Medium.csv.gz", columns, *rows, packed=True)
    data = read_wpp(file, ["CHN", "Japan"], years=[2025])
    array = data[variable]
    assert array.dims == ("region", dim, "sex", "age")
    assert array[dim].values.tolist() == [2025]
    assert data.region_name.values.tolist() == ["China", "Japan"]
    assert array.sel(region="156", sex="male", age=100).item() == 101500
    assert array.sel(region="392", sex="female", age=0).item() == 2500
    assert array.attrs["units"] == "person"
    assert "World Population Prospects" in array.attrs["source"]


def test_wpp_fertility_mortality_deaths_and_indicators(tmp_path):
    columns = "MidPeriod,AgeGrp,AgeGrpStart,AgeGrpSpan,ASFR,PASFR,Births"
    file = wpp(
        tmp_path / "f.csv",
        columns,
        china(2023, "2023.5,20,20,1,40.5,5.1,300.25"),
        china(2023, "2023.5,20,20,1,55,5.1,300", "High"),
    )
    data = read_wpp(file, 156)
    assert data.incidence_fertility_rate.item() == pytest.approx(0.0405)
    assert data.births_by_age.item() == 300250
    assert read_wpp(file, "China", variant="High").incidence_fertility_rate.item() == 0.055

    columns = "MidPeriod,SexID,Sex,AgeGrp,AgeGrpStart,AgeGrpSpan,mx,qx,px,lx,dx,Lx,Sx,Tx,ex,ax"
    rest = ",1,1,1,1,1,1,1,1"
    files = [
        wpp(
            tmp_path / f"{sex}.csv",
            columns,
            china(2023, f"2023.5,{i},{sex},0,0,1,{m},.1{rest}"),
            china(2023, f"2023.5,{i},{sex},100+,100,-1,0.5,1{rest}"),
        )
        for i, sex, m in ((1, "Male", 0.006), (2, "Female", 0.005), (3, "Total", 0.0055))
    ]
    rates = read_wpp(files[:2], "CHN").death_rate
    assert rates.sel(sex="female", age=0).item() == 0.005
    assert rates.sel(sex="male", age=[0, 100]).values.ravel().tolist() == [0.006, 0.5]

    columns = "MidPeriod,AgeGrp,AgeGrpStart,AgeGrpSpan,DeathMale,DeathFemale,DeathTotal"
    file = wpp(tmp_path / "d.csv", columns, china(2023, "2023.5,0,0,1,20,15,35"))
    assert read_wpp(file, "CHN").deaths_by_age.sel(sex="male").item() == 20000

    columns = "TPopulation1Jan,TPopulation1July,Births,TFR,SRB,Deaths,DeathsMale,DeathsFemale,"
    columns += "LExMale,LExFemale,NetMigrations"
    file = wpp(
        tmp_path / "i.csv",
        columns,
        china(2023, "1425423,1422585,8889.1,0.999,111.2,11663,6600,5063,75.2,80.9,-567.8"),
    )
    data = read_wpp(file, "CHN")
    assert data.population_total.sel(time=2023).item() == 1425423000
    assert data.births.sel(year=2023).item() == pytest.approx(8889100)
    assert data.sex_ratio_at_birth.item() == pytest.approx(1.112)
    assert data.life_expectancy_at_birth.sel(sex="female").item() == 80.9
    assert data.net_migration_total.item() == pytest.approx(-567800)
    assert data.deaths_by_sex.sum().item() == data.deaths.item() == 11663000


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"locations": "Chine"}, "f.csv has no 'Chine' in the years asked for; write: China"),
        ({"locations": "China", "variant": "High"}, "f.csv has no variant 'High'; write: Medium"),
        ({"locations": "China", "years": [1950]}, "f.csv has no 'China' in the years asked for"),
    ],
)
def test_what_a_wpp_file_does_not_have_is_told(tmp_path, options, message):
    columns = "MidPeriod,AgeGrp,AgeGrpStart,AgeGrpSpan,ASFR"
    file = wpp(tmp_path / "f.csv", columns, china(2023, "2023.5,20,20,1,40"))
    with pytest.raises(DataError) as caught:
        read_wpp(file, **options)
    assert str(caught.value) == message


def test_other_files_are_not_wpp(tmp_path):
    (tmp_path / "a.csv").write_text("LocID,Location,Variant\n")
    with pytest.raises(DataError, match="no file of World Population Prospects: no column Time"):
        read_wpp(tmp_path / "a.csv", 156)
    with pytest.raises(DataError, match=r"b\.csv cannot be read"):
        read_wpp(tmp_path / "b.csv", 156)


def hmd(
    path,
    title,
    *rows,
    heads="  Year          Age             Female            Male           Total",
):
    text = "\n".join(
        [f"{title}\tLast modified: 01 Jan 2024;  Methods Protocol: v6 (2017)", "", heads, *rows]
    )
    path.write_text(text + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "title", "variable"),
    [
        ("Mx_1x1.txt", "Nowhere, Death rates (period 1x1)", "death_rate"),
        ("Deaths_1x1.txt", "Nowhere, Deaths (period 1x1)", "deaths_by_age"),
        ("Exposures_1x1.txt", "Nowhere, Exposure to risk (period 1x1)", "person_years"),
        ("Deaths_1x1.txt", "Nowhere", "deaths_by_age"),
    ],
)
def test_hmd_tables_by_year_age_and_sex(tmp_path, name, title, variable):
    file = hmd(
        tmp_path / name,
        title,
        "  2019   109    1.5   .      1.5",
        "  2019   110+   0.5   2.5    .",
        "  2020   109    3.5   4.5    4.0",
        "  2020   110+   .     .      .",
    )
    data = read_hmd(file)
    array = data[variable]
    assert array.dims == ("year", "sex", "age")
    np.testing.assert_array_equal(array.sel(year=2019).values, [[1.5, 0.5], [np.nan, 2.5]])
    np.testing.assert_array_equal(array.sel(year=2020).values, [[3.5, np.nan], [4.5, np.nan]])
    assert array["age"].values.tolist() == [109, 110]
    assert data["age"].attrs["open_interval"]
    assert data.attrs["name"] == "Nowhere"


def test_hmd_population_takes_the_new_territory(tmp_path):
    file = hmd(
        tmp_path / "Population.txt",
        "Nowhere, Population size (1-year)",
        "  1959-  0  100  110  210",
        "  1959+  0  120  130  250",
        "  1960   0  121  131  252",
    )
    data = read_hmd(file)
    assert data.population.sel(sex="female", age=0).values.tolist() == [120, 121]
    assert data.population["time"].values.tolist() == [1959, 1960]
    assert data.attrs["territory_changed"] == "1959"


def test_hmd_life_table_of_one_sex(tmp_path):
    heads = "  Year  Age  mx  qx  ax  lx  dx  Lx  Tx  ex"
    rows = (
        "  2020  0  0.002  0.002  0.1  100000  200  99800  8000000  80.1",
        "  2020  110+  0.9  1  1.1  5  5  6  6  1.1",
    )
    title = "Nowhere, Life tables (period 1x1), {}"
    data = read_hmd(hmd(tmp_path / "a.txt", title.format("Females"), *rows, heads=heads))
    assert data.life_expectancy_at_birth.sel(sex="female", year=2020).item() == 80.1
    assert data.death_rate.sel(sex="female", age=110).item() == 0.9
    data = read_hmd(hmd(tmp_path / "mltper_1x1.txt", "Nowhere", *rows, heads=heads))
    assert data["sex"].values.tolist() == ["male"]
    with pytest.raises(DataError, match="does not say whether it is of men or women"):
        read_hmd(hmd(tmp_path / "b.txt", title.format("Total"), *rows, heads=heads))


@pytest.mark.parametrize(
    ("title", "row", "message"),
    [
        ("Nowhere, Deaths", "2015-2019 0 1 1 2", "'2015-2019' is not a single year"),
        (
            "Nowhere, Deaths",
            "2020 x 1 1 2",
            "age 'x' is not understood; write: 0, 1-4, 110+ or 12-",
        ),
        ("Nowhere, Deaths", "2020 0 1 1", "a.txt:4: 4 cells for 5 headings"),
        ("Nowhere, Deaths", "2020 0 1 one 2", "a.txt:4: 'one' is not a number"),
        ("Nowhere, Births", "2020 0 1 1 2", "names none of death rates, deaths, exposure"),
        ("Nowhere, Deaths", "2020 0 1 1 2\n2020 0 1 1 2", "year 2020, age 0 comes twice"),
    ],
)
def test_a_file_that_is_not_as_published_is_refused(tmp_path, title, row, message):
    with pytest.raises(DataError) as caught:
        read_hmd(hmd(tmp_path / "a.txt", title, *row.split("\n")))
    assert message in str(caught.value)
    (tmp_path / "b.txt").write_text("a b\n")
    with pytest.raises(DataError, match="has no headings Year and Age"):
        read_hmd(tmp_path / "b.txt")


HFD = "Year  Age  ASFR  ASFR1  ASFR2  ASFR3  ASFR4  ASFR5p"


def test_hfd_rates_by_order(tmp_path):
    rows = ("2020 12- 0 0 0 0 0 0", "2020 13 .03 .02 .01 0 0 .", "2020 55+ 0 0 0 0 0 0")
    title = "Nowhere, Period fertility rates by calendar year, age and birth order"
    data = read_hfd(hmd(tmp_path / "asfrRRbo.txt", title, *rows, heads=HFD))
    array = data.incidence_fertility_rate
    assert array.dims == ("year", "birth_order", "age")
    assert array["age"].values.tolist() == [12, 13, 55]
    np.testing.assert_array_equal(array.sel(age=13).values[0], [0.02, 0.01, 0, 0, np.nan])


def test_hfd_births_exposures_and_rates_of_all_orders(tmp_path):
    data = read_hfd(
        hmd(
            tmp_path / "b.txt",
            "Nowhere",
            "2020 20 60 30 20 10 0 0",
            heads="Year Age Total B1 B2 B3 B4 B5p",
        )
    )
    assert data.births_by_age.values.ravel().tolist() == [30, 20, 10, 0, 0]
    data = read_hfd(hmd(tmp_path / "e.txt", "Nowhere", "2020 20 1000.5", heads="Year Age Exposure"))
    assert data.person_years.sel(sex="female", age=20).item() == 1000.5
    pooled = hmd(
        tmp_path / "p.txt",
        "Pooled",
        "AAA 2020 20 .05",
        "BBB 2020 20 .06",
        heads="Code Year Age ASFR",
    )
    assert read_hfd(pooled, code="BBB").incidence_fertility_rate.item() == 0.06
    with pytest.raises(DataError, match="has 2 countries; write: code='AAA'"):
        read_hfd(pooled)
    with pytest.raises(DataError, match="has no country 'CCC'; it has AAA, BBB"):
        read_hfd(pooled, code="CCC")
    with pytest.raises(DataError, match="read are files by year and age"):
        read_hfd(hmd(tmp_path / "x.txt", "N", "2020 20 1", heads="Year Age CCF"))
