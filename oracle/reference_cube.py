#!/usr/bin/env python3
"""The slow, obvious twin: builds the same stack as the product, in float64 numpy, one pixel rule at a time.

    python3 oracle/reference_cube.py --archive fixtures/sample --index ndvi --out twin.nc
    python3 oracle/reference_cube.py --archive fixtures/sample --variable ImageData10 --quantity temperature --out twin.nc

Shares no code with the product. `cube.py` takes its expectations from here.
"""
import argparse
import sys
from dataclasses import dataclass, field

import numpy as np
from pyproj import CRS, Transformer

import granule
import physics

TIE = 1e-6      # of a pixel: closer to the border between two pixels than this, either is right


@dataclass
class Grid:
    """pixel centres"""
    x: np.ndarray
    y: np.ndarray
    epsg: int

    @property
    def shape(self):
        return len(self.y), len(self.x)


@dataclass
class Options:
    quantity: str = "radiance"
    resampling: str = "nearest"
    esun: str = "thome_b"
    mask_saturated: bool = False
    allow_bad_swir: bool = False
    zones: set = field(default_factory=set)


# ---- where a grid pixel lies in a band ----------------------------------------------------------------------------------
def fractional(band, epsg, grid):
    """row and column, in pixels from the upper-left centre: two vectors in the granule's own zone, else two full arrays"""
    if epsg == grid.epsg:
        return ((band.y0 - grid.y) / band.pixel)[:, None], ((grid.x - band.x0) / band.pixel)[None, :]
    X, Y = np.meshgrid(grid.x, grid.y)
    X, Y = Transformer.from_crs(grid.epsg, epsg, always_xy=True).transform(X, Y)
    return (band.y0 - Y) / band.pixel, (X - band.x0) / band.pixel


def snap(f):
    """exact where the lattices agree: coordinates are only good to some 1e-10 m"""
    r = np.rint(f)
    return np.where(np.abs(f - r) < TIE, r, f)


def is_tie(f):
    return bool((np.abs(np.abs(f - np.floor(f)) - 0.5) < TIE).any())


def nearest_index(f, up):
    return np.floor(f + 0.5 + TIE).astype(np.int64) if up else np.ceil(f - 0.5 - TIE).astype(np.int64)


def pick(values, i, j):
    """values at (i, j), NaN outside"""
    i, j = np.broadcast_arrays(i, j)
    ok = (i >= 0) & (j >= 0) & (i < values.shape[0]) & (j < values.shape[1])
    return np.where(ok, values[np.where(ok, i, 0), np.where(ok, j, 0)], np.nan)


def kernel(method, t):
    t = np.abs(t)
    if method == "bilinear":
        return np.clip(1 - t, 0, None)
    a = -0.5
    return np.where(t <= 1, (a + 2) * t ** 3 - (a + 3) * t ** 2 + 1, np.where(t < 2, a * t ** 3 - 5 * a * t ** 2 + 8 * a * t - 4 * a, 0))


def sample(values, r, c, method, up=(True, True)):
    """values (NaN missing) at fractional rows and columns"""
    r, c = snap(r), snap(c)
    near = pick(values, nearest_index(r, up[0]), nearest_index(c, up[1]))
    if method == "nearest":
        return near
    reach = 1 if method == "bilinear" else 2
    r0, c0 = np.floor(r).astype(np.int64), np.floor(c).astype(np.int64)
    total, weight = 0.0, 0.0
    for di in range(1 - reach, reach + 1):
        for dj in range(1 - reach, reach + 1):
            v = pick(values, r0 + di, c0 + dj)
            w = kernel(method, r - (r0 + di)) * kernel(method, c - (c0 + dj)) * np.isfinite(v)
            total, weight = total + w * np.nan_to_num(v), weight + w
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(np.isfinite(near), total / weight, np.nan)


def interior(values, r, c, reach):
    """where the whole neighbourhood is data"""
    r0, c0 = np.floor(snap(r)).astype(np.int64), np.floor(snap(c)).astype(np.int64)
    ok = np.True_
    for di in range(1 - reach, reach + 1):
        for dj in range(1 - reach, reach + 1):
            ok = ok & np.isfinite(pick(values, r0 + di, c0 + dj))
    return ok


# ---- what a granule should look like on a grid --------------------------------------------------------------------------
def wanted_bands(variable):
    return physics.bands_of(physics.INDICES[variable]) if variable in physics.INDICES else [variable.removeprefix("ImageData")]


def usable(g, band, options):
    if band not in g.sources:
        return False
    bad = granule.SUBSYSTEM[band] == "SWIR" and physics.swir_bad(g.time) and not options.allow_bad_swir
    return not bad


def expected(g, variable, grid, options):
    """a list of (rule, array): more than one only where pixel borders of the granule fall on pixel centres of the grid"""
    bands = wanted_bands(variable)
    if not all(usable(g, b, options) for b in bands):
        return [("absent", np.full(grid.shape, np.nan))]
    index = variable in physics.INDICES
    quantity = physics.index_quantity(variable) if index and options.quantity != "dn" else options.quantity
    linear = "radiance" if quantity == "temperature" else quantity
    read, ties = {}, [False, False]
    for b in bands:
        band = g.read(b)
        r, c = fractional(band, g.epsg, grid)
        ties = [ties[0] or is_tie(snap(r)), ties[1] or is_tie(snap(c))]
        read[b] = (physics.convert(band.dn, g, b, linear, options.esun, options.mask_saturated), r, c)
    out = []
    for down in ((True, False) if ties[0] else (True,)):
        for right in ((True, False) if ties[1] else (True,)):
            values = {b: physics.finish(sample(*v, options.resampling, (down, right)), b, quantity) for b, v in read.items()}
            result = physics.index(variable, values) if index else values[bands[0]]
            rule = "exact" if not any(ties) else f"ties {'down' if down else 'up'} and {'right' if right else 'left'}"
            out.append((rule, result))
    return out


# ---- building a file ----------------------------------------------------------------------------------------------------
def default_grid(granules, variable, epsg=None, pixel=None, bbox=None):
    bands = wanted_bands(variable)
    have = [g for g in granules if any(b in g.sources for b in bands)]
    epsg = epsg or max({g.epsg for g in have}, key=lambda e: sum(g.epsg == e for g in have))
    home = next(g for g in have if g.epsg == epsg)
    fine = min(bands, key=lambda b: granule.PIXEL[granule.SUBSYSTEM[b]])
    pixel = pixel or granule.PIXEL[granule.SUBSYSTEM[fine]]
    origin = home.read(fine)
    xs, ys = [], []
    if bbox:
        w, s, e, n = bbox
        t = np.linspace(0, 1, 21)
        ring = np.concatenate([w + (e - w) * t, w + (e - w) * t, 0 * t + w, 0 * t + e]), np.concatenate([0 * t + s, 0 * t + n, s + (n - s) * t, s + (n - s) * t])
        xs, ys = map(list, Transformer.from_crs(4326, epsg, always_xy=True).transform(*ring))
    else:
        for g in have:
            b = g.read(fine)
            x = b.x0 + np.array([0, 0, b.dn.shape[1] - 1, b.dn.shape[1] - 1]) * b.pixel
            y = b.y0 - np.array([0, b.dn.shape[0] - 1, 0, b.dn.shape[0] - 1]) * b.pixel
            x, y = Transformer.from_crs(g.epsg, epsg, always_xy=True).transform(x, y)
            xs += list(x)
            ys += list(y)
    c0, c1 = np.floor((min(xs) - origin.x0) / pixel), np.ceil((max(xs) - origin.x0) / pixel)
    r0, r1 = np.floor((origin.y0 - max(ys)) / pixel), np.ceil((origin.y0 - min(ys)) / pixel)
    return Grid(origin.x0 + np.arange(c0, c1 + 1) * pixel, origin.y0 - np.arange(r0, r1 + 1) * pixel, epsg)


TITLES = {"dn": "digital number", "radiance": "at-sensor radiance", "reflectance": "top-of-atmosphere reflectance",
          "temperature": "brightness temperature"}
UNITS = {"dn": "1", "radiance": "W m-2 sr-1 um-1", "reflectance": "1", "temperature": "K"}


def write(path, granules, variables, grid, options):
    import netCDF4
    steps = sorted(granules, key=lambda g: g.time)
    px, py = grid.x[1] - grid.x[0], grid.y[0] - grid.y[1]
    with netCDF4.Dataset(path, "w") as d:
        d.Conventions = "CF-1.11"
        d.title = "reference stack"
        d.history = "written by oracle/reference_cube.py"
        for n, size in (("time", len(steps)), ("y", len(grid.y)), ("x", len(grid.x)), ("nv", 2)):
            d.createDimension(n, size)

        def var(name, kind, dims, data=None, **attributes):
            v = d.createVariable(name, kind, dims, **{k: attributes.pop(k) for k in ("fill_value", "zlib", "complevel", "chunksizes") if k in attributes})
            v.setncatts(attributes)
            if data is not None:
                v[:] = data
            return v

        seconds = [(g.time - type(g.time)(1970, 1, 1)).total_seconds() for g in steps]
        var("time", "f8", ("time",), seconds, units="seconds since 1970-01-01T00:00:00Z", standard_name="time", calendar="standard", units_metadata="leap_seconds: none",
            axis="T", bounds="time_bnds", long_name="acquisition time")
        var("time_bnds", "f8", ("time", "nv"), np.column_stack([seconds, seconds]))
        var("y", "f8", ("y",), grid.y, units="m", standard_name="projection_y_coordinate", axis="Y", long_name="northing of pixel centre")
        var("x", "f8", ("x",), grid.x, units="m", standard_name="projection_x_coordinate", axis="X", long_name="easting of pixel centre")
        crs = CRS.from_epsg(grid.epsg)
        cf = {k: v for k, v in crs.to_cf().items() if v is not None}
        cf["GeoTransform"] = f"{grid.x[0] - px / 2:.10g} {px:.10g} 0 {grid.y[0] + py / 2:.10g} 0 {-py:.10g}"
        var("spatial_ref", "i4", (), 0, **cf)
        var("granule_id", str, ("time",), np.array([g.name for g in steps], object), long_name="granule")
        var("product_version", str, ("time",), np.array([g.version for g in steps], object), long_name="product version")
        var("radiometric_db_version", str, ("time",), np.array([g.radiometric_db_version for g in steps], object), long_name="radiometric database version")
        for name, unit in (("solar_elevation", "degree"), ("solar_azimuth", "degree"), ("cloud_cover", "percent")):
            var(name, "f8", ("time",), [getattr(g, name) for g in steps], units=unit, fill_value=np.nan, long_name=name.replace("_", " "))
        for b in sorted({b for v in variables for b in wanted_bands(v)}):
            gains = np.array([g.gains.get(b, "") if granule.SUBSYSTEM[b] != "TIR" else "" for g in steps], object)
            var(f"ImageData{b}_gain", str, ("time",), gains, long_name=f"gain setting of band {b}")
            uccs = [g.coefficient(b)[0] if b in g.sources else np.nan for g in steps]
            var(f"ImageData{b}_ucc", "f8", ("time",), uccs, units=UNITS["radiance"], fill_value=np.nan, long_name=f"radiance per DN of band {b}")
        for name in variables:
            unit = "1" if name in physics.INDICES else UNITS[options.quantity]
            v = var(name, "f4", ("time", "y", "x"), fill_value=np.float32(np.nan), zlib=True, complevel=1,
                    chunksizes=(1, min(256, len(grid.y)), min(256, len(grid.x))), units=unit, grid_mapping="spatial_ref",
                    long_name=name if name in physics.INDICES else f"{TITLES[options.quantity]}, band {name.removeprefix('ImageData')}")
            if name in physics.INDICES:
                v.computed_from = {"radiance": "at-sensor radiance", "reflectance": "top-of-atmosphere reflectance"}[physics.index_quantity(name)]
            for k, g in enumerate(steps):
                v[k] = expected(g, name, grid, options)[0][1].astype(np.float32)


def gains_argument(text):
    return granule.gain_pairs(text) if text else {}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--archive", required=True)
    p.add_argument("--out", required=True)
    p.add_argument("--index", action="append", default=[], choices=sorted(physics.INDICES))
    p.add_argument("--variable", action="append", default=[], metavar="ImageDataN")
    p.add_argument("--quantity", default="radiance", choices=sorted(UNITS))
    p.add_argument("--resampling", default="nearest", choices=["nearest", "bilinear", "cubic"])
    p.add_argument("--bbox", type=float, nargs=4, metavar=("W", "S", "E", "N"))
    p.add_argument("--epsg", type=int)
    p.add_argument("--pixel", type=float)
    p.add_argument("--gains", help="for granules that carry none, as '01 HGH, 02 HGH, 3N NOR, ...'")
    p.add_argument("--mask-saturated", action="store_true")
    p.add_argument("--allow-bad-swir", action="store_true")
    a = p.parse_args()
    variables = a.index + a.variable or ["ndvi"]
    options = Options(a.quantity, a.resampling, mask_saturated=a.mask_saturated, allow_bad_swir=a.allow_bad_swir)
    granules = granule.open_archive(a.archive, gains_argument(a.gains)).values()
    granules = [g for g in granules if any(all(usable(g, b, options) for b in wanted_bands(v)) for v in variables)]
    grid = default_grid(granules, variables[0], a.epsg, a.pixel, a.bbox)
    write(a.out, granules, variables, grid, options)
    print(f"{a.out}: {len(granules)} steps, {grid.shape[0]} x {grid.shape[1]}, EPSG:{grid.epsg}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
