#!/usr/bin/env python3
"""Tests the oracle: it must pass the twin's stacks and must find every damage done to them.

    python3 oracle/selftest.py [--archive fixtures/sample]
"""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile

import netCDF4
import numpy as np

from report import Report

HERE = os.path.dirname(os.path.abspath(__file__))


def tool(name, *arguments):
    r = subprocess.run([sys.executable, os.path.join(HERE, name), *map(str, arguments)], capture_output=True, text=True)
    return r.returncode, r.stdout + r.stderr


def moved(v, k, dy, dx):
    v[k] = np.roll(np.asarray(v[k]), (dy, dx), (0, 1))


def hole(v, to_nan):
    a = np.asarray(v[0])
    i, j = np.argwhere(np.isfinite(a) == to_nan)[len(a) * 40]
    a[i, j] = np.nan if to_nan else 0.25
    v[0] = a


def swap_ids(d):
    v = d["granule_id"]
    a, b = v[0], v[1]
    v[0], v[1] = b, a


def other_hemisphere(d):
    from pyproj import CRS
    m = d["spatial_ref"]
    m.crs_wkt = CRS.from_epsg(CRS.from_wkt(m.crs_wkt).to_epsg() - 100).to_wkt()


def scaled(v, k, factor, add=0.0):
    v[k] = np.asarray(v[k]) * np.float32(factor) + np.float32(add)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--archive", default=os.path.join(os.path.dirname(HERE), "fixtures", "sample"))
    archive = p.parse_args().archive
    report = Report()
    with tempfile.TemporaryDirectory() as tmp:
        made = {"ndvi": ["--index", "ndvi"], "swir": ["--index", "ratio_4_6"], "mixed": ["--index", "nbr", "--index", "ndvi"],
                "radiance": ["--variable", "ImageData2", "--variable", "ImageData7"],
                "reflectance": ["--variable", "ImageData1", "--quantity", "reflectance"],
                "temperature": ["--variable", "ImageData10", "--quantity", "temperature"],
                "bilinear": ["--variable", "ImageData3N", "--resampling", "bilinear"]}
        for name, arguments in made.items():
            code, text = tool("reference_cube.py", "--archive", archive, "--out", f"{tmp}/{name}.nc", *arguments)
            report.check(code == 0, f"twin {name}: {text.strip().splitlines()[-1]}")
            how = ["--resampling", "bilinear"] if name == "bilinear" else []
            for checker in ("cube.py", "warp.py"):
                code, text = tool(checker, f"{tmp}/{name}.nc", "--archive", archive, *how)
                report.check(code == 0, f"{checker} accepts {name}: {text.strip().splitlines()[-1]}")
        code, text = tool("netcdf.py", f"{tmp}/ndvi.nc", "--epsg", 32754)
        report.check(code == 0, f"netcdf.py accepts ndvi: {text.strip().splitlines()[-1]}")

        with netCDF4.Dataset(f"{tmp}/ndvi.nc") as d:
            ids = list(d["granule_id"][:])
        sys.path.insert(0, HERE)
        import granule
        archive_by_name = granule.open_archive(archive)
        foreign = next(k for k, n in enumerate(ids) if archive_by_name[n].epsg == 32753)
        damages = [
            ("cube.py", "ndvi", "a scene one pixel east", lambda d: moved(d["ndvi"], 0, 0, 1)),
            ("cube.py", "ndvi", "a scene one pixel south", lambda d: moved(d["ndvi"], 1, 1, 0)),
            ("cube.py", "ndvi", "eastings of pixel edges instead of centres", lambda d: d["x"].__setitem__(slice(None), d["x"][:] - 7.5)),
            ("cube.py", "ndvi", "northings of pixel edges instead of centres", lambda d: d["y"].__setitem__(slice(None), d["y"][:] + 7.5)),
            ("cube.py", "temperature", "TIR placed 45 m off", lambda d: (d["x"].__setitem__(slice(None), d["x"][:] + 45), d["y"].__setitem__(slice(None), d["y"][:] - 45))),
            ("cube.py", "ndvi", "eastings 2 cm off", lambda d: d["x"].__setitem__(slice(None), d["x"][:] + 0.02)),
            ("cube.py", "ndvi", "one pixel lost", lambda d: hole(d["ndvi"], True)),
            ("cube.py", "ndvi", "one pixel invented", lambda d: hole(d["ndvi"], False)),
            ("cube.py", "ndvi", "an index 3e-5 too high", lambda d: scaled(d["ndvi"], 0, 1, 3e-5)),
            ("cube.py", "ndvi", "two scenes exchanged", swap_ids),
            ("cube.py", "ndvi", "time one hour late", lambda d: d["time"].__setitem__(0, d["time"][0] + 3600)),
            ("cube.py", "ndvi", "the northern zone of the same number", other_hemisphere),
            ("cube.py", "ndvi", "a solar elevation that is the zenith angle", lambda d: d["solar_elevation"].__setitem__(0, 90 - d["solar_elevation"][0])),
            ("cube.py", "radiance", "gain NOR where HGH was set", lambda d: scaled(d["ImageData2"], 0, 1.415 / 0.708)),
            ("cube.py", "radiance", "radiance of DN instead of DN - 1", lambda d: scaled(d["ImageData2"], 0, 1, 0.708)),
            ("cube.py", "radiance", "SWIR of 2009 let through", lambda d: d["ImageData7"].__setitem__(slice(None), np.nan_to_num(d["ImageData7"][:], nan=5.0))),
            ("cube.py", "reflectance", "day of the year counted from 0", lambda d: scaled(d["ImageData1"], 0, 1 + 3e-4)),
            ("cube.py", "temperature", "a temperature 0.02 K too high", lambda d: scaled(d["ImageData10"], 0, 1, 0.02)),
            ("cube.py", "temperature", "the table's coefficient of band 10 instead of the file's", lambda d: scaled(d["ImageData10"], 0, 1, -0.4)),
            ("warp.py", "ndvi", "the scene of the other zone one pixel north", lambda d: moved(d["ndvi"], foreign, -1, 0)),
            ("warp.py", "bilinear", "a reprojected scene one pixel west", lambda d: moved(d["ImageData3N"], foreign, 0, -1)),
            ("warp.py", "ndvi", "one pixel in 5000 wrong after the warp", lambda d: d["ndvi"].__setitem__(foreign, np.where(np.arange(d["ndvi"][foreign].size).reshape(d["ndvi"][foreign].shape) % 5000 == 0, 0.9, np.asarray(d["ndvi"][foreign])))),
            ("netcdf.py", "ndvi", "no time units", lambda d: d["time"].setncattr("units", "days")),
            ("netcdf.py", "ndvi", "y upside down", lambda d: d["y"].__setitem__(slice(None), d["y"][:][::-1])),
            ("netcdf.py", "ndvi", "a CRS of the wrong zone", other_hemisphere),
            ("netcdf.py", "ndvi", "no grid mapping", lambda d: d["ndvi"].delncattr("grid_mapping")),
            ("netcdf.py", "ndvi", "no Conventions", lambda d: d.delncattr("Conventions")),
        ]
        for checker, source, what, damage in damages:
            path = f"{tmp}/damaged.nc"
            shutil.copy(f"{tmp}/{source}.nc", path)
            with netCDF4.Dataset(path, "a") as d:
                d.set_auto_mask(False)
                damage(d)
            how = ["--resampling", "bilinear"] if source == "bilinear" else []
            where = ["--epsg", 32754, "--no-checkers"] if checker == "netcdf.py" else ["--archive", archive]
            code, text = tool(checker, path, *where, *how)
            seen = [line for line in text.splitlines() if line.startswith("FAIL")]
            detail = seen[0][5:120] if seen else (text.strip().splitlines() or [""])[-1][:120]
            report.check(code != 0 and bool(seen), f"{checker} finds: {what} ({len(seen)}: {detail})")
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
