//! Cuts polygons with continuous longitudes at 180 degrees, as GeoJSON wants them (RFC 7946, section 3.1.9).
use crate::geo::affine::Xy;

type Ring = Vec<Xy>;

/// Longest edge along a parallel that is left alone; readers take longer ones for the short way round.
const MAX_EDGE_DEG: f64 = 90.0;

/// A ring that runs once around a pole, from a point to the same point a turn later, closed along 180
/// degrees and the pole. `north` says which one it holds.
pub(super) fn closed_around_pole(mut ring: Ring, turn: f64, north: bool) -> Ring {
    let Some(first) = ring.first().copied() else { return ring };
    ring.push(Xy { x: first.x + turn, y: first.y });
    // Where it first comes by 180 degrees: the cut lies there, and not across the polygon.
    let lap = |x: f64| ((x + 180.0) / 360.0).floor();
    let at = (1..ring.len()).find(|i| lap(ring[*i].x) != lap(ring[*i - 1].x)).unwrap_or(1);
    let (a, b) = (ring[at - 1], ring[at]);
    let meridian = 360.0 * lap(a.x.max(b.x)) - 180.0;
    let part = if b.x == a.x { 0.0 } else { (meridian - a.x) / (b.x - a.x) };
    let cut = Xy { x: meridian, y: a.y + part * (b.y - a.y) };
    ring.pop();
    let mut around = vec![cut];
    around.extend_from_slice(&ring[at..]);
    around.extend(ring[..at].iter().map(|p| Xy { x: p.x + turn, y: p.y }));
    around.push(Xy { x: meridian + turn, y: cut.y });
    let pole = if north { 90.0 } else { -90.0 };
    around.push(Xy { x: meridian + turn, y: pole });
    around.push(Xy { x: meridian, y: pole });
    around
}

/// Polygons between -180 and 180 degrees, each an outline, counter-clockwise, and its holes, clockwise.
pub(super) fn cut(mut rings: Vec<Ring>) -> Vec<Vec<Ring>> {
    orient(&mut rings);
    let (west, east) = extent(rings.iter().flatten());
    let mut polygons = Vec::new();
    if west >= -180.0 && east <= 180.0 {
        polygons.push(rings);
    } else {
        let lap = |x: f64| ((x + 180.0) / 360.0).floor();
        let mut turn = 360.0 * lap(west);
        while turn - 180.0 < east {
            let right = side(&rings, turn - 180.0, 1.0);
            let mut part = side(&right, turn + 180.0, -1.0);
            part.iter_mut().flatten().for_each(|p| p.x = (p.x - turn).clamp(-180.0, 180.0));
            polygons.extend(grouped(part));
            turn += 360.0;
        }
    }
    polygons.iter_mut().flatten().for_each(shorten_edges);
    polygons
}

/// Smallest and greatest x.
pub(super) fn extent<'a>(points: impl Iterator<Item = &'a Xy>) -> (f64, f64) {
    points.fold((f64::INFINITY, f64::NEG_INFINITY), |(w, e), p| (w.min(p.x), e.max(p.x)))
}

/// Twice the area; positive when the ring runs counter-clockwise.
pub(super) fn signed_area(ring: &[Xy]) -> f64 {
    let Some(o) = ring.first() else { return 0.0 };
    // From the first point, so that large coordinates do not cancel out.
    let edges = ring.iter().zip(ring.iter().cycle().skip(1));
    edges.map(|(a, b)| (a.x - o.x) * (b.y - o.y) - (b.x - o.x) * (a.y - o.y)).sum()
}

/// The first ring counter-clockwise, the others clockwise.
fn orient(rings: &mut [Ring]) {
    for (i, ring) in rings.iter_mut().enumerate() {
        if (signed_area(ring) > 0.0) != (i == 0) {
            ring.reverse();
        }
    }
}

/// A part of a ring inside, from where it comes in to where it goes out.
struct Chain {
    points: Ring,
}

/// What the rings enclose on one side of a meridian; `sign` is 1 for its east. Rings are cut open there and
/// joined anew along the meridian, from one crossing to the next, so that the parts are simple again.
fn side(rings: &[Ring], meridian: f64, sign: f64) -> Vec<Ring> {
    let inside = |p: &Xy| sign * (p.x - meridian) >= 0.0;
    let crossing = |a: Xy, b: Xy| {
        let part = (meridian - a.x) / (b.x - a.x);
        Xy { x: meridian, y: a.y + part * (b.y - a.y) }
    };
    let mut whole = Vec::new();
    let mut chains: Vec<Chain> = Vec::new();
    for ring in rings {
        let count = ring.len();
        let Some(start) = (0..count).find(|i| !inside(&ring[*i]) && inside(&ring[(i + 1) % count])) else {
            if ring.first().is_some_and(inside) {
                whole.push(ring.clone());
            }
            continue;
        };
        for step in 0..count {
            let (a, b) = (ring[(start + step) % count], ring[(start + step + 1) % count]);
            match (inside(&a), inside(&b)) {
                (false, true) => chains.push(Chain { points: vec![crossing(a, b), b] }),
                (true, true) => chains.last_mut().map(|c| c.points.push(b)).unwrap_or_default(),
                (true, false) => chains.last_mut().map(|c| c.points.push(crossing(a, b))).unwrap_or_default(),
                (false, false) => {}
            }
        }
    }
    whole.extend(joined(chains));
    whole.retain(|ring| ring.len() > 2 && signed_area(ring).abs() > 1e-18);
    whole
}

/// Rings of chains whose ends lie on one meridian: the polygon covers it between the first and second end,
/// the third and fourth, and so on.
fn joined(chains: Vec<Chain>) -> Vec<Ring> {
    // Latitude, chain, and whether it is the chain's beginning.
    let mut ends: Vec<(f64, usize, bool)> = Vec::with_capacity(2 * chains.len());
    for (i, chain) in chains.iter().enumerate() {
        if let (Some(first), Some(last)) = (chain.points.first(), chain.points.last()) {
            ends.push((first.y, i, true));
            ends.push((last.y, i, false));
        }
    }
    ends.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut next = vec![None; chains.len()];
    for pair in ends.chunks_exact(2) {
        match (pair[0], pair[1]) {
            ((_, from, false), (_, to, true)) | ((_, to, true), (_, from, false)) => next[from] = Some(to),
            // Ends at one place may be sorted either way: such chains are closed by themselves.
            _ => {}
        }
    }
    let mut used = vec![false; chains.len()];
    let mut rings = Vec::new();
    for start in 0..chains.len() {
        let mut ring = Vec::new();
        let mut at = start;
        while !used[at] {
            used[at] = true;
            ring.extend_from_slice(&chains[at].points);
            match next[at] {
                Some(to) => at = to,
                None => break,
            }
        }
        if !ring.is_empty() {
            rings.push(ring);
        }
    }
    rings
}

/// Outlines with their holes, told apart by their direction.
fn grouped(rings: Vec<Ring>) -> Vec<Vec<Ring>> {
    let (outlines, holes): (Vec<Ring>, Vec<Ring>) = rings.into_iter().partition(|r| signed_area(r) > 0.0);
    let mut polygons: Vec<Vec<Ring>> = outlines.into_iter().map(|ring| vec![ring]).collect();
    for hole in holes {
        let within = |outline: &Ring| hole.iter().filter(|p| holds(outline, **p)).count() * 2 > hole.len();
        let at = polygons.iter().position(|rings| rings.first().is_some_and(within));
        if let Some(polygon) = polygons.get_mut(at.unwrap_or(0)) {
            polygon.push(hole);
        }
    }
    polygons
}

/// Even-odd rule.
pub(super) fn holds(ring: &[Xy], p: Xy) -> bool {
    let edges = ring.iter().zip(ring.iter().cycle().skip(1));
    let crossed =
        |a: &Xy, b: &Xy| (a.y > p.y) != (b.y > p.y) && p.x < (b.x - a.x) * (p.y - a.y) / (b.y - a.y) + a.x;
    edges.filter(|(a, b)| crossed(a, b)).count() % 2 == 1
}

/// Adds points to edges that are long in longitude, and leaves out points that repeat.
fn shorten_edges(ring: &mut Ring) {
    ring.dedup();
    if ring.len() > 1 && ring.first() == ring.last() {
        ring.pop();
    }
    let mut out = Vec::with_capacity(ring.len());
    for (a, b) in ring.iter().zip(ring.iter().cycle().skip(1)) {
        out.push(*a);
        let pieces = ((b.x - a.x).abs() / MAX_EDGE_DEG).ceil().clamp(1.0, 16.0) as u32;
        out.extend((1..pieces).map(|i| {
            let part = f64::from(i) / f64::from(pieces);
            Xy { x: a.x + part * (b.x - a.x), y: a.y + part * (b.y - a.y) }
        }));
    }
    *ring = out;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(points: &[(f64, f64)]) -> Ring {
        points.iter().map(|(x, y)| Xy { x: *x, y: *y }).collect()
    }

    fn area(polygons: &[Vec<Ring>]) -> f64 {
        polygons.iter().flatten().map(|r| signed_area(r) / 2.0).sum()
    }

    #[test]
    fn a_comb_is_cut_into_its_teeth() {
        // Two teeth point east across 180 degrees; a hole lies across it in the lower one.
        let comb = ring(&[
            (178.0, 0.0),
            (182.0, 0.0),
            (182.0, 2.0),
            (179.0, 2.0),
            (179.0, 3.0),
            (182.0, 3.0),
            (182.0, 4.0),
            (178.0, 4.0),
        ]);
        let hole = ring(&[(179.5, 0.5), (180.5, 0.5), (180.5, 1.0), (179.5, 1.0)]);
        let polygons = cut(vec![comb, hole]);
        assert_eq!(polygons.len(), 3, "{polygons:?}");
        assert!(polygons.iter().flatten().flatten().all(|p| p.x.abs() <= 180.0));
        assert!((area(&polygons) - (16.0 - 3.0 - 0.5)).abs() < 1e-12);
        // The hole has become a part of the outlines.
        assert!(polygons.iter().all(|rings| rings.len() == 1));
    }

    #[test]
    fn what_lies_along_180_stays_whole() {
        let square = ring(&[(178.0, 0.0), (180.0, 0.0), (180.0, 1.0), (178.0, 1.0)]);
        assert_eq!(cut(vec![square.clone()]), vec![vec![square]]);
        // Written east of it, it comes to the other side.
        let east = ring(&[(180.0, 0.0), (182.0, 0.0), (182.0, 1.0), (180.0, 1.0)]);
        let polygons = cut(vec![east]);
        assert_eq!(polygons.len(), 1);
        assert_eq!(extent(polygons[0][0].iter()), (-180.0, -178.0));
    }

    #[test]
    fn holes_go_to_their_part() {
        let outline = ring(&[(170.0, 0.0), (190.0, 0.0), (190.0, 10.0), (170.0, 10.0)]);
        let west = ring(&[(172.0, 2.0), (172.0, 4.0), (174.0, 4.0), (174.0, 2.0)]);
        let east = ring(&[(184.0, 2.0), (184.0, 4.0), (186.0, 4.0), (186.0, 2.0)]);
        let polygons = cut(vec![outline, west, east]);
        assert_eq!(polygons.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2]);
        assert!((area(&polygons) - 192.0).abs() < 1e-9);
    }

    #[test]
    fn a_cap_is_closed_along_180_and_the_pole() {
        // A circle of latitude 70 south that begins at 33 degrees, and a hole of 80 south that begins
        // elsewhere.
        let circle = |start: i32, lat: f64| -> Ring {
            (0..36).map(|i| Xy { x: f64::from(start + 10 * i), y: lat }).collect()
        };
        for (start, turn) in [(33, 360.0), (-180, 360.0), (180, 360.0)] {
            let outline = closed_around_pole(circle(start, -70.0), turn, false);
            assert!((signed_area(&outline).abs() / 2.0 - 20.0 * 360.0).abs() < 1e-9, "{outline:?}");
            let mut hole = closed_around_pole(circle(7, -80.0), 360.0, false);
            let apart = extent(outline.iter()).0 - extent(hole.iter()).0;
            hole.iter_mut().for_each(|p| p.x += apart);
            let polygons = cut(vec![outline, hole]);
            assert!((area(&polygons) - 10.0 * 360.0).abs() < 1e-9, "{polygons:?}");
            assert!(polygons.iter().flatten().flatten().all(|p| p.x.abs() <= 180.0));
        }
        let mut back = circle(33, 70.0);
        back.reverse();
        let cap = closed_around_pole(back, -360.0, true);
        assert!((signed_area(&cap).abs() / 2.0 - 20.0 * 360.0).abs() < 1e-9);
    }
}
