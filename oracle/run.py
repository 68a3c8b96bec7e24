#!/usr/bin/env python3
"""Runs the built command line over real and synthetic granules and has every output checked by the oracles.

Prints one line per check; what an oracle finds wrong follows, indented. `-v` shows everything the oracles say. The last line
counts. `skipped:` lines name what is not here. See run.sh.
"""
import argparse
import concurrent.futures
import glob
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
SHARED = os.environ.get("ASTER_SHARED_DATA") or os.path.join(os.path.dirname(ROOT), "shared", "data")
SAMPLE, FORMS = os.path.join(ROOT, "fixtures", "sample"), os.path.join(ROOT, "fixtures", "forms")
LIKE = os.path.join(SHARED, "aster-like")
CROPS = os.path.join(SHARED, "aster-l1t-cog", "tests", "data-files", "raster_footprint")
CROP = os.path.join(CROPS, "AST_L1T_00310012006175412_20150516104359-SWIR-cropped.tif")

NORTH = ["--archive", LIKE, "--bbox", "119.92", "14.97", "119.98", "15.03", "--start", "2001-01-01", "--end", "2004-12-31"]
SOUTH = ["--bbox", "139.13", "-30.62", "139.22", "-30.56"]
FULL = 4945, 5593       # rows and columns of 15 m in a whole scene
RATIOS = ["--index", "ratio_4_6,ratio_5_7,ratio_6_8"]
TEMPERATURE = ["--subsystem", "TIR", "--calibration", "temperature"]


class Case:
    """one case: its output lines, and how many checks passed, failed and were skipped"""

    def __init__(self, name, tmp, verbose):
        self.name, self.verbose = name, verbose
        self.folder = os.path.join(tmp, name.replace("/", "-"))
        os.makedirs(self.folder)
        self.lines, self.passed, self.failed, self.skipped = [], 0, 0, 0

    def check(self, ok, text, detail=()):
        self.passed, self.failed = self.passed + bool(ok), self.failed + (not ok)
        self.lines.append(f"{'PASS' if ok else 'FAIL'} {self.name}: {text}")
        self.lines += [f"     {line}" for line in detail]
        return bool(ok)

    def skip(self, text):
        self.skipped += 1
        self.lines.append(f"skipped: {self.name}: {text}")

    def cli(self, *arguments, output="out.nc", code=0):
        """the output of `run`, or None; exit status checked"""
        path = os.path.join(self.folder, output)
        r = aster("run", "--backend", "local", "--product", "AST_L1T", *arguments, "--output", path, "--overwrite")
        ok = r.returncode == code and os.path.exists(path)
        error = [] if ok and not self.verbose else (r.stdout + r.stderr).splitlines() + ["$ " + r.command]
        said = next((line.strip() for line in r.stdout.splitlines() if line.strip().startswith("scenes:")), "")
        return path if self.check(ok, f"run: exit {r.returncode}, {' '.join(said.split())}", error) else None

    def oracle(self, tool, *arguments):
        """one line for all that an oracle checks"""
        r = subprocess.run([sys.executable, os.path.join(HERE, tool), *map(str, arguments)], capture_output=True, text=True)
        lines = r.stdout.splitlines()
        bad = lines if self.verbose else failures(lines)
        if r.returncode and not failures(lines):
            bad = bad + r.stderr.splitlines()[-3:]
        how = " ".join(a for a in map(str, arguments) if not a.startswith("/") and a != "--archive")
        self.check(r.returncode == 0, f"{tool}{' ' + how if how else ''}: {lines[-1] if lines else 'no output'}", bad)
        if tool == "netcdf.py":
            for line in lines:
                if line.startswith("SKIP"):
                    self.skip(line[5:].split(" (")[0])


def failures(lines):
    """FAIL lines with the notes below them"""
    out, keep = [], False
    for line in lines:
        keep = line.startswith("FAIL") or (keep and line.startswith("     "))
        if keep:
            out.append(line)
    return out


# A process inherits the peak memory of the one that started it, so a small one stands between; it leaves the peak in a file.
BETWEEN = """import os, sys
_, status, usage = os.wait4(os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ), 0)
open(sys.argv[1], "w").write(str(usage.ru_maxrss * 1024))
sys.exit(os.waitstatus_to_exitcode(status))"""


def aster(*arguments):
    """the command line; also its peak resident memory in bytes"""
    command = ["node", os.path.join(ROOT, "bin", "aster-timeseries.js"), *map(str, arguments)]
    with tempfile.NamedTemporaryFile("r") as peak:
        r = subprocess.run([sys.executable, "-I", "-S", "-c", BETWEEN, peak.name, *command], capture_output=True, text=True, cwd=ROOT)
        r.peak = int(peak.read() or 0)
    r.command = " ".join(command)
    return r


# ---- cases ----------------------------------------------------------------------------------------------------------------
def stack(options, archive, *, steps=None, epsg=None, cube=(), warp=None, netcdf=False, quantity=None):
    """run, then cube.py, then warp.py (`warp`: its options) and netcdf.py where asked for"""
    def case(c):
        out = c.cli(*options)
        if not out:
            return
        asked = ["--quantity", quantity] if quantity else []
        if cube is not None:
            c.oracle("cube.py", out, "--archive", archive, *asked, *(["--expect-steps", steps] if steps else []), *cube)
        if warp is not None:
            c.oracle("warp.py", out, "--archive", archive, *asked, *warp)
        if netcdf:
            c.oracle("netcdf.py", out, *(["--epsg", epsg] if epsg else []))
    return case


def north(*options, resampling="nearest", **more):
    how = [] if resampling == "nearest" else ["--resampling", resampling]
    like = how if resampling != "average" else []       # on the granules' own lattice an average is the pixel
    return stack([*NORTH, *options, *how], LIKE, steps=5, epsg=32650, cube=like, warp=how, **more)


def refused(c):
    """SWIR of 2009: left out, and said so"""
    import netCDF4
    import numpy as np
    out = c.cli("--archive", SAMPLE, *RATIOS)
    if not out:
        return
    with netCDF4.Dataset(out) as d:
        late = [i for i, n in enumerate(d["granule_id"][:]) if "_00311082009005748_" in n]
        values = sum(int(np.isfinite(np.ma.filled(d[v][i], np.nan)).sum()) for i in late for v in ("ratio_4_6", "ratio_5_7", "ratio_6_8"))
    c.check(values == 0, f"the scene of 2009 gives no values ({len(late)} steps, {values} values)")
    r = aster("run", "--backend", "local", "--archive", SAMPLE, *RATIOS, "--output", f"{c.folder}/again.nc")
    said = [line for line in (r.stdout + r.stderr).splitlines() if "_00311082009005748_" in line]
    c.check(any("2008-04" in line for line in said), "the refusal is said", [] if said else (r.stdout + r.stderr).splitlines())
    c.oracle("cube.py", out, "--archive", SAMPLE)
    c.oracle("warp.py", out, "--archive", SAMPLE)


def accepted(c):
    out = c.cli("--archive", SAMPLE, *RATIOS, "--allow-bad-swir")
    if out:
        import netCDF4
        with netCDF4.Dataset(out) as d:
            late = [n for n in d["granule_id"][:] if "_00311082009005748_" in n]
        c.check(len(late) == 1, f"the scene of 2009 is in the stack ({len(late)} steps)")
        c.oracle("cube.py", out, "--archive", SAMPLE, "--allow-bad-swir", "--expect-steps", 7)
        c.oracle("warp.py", out, "--archive", SAMPLE, "--allow-bad-swir")


def night(c):
    out = c.cli("--archive", SAMPLE, *TEMPERATURE)
    if out:
        import netCDF4
        with netCDF4.Dataset(out) as d:
            dark = [n for n in d["granule_id"][:] if "_00301202004132104_" in n]
        c.check(len(dark) == 1, f"the night scene is in the stack ({len(dark)} steps)")
        c.oracle("cube.py", out, "--archive", SAMPLE, "--quantity", "temperature", "--expect-steps", 8)
        c.oracle("warp.py", out, "--archive", SAMPLE, "--quantity", "temperature")


def forms(c):
    """one acquisition in three forms: each right, and all the same"""
    outs = []
    for form in ("hdf", "planetary_computer", "aws"):
        folder = os.path.join(FORMS, form)
        out = c.cli("--archive", folder, "--index", "ndvi", output=f"{form}.nc")
        if out:
            c.oracle("cube.py", out, "--archive", folder, "--expect-steps", 1)
            outs.append(out)
    for out in outs[1:]:
        c.oracle("same.py", outs[0], out, "--variable", "ndvi")


def crop_bands(c):
    """real pixels: DN as GDAL reads them, on the repaired grid"""
    import numpy as np
    import rasterio
    sys.path.insert(0, HERE)
    import granule
    bands = "4 5 6 7 8 9".split()
    r = subprocess.run(["node", os.path.join(HERE, "read_band.mjs"), CROP, c.folder, *bands], capture_output=True, text=True, cwd=ROOT)
    if not c.check(r.returncode == 0, f"readBand: exit {r.returncode}", r.stderr.splitlines()[-5:] if r.returncode else []):
        return
    facts = json.loads(r.stdout)
    with rasterio.open(CROP) as d:
        want, epsg = d.read(), d.crs.to_epsg()
    for k, (band, have) in enumerate(zip(bands, facts)):
        got = np.fromfile(f"{c.folder}/{band}.raw", want.dtype)
        same = (have["rows"], have["columns"]) == want[k].shape and have["type"] == "Uint8Array" and np.array_equal(got, want[k].ravel())
        c.check(same, f"readBand {band}: {have['rows']} x {have['columns']} {have['type']}, bytes equal to GDAL's: {same}")
        b = granule.read_cog(CROP, k + 1, 30.0)
        repaired = [b.x0 - b.pixel / 2, b.pixel, 0, b.y0 + b.pixel / 2, 0, -b.pixel]
        far = max(abs(p - q) for p, q in zip(have["geotransform"], repaired))
        c.check(far < 1e-6 and have["crs"] == f"EPSG:{epsg}", f"readBand {band}: {have['geotransform']} {have['crs']}, {far:.2g} m from the repaired grid")


def crop_job(c):
    """the main job on real pixels, gains stated"""
    gains = ["--gains", "4=NOR,5=NOR,6=NOR,7=NOR,8=NOR,9=NOR"]
    told = "04 NOR, 05 NOR, 06 NOR, 07 NOR, 08 NOR, 09 NOR"
    out = c.cli(CROP, *gains, "--bands", "4,5,6,7,8,9", "--calibration", "radiance")
    if out:
        c.oracle("cube.py", out, "--archive", CROPS, "--gains", told, "--expect-steps", 1)
    out = c.cli(CROP, *gains, "--subsystem", "SWIR", "--calibration", "dn", "--crs", "EPSG:32612", output="zone.nc")
    if out:
        c.oracle("warp.py", out, "--archive", CROPS, "--gains", told)


def workers(*options):
    """one thread or two: the same bytes"""
    def case(c):
        one, two = (c.cli(*options, "--n-workers", n, output=f"{n}.nc") for n in (1, 2))
        if one and two:
            c.oracle("same.py", one, two, "--chunks")
            # texts in the header may differ in length: the command line is recorded
            a, b = os.path.getsize(one), os.path.getsize(two)
            c.check(abs(a - b) < 4096, f"sizes: {a} and {b} bytes")
    return case


def promise(*options):
    """what --dry-run promises: grid, scenes, size and memory"""
    def case(c):
        where = ["run", "--backend", "local", "--product", "AST_L1T", *options, "--output", f"{c.folder}/out.nc", "--json"]
        r = aster(*where, "--dry-run")
        if not c.check(r.returncode == 0 and not os.path.exists(f"{c.folder}/out.nc"), f"dry run: exit {r.returncode}, nothing written"):
            return
        plan = json.loads(r.stdout)
        r = aster(*where)
        if not c.check(r.returncode == 0, f"run: exit {r.returncode}", [] if r.returncode == 0 else r.stderr.splitlines()):
            return
        report = json.loads(r.stdout)
        c.check(plan["grid"] == report["grid"], f"the grid is the planned one: {plan['grid']['width']} x {plan['grid']['height']}")
        ids = [s["id"] for s in plan["scenes"]]
        c.check(ids == [s["id"] for s in report["scenes"]], f"the scenes are the planned ones: {len(ids)}")
        c.check(plan["peakMemoryBytes"] >= r.peak, f"peak memory: {plan['peakMemoryBytes'] / 1e6:.1f} MB promised, {r.peak / 1e6:.1f} MB measured")
        size = os.path.getsize(f"{c.folder}/out.nc")
        c.check(plan["outputBytesMax"] >= size - 65536, f"size: at most {plan['outputBytesMax']} bytes of pixels promised, the file has {size}")
    return case


def enlarge(source, folder, storage):
    """a granule of full size: the VNIR pixels of a small one, over and over, with noise so that deflate has work"""
    import numpy as np
    from pyhdf.SD import SD
    sys.path.insert(0, os.path.join(ROOT, "fixtures"))
    import hdf4_write
    sd = SD(source)
    rows, columns = sd.select("ImageData2").info()[2]
    texts = {k: v for k, v in sd.attributes().items() if isinstance(v, str)}
    texts["StructMetadata.0"] = texts["StructMetadata.0"].replace(f"Size={rows}\n", f"Size={FULL[0]}\n").replace(f"Size={columns}\n", f"Size={FULL[1]}\n")
    repeat = [-(-full // small) for full, small in zip(FULL, (rows, columns))]
    data = {n: np.tile(sd.select(n)[:], repeat)[:FULL[0], :FULL[1]].copy() for n in ("ImageData2", "ImageData3N")}
    for a in data.values():
        a[a > 8] -= np.random.default_rng(1).integers(0, 8, a.shape, np.uint8)[a > 8]
    path = os.path.join(folder, os.path.basename(source))
    hdf4_write.write(path, texts, {"VNIR_Swath": {"geo": {}, "data": data}}, storage)
    return path


def full_size(storage):
    """memory of whole scenes, one of them warped: small ones hide what grows with the input"""
    def case(c):
        paths = [enlarge(f"{LIKE}/{name}.hdf", c.folder, storage) for name in
                 ("AST_L1T_00301032001031000_20150414031022_84000", "AST_L1T_00306102001031113_20150414031122_84001",
                  "AST_L1T_00311172001031226_20150414031222_84002", "AST_L1T_00304242002031339_20150414031322_84003")]
        promise(*paths, "--index", "ndvi", "--crs", "EPSG:32650")(c)
        for path in paths:
            os.remove(path)
    return case


def cases():
    """(name, folders needed, function)"""
    ndvi = ["--index", "ndvi"]
    sample = ["--archive", SAMPLE]
    south = sorted(glob.glob(f"{LIKE}/*_8500[01].hdf"))
    return [
        ("north/ndvi", [LIKE], north("--subsystem", "VNIR", *ndvi, netcdf=True)),
        ("north/ratios", [LIKE], north("--subsystem", "SWIR", *RATIOS)),
        ("north/temperature", [LIKE], north(*TEMPERATURE, quantity="temperature", netcdf=True)),
        ("north/radiance", [LIKE], north("--subsystem", "VNIR", "--calibration", "radiance", quantity="radiance", netcdf=True)),
        ("north/reflectance", [LIKE], north("--subsystem", "VNIR", "--calibration", "reflectance", quantity="reflectance")),
        ("north/reflectance-smith", [LIKE], stack([*NORTH, "--bands", "3N,4", "--calibration", "reflectance", "--solar-irradiance", "smith"], LIKE,
                                                  steps=5, quantity="reflectance", cube=["--esun", "smith"], warp=["--esun", "smith"])),
        ("north/dn", [LIKE], north("--subsystem", "VNIR", "--calibration", "dn", quantity="dn", netcdf=True)),
        ("north/bilinear", [LIKE], north(*ndvi, resampling="bilinear")),
        ("north/cubic", [LIKE], north(*ndvi, resampling="cubic")),
        ("north/average", [LIKE], north(*ndvi, resampling="average")),
        ("south/ndvi", [LIKE], stack([*south, *SOUTH, *ndvi], LIKE, steps=2, epsg=32754)),
        ("south/ndvi-archive", [LIKE], stack(["--archive", LIKE, *SOUTH, *ndvi], LIKE, steps=2)),
        ("south/temperature", [LIKE], stack([*south, *SOUTH, *TEMPERATURE], LIKE, steps=2, quantity="temperature")),
        ("south/temperature-archive", [LIKE], stack(["--archive", LIKE, *SOUTH, *TEMPERATURE], LIKE, steps=2, quantity="temperature")),
        ("sample/ndvi", [SAMPLE], stack([*sample, *ndvi], SAMPLE, steps=7, epsg=32754, warp=[])),
        ("sample/ratios", [SAMPLE], refused),
        ("sample/ratios-2009", [SAMPLE], accepted),
        ("sample/temperature", [SAMPLE], night),
        ("sample/ndmi", [SAMPLE], stack([*sample, "--index", "ndmi"], SAMPLE, steps=6, epsg=32754, warp=[])),
        ("sample/zone-53", [SAMPLE], stack([*sample, *ndvi, "--crs", "EPSG:32753"], SAMPLE, steps=7, warp=[])),
        ("sample/degrees", [SAMPLE], stack([*sample, *ndvi, "--crs", "EPSG:4326", "--resolution", "0.0003"], SAMPLE, epsg=4326, cube=None,
                                           warp=["--all"], netcdf=True)),
        ("sample/albers", [SAMPLE], stack([*sample, *ndvi, "--crs", "EPSG:3577", "--resolution", "30"], SAMPLE, epsg=3577, cube=None,
                                          warp=["--all"], netcdf=True)),
        ("sample/average-45", [SAMPLE], stack([*sample, *ndvi, "--resolution", "45", "--resampling", "average"], SAMPLE, cube=None,
                                              warp=["--all", "--resampling", "average"])),
        ("forms", [FORMS], forms),
        ("crop/bands", [CROP], crop_bands),
        ("crop/job", [CROP], crop_job),
        ("workers/sample", [SAMPLE], workers(*sample, "--subsystem", "VNIR", *ndvi, "--bands", "1,2,3N")),
        ("workers/north", [LIKE], workers(*NORTH, *ndvi)),
        ("memory/sample", [SAMPLE], promise(*sample, "--index", "ndvi,ndmi", "--bands", "1,2,3N,4,5,6,7,8,9")),
        ("memory/full", [LIKE], full_size("contiguous")),
        ("memory/full-deflate", [LIKE], full_size("deflate")),
        ("memory/north", [LIKE], promise(*NORTH, "--bands", "1,2,3N", "--index", "ndvi")),
    ]


def perform(name, needs, function, tmp, verbose):
    c = Case(name, tmp, verbose)
    missing = [p for p in needs if not os.path.exists(p)]
    if missing:
        c.skip(f"{', '.join(missing)} is not here")
        return c
    try:
        function(c)
    except Exception as e:  # noqa: BLE001
        c.check(False, f"{type(e).__name__}: {e}")
    if c.passed + c.failed == 0:
        c.check(False, "nothing was checked")
    return c


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("names", nargs="*", help="beginnings of names of cases; default: all")
    p.add_argument("-v", "--verbose", action="store_true")
    p.add_argument("-l", "--list", action="store_true", help="names of the cases")
    p.add_argument("--keep", metavar="DIR", help="leave the outputs there")
    p.add_argument("--jobs", type=int, default=2)
    a = p.parse_args()
    chosen = [c for c in cases() if not a.names or any(c[0].startswith(n) for n in a.names)]
    if a.list:
        print("\n".join(c[0] for c in chosen))
        return 0
    if not chosen:
        sys.exit("no case of that name; --list shows them")
    if not os.path.exists(os.path.join(ROOT, "dist", "index.js")):
        print("FAIL dist/ is not built: npm run build\n0 passed, 1 failed, 0 skipped")
        return 1
    started, tmp = time.monotonic(), a.keep or tempfile.mkdtemp(prefix="aster-oracle-")
    passed = failed = skipped = 0
    try:
        with concurrent.futures.ThreadPoolExecutor(a.jobs) as pool:
            for c in pool.map(lambda job: perform(*job, tmp, a.verbose), chosen):
                print("\n".join(c.lines), flush=True)
                passed, failed, skipped = passed + c.passed, failed + c.failed, skipped + c.skipped
    finally:
        if not a.keep:
            shutil.rmtree(tmp, ignore_errors=True)
    cpu = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"{len(chosen)} cases in {time.monotonic() - started:.0f} s, {cpu.ru_utime + cpu.ru_stime:.0f} s of processor time")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
