"""Reads the outputs of cube_engine.rs with netCDF4, xarray and rasterio: all hold the values of the first.

usage: formats_read.py FOLDER      Exits with 1 and a traceback when two outputs disagree.
"""
import csv
import glob
import os
import sys

import netCDF4
import numpy as np
import rasterio
import xarray as xr

folder = sys.argv[1]


def at(name):
    return os.path.join(folder, name)


with netCDF4.Dataset(at("map.nc")) as d:
    truth = {v: d[v][:].filled(np.nan) for v in ("ImageData2", "ndvi")}
    chunks = {v: d[v].chunking() for v in truth}
    steps, times = d.dimensions["time"].size, d["time"][:]
    valid = {v: d[f"{v}_valid_pixels"][:] for v in truth}
assert all(np.isfinite(v).any() for v in truth.values())

with netCDF4.Dataset(at("time.nc")) as d:
    for v, want in truth.items():
        assert d[v].chunking()[0] == steps and d[v].chunking()[1] < chunks[v][1], d[v].chunking()
        np.testing.assert_array_equal(d[v][:].filled(np.nan), want)
        np.testing.assert_array_equal(d[f"{v}_valid_pixels"][:], valid[v])
    np.testing.assert_array_equal(d["time"][:], times)

for name in ("map.zarr", "time.zarr"):
    with xr.open_zarr(at(name), consolidated=True) as d:
        for v, want in truth.items():
            np.testing.assert_array_equal(d[v].values, want)

for name in ("geotiff", "cog"):
    files = sorted(glob.glob(at(f"{name}/*.tif")))
    assert len(files) == steps, files
    for t, path in enumerate(files):
        with rasterio.open(path) as d:
            assert d.descriptions == tuple(truth), d.descriptions
            assert bool(d.overviews(1)) == (name == "cog" and max(d.shape) > 512)
            for band, want in enumerate(truth.values(), 1):
                np.testing.assert_array_equal(d.read(band), want[t])

with netCDF4.Dataset(at("packed.nc")) as d:
    for v, want in truth.items():
        assert d[v].dtype == np.int16
        got = d[v][:].filled(np.nan)
        np.testing.assert_array_equal(np.isnan(got), np.isnan(want))
        assert np.nanmax(np.abs(got - want)) <= d[v].scale_factor / 2 * 1.0001 + 1e-7
with netCDF4.Dataset(at("rounded.nc")) as d:
    for v, want in truth.items():
        got = d[v][:].filled(np.nan)
        assert not (got[np.isfinite(got)].view(np.uint32) & ((1 << 13) - 1)).any()
        assert np.nanmax(np.abs(got - want) / np.abs(want).clip(1e-30)) <= 2.0**-11

for name in ("count.nc", "count.zarr"):
    with (xr.open_dataset(at(name)) if name.endswith("nc") else xr.open_zarr(at(name))) as d:
        for v, want in truth.items():
            # No count is missing, also where nothing is stored.
            assert d[f"{v}_count"].dtype == np.uint32, d[f"{v}_count"].dtype
            np.testing.assert_array_equal(d[f"{v}_count"][0], np.isfinite(want).sum(axis=0))
            with np.errstate(all="ignore"):
                np.testing.assert_array_equal(d[f"{v}_max"][0], np.fmax.reduce(want, axis=0))

with open(at("area.csv"), newline="") as f:
    rows = list(csv.DictReader(f))
assert len(rows) == steps * len(truth)
for i, row in enumerate(rows):
    v = list(truth)[i % len(truth)]
    values = truth[v][i // len(truth)]
    values = values[np.isfinite(values)].astype(np.float64)
    assert row["variable"] == v and int(row["count"]) == values.size
    # Pixel areas differ by less than 1e-4 within the sample.
    np.testing.assert_allclose(float(row["mean"]), values.mean(), rtol=1e-4)
    got = [float(row[p]) for p in ("min", "p5", "p25", "p50", "p75", "p95", "max")]
    np.testing.assert_allclose(got, np.percentile(values, [0, 5, 25, 50, 75, 95, 100]), rtol=1e-6)
print("ok")
