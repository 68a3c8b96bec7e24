"""Reads the store of zarr_writer.rs with zarr-python, xarray, dask and rioxarray, as far as they are installed.

usage: zarr_read.py FOLDER CHUNK_STEPS      Exits with 1 and a traceback when a reader disagrees.
"""
import json, os, sys, warnings
import numpy as np, xarray as xr, zarr

# Whatever a reader has to say against the store is an error. Open files and old idioms are its own affair.
warnings.simplefilter("error")
warnings.simplefilter("ignore", ResourceWarning)
warnings.simplefilter("ignore", PendingDeprecationWarning)
path, chunk_steps = sys.argv[1], int(sys.argv[2])
geographic = "degrees" in os.path.basename(path)
NT, NY, NX, CY, CX = 5, 37, 53, 16, 20
YN, XN = ("lat", "lon") if geographic else ("y", "x")
NAMES = {"ndvi": "float32", "dn8": "uint8", "dn16": "uint16", "elevation": "int16", "count": "uint32", "packed": "int16"}


def expected(i):
    t, y, x = np.meshgrid(np.arange(NT), np.arange(NY), np.arange(NX), indexing="ij")
    n = (t * 10000 + y * 100 + x).astype(np.float64)
    v = [n * 0.125, 1 + n % 255, 1 + n % 4095, n % 9000 - 5000, n, (n % 5000) * 0.5][i]
    missing = ((x + y + 7 * t) % 11 == 0) | ((t < 4) & (y // CY == 1) & (x // CX == 1))
    return np.where(missing, 0 if i == 4 else np.nan, v)


def same(name, i, got):
    np.testing.assert_array_equal(np.asarray(got, dtype=np.float64), expected(i), err_msg=name)


# As stored.
group = zarr.open_group(path, mode="r", zarr_format=3, use_consolidated=True)
alone = zarr.open_group(path, mode="r", zarr_format=3, use_consolidated=False)
assert group.metadata.consolidated_metadata is not None
folders = {n for n in os.listdir(path) if n != "zarr.json"}
assert set(group.array_keys()) == set(alone.array_keys()) == folders, folders
for name in folders:
    a, b = group[name], alone[name]
    assert a.metadata.to_dict() == b.metadata.to_dict(), name
    with open(os.path.join(path, name, "zarr.json")) as f:
        ours = json.load(f)
    theirs = json.loads(b.metadata.to_buffer_dict(zarr.core.buffer.default_buffer_prototype())["zarr.json"].to_bytes())
    # zarr-python says it the same way: nothing is missing, nothing is more than it knows.
    assert ours == theirs, (name, ours, theirs)
for i, (name, dtype) in enumerate(NAMES.items()):
    a = group[name]
    assert a.dtype == dtype and a.shape == (NT, NY, NX) and a.chunks == (chunk_steps, CY, CX), a.info
    assert a.metadata.dimension_names == ("time", YN, XN)
    raw = a[:].astype(np.float64)
    fill = {"float32": np.nan, "int16": -32768 if name == "packed" else -9999}.get(dtype, 0)
    raw = np.where(raw == fill, expected(i)[0, 0, 0] if name == "count" else np.nan, raw)
    same("zarr " + name, i, raw * 0.5 - 100 if name == "packed" else raw)
    stored = sum(len(files) for _, _, files in os.walk(os.path.join(path, name, "c")))
    groups = -(-NT // chunk_steps)
    assert stored == 9 * groups - sum(min(NT, (g + 1) * chunk_steps) <= 4 for g in range(groups)), (name, stored)

# As a data set.
with xr.open_zarr(path, consolidated=True) as d:
    assert dict(d.sizes) == {"time": NT, YN: NY, XN: NX, "nv": 2}, d.sizes
    assert d.ndvi.chunks is not None, "read before it was asked for"
    assert d.time.dt.year.values.tolist() == [2000, 2001, 2002, 2003, 2004] and str(d.time.values[1])[:19] == "2001-03-06T03:11:57"
    span = (d.time_bnds[:, 1] - d.time_bnds[:, 0]) / np.timedelta64(1, "ms")
    assert np.allclose(span, 8900, atol=1), span.values
    step, first = ((0.00025, 139.25 + 0.000125) if geographic else (15, 300015 + 7.5))
    np.testing.assert_allclose(d[XN].values, first + step * np.arange(NX), rtol=1e-14)
    first = -34.5 - 0.000125 if geographic else 6200040 - 7.5
    np.testing.assert_allclose(d[YN].values, first - step * np.arange(NY), rtol=1e-14)
    for i, (name, dtype) in enumerate(NAMES.items()):
        v = d[name]
        same("xarray " + name, i, v.values)
        assert v.attrs["computed_from"] == "bands 3N and 2, 15 m – nearest" and "comment" not in v.attrs
        assert v.attrs["valid_range"] == [1, 9000] and v.attrs["wavelength_um"] == 0.807
        assert all(isinstance(r, int) == (dtype != "float32") for r in v.attrs["valid_range"]), v.attrs
        assert v.encoding.get("grid_mapping", v.attrs.get("grid_mapping")) == "spatial_ref"
        assert {"granule_id", "solar_elevation", "cloud_cover", "spatial_ref"} <= set(v.coords), v.coords
        assert f"{name}_valid_pixels" in v.attrs["ancillary_variables"]
    assert d.ndvi.attrs["standard_name"] == "normalized_difference_vegetation_index"
    assert np.isnan(d.ndvi.encoding["_FillValue"]) and d.elevation.encoding["_FillValue"] == -9999
    assert d.packed.encoding["scale_factor"] == 0.5 and d.packed.encoding["_FillValue"] == -32768
    assert d.granule_id.values.tolist() == [f"AST_L1T_0030306200103115{t}_20150414031306_83940" for t in range(NT)]
    assert d.ndvi_gain.values.tolist() == ["NOR", "NOR", "", "NOR", "NOR"] and d.radiometric_db_version.values[0] == "03.01 – é"
    assert np.isnan(d.cloud_cover.values).tolist() == [False, True, False, False, False]
    assert d.ndvi_saturated_pixels.values.tolist() == [0, 17, 34, 51, 68] and d.count_valid_pixels.dtype == np.int64
    assert d.attrs["Conventions"] == "CF-1.11" and d.attrs["aster_request"] == '{"version":1}' and d.attrs["scenes"] == NT
    assert d.attrs["date_created"] == "2026-01-02T03:04:05Z" and d.attrs["source"] == "ASTER on Terra: AST_L1T version 003"
    assert ("latitude_longitude" if geographic else "transverse_mercator") == d.spatial_ref.attrs["grid_mapping_name"]
    assert d.sel(time="2003").ndvi.shape == (1, NY, NX)
    try:
        import rioxarray  # noqa: F401
    except ImportError:
        print("rioxarray left out")
    else:
        assert d.ndvi.rio.crs.to_epsg() == (4326 if geographic else 32754), d.ndvi.rio.crs
        t = d.ndvi.rio.transform()
        assert np.allclose([t.a, t.c, t.e, t.f], [0.00025, 139.25, -0.00025, -34.5] if geographic else [15, 300015, -15, 6200040]), t
print(f"{os.path.basename(path)}: read alike by all")
