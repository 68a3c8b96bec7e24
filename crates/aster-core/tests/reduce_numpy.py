"""Compares the statistics that reduce_numpy.rs wrote with numpy's, on float64.

usage: reduce_numpy.py FOLDER      Exits with 1 and a traceback when a number differs.
"""
import json, os, sys, warnings
import numpy as np

folder = sys.argv[1]
about = json.load(open(os.path.join(folder, "about.json")))


def read(name, dtype=np.float32):
    return np.fromfile(os.path.join(folder, name), dtype)


warnings.simplefilter("ignore", RuntimeWarning)  # of all-NaN columns
for case in about["cases"]:
    values = read(case["name"]).reshape(case["steps"], -1).astype(np.float64)
    valid = ~np.isnan(values)
    assert (~valid.any(axis=0)).sum() > 0 or case["steps"] > 8, "no pixel without a value"
    rows = np.arange(case["steps"])[:, None]
    take = lambda at: np.where(valid.any(axis=0), np.take_along_axis(values, at[None], 0)[0], np.nan)
    for statistic in about["statistics"]:
        got = read(f"{case['name']}.{statistic}").astype(np.float64)
        want = {
            "mean": lambda: np.nanmean(values, axis=0),
            "median": lambda: np.nanmedian(values, axis=0),
            "min": lambda: np.nanmin(values, axis=0),
            "max": lambda: np.nanmax(values, axis=0),
            "first": lambda: take(valid.argmax(axis=0)),
            "last": lambda: take(np.where(valid, rows, -1).max(axis=0).clip(0)),
            "count": lambda: valid.sum(axis=0).astype(np.float64),
            "std": lambda: np.nanstd(values, axis=0),
        }.get(statistic, lambda: np.nanpercentile(values, float(statistic[1:]), axis=0))()
        assert (np.isnan(got) == np.isnan(want)).all(), f"{case['name']} {statistic}: other pixels are missing"
        # Half a unit in the last place of float32 is rounding; as much again for another order of adding.
        # numpy's own deviation of equal numbers is not always 0.
        bound = np.abs(want) * 2.0 ** -23 + (case["size"] * 1e-13 if statistic in ("mean", "std") else 0)
        worst = np.nanmax(np.abs(got - want) - bound)
        assert not worst > 0, f"{case['name']} {statistic}: {worst} beyond the bound"
    print(f"{case['name']}: {values.shape[1]} pixels as numpy {np.__version__} has them")
