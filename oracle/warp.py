#!/usr/bin/env python3
"""Checks granules that had to be reprojected, against GDAL's warper with an exact transformer.

    python3 oracle/warp.py OUT.nc --archive DIR [--resampling nearest|bilinear|cubic|average] [--all]

DN are warped (0 is no data), then calibrated. Nearest: at least 99.99 % of the pixels are the same. Bilinear, cubic, average: at
least 99.9 % of the pixels whose whole neighbourhood is data lie within one DN or 1e-4 of the value; what happens at the rim of the
footprint is reported. The shift against GDAL is searched by brute force and must be zero. A third opinion comes from plain numpy
with PROJ coordinates. `--all` also does granules of the stack's own zone.

An average is judged by GDAL only in the granule's own zone. Where the lattices are turned against each other, GDAL takes the source
pixels of an upright box around the grid pixel; there the mean of many points within the grid pixel decides, and GDAL's distance from
that mean is reported beside ours.
"""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile

import numpy as np
import rasterio
from rasterio.transform import Affine

import granule
import physics
import reference_cube
from report import Report
from stack import Stack

GDALWARP = shutil.which("gdalwarp") or "/usr/bin/gdalwarp"
REACH = {"nearest": 1, "bilinear": 1, "cubic": 2, "average": 2}


def affine(x0, y0, px, py):
    """from pixel centres to the outer corner that GDAL counts from"""
    return Affine(px, 0, x0 - px / 2, 0, -py, y0 + py / 2)


def warp(band, epsg, grid, method):
    """DN as float64 on the grid, NaN for none, by `gdalwarp -et 0`: rasterio 1.4 keeps an approximate transformer whatever it is told"""
    px, py = grid.x[1] - grid.x[0], grid.y[0] - grid.y[1]
    t = affine(grid.x[0], grid.y[0], px, py)
    extent = [t.c, t.f + t.e * grid.shape[0], t.c + t.a * grid.shape[1], t.f]
    with tempfile.TemporaryDirectory() as tmp:
        with rasterio.open(f"{tmp}/a.tif", "w", driver="GTiff", width=band.dn.shape[1], height=band.dn.shape[0], count=1, dtype="float64",
                           crs=f"EPSG:{epsg}", transform=affine(band.x0, band.y0, band.pixel, band.pixel), nodata=0) as d:
            d.write(band.dn.astype(np.float64), 1)
        # PROJ of this Python and PROJ of the command line must not share a database
        env = {k: v for k, v in os.environ.items() if k not in ("PROJ_LIB", "PROJ_DATA", "GDAL_DATA", "LD_LIBRARY_PATH")}
        subprocess.run([GDALWARP, "-q", "-et", "0", "-r", method, "-t_srs", f"EPSG:{grid.epsg}", "-te", *map(repr, map(float, extent)),
                        "-ts", str(grid.shape[1]), str(grid.shape[0]), "-dstnodata", "nan",
                        # GDAL guesses the scale from bounding boxes; zones are turned against each other, so it guesses too much
                        "-wo", f"XSCALE={band.pixel / px:.12g}", "-wo", f"YSCALE={band.pixel / py:.12g}", f"{tmp}/a.tif", f"{tmp}/b.tif"],
                       check=True, env=env)
        with rasterio.open(f"{tmp}/b.tif") as d:
            return d.read(1)


POINTS = 24     # per side of a grid pixel, for averages


def mean_of_points(band, epsg, grid):
    """DN as the mean over points spread evenly in each grid pixel, NaN for none, and where all points are data"""
    r, c = (np.broadcast_to(f, grid.shape) for f in reference_cube.fractional(band, epsg, grid))
    values = np.where(band.dn > 0, band.dn.astype(np.float64), np.nan)
    # within one grid pixel the map is a plane to a ten thousandth of a source pixel: its slopes from exact places half a pixel away
    dx, dy = grid.x[1] - grid.x[0], grid.y[1] - grid.y[0]
    slopes = []
    for sx, sy in ((dx / 2, 0.0), (0.0, dy / 2)):
        ahead, behind = (reference_cube.fractional(band, epsg, reference_cube.Grid(grid.x + s * sx, grid.y + s * sy, grid.epsg)) for s in (1, -1))
        slopes.append([np.broadcast_to(p - q, grid.shape) for p, q in zip(ahead, behind)])
    total, count = np.zeros(grid.shape), np.zeros(grid.shape, np.int64)
    offsets = (np.arange(POINTS) + 0.5) / POINTS - 0.5
    for oy in offsets:
        for ox in offsets:
            i = np.rint(r + ox * slopes[0][0] + oy * slopes[1][0]).astype(np.int64)
            j = np.rint(c + ox * slopes[0][1] + oy * slopes[1][1]).astype(np.int64)
            v = reference_cube.pick(values, i, j)
            known = np.isfinite(v)
            total, count = total + np.where(known, v, 0.0), count + known
    with np.errstate(invalid="ignore"):
        return np.where(count > 0, total / count, np.nan), count == POINTS ** 2


def evaluate(g, variable, dn, options):
    """the variable from DN on the grid; DN may be fractional"""
    bands = reference_cube.wanted_bands(variable)
    index = variable in physics.INDICES
    quantity = physics.index_quantity(variable) if index else options.quantity
    values = {}
    for b in bands:
        slope, offset = physics.linear(g, b, "radiance" if quantity == "temperature" else quantity, options.esun)
        values[b] = physics.finish(slope * dn[b] + offset, b, quantity)
    return physics.index(variable, values) if index else values[bands[0]]


def best_shift(got, want, reach=2):
    """whole-pixel shift of `got` with the smallest mean difference, and the margin over the runner-up"""
    scores = {}
    h, w = got.shape
    for dy in range(-reach, reach + 1):
        for dx in range(-reach, reach + 1):
            a = got[reach + dy:h - reach + dy, reach + dx:w - reach + dx]
            b = want[reach:h - reach, reach:w - reach]
            d = np.abs(a - b)
            ok = np.isfinite(d)
            scores[dy, dx] = float(np.mean(d[ok])) + float((np.isnan(a) != np.isnan(b)).mean()) * float(np.nanstd(b)) if ok.any() else np.inf
    order = sorted(scores, key=scores.get)
    return order[0], scores[order[0]], scores[order[1]]


def sub_pixel(got, want):
    """least squares: got - want = gradient . shift"""
    gy, gx = np.gradient(want)
    d = got - want
    ok = np.isfinite(d) & np.isfinite(gx) & np.isfinite(gy)
    if ok.sum() < 100:
        return np.nan, np.nan
    limit = np.quantile(np.abs(d[ok]), 0.999) + 1e-30
    ok &= np.abs(d) <= limit
    s, *_ = np.linalg.lstsq(np.column_stack([gy[ok], gx[ok]]), d[ok], rcond=None)
    return -float(s[0]), -float(s[1])


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("stack")
    p.add_argument("--archive", required=True)
    p.add_argument("--resampling", default="nearest", choices=sorted(REACH))
    p.add_argument("--variable", action="append", default=[], help="default: every (time, y, x) variable")
    p.add_argument("--quantity", choices=["dn", "radiance", "reflectance", "temperature"])
    p.add_argument("--esun", default="thome_b", choices=sorted(physics.ESUN))
    p.add_argument("--gains")
    p.add_argument("--allow-bad-swir", action="store_true")
    p.add_argument("--all", action="store_true", help="also granules of the stack's own zone")
    p.add_argument("--share", type=float, help="share of pixels that must agree")
    a = p.parse_args()
    method = a.resampling
    share = a.share or (0.9999 if method == "nearest" else 0.999)
    report, stack = Report(), Stack(a.stack)
    if not os.path.exists(GDALWARP):
        report.check(False, "gdalwarp is not installed")
        return report.end()
    report.note(f"{subprocess.run([GDALWARP, '--version'], capture_output=True, text=True).stdout.strip()}, {method}")
    archive = granule.open_archive(a.archive, reference_cube.gains_argument(a.gains))
    for k, name in enumerate(stack.granule_ids):
        g = granule.find(archive, name)
        if not report.check(g is not None, f"granule {name} is in the archive"):
            continue
        if g.epsg == stack.grid.epsg and not a.all:
            continue
        for variable in a.variable or stack.data_variables():
            label = f"{variable} {stack.times[k]:%Y-%m-%d} {g.name} EPSG:{g.epsg}"
            options = reference_cube.Options(a.quantity or stack.quantity(variable), method, a.esun, allow_bad_swir=a.allow_bad_swir)
            if variable in physics.INDICES:
                options.quantity = "radiance"
            bands = reference_cube.wanted_bands(variable)
            got = stack.image(variable, k)
            if not all(reference_cube.usable(g, b, options) for b in bands):
                report.check(not np.isfinite(got).any(), f"{label}: absent, {int(np.isfinite(got).sum())} pixels in the stack")
                continue
            dn, inside, warped = {}, np.True_, {}
            turned = method == "average" and g.epsg != stack.grid.epsg
            for b in bands:
                source = g.read(b)
                dn[b] = warped[b] = warp(source, g.epsg, stack.grid, method)
                r, c = reference_cube.fractional(source, g.epsg, stack.grid)
                known = np.where(source.dn > 0, 1.0, np.nan)
                inside = inside & reference_cube.interior(known, r, c, REACH[method])
                if turned:
                    dn[b], full = mean_of_points(source, g.epsg, stack.grid)
                    inside = inside & full
            want = evaluate(g, variable, dn, options)
            one_dn = sum(np.abs(evaluate(g, variable, dn | {b: dn[b] + 1}, options) - want) for b in bands)
            both = np.isfinite(got) & np.isfinite(want)
            d = np.abs(got - want)
            if method == "nearest":
                same = (np.isnan(got) & np.isnan(want)) | (both & (d <= np.maximum(1e-5 * np.abs(want), 1e-5)))
                seen = np.isfinite(got) | np.isfinite(want)
                part = float(same[seen].mean()) if seen.any() else 0.0
                report.check(part >= share, f"{label}: {seen.sum()} pixels, {part:.6%} the same as GDAL")
            else:
                ok = inside & np.isfinite(want)
                close = both & (d <= np.maximum(1e-4 * np.abs(want), one_dn))
                part = float(close[ok].mean()) if ok.any() else 0.0
                tight = float((d[ok & both] <= 1e-4 * np.abs(want[ok & both])).mean()) if (ok & both).any() else 0.0
                report.check(part >= share, f"{label}: {ok.sum()} inner pixels, {part:.4%} within one DN, {tight:.4%} within 1e-4, "
                                            f"largest {np.nanmax(np.where(ok, d, np.nan)):.3g}")
                rim = (np.isfinite(got) != np.isfinite(want)) & ~ok
                judge = "by points" if turned else "in GDAL"
                report.note(f"rim: {int(np.isfinite(got).sum())} pixels here, {int(np.isfinite(want).sum())} {judge}, {int(rim.sum())} differ")
                if turned:
                    theirs = np.abs(evaluate(g, variable, warped, options) - want)[ok]
                    report.note(f"mean distance from the mean of points: ours {np.nanmean(d[ok]):.3g}, GDAL's {np.nanmean(theirs):.3g}; "
                                f"within one DN: {float(close[ok].mean()):.4%}, GDAL's {float((theirs <= one_dn[ok]).mean()):.4%}")
            (dy, dx), first, second = best_shift(got, want)
            sy, sx = sub_pixel(np.where(inside, got, np.nan), np.where(inside, want, np.nan))
            report.check((dy, dx) == (0, 0) and not (abs(sy) > 0.05 or abs(sx) > 0.05),
                         f"{label}: shift {dy}, {dx} pixels (mean difference {first:.3g}, next best {second:.3g}), sub-pixel {sy:+.4f}, {sx:+.4f}")
            if method != "average":
                twin = reference_cube.expected(g, variable, stack.grid, options)[0][1]
                agree = (np.isnan(twin) & np.isnan(want)) | (np.abs(twin - want) <= np.maximum(1e-5 * np.abs(want), 1e-5))
                ok = inside if method != "nearest" else np.isfinite(twin) | np.isfinite(want)
                report.note(f"third opinion: numpy with PROJ agrees with GDAL on {float(agree[ok].mean()):.4%}")
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
