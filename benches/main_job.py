#!/usr/bin/env python3
"""The main job against other programs: full ASTER granules to NDVI on a fixed grid, in one NetCDF file.

    python3 benches/main_job.py --data DIR --competitors DIR [--size 10km,full] [--n 4] [--runs 5]

Rounds alternate: every contestant runs once per round, one after another, so that a busy moment of the machine hits all alike. Rounds that
sample memory come first and are not timed, since looking at it costs what it looks at; the first of them warms the page cache and
its outputs are compared with ours, pixel by pixel. See README.md.
"""
import argparse
import glob
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass

import netCDF4
import numpy as np

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
EPSG, PIXEL = 32650, 15.0
# outer edges on the granules' lattice: 666 x 666 pixels in the middle of the first granule, and all of it
EXTENTS = {"10km": (812302.5, 1655407.5, 822292.5, 1665397.5), "full": (775342.5, 1623322.5, 859237.5, 1697497.5)}
TOLERANCE = 1e-5
MEMORY_ROUNDS = 3
# Certificates that a machine adds for all its programs are read at every start of Node, 0.08 s of the processor; nobody here needs any.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "NODE_EXTRA_CA_CERTS"}


@dataclass
class Contestant:
    """script: beginning of its file's name; python: which interpreter; data: which form of the granules"""
    name: str
    title: str
    data: str
    script: str = ""
    python: str = "python"


CONTESTANTS = [
    Contestant("ours", "aster-timeseries", "hdf-none"),
    Contestant("a1", "pyhdf, rasterio.warp, netCDF4, streaming", "hdf-none", "a1_*.py"),
    Contestant("a2", "pyhdf, rasterio.warp, xarray, dask", "hdf-none", "a2_*.py"),
    Contestant("b1", "GDAL command line", "hdf-none", "b1_*.sh"),
    Contestant("b2", "GDAL in Python", "hdf-none", "b2_*.py", "system_python"),
    Contestant("d1", "rioxarray", "hdf-none", "d1_*.py", "system_python"),
    Contestant("ours-deflate", "aster-timeseries, deflated HDF4", "hdf-deflate"),
    Contestant("a1-deflate", "as a1, deflated HDF4", "hdf-deflate", "a1_*.py"),
    Contestant("ours-cog", "aster-timeseries, COG", "cog"),
    Contestant("c1", "odc-stac, COG", "cog", "c1_odc*.py"),
    Contestant("c2", "stackstac, COG", "cog", "c2_*.py"),
]


# ---- what is run ----------------------------------------------------------------------------------------------------------
def granules(folder, n):
    """the first n by the running number at the end of their names, as the competitors take them"""
    number = lambda p: int(re.search(r"_(\d+)\.(?:hdf|VNIR\.tif)$", p)[1])  # noqa: E731
    return sorted(glob.glob(f"{folder}/*.hdf") or glob.glob(f"{folder}/*.VNIR.tif"), key=number)[:n]


def command(c, a, size, out):
    source, extent = os.path.join(a.data, c.data), [repr(v) for v in EXTENTS[size]]
    if c.script:
        script = sorted(glob.glob(os.path.join(a.competitors, c.script)))[0]
        if script.endswith(".sh"):
            return ["bash", script, source, out, str(a.n), *extent]
        return [getattr(a, c.python), script, source, out, "--n", str(a.n), "--te", *extent]
    # The grid is theirs: a request may state its extent in units of the CRS, which the options of the command line do not.
    request = {"schema": 1, "granules": granules(source, a.n), "product": "AST_L1T", "extent": EXTENTS[size], "crs": f"EPSG:{EPSG}",
               "resolution": PIXEL, "indices": ["ndvi"], "nWorkers": a.workers,
               "output": {"format": "netcdf", "path": out, "overwrite": True}}
    if c.data == "cog":         # these copies carry no gains
        request["gains"] = [{"band": "2", "gain": "HGH"}, {"band": "3N", "gain": "NOR"}]
    with open(f"{out}.json", "w") as f:
        json.dump(request, f)
    return ["node", a.program, "run", "--request", f"{out}.json", "--quiet"]


# ---- measuring ------------------------------------------------------------------------------------------------------------
def tree(pid):
    yield pid
    for path in glob.glob(f"/proc/{pid}/task/*/children"):
        try:
            with open(path) as f:
                below = [int(p) for p in f.read().split()]
        except OSError:
            continue
        for child in below:
            yield from tree(child)


def proportional(pid):
    """memory of a process, pages that several share counted in parts; 0 once it is gone"""
    try:
        with open(f"/proc/{pid}/smaps_rollup") as f:
            return next((int(line.split()[1]) * 1024 for line in f if line.startswith("Pss:")), 0)
    except OSError:
        return 0


def measure(arguments, log):
    """wall seconds and processor seconds of the whole tree"""
    # What the one before left to be written to the disk is not this one's.
    os.sync()
    with open(log, "w") as f:
        load, start = os.getloadavg()[0], time.perf_counter()
        p = subprocess.Popen(arguments, stdout=f, stderr=subprocess.STDOUT, env=ENVIRONMENT)
        _, status, usage = os.wait4(p.pid, 0)
        wall = time.perf_counter() - start
        p.returncode = os.waitstatus_to_exitcode(status)
    return {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "load": load, "exit": p.returncode}


def peak_memory(arguments, log):
    """peak of the tree's summed PSS (sampled every 50 ms), and exit status"""
    peak, done = 0, threading.Event()

    def watch(pid):
        nonlocal peak
        while not done.is_set():
            peak = max(peak, sum(map(proportional, tree(pid))))
            done.wait(0.05)

    with open(log, "w") as f:
        p = subprocess.Popen(arguments, stdout=f, stderr=subprocess.STDOUT, env=ENVIRONMENT)
        watcher = threading.Thread(target=watch, args=(p.pid,))
        watcher.start()
        p.wait()
        done.set(), watcher.join()
    return {"peak": peak, "exit": p.returncode}


# ---- comparing ------------------------------------------------------------------------------------------------------------
def moments(v):
    when = netCDF4.num2date(v[:], v.units, getattr(v, "calendar", "standard"))
    return [round((t - type(t)(1970, 1, 1)).total_seconds()) for t in when]


def read(path, order):
    """{seconds: image}, x and y of pixel centres; files without times have one variable per granule, in `order`"""
    with netCDF4.Dataset(path) as d:
        d.set_auto_mask(False)
        x, y = np.asarray(d["x"][:], float), np.asarray(d["y"][:], float)
        if "ndvi" in d.variables:
            return {t: np.asarray(d["ndvi"][k]) for k, t in enumerate(moments(d["time"]))}, x, y
        images = {t: np.asarray(d[f"Band{k + 1}"][:], float) for k, t in enumerate(order)}
        return {t: np.where(i == -9999, np.nan, i) for t, i in images.items()}, x, y


def overlap(mine, theirs, step):
    """slices of both axes that name the same pixels"""
    if (mine[1] - mine[0]) * (theirs[1] - theirs[0]) < 0:
        theirs, turned = theirs[::-1], True
    else:
        turned = False
    first = (theirs[0] - mine[0]) / step
    k = round(first)
    if abs(first - k) > 1e-3:
        raise ValueError(f"lattices are {abs(first - k) * abs(step):.3g} m apart")
    lo, hi = max(0, k), min(len(mine), k + len(theirs))
    s = slice(lo - k, hi - k)
    return slice(lo, hi), s, turned


def compare(ours, other, metas):
    """one text per scene zone, and whether scenes of the grid's own zone agree"""
    order = [m["seconds"] for m in metas]
    (a, ax, ay), (b, bx, by) = read(ours, order), read(other, order)
    sx, tx, flip_x = overlap(ax, bx, PIXEL)
    sy, ty, flip_y = overlap(ay, by, -PIXEL)
    good, texts, covered = True, [], len(range(*tx.indices(len(bx)))) * len(range(*ty.indices(len(by)))) == len(bx) * len(by)
    for own in (True, False):
        scenes = [m["seconds"] for m in metas if (m["epsg"] == EPSG) is own]
        if not scenes:
            continue
        pixels = same = masks = 0
        worst = 0.0
        for t in scenes:
            p, q = a[t][sy, sx], b[t][::-1 if flip_y else 1, ::-1 if flip_x else 1][ty, tx]
            both = np.isfinite(p) & np.isfinite(q)
            d = np.abs(p - q)[both]
            pixels, same = pixels + d.size, same + int((d <= TOLERANCE).sum())
            masks, worst = masks + int((np.isfinite(p) != np.isfinite(q)).sum()), max(worst, float(d.max(initial=0)))
        if own:
            good = same == pixels > 0 and masks == 0 and covered
        texts.append(f"{'own zone' if own else 'warped'}: {same / max(pixels, 1):.4%} of {pixels} within {TOLERANCE:g}, "
                     f"largest {worst:.2g}, masks differ in {masks}")
    return good, "; ".join(texts) + ("" if covered else "; our grid does not cover theirs")


# ---- the run --------------------------------------------------------------------------------------------------------------
def contest(a, size, tmp):
    with open(os.path.join(a.data, "granules.json")) as f:
        metas = json.load(f)[:a.n]
    for m in metas:
        m["seconds"] = int(np.datetime64(m["iso"].rstrip("Z"), "s").astype(np.int64))
    field, bad = [c for c in CONTESTANTS if c.name in a.names], 0
    runs, peaks = {c.name: [] for c in field}, {c.name: [] for c in field}
    print(f"{size}, {a.n} granules, {a.runs} timed rounds, {a.workers} workers each", flush=True)
    reference = None
    for c in list(field):
        out, log = f"{tmp}/{c.name}.nc", f"{tmp}/{c.name}.log"
        try:
            first = peak_memory(command(c, a, size, out), log)
            peaks[c.name].append(first["peak"])
            reason = "" if first["exit"] == 0 else open(log).read()[-500:]
        except (IndexError, OSError) as e:
            reason = f"{type(e).__name__}: {e}"
        if reason:
            print(f"  {c.name}: left out: {' '.join(reason.split())}", flush=True)
            field.remove(c)
            bad += not c.script
            continue
        if reference is None and not c.script:
            reference = shutil.copy(out, f"{tmp}/reference.nc")
            print(f"  {c.name}: the reference, {os.path.getsize(out) / 1e6:.1f} MB", flush=True)
        elif reference and a.compare:
            good, text = compare(reference, out, metas)
            bad += not good
            print(f"  {c.name}: {'agrees' if good else 'DIFFERS'}: {text}", flush=True)
    for k in range(a.runs + MEMORY_ROUNDS - 1):
        for c in field:
            out = f"{tmp}/{c.name}.nc"
            if os.path.exists(out):
                os.remove(out)
            look = peak_memory if k < MEMORY_ROUNDS - 1 else measure
            r = look(command(c, a, size, out), f"{tmp}/{c.name}.log")
            if r["exit"] != 0:
                sys.exit(f"{c.name}: exit {r['exit']} in round {k + 2}")
            if "peak" in r:
                peaks[c.name].append(r["peak"])
            else:
                runs[c.name].append(r | {"bytes": os.path.getsize(out)})
    report(a, size, field, runs, peaks)
    return bad


def report(a, size, field, runs, peaks):
    def middle(name, key):
        return statistics.median(r[key] for r in runs[name])

    print(f"\n| {size}, {a.n} granules | wall s (least to most) | CPU s | peak PSS MB | output MB | wall / ours | CPU / ours |\n|---|--:|--:|--:|--:|--:|--:|")
    for c in field:
        mine = {"cog": "ours-cog", "hdf-deflate": "ours-deflate"}.get(c.data, "ours")
        ratios = [f"{middle(c.name, key) / middle(mine, key):.1f}" if runs.get(mine) else "" for key in ("wall", "cpu")]
        walls = [r["wall"] for r in runs[c.name]]
        print(f"| {c.title} ({c.name}) | {middle(c.name, 'wall'):.2f} ({min(walls):.2f} to {max(walls):.2f}) | {middle(c.name, 'cpu'):.2f} | "
              f"{statistics.median(peaks[c.name]) / 1e6:.0f} | {middle(c.name, 'bytes') / 1e6:.1f} | {' | '.join(ratios)} |")
        if a.results:
            with open(a.results, "a") as f:
                f.write(json.dumps({"size": size, "n": a.n, "name": c.name, "runs": runs[c.name], "peaks": peaks[c.name]}) + "\n")
    loads = [r["load"] for rs in runs.values() for r in rs]
    print(f"\nload average while it ran: {min(loads):.1f} to {max(loads):.1f}; {os.cpu_count()} processors\n", flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data", required=True, help="folder with hdf-none/, hdf-deflate/, cog/ and granules.json")
    p.add_argument("--competitors", required=True, help="folder with the competitors' scripts")
    p.add_argument("--size", default="10km,full", help="10km, full, or both")
    p.add_argument("--n", type=int, default=4, help="granules")
    p.add_argument("--runs", type=int, default=5, help="timed rounds")
    p.add_argument("--workers", type=int, default=2, help="our threads; the competitors' scripts take two")
    p.add_argument("--names", default="ours,a1,a2,b1,b2,d1,ours-deflate,a1-deflate,ours-cog,c1", help="contestants: %(default)s, c2")
    p.add_argument("--python", default=sys.executable, help="for a*, c*: pyhdf, rasterio, xarray, dask, netCDF4, odc-stac")
    p.add_argument("--system-python", default="/usr/bin/python3", help="for b2, d1: osgeo and rasterio with HDF4, netCDF4, rioxarray")
    p.add_argument("--results", metavar="FILE", help="append every single run to it, a line of JSON each contestant")
    p.add_argument("--scratch", help="folder for outputs; default: a temporary one")
    p.add_argument("--program", default=os.path.join(ROOT, "bin", "aster-timeseries.js"), help="ours, of another build, say")
    p.add_argument("--no-compare", dest="compare", action="store_false", help="for granules that are several links to one")
    a = p.parse_args()
    a.names = a.names.split(",")
    unknown = set(a.names) - {c.name for c in CONTESTANTS}
    if unknown or "ours" not in a.names:
        sys.exit(f"unknown contestants: {', '.join(sorted(unknown))}" if unknown else "`ours` has to be among the names")
    with tempfile.TemporaryDirectory(dir=a.scratch) as tmp:
        bad = sum(contest(a, size, tmp) for size in a.size.split(","))
    if bad:
        print(f"{bad} contestants of ours failed or outputs differ")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
