#!/usr/bin/env python3
"""Recomputes a stack from its granules and compares every pixel, place included.

    python3 oracle/cube.py OUT.nc --archive DIR [--index ndvi] [--variable ImageData10 --quantity temperature]

Without --index and --variable every (time, y, x) variable is checked. Granules of another UTM zone than the stack's are
left to oracle/warp.py. One line per check; exit status 1 if any failed.
"""
import argparse
import sys

import numpy as np

import granule
import physics
import reference_cube
from report import Report
from stack import Stack


def compare(got, want, relative, absolute, step):
    """figures and verdict: same mask, and each value within the tolerance"""
    mask = int((np.isnan(got) != np.isnan(want)).sum())
    both = np.isfinite(got) & np.isfinite(want)
    d = np.abs(got - want)[both]
    allowed = np.maximum(relative * np.abs(want[both]), absolute) + 0.5001 * step
    bad = int((d > allowed).sum())
    worst = float(d.max()) if d.size else 0.0
    scale = float((d / np.maximum(np.abs(want[both]), 1e-30)).max()) if d.size else 0.0
    return mask + bad, f"{both.sum()} pixels, largest difference {worst:.3g} ({scale:.2g} relative), {bad} over, masks differ in {mask}"


def tolerance(variable, quantity):
    if variable in physics.INDICES:
        return 1e-5, 1e-5
    return {"temperature": (0.0, 0.01), "radiance": (1e-6, 1e-9), "reflectance": (1e-6, 1e-9), "dn": (0.0, 0.0)}[quantity]


def off_lattice(stack, g):
    """how far the stack's pixel centres are from those of the granule's band of that pixel size, in metres; None if there is none"""
    step = abs(stack.grid.x[1] - stack.grid.x[0])
    band = next((b for b in g.sources if abs(granule.PIXEL[granule.SUBSYSTEM[b]] - step) < 1e-6), None)
    if band is None:
        return None
    b = g.read(band)
    apart = lambda f: float(np.abs(f - np.rint(f)).max() * b.pixel)  # noqa: E731
    return max(apart((stack.grid.x - b.x0) / b.pixel), apart((b.y0 - stack.grid.y) / b.pixel))


def facts(report, stack, k, g, bands):
    """per-scene variables against the granule"""
    def number(name, want, within):
        have = stack.scene(name)
        if have is not None and not (isinstance(want, float) and np.isnan(want)):
            report.check(abs(have[k] - want) <= within, f"{name} of {g.name}: {have[k]} (granule {want})")

    late = abs((stack.times[k] - g.time).total_seconds())
    report.check(late < 1.0, f"time of {g.name}: {stack.times[k].isoformat()} ({late:.3f} s from the granule's)")
    number("solar_elevation", g.solar_elevation, 1e-4)
    number("solar_azimuth", g.solar_azimuth, 1e-4)
    number("cloud_cover", g.cloud_cover, 0.5)
    for name, want in (("product_version", g.version), ("radiometric_db_version", g.radiometric_db_version)):
        have = stack.scene(name)
        if have is not None and want:
            report.check(have[k] == want, f"{name} of {g.name}: {have[k]!r} (granule {want!r})")
    for b in bands:
        if b not in g.sources:
            continue
        gain = stack.scene(f"ImageData{b}_gain")
        if gain is not None and granule.SUBSYSTEM[b] != "TIR" and g.gains.get(b):
            # VNIR granules write LOW for the setting that SWIR calls LO1.
            same = gain[k].replace("LOW", "LO1") == g.gains[b].replace("LOW", "LO1")
            report.check(same, f"gain of band {b} of {g.name}: {gain[k]!r} (granule {g.gains[b]!r})")
        number(f"ImageData{b}_ucc", g.coefficient(b)[0], 1e-6 * g.coefficient(b)[0])


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("stack")
    p.add_argument("--archive", required=True, help="folder with the granules")
    p.add_argument("--index", action="append", default=[])
    p.add_argument("--variable", action="append", default=[])
    p.add_argument("--quantity", choices=["dn", "radiance", "reflectance", "temperature"], help="default: from the variable's units")
    p.add_argument("--resampling", default="nearest", choices=["nearest", "bilinear", "cubic"], help="where lattices do not agree")
    p.add_argument("--esun", default="thome_b", choices=sorted(physics.ESUN))
    p.add_argument("--gains", help="for granules that carry none, as '01 HGH, 02 HGH, 3N NOR, ...'")
    p.add_argument("--mask-saturated", action="store_true")
    p.add_argument("--allow-bad-swir", action="store_true")
    p.add_argument("--relative", type=float, help="tolerance instead of the built-in one")
    p.add_argument("--absolute", type=float)
    p.add_argument("--free-grid", action="store_true", help="the grid was asked for: it need not be the lattice of most granules")
    p.add_argument("--expect-steps", type=int, help="how many time steps there must be")
    a = p.parse_args()
    report, stack = Report(), Stack(a.stack)
    archive = granule.open_archive(a.archive, reference_cube.gains_argument(a.gains))
    variables = a.index + a.variable or stack.data_variables()
    if a.expect_steps is not None:
        report.check(len(stack.granule_ids) == a.expect_steps, f"{len(stack.granule_ids)} time steps, {a.expect_steps} expected")
    report.check(stack.times == sorted(stack.times), "time steps are in order")
    bands = sorted({b for v in variables if v in physics.INDICES or v.startswith("ImageData") for b in reference_cube.wanted_bands(v)})
    lattice, tie_rules, compared = [], None, 0
    for k, name in enumerate(stack.granule_ids):
        g = granule.find(archive, name)
        if not report.check(g is not None, f"granule {name} is in the archive"):
            continue
        facts(report, stack, k, g, bands)
        off = off_lattice(stack, g) if g.epsg == stack.grid.epsg else None
        if off is not None:
            lattice.append(off)
        for variable in variables:
            label = f"{variable} {stack.times[k]:%Y-%m-%d} {g.name}"
            if variable not in stack.d.variables:
                report.check(False, f"{label}: no such variable")
                continue
            if variable not in physics.INDICES and not variable.startswith("ImageData"):
                report.skip(f"{label}: neither an index of the registry nor a band")
                continue
            if g.epsg != stack.grid.epsg:
                report.skip(f"{label}: EPSG:{g.epsg} on EPSG:{stack.grid.epsg}, see oracle/warp.py")
                continue
            quantity = a.quantity or stack.quantity(variable)
            options = reference_cube.Options(quantity, a.resampling, a.esun, a.mask_saturated, a.allow_bad_swir)
            if variable in physics.INDICES:
                options.quantity = "radiance"
            got = stack.image(variable, k)
            relative, absolute = tolerance(variable, quantity)
            relative, absolute = a.relative if a.relative is not None else relative, a.absolute if a.absolute is not None else absolute
            results = [compare(got, want, relative, absolute, stack.step(variable)) + (rule,)
                       for rule, want in reference_cube.expected(g, variable, stack.grid, options)]
            bad, figures, rule = min(results, key=lambda r: r[0])
            where = "" if off is None else f", lattice {off:.4f} m apart"
            report.check(bad == 0, f"{label}: {rule}, {figures}{where}")
            compared += 1
            if len(results) > 1:
                good = {r[2] for r in results if r[0] == 0}
                tie_rules = good if tie_rules is None else tie_rules & good
    # Half a pixel off, a grid runs along the borders between a granule's pixels, and either neighbour would pass above.
    # So most granules must lie exactly on the grid, and where borders are met the choice must be the same everywhere.
    if lattice and not a.free_grid:
        on = sum(o < 0.01 for o in lattice)
        report.check(2 * on >= len(lattice), f"the grid is the lattice of {on} of {len(lattice)} granules of its zone (to 0.01 m)")
    if tie_rules is not None:
        report.check(bool(tie_rules), f"one rule where pixel borders are met: {', '.join(sorted(tie_rules)) or 'none fits all'}")
    report.check(compared > 0, f"{compared} images compared pixel by pixel")
    v = stack.mapping
    if "GeoTransform" in v.ncattrs():
        t = [float(n) for n in str(v.GeoTransform).split()]
        far = max(np.abs(t[0] + t[1] * (np.arange(len(stack.grid.x)) + 0.5) - stack.grid.x).max(),
                  np.abs(t[3] + t[5] * (np.arange(len(stack.grid.y)) + 0.5) - stack.grid.y).max())
        report.check(far < 0.01, f"pixel centres agree with GeoTransform to {far:.2g} m")
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
