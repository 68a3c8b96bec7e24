//! Where the pixels are: the affine map and CRS of the GeoTIFF tags (OGC 19-008r4, annex B).
use super::header::{Tags, corrupt, unsupported};
use crate::error::Result;
use crate::geo::affine::Affine;
use crate::geo::crs::Crs;
use tiff::tags::Tag;

const MODEL_TYPE: u16 = 1024;
const RASTER_TYPE: u16 = 1025;
const GEOGRAPHIC_TYPE: u16 = 2048;
const PROJECTED_TYPE: u16 = 3072;
const PROJECTION: u16 = 3074;
const PIXEL_IS_POINT: u16 = 2;
/// "Stated by the other keys instead of a code."
const USER_DEFINED: u16 = 32767;

/// CRS and map (outer corner of the upper-left pixel) of the first image.
pub(super) fn read(tags: &mut Tags<'_>) -> Result<(Crs, Affine)> {
    let keys = GeoKeys(tags.unsigned_list(Tag::GeoKeyDirectoryTag)?);
    let scale = tags.doubles(Tag::ModelPixelScaleTag)?;
    let tiepoints = tags.doubles(Tag::ModelTiepointTag)?;
    let matrix = tags.doubles(Tag::ModelTransformationTag)?;
    let map = affine(&scale, &tiepoints, &matrix, keys.get(RASTER_TYPE) == Some(PIXEL_IS_POINT))?;
    Ok((crs(&keys)?, map))
}

/// Short-valued keys of the directory: four numbers a key (id, tag holding it, count, value) after four.
struct GeoKeys(Vec<u16>);

impl GeoKeys {
    fn get(&self, id: u16) -> Option<u16> {
        self.0.get(4..)?.chunks_exact(4).find(|k| k[0] == id && k[1] == 0).map(|k| k[3])
    }
}

fn crs(keys: &GeoKeys) -> Result<Crs> {
    let code = match keys.get(MODEL_TYPE) {
        Some(2) => keys.get(GEOGRAPHIC_TYPE),
        _ => keys.get(PROJECTED_TYPE).filter(|&c| c != USER_DEFINED).or_else(|| {
            // A UTM projection stated without a CRS code: 160zz is north, 161zz south; WGS84 (4326) only.
            let datum = keys.get(GEOGRAPHIC_TYPE).filter(|&g| g == 4326);
            match (keys.get(PROJECTION), datum) {
                (Some(p @ 16001..=16060), Some(_)) => Some(32600 + (p - 16000)),
                (Some(p @ 16101..=16160), Some(_)) => Some(32700 + (p - 16100)),
                _ => None,
            }
        }),
    };
    match code {
        Some(code) if code != USER_DEFINED => Crs::parse(&format!("EPSG:{code}")),
        _ => Err(unsupported("the TIFF names no coordinate reference system by its EPSG code")
            .hint("state it: gdal_translate -a_srs EPSG:<code> in.tif out.tif")),
    }
}

/// Pixel scale and tie point, else the 4 x 4 matrix: the order GDAL prefers.
fn affine(scale: &[f64], tiepoints: &[f64], matrix: &[f64], pixel_is_point: bool) -> Result<Affine> {
    let mut map = match (scale, tiepoints, matrix) {
        ([sx, sy, ..], [i, j, _, x, y, _], _) if *sx != 0.0 && *sy != 0.0 => {
            Affine::upright(x - i * sx, y + j * sy.abs(), *sx, sy.abs())
        }
        (_, _, m) if m.len() == 16 => Affine { x0: m[3], dx: m[0], rx: m[1], y0: m[7], ry: m[4], dy: m[5] },
        (_, t, _) if t.len() > 6 => {
            return Err(unsupported("the TIFF is placed by ground control points, not by an affine map")
                .hint("warp it first: gdalwarp -t_srs EPSG:<code> in.tif out.tif"));
        }
        _ => {
            return Err(corrupt(
                "the TIFF has no geotransform (neither pixel scale and tie point nor matrix)",
            ));
        }
    };
    if pixel_is_point {
        // The tags then place the centre of the pixel.
        map.x0 -= (map.dx + map.rx) / 2.0;
        map.y0 -= (map.ry + map.dy) / 2.0;
    }
    if !map.to_gdal().iter().all(|v| v.is_finite()) {
        return Err(corrupt("the geotransform of the TIFF is not finite"));
    }
    map.inverse()?;
    Ok(map)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorCode;

    const MATRIX: [f64; 16] =
        [29.5, 5.2, 0.0, 5e5, 5.2, -29.5, 0.0, 4e6, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0];

    #[test]
    fn scale_matrix_and_point() {
        let map = affine(&[30.0, 30.0, 0.0], &[10.0, 20.0, 0.0, 5e5, 4e6, 0.0], &[], false).unwrap();
        assert_eq!(map.to_gdal(), [499_700.0, 30.0, 0.0, 4_000_600.0, 0.0, -30.0]);
        let map = affine(&[], &[], &MATRIX, false).unwrap();
        assert_eq!(map.to_gdal(), [5e5, 29.5, 5.2, 4e6, 5.2, -29.5]);
        let map = affine(&[], &[], &MATRIX, true).unwrap();
        assert_eq!((map.x0, map.y0), (5e5 - 17.35, 4e6 + 12.15));
    }

    #[test]
    fn what_places_nothing_is_refused() {
        let code = |s: &[f64], t: &[f64], m: &[f64]| affine(s, t, m, false).unwrap_err().code();
        assert_eq!(code(&[], &[], &[]), ErrorCode::Corrupt);
        assert_eq!(code(&[30.0, 30.0], &[0.0; 5], &[]), ErrorCode::Corrupt);
        assert_eq!(code(&[], &[0.0; 24], &[]), ErrorCode::Unsupported);
        assert_eq!(code(&[f64::NAN, 30.0], &[0.0; 6], &[]), ErrorCode::Corrupt);
        assert_eq!(code(&[], &[], &[0.0; 16]), ErrorCode::Corrupt);
    }

    #[test]
    fn codes_of_utm() {
        let keys = |list: &[[u16; 4]]| {
            GeoKeys([[1, 1, 0, list.len() as u16]].iter().chain(list).flatten().copied().collect())
        };
        let of = |list: &[[u16; 4]]| crs(&keys(list));
        assert_eq!(of(&[[1024, 0, 1, 1], [3072, 0, 1, 32750]]).unwrap(), Crs::Utm { zone: 50, south: true });
        let parts = [[1024, 0, 1, 1], [2048, 0, 1, 4326], [3072, 0, 1, 32767], [3074, 0, 1, 16160]];
        assert_eq!(of(&parts).unwrap(), Crs::Utm { zone: 60, south: true });
        assert_eq!(of(&[[1024, 0, 1, 2], [2048, 0, 1, 4326]]).unwrap(), Crs::Geographic);
        assert_eq!(of(&[[1024, 0, 1, 32767]]).unwrap_err().code(), ErrorCode::Unsupported);
        assert_eq!(
            of(&[[1024, 0, 1, 1], [3072, 0, 1, 32767], [3074, 0, 1, 16011]]).unwrap_err().code(),
            ErrorCode::Unsupported
        );
        assert!(crs(&GeoKeys(vec![1, 1])).is_err());
    }
}
