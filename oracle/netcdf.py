#!/usr/bin/env python3
"""Opens a stack with everything people open NetCDF with, and checks what CF asks of it.

    python3 oracle/netcdf.py OUT.nc [--epsg 32754] [--strict-cf]

Readers that are not installed are skipped and named. GDAL is asked in another process, so that its HDF5 library and the one of
this process never meet. Exit status 1 if any check failed.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile

import numpy as np

from report import Report
from stack import across

PLAIN_FILTERS = {1: "deflate", 2: "shuffle", 3: "fletcher32"}


def run(*command):
    env = {k: v for k, v in os.environ.items() if k not in ("PROJ_LIB", "PROJ_DATA", "GDAL_DATA", "LD_LIBRARY_PATH", "PYTHONPATH")}
    return subprocess.run(command, capture_output=True, text=True, env=env)


def regular(v):
    step = np.diff(v)
    return float(np.abs(step - step.mean()).max()), float(step.mean())


def cf_attributes(report, path, epsg):
    """returns the name of the first data variable and its array at the first step that has data"""
    import netCDF4
    from pyproj import CRS
    with netCDF4.Dataset(path) as d:
        d.set_auto_mask(False)
        v = d.variables
        report.check(str(getattr(d, "Conventions", "")).startswith("CF-1."), f"Conventions: {getattr(d, 'Conventions', None)!r}")
        x_name, y_name = across(v)
        for name in ("time", y_name, x_name):
            report.check(name in v and v[name].dimensions == (name,), f"coordinate variable {name}")
        t = v["time"]
        report.check(t.units.startswith("seconds since 1970-01-01") and t.dtype == np.float64, f"time: {t.dtype}, {t.units!r}")
        report.check(getattr(t, "standard_name", "") == "time" and getattr(t, "calendar", "") in ("standard", "gregorian", "proleptic_gregorian"),
                     f"time: standard_name and calendar {getattr(t, 'calendar', None)!r}")
        bounds = getattr(t, "bounds", None)
        if report.check(bounds in v, f"time bounds: {bounds!r}"):
            b = v[bounds]
            report.check(b.dimensions[0] == "time" and b.shape[-1] == 2, f"{bounds}: shape {b.shape}")
            report.check(bool(((b[:, 0] <= t[:]) & (t[:] <= b[:, 1])).all()), f"{bounds} contains time")
        report.check(bool((np.diff(t[:]) >= 0).all()), "time does not run backwards")
        standards = {"x": "projection_x_coordinate", "y": "projection_y_coordinate", "lon": "longitude", "lat": "latitude"}
        units = {"lon": ("degrees_east",), "lat": ("degrees_north",)}
        for name in (x_name, y_name):
            c = v[name]
            report.check(getattr(c, "standard_name", "") == standards[name], f"{name}: standard_name {getattr(c, 'standard_name', None)!r}")
            report.check(getattr(c, "units", "") in units.get(name, ("m", "metre", "meter")), f"{name}: units {getattr(c, 'units', None)!r}")
            far, step = regular(np.asarray(c[:], np.float64))
            report.check(far < 1e-6 * abs(step) and (step > 0) == (name == x_name), f"{name}: step {step:g}, irregular by {far:.2g}")
        data = [n for n, x in v.items() if x.dimensions == ("time", y_name, x_name)]
        report.check(bool(data), f"data variables: {', '.join(data)}")
        for n in data:
            x = v[n]
            fill = getattr(x, "_FillValue", None)
            packed = "scale_factor" in x.ncattrs()
            numbers = np.issubdtype(x.dtype, np.unsignedinteger) and "digital number" in getattr(x, "long_name", "")    # as recorded, 0 is none
            report.check(fill is not None and (packed or (fill == 0 if numbers else np.isnan(fill))), f"{n}: _FillValue {fill}")
            report.check(packed or numbers or x.dtype == np.float32, f"{n}: {x.dtype}{' packed' if packed else ''}")
            report.check(bool(getattr(x, "units", "")) and bool(getattr(x, "long_name", "")),
                         f"{n}: units {getattr(x, 'units', None)!r}, long_name {getattr(x, 'long_name', None)!r}")
            report.check(x.chunking() != "contiguous", f"{n}: chunks {x.chunking()}, {x.filters()}")
            mapping = getattr(x, "grid_mapping", None)
            if report.check(mapping in v, f"{n}: grid_mapping {mapping!r}"):
                m = v[mapping]
                crs = CRS.from_wkt(m.crs_wkt)
                same = epsg is None or crs.equals(CRS.from_epsg(epsg), ignore_axis_order=True) or crs.to_epsg() == epsg
                report.check(same, f"{mapping}: crs_wkt is {crs.name}, EPSG:{crs.to_epsg()}" + (f", expected {epsg}" if epsg else ""))
                report.check(getattr(m, "grid_mapping_name", "") == CRS.from_wkt(m.crs_wkt).to_cf().get("grid_mapping_name"),
                             f"{mapping}: grid_mapping_name {getattr(m, 'grid_mapping_name', None)!r}")
                if getattr(m, "grid_mapping_name", "") == "transverse_mercator":
                    cf = CRS.from_cf({k: m.getncattr(k) for k in m.ncattrs() if k not in ("crs_wkt", "spatial_ref", "GeoTransform")})
                    a = [p.value for p in cf.coordinate_operation.params]
                    b = [p.value for p in crs.coordinate_operation.params]
                    report.check(np.allclose(a, b), f"{mapping}: attributes and crs_wkt say the same projection")
        for n in v:
            if v[n].dimensions and v[n].dimensions[0] == "time" and n not in data:
                try:
                    v[n][:]
                except Exception as e:  # noqa: BLE001
                    report.check(False, f"{n}: {e}")
        for n in data:
            for k in range(d.dimensions["time"].size):
                a = np.asarray(v[n][k], np.float64)
                if np.isfinite(a).any():
                    return n, k, a
    return (data[0] if data else None), 0, None


def readers(report, path, name, step, image):
    for engine in ("netcdf4", "h5netcdf"):
        try:
            import xarray
            __import__("netCDF4" if engine == "netcdf4" else engine)
        except ImportError:
            report.skip(f"xarray with {engine}: not installed")
            continue
        try:
            with xarray.open_dataset(path, engine=engine, decode_coords="all") as d:
                a = np.asarray(d[name].isel(time=step), np.float64)
                dated = np.issubdtype(d["time"].dtype, np.datetime64)
                report.check(dated and np.array_equal(a, image, equal_nan=True),
                             f"xarray with {engine}: {dict(d.sizes)}, {d['time'].values[0]} to {d['time'].values[-1]}, same values")
        except Exception as e:  # noqa: BLE001
            report.check(False, f"xarray with {engine}: {type(e).__name__}: {e}")
    try:
        import dask  # noqa: F401
        import xarray
        with xarray.open_dataset(path, chunks="auto") as d:
            report.check(d[name].chunks is not None, f"dask: opens lazily as {d[name].data.numblocks} blocks, mean {float(d[name].mean()):.6g}")
    except ImportError:
        report.skip("dask: not installed")
    try:
        import h5py
        with h5py.File(path) as f:
            for n in [n for n in f if isinstance(f[n], h5py.Dataset) and f[n].ndim == 3]:
                x = f[n]
                plist = x.id.get_create_plist()
                filters = [plist.get_filter(i)[0] for i in range(plist.get_nfilters())]
                stored, total = x.id.get_num_chunks(), int(np.prod([-(-s // c) for s, c in zip(x.shape, x.chunks)]))
                size = x.id.get_storage_size()
                report.check(all(i in PLAIN_FILTERS for i in filters),
                             f"h5py: {n} {x.dtype}, filters {[PLAIN_FILTERS.get(i, i) for i in filters]}, {stored} of {total} chunks stored, "
                             f"{size} bytes ({x.size * x.dtype.itemsize / max(size, 1):.2f} : 1)")
                report.check(all(len(x.dims[i]) == 1 for i in range(3)), f"h5py: {n} has dimension scales {[x.dims[i][0].name for i in range(3) if len(x.dims[i])]}")
            if name in f:
                a = f[name][step].astype(np.float64)
                if "scale_factor" not in f[name].attrs:
                    report.check(np.array_equal(a, image, equal_nan=True), f"h5py: {name} has the same values")
    except ImportError:
        report.skip("h5py: not installed")


def gdal(report, path, name, step, image, epsg):
    gdalinfo = "/usr/bin/gdalinfo" if os.path.exists("/usr/bin/gdalinfo") else shutil.which("gdalinfo")
    if not gdalinfo:
        return report.skip("GDAL: gdalinfo is not installed")
    r = run(gdalinfo, "-json", f"NETCDF:{os.path.abspath(path)}:{name}")
    if not report.check(r.returncode == 0, f"GDAL: opens {name}{'' if r.returncode == 0 else ': ' + r.stderr.strip()[-200:]}"):
        return None
    info = json.loads(r.stdout)
    import netCDF4
    from pyproj import CRS
    with netCDF4.Dataset(path) as d:
        x_name, y_name = across(d.variables)
        x, y, n = np.asarray(d[x_name][:]), np.asarray(d[y_name][:]), d.dimensions["time"].size
    report.check(info["size"] == [len(x), len(y)] and len(info["bands"]) == n, f"GDAL: size {info['size']}, {len(info['bands'])} bands")
    t = info["geoTransform"]
    far = max(abs(t[0] + t[1] / 2 - x[0]), abs(t[3] + t[5] / 2 - y[0]), abs(t[1] - (x[1] - x[0])), abs(t[5] - (y[1] - y[0])))
    report.check(far < 1e-6, f"GDAL: geotransform {t}, {far:.2g} m from the coordinates")
    wkt = info.get("coordinateSystem", {}).get("wkt", "")
    code = CRS.from_wkt(wkt).to_epsg() if wkt else None
    report.check(bool(wkt) and (epsg is None or code == epsg), f"GDAL: coordinate system EPSG:{code}")
    if image is not None:
        import rasterio
        with tempfile.TemporaryDirectory() as tmp:
            tool = os.path.join(os.path.dirname(gdalinfo), "gdal_translate")
            r = run(tool, "-q", "-b", str(step + 1), "-unscale", "-ot", "Float64", f"NETCDF:{os.path.abspath(path)}:{name}", f"{tmp}/a.tif")
            same = False
            if r.returncode == 0:
                with rasterio.open(f"{tmp}/a.tif") as d:
                    a = d.read(1)
                    if d.nodata is not None and not np.isnan(d.nodata):
                        a = np.where(a == d.nodata, np.nan, a)
                    same = a.shape == image.shape and np.allclose(a, image, rtol=1e-6, atol=1e-9, equal_nan=True)
            report.check(same, f"GDAL: step {step} of {name} has the same pixels in the same places")


def command_line(report, path, strict):
    ncdump = shutil.which("ncdump")
    if ncdump:
        r = run(ncdump, "-h", path)
        report.check(r.returncode == 0, f"ncdump -h: {len(r.stdout.splitlines())} lines{r.stderr.strip()[:200]}")
        r = run(ncdump, "-v", "time", path)
        report.check(r.returncode == 0, "ncdump -v time")
    else:
        report.skip("ncdump: not installed")
    beside = os.path.join(os.path.dirname(sys.executable), "compliance-checker")
    checker = beside if os.path.exists(beside) else shutil.which("compliance-checker")
    if checker:
        listed = run(checker, "-l").stdout
        suite = max((line.split()[-1] for line in listed.splitlines() if " cf:" in line), key=lambda s: tuple(map(int, s[3:].split("."))), default="cf")
        with tempfile.TemporaryDirectory() as tmp:
            run(checker, "--test", suite, "-f", "json", "-o", f"{tmp}/r.json", path)
            try:
                with open(f"{tmp}/r.json") as fh:
                    result = json.load(fh)
                result = result.get(suite) or next(iter(result.values()))
            except (OSError, ValueError, StopIteration) as e:
                result = None
                report.check(False, f"compliance-checker {suite}: no report ({e})")
        if result:
            def failed(kind):
                return [f"{c['name']}: {m}" for c in result.get(kind, []) for m in c["msgs"]]
            high, medium = failed("high_priorities"), failed("medium_priorities") + failed("low_priorities")
            report.check(not high and not (strict and medium), f"compliance-checker {suite}: {len(high)} errors, {len(medium)} warnings")
            for m in high + medium:
                report.note(m)
    else:
        report.skip("compliance-checker: not installed")
    beside = os.path.join(os.path.dirname(sys.executable), "cfchecks")
    cfchecks = beside if os.path.exists(beside) else shutil.which("cfchecks")
    if cfchecks:
        r = run(cfchecks, path)
        text = r.stdout + r.stderr
        if "ERRORS detected" in text:
            errors = int(text.rsplit("ERRORS detected:", 1)[1].split()[0])
            report.check(errors == 0, f"cfchecks: {errors} errors")
        else:
            report.skip(f"cfchecks: does not start here ({text.strip().splitlines()[-1][:120] if text.strip() else 'no output'})")
    else:
        report.skip("cfchecks: not installed")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("stack")
    p.add_argument("--epsg", type=int)
    p.add_argument("--strict-cf", action="store_true", help="warnings of the compliance checker fail too")
    p.add_argument("--no-checkers", action="store_true", help="leave out ncdump and the CF checkers")
    a = p.parse_args()
    report = Report()
    name, step, image = cf_attributes(report, a.stack, a.epsg)
    if name:
        readers(report, a.stack, name, step, image)
        gdal(report, a.stack, name, step, image, a.epsg)
    if not a.no_checkers:
        command_line(report, a.stack, a.strict_cf)
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
