"""What the oracle reads from a stack: coordinates, texts per time step, data as float64."""
import datetime as dt

import netCDF4
import numpy as np
from pyproj import CRS

import reference_cube


def across(variables):
    """names of the coordinates along a row and down a column: x and y, or lon and lat on a geographic grid"""
    return ("lon", "lat") if "lon" in variables and "x" not in variables else ("x", "y")


class Stack:
    def __init__(self, path):
        self.d = netCDF4.Dataset(path)
        self.d.set_auto_mask(False)
        v = self.d.variables
        mapping = next((x.grid_mapping for x in v.values() if "grid_mapping" in x.ncattrs()), "spatial_ref").split(":")[0]
        self.mapping = v[mapping]
        wkt = getattr(self.mapping, "crs_wkt", None) or self.mapping.spatial_ref
        self.crs = CRS.from_wkt(wkt)
        x, y = across(v)
        self.dimensions = ("time", y, x)
        self.grid = reference_cube.Grid(np.asarray(v[x][:], np.float64), np.asarray(v[y][:], np.float64), self.crs.to_epsg())
        self.granule_ids = self.texts("granule_id")
        times = netCDF4.num2date(v["time"][:], v["time"].units, getattr(v["time"], "calendar", "standard"))
        self.times = [dt.datetime(t.year, t.month, t.day, t.hour, t.minute, t.second, t.microsecond) for t in np.atleast_1d(times)]

    def texts(self, name):
        x = self.d.variables[name]
        data = x[:]
        if x.dtype is str:
            return [str(t) for t in data]
        data = np.asarray(data)
        rows = data if data.ndim == 1 else [b"".join(row) for row in data]          # characters, joined by the library or not
        return [(r.decode() if isinstance(r, bytes) else str(r)).rstrip("\0 ") for r in rows]

    def scene(self, name):
        """a per-scene variable, or None"""
        if name not in self.d.variables:
            return None
        x = self.d.variables[name]
        return self.texts(name) if x.dtype is str or x.dtype.kind == "S" else np.asarray(x[:], np.float64)

    def data_variables(self):
        return [n for n, x in self.d.variables.items() if x.dimensions == self.dimensions and "grid_mapping" in x.ncattrs()]

    def image(self, name, step):
        """unpacked, NaN for missing"""
        x = self.d.variables[name]
        x.set_auto_maskandscale(False)
        a = np.asarray(x[step])
        fill = getattr(x, "_FillValue", None)
        out = a.astype(np.float64)
        if fill is not None and not np.isnan(fill):
            out[a == fill] = np.nan
        return out * getattr(x, "scale_factor", 1.0) + getattr(x, "add_offset", 0.0)

    def step(self, name):
        """size of the packing step: half of it is lost by rounding"""
        return float(getattr(self.d.variables[name], "scale_factor", 0.0))

    def quantity(self, name):
        """from the units and names that the variable carries"""
        x = self.d.variables[name]
        units, text = getattr(x, "units", "1"), (getattr(x, "long_name", "") + " " + getattr(x, "standard_name", "") + " " + getattr(x, "quantity", "")).lower()
        if units in ("K", "kelvin"):
            return "temperature"
        if "sr" in units:
            return "radiance"
        return "reflectance" if "reflectance" in text else "dn"
