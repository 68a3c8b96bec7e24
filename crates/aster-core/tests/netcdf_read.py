"""Reads the cube of netcdf_writer.rs with netCDF4, h5py, xarray, ncdump, GDAL and compliance-checker,
as far as they are installed.

usage: netcdf_read.py FILE      Exits with 1 and a traceback when a reader disagrees.
"""
import os, shutil, subprocess, sys, tempfile
import h5py, netCDF4, numpy as np, xarray as xr

path = sys.argv[1]
geographic = "degrees" in os.path.basename(path)
NY, NX, CY, CX = 37, 53, 16, 20
YN, XN = ("lat", "lon") if geographic else ("y", "x")


def expected(variable):
    t, y, x = np.meshgrid(np.arange(3), np.arange(NY), np.arange(NX), indexing="ij")
    n = (t * 10000 + y * 100 + x).astype(np.float32)
    v = [np.sin(n * np.float32(0.37)), n * np.float32(0.125), 1 + n % 255, 1 + n % 4095, n - 5000, n % 61 * np.float32(0.708)][variable]
    missing = ((x + y + 7 * t) % 11 == 0) | ((t < 2) & (y // CY == 1) & (x // CX == 1))
    return np.where(missing, np.nan, v.astype(np.float32))


def same(name, variable, got):
    want = expected(variable)
    got = np.ma.filled(np.ma.asarray(got, dtype=np.float64), np.nan)
    assert got.shape == want.shape, (name, got.shape)
    assert (np.isnan(got) == np.isnan(want)).all(), f"{name}: other pixels are missing"
    # numpy's sine of float32 may differ from Rust's in the last bit.
    difference = np.nanmax(np.abs(got - want))
    assert difference <= (2e-7 if variable == 0 else 0), (name, difference)


NAMES = ["ndvi", "ImageData3N", "dn8", "dn16", "elevation", "red"]
with netCDF4.Dataset(path) as d:
    assert d.data_model == "NETCDF4" and d.Conventions == "CF-1.11"
    assert d.dimensions["time"].isunlimited() and len(d.dimensions["time"]) == 3
    assert list(d.variables)[:4] == ["time", YN, XN, "spatial_ref"], list(d.variables)
    assert list(d.dimensions) == ["time", YN, XN, "nv"], list(d.dimensions)
    for i, name in enumerate(NAMES):
        v = d[name]
        assert v.dimensions == ("time", YN, XN) and v.chunking() == [1, CY, CX]
        assert v.grid_mapping == "spatial_ref" and v.computed_from == "bands 3N and 2, 15 m – nearest"
        assert np.asarray(v.valid_min).dtype == v.dtype, (name, v.valid_min)
        v.set_auto_maskandscale(True)
        same("netCDF4 " + name, i, v[:])
        # What repeats is not shuffled.
        filters = v.filters()
        assert filters["zlib"] == ("plain" not in path)
        assert filters["shuffle"] == (filters["zlib"] and name != "red"), (name, filters)
    assert d["granule_id"][2].startswith("AST_L1T_0030306200103115") and d["ImageData3N_gain"][2] == ""
    assert d["time"][:].tolist() == [983848317.0, 1076011203.0, 1248374986.0]
    assert np.allclose(d["time_bnds"][:, 1] - d["time_bnds"][:, 0], 8.9)
    assert np.ma.is_masked(d["cloud_cover"][:]) and d["cloud_cover"][0] == 12
    assert d["ImageData3N_saturated_pixels"][:].tolist() == [0, 17, 34]
    assert d["ndvi_valid_pixels"][:].tolist() == [1000, 1001, 1002]
    assert d.date_created == "2026-01-02T03:04:05Z" and d.aster_request == '{"version":1}'

with h5py.File(path) as h:
    for i, name in enumerate(NAMES):
        v = h[name]
        fill = {"f": np.nan, "u": 0, "i": -9999}[v.dtype.kind]
        raw = v[:].astype(np.float64)
        same("h5py " + name, i, np.where(raw == fill, np.nan, raw))
        assert {v.id.get_chunk_info(n).filter_mask for n in range(v.id.get_num_chunks())} == {0}
        # 9 chunks a time step; the missing one of two steps is not stored.
        assert v.id.get_num_chunks() == 25, v.id.get_num_chunks()
        assert v.dims[0].keys() and v.dims[1].keys() == [YN], v.dims[1].keys()

for engine in ["netcdf4", "h5netcdf"]:
    try:
        x = xr.open_dataset(path, engine=engine)
    except (ValueError, ImportError) as e:
        print("xarray", engine, "left out:", str(e).splitlines()[0])
        continue
    with x:
        assert str(x.time.values[0])[:19] == "2001-03-06T03:11:57"
        for i, name in enumerate(NAMES):
            same("xarray " + name, i, x[name].values)
        assert {"granule_id", "solar_elevation", "cloud_cover"} <= set(x.ndvi.coords), x.ndvi.coords
        assert str(x.granule_id.values[0]).startswith("AST_L1T")
        assert x.sel(time="2004").ndvi.shape == (1, NY, NX)
        x.isel(time=[0]).load().to_netcdf(os.path.join(tempfile.mkdtemp(), "again.nc"), engine=engine)


def run(*command):
    p = subprocess.run(command, capture_output=True, text=True)
    assert p.returncode == 0, (command, p.stdout[-2000:], p.stderr[-2000:])
    return p.stdout + p.stderr


if shutil.which("ncdump"):
    header = run("ncdump", "-hs", path)
    assert "time = UNLIMITED ; // (3 currently)" in header, header
    assert "string granule_id(time) ;" in header and 'ndvi:_Storage = "chunked"' in header
    if "plain" not in path:
        assert 'ndvi:_Shuffle = "true"' in header and "ndvi:_DeflateLevel" in header
        assert 'red:_DeflateLevel' in header and 'red:_Shuffle = "true"' not in header
    run("ncdump", "-v", "granule_id,ndvi,elevation", path)
if shutil.which("gdalinfo"):
    for i in (0, 5):
        name = NAMES[i]
        text = run("gdal_translate", "-q", "-b", "2", "-of", "XYZ", f"NETCDF:{path}:{name}", "/vsistdout/")
        values = np.array([float(line.split()[2]) for line in text.splitlines()]).reshape(NY, NX)
        assert np.allclose(values, expected(i)[1], rtol=1e-6, atol=1e-6, equal_nan=True), name
    info = run("gdalinfo", f"NETCDF:{path}:ndvi")
    assert "Size is 53, 37" in info and "NoData Value=nan" in info, info
    if geographic:
        assert "Origin = (139.25" in info and "-34.5" in info and 'ID["EPSG",4326]' in info, info
    else:
        assert "Origin = (300015.000000000000000,6200040.000000000000000)" in info, info
        assert "Pixel Size = (15.000000000000000,-15.000000000000000)" in info and 'ID["EPSG",32754]' in info, info
    sub = [l for l in run("gdalinfo", path).splitlines() if "SUBDATASET" in l and "_NAME" in l]
    assert [s.rsplit(":", 1)[1] for s in sub] == NAMES + ["time_bnds"], sub
    multi = run("gdalmdiminfo", path)
    assert '"ndvi"' in multi and "granule_id" in multi

if shutil.which("compliance-checker") and "utm" in path:
    report = run("compliance-checker", "-t", "cf:1.11", path)
    assert "All tests passed!" in report, report

# Others append along time.
copy = os.path.join(tempfile.mkdtemp(), "appended.nc")
shutil.copy(path, copy)
with netCDF4.Dataset(copy, "a") as d:
    d["time"][3] = 1300000000.0
    d["ndvi"][3] = np.full((NY, NX), 0.5, np.float32)
    d["granule_id"][3] = "another"
    d["ImageData3N_gain"][3] = "HGH"
    d["ndvi"].comment = "appended"
with netCDF4.Dataset(copy) as d:
    assert d["ndvi"].shape == (4, NY, NX) and (d["ndvi"][3] == 0.5).all() and d["granule_id"][3] == "another"
    assert d["elevation"][3].mask.all() and np.isnan(d["solar_elevation"][:]).tolist() == [False] * 3 + [True]
    same("appended", 1, d["ImageData3N"][:3])
with xr.open_dataset(copy) as x:
    assert x.sizes["time"] == 4
print(f"{os.path.basename(path)}: {os.path.getsize(path)} bytes, read alike by all")
