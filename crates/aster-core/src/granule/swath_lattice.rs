//! Grid of path-oriented products (L1B, level 2): a rotated affine map in UTM, fitted to the geolocation lattice.
use crate::error::{Error, ErrorCode, Result};
use crate::geo::affine::Affine;
use crate::geo::crs::Crs;
use crate::geo::transform::Transformer;
use crate::granule::hdf_eos::{Layer, from_hdf4};
use crate::granule::metadata::Metadata;
use crate::grid::geobox::{GeoBox, Shape};
use hdf4::{DimensionMap, Field, File, Swath, Window};
use std::path::Path;

/// `tan(geodetic) = tan(geocentric) / (1 - e^2)` on WGS84.
const ONE_MINUS_E2: f64 = 0.993_305_62;

/// Geodetic latitude of a geocentric one, degrees. L1A and L1B store geocentric latitudes; left as they are,
/// scenes lie up to 21 km off.
pub fn geodetic_latitude_deg(geocentric_deg: f64) -> f64 {
    (geocentric_deg.to_radians().tan() / ONE_MINUS_E2).atan().to_degrees()
}

/// Fits the grid of a band of `shape` to its swath's latitudes and longitudes.
pub(super) fn fit(
    file: &File,
    path: &Path,
    metadata: &Metadata,
    layer: &Layer,
    shape: Shape,
    warnings: &mut Vec<String>,
) -> Result<GeoBox> {
    let missing = |what: &str| {
        Error::new(
            ErrorCode::MissingMetadata,
            format!("{} does not say where it lies: {what}", path.display()),
        )
        .hint("neither UPPERLEFTM and UTMZONENUMBER nor a geolocation lattice were found")
    };
    let eos = file.eos().map_err(|e| from_hdf4(path, &e))?;
    let swath = eos.swath(&layer.swath).ok_or_else(|| missing("no swath"))?;
    let geodetic = field(swath, "GeodeticLatitude");
    let latitude = geodetic.or_else(|| field(swath, "Latitude")).ok_or_else(|| missing("no latitudes"))?;
    let longitude = field(swath, "Longitude").ok_or_else(|| missing("no longitudes"))?;
    let (mut lats, ny, nx) = lattice(file, path, latitude.1)?;
    let (mut lons, ny2, nx2) = lattice(file, path, longitude.1)?;
    if (ny, nx) != (ny2, nx2) || ny < 2 || nx < 2 {
        return Err(missing("the lattice is too small"));
    }
    if geodetic.is_none() {
        lats.iter_mut().for_each(|l| *l = geodetic_latitude_deg(*l));
    }
    let middle = lats.len() / 2;
    let crs = match metadata.utm_zone().and_then(|z| u8::try_from(z.unsigned_abs()).ok()) {
        Some(zone) if (1..=60).contains(&zone) => Crs::Utm { zone, south: lats[middle] < 0.0 },
        _ => Crs::utm_of(lons[middle], lats[middle]),
    };
    Transformer::new(&Crs::Geographic, &crs)?.forward(&mut lons, &mut lats)?;
    let image = swath.data_fields.iter().find(|f| f.dataset.as_deref() == Some(layer.dataset.as_str()));
    let map = |axis| dimension_map(swath, latitude.0, image, axis);
    let (row_step, row_offset) = step(map(0), ny, shape.ny);
    let (column_step, column_offset) = step(map(1), nx, shape.nx);
    // Lattice points lie on pixel centres: +0.5 in the corner convention.
    let at = |i: usize| {
        let (r, c) = ((i / nx) as f64, (i % nx) as f64);
        (c * column_step + column_offset + 0.5, r * row_step + row_offset + 0.5)
    };
    let points: Vec<(f64, f64)> = (0..ny * nx).map(at).collect();
    let (x, y) = (plane(&points, &lons), plane(&points, &lats));
    let (Some([x0, dx, rx]), Some([y0, ry, dy])) = (x, y) else {
        return Err(missing("the lattice is degenerate"));
    };
    let transform = Affine { x0, dx, rx, y0, ry, dy };
    transform.inverse()?;
    let residual = points.iter().zip(lons.iter().zip(&lats)).map(|(&(c, r), (x, y))| {
        let p = transform.apply(crate::geo::affine::Xy { x: c, y: r });
        (p.x - x).hypot(p.y - y)
    });
    let worst = residual.fold(0.0, f64::max);
    if worst > dx.hypot(ry) {
        warnings.push(format!("the geolocation lattice departs from a plane map by up to {worst:.0} m"));
    }
    Ok(GeoBox { crs, transform, shape })
}

/// A field and its dataset.
fn field<'a>(swath: &'a Swath, name: &str) -> Option<(&'a Field, &'a str)> {
    let found = swath.geolocation_fields.iter().chain(&swath.data_fields).find(|f| f.name == name)?;
    Some((found, found.dataset.as_deref()?))
}

fn lattice(file: &File, path: &Path, dataset: &str) -> Result<(Vec<f64>, usize, usize)> {
    let dataset = file.dataset(dataset).map_err(|e| from_hdf4(path, &e))?;
    let window = Window::whole(dataset);
    let corrupt =
        || Error::new(ErrorCode::Corrupt, format!("{}: the lattice is no table of numbers", path.display()));
    let [ny, nx] = dataset.dims() else { return Err(corrupt()) };
    let (ny, nx) =
        (usize::try_from(*ny).map_err(|_| corrupt())?, usize::try_from(*nx).map_err(|_| corrupt())?);
    let values = file
        .read::<f64>(dataset, &window)
        .or_else(|_| file.read::<f32>(dataset, &window).map(|v| v.into_iter().map(f64::from).collect()));
    Ok((values.map_err(|e| from_hdf4(path, &e))?, ny, nx))
}

/// How the lattice lies along one axis of the image. Maps are listed in any order, and a swath may have some for
/// images of other sizes: the names of the dimensions decide, the order only where a field does not name them.
fn dimension_map<'a>(
    swath: &'a Swath,
    lattice: &Field,
    image: Option<&Field>,
    axis: usize,
) -> Option<&'a DimensionMap> {
    match (lattice.dims.get(axis), image.and_then(|f| f.dims.get(axis))) {
        (Some(geo), Some(data)) => swath.dimension_maps.iter().find(|m| m.geo == *geo && m.data == *data),
        _ => swath.dimension_maps.get(axis),
    }
}

/// Pixels between lattice points along one axis, and the pixel of the first: the dimension map's word, else
/// the lattice is taken to span the image.
fn step(map: Option<&DimensionMap>, points: usize, pixels: usize) -> (f64, f64) {
    match map {
        Some(map) if map.increment > 0 => (map.increment as f64, map.offset as f64),
        Some(map) if map.increment < 0 => (1.0 / -(map.increment as f64), map.offset as f64),
        _ => ((pixels as f64 - 1.0) / (points as f64 - 1.0), 0.0),
    }
}

/// Least-squares plane `a + b u + c v` through `values` at `points`, around their mean for accuracy.
fn plane(points: &[(f64, f64)], values: &[f64]) -> Option<[f64; 3]> {
    let n = points.len() as f64;
    let (mu, mv) = (points.iter().map(|p| p.0).sum::<f64>() / n, points.iter().map(|p| p.1).sum::<f64>() / n);
    let mz = values.iter().sum::<f64>() / n;
    let (mut uu, mut uv, mut vv, mut uz, mut vz) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for (&(u, v), z) in points.iter().zip(values) {
        let (u, v, z) = (u - mu, v - mv, z - mz);
        uu += u * u;
        uv += u * v;
        vv += v * v;
        uz += u * z;
        vz += v * z;
    }
    let det = uu * vv - uv * uv;
    let (b, c) = ((uz * vv - vz * uv) / det, (vz * uu - uz * uv) / det);
    let a = mz - b * mu - c * mv;
    [a, b, c].iter().all(|v| v.is_finite()).then_some([a, b, c])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn geocentric_latitudes_move_by_up_to_21_km() {
        // atan(tan(lat) / 0.99330562), worked out by hand at 45 degrees.
        assert!((geodetic_latitude_deg(45.0) - 45.192_4).abs() < 1e-4);
        assert_eq!(geodetic_latitude_deg(0.0), 0.0);
    }

    #[test]
    fn a_plane_is_found_again() {
        let points: Vec<(f64, f64)> =
            (0..121).map(|i| (f64::from(i % 11) * 498.5, f64::from(i / 11) * 420.5)).collect();
        let values: Vec<f64> = points.iter().map(|(u, v)| 5e5 + 14.7 * u - 2.5 * v).collect();
        let [a, b, c] = plane(&points, &values).unwrap();
        assert!((a - 5e5).abs() < 1e-6 && (b - 14.7).abs() < 1e-9 && (c + 2.5).abs() < 1e-9);
        assert!(plane(&[(1.0, 1.0); 4], &[1.0; 4]).is_none());
    }
}
