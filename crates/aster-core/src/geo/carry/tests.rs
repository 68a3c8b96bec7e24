//! Rings against a dense one, point by point; and tears.
use super::*;

fn carrier(from: &str, to: &str, tolerance: f64) -> Carrier {
    Carrier::new(&Crs::parse(from).unwrap(), &Crs::parse(to).unwrap(), tolerance).unwrap()
}

const SQUARE: [Xy; 4] =
    [Xy { x: 0.0, y: -3e6 }, Xy { x: 1e6, y: -3e6 }, Xy { x: 1e6, y: -4e6 }, Xy { x: 0.0, y: -4e6 }];

#[test]
fn edges_stay_within_the_tolerance() {
    for tolerance in [1000.0, 1.0] {
        let (ring, turn) =
            carrier("EPSG:3577", "EPSG:4326", tolerance).ring(&SQUARE, 100_000).unwrap().unwrap();
        assert_eq!(turn, 0.0);
        // Points of the result's edges, carried back, lie on the square.
        let back = carrier("EPSG:4326", "EPSG:3577", 1.0);
        let mut points: Vec<Xy> = Vec::new();
        for (a, b) in ring.iter().zip(ring.iter().cycle().skip(1)) {
            points.extend((0..10).map(|i| between(*a, *b, f64::from(i) / 10.0)));
        }
        back.images(&mut points).unwrap();
        let off = |p: &Xy| {
            let x = (p.x.max(0.0) - 1e6).abs().min(p.x.abs());
            let y = (p.y + 3e6).abs().min((p.y + 4e6).abs());
            x.min(y)
        };
        let worst = points.iter().map(off).fold(0.0, f64::max);
        assert!(worst < 1.3 * tolerance, "{worst}");
        assert!(ring.len() < if tolerance > 1.0 { 40 } else { 1200 }, "{}", ring.len());
    }
}

#[test]
fn a_ring_around_a_pole_comes_back_a_turn_later() {
    let around = [(-1e6, -1e6), (1e6, -1e6), (1e6, 1e6), (-1e6, 1e6)].map(|(x, y)| Xy { x, y });
    let (ring, turn) = carrier("EPSG:3413", "EPSG:4326", 10.0).ring(&around, 100_000).unwrap().unwrap();
    assert_eq!(turn, 360.0);
    assert!(ring.windows(2).all(|w| (w[1].x - w[0].x).abs() < 180.0));
    let (_, turn) = carrier("EPSG:3031", "EPSG:4326", 10.0).ring(&around, 100_000).unwrap().unwrap();
    assert_eq!(turn, -360.0);
}

#[test]
fn tears_and_bounds_are_told() {
    let across = [(170.0, -20.0), (190.0, -20.0), (190.0, -10.0)].map(|(x, y)| Xy { x, y });
    let mercator = carrier("EPSG:4326", "EPSG:3857", 10.0);
    assert!(matches!(mercator.ring(&across, 100_000).unwrap(), Err(Lost::Edge(_))));
    let pole = [(0.0, 80.0), (1.0, 80.0), (1.0, 91.0)].map(|(x, y)| Xy { x, y });
    assert!(matches!(mercator.ring(&pole, 100_000).unwrap(), Err(Lost::Place(_))));
    assert_eq!(carrier("EPSG:3577", "EPSG:4326", 0.1).ring(&SQUARE, 20).unwrap(), Err(Lost::TooMany));
}
