//! Finds where the rings of a polygon cross themselves or each other.
use crate::geo::affine::Xy;

/// Edges that are compared one with the other without further ado.
const FEW: usize = 24;
const MAX_DEPTH: u32 = 40;
/// Comparisons of edges; more belong to a tangle that was made on purpose.
const MAX_COMPARISONS: u64 = 400_000_000;

/// What came of the search.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Crossing {
    None,
    At(Xy),
    /// The rings are such a tangle that the search was given up.
    GivenUp,
}

#[derive(Debug, Clone, Copy)]
struct Edge {
    a: Xy,
    b: Xy,
}

/// A place where two edges cross. Rings may touch, and edges may lie on one another.
pub(super) fn find(rings: &[Vec<Xy>]) -> Crossing {
    let edges: Vec<Edge> = rings
        .iter()
        .flat_map(|ring| ring.iter().zip(ring.iter().cycle().skip(1)))
        .filter(|(a, b)| a != b)
        .map(|(a, b)| Edge { a: *a, b: *b })
        .collect();
    let mut left = MAX_COMPARISONS;
    among(edges, 0, &mut left)
}

/// Halves the edges by their place until few are left.
fn among(edges: Vec<Edge>, depth: u32, left: &mut u64) -> Crossing {
    if edges.len() <= FEW || depth == MAX_DEPTH {
        return one_by_one(&edges, left);
    }
    let by_x = depth.is_multiple_of(2);
    let ends = |e: &Edge| if by_x { (e.a.x, e.b.x) } else { (e.a.y, e.b.y) };
    let mut middles: Vec<f64> = edges.iter().map(|e| ends(e).0.midpoint(ends(e).1)).collect();
    let middle = middles.len() / 2;
    let (_, split, _) = middles.select_nth_unstable_by(middle, f64::total_cmp);
    let split = *split;
    let low: Vec<Edge> = edges.iter().filter(|e| ends(e).0.min(ends(e).1) <= split).copied().collect();
    let high: Vec<Edge> = edges.iter().filter(|e| ends(e).0.max(ends(e).1) >= split).copied().collect();
    // Edges that all reach across are not told apart this way; the other way may.
    let count = edges.len();
    *left = left.saturating_sub(count as u64);
    if low.len() == count && high.len() == count && depth > 1 {
        return one_by_one(&edges, left);
    }
    drop(edges);
    match among(low, depth + 1, left) {
        Crossing::None => among(high, depth + 1, left),
        found => found,
    }
}

fn one_by_one(edges: &[Edge], left: &mut u64) -> Crossing {
    for (i, one) in edges.iter().enumerate() {
        if *left == 0 {
            return Crossing::GivenUp;
        }
        *left = left.saturating_sub(1 + edges.len() as u64 / 2);
        for other in &edges[i + 1..] {
            if let Some(at) = crossing(one, other) {
                return Crossing::At(at);
            }
        }
    }
    Crossing::None
}

/// Where the insides of two edges cross; not where they touch.
fn crossing(one: &Edge, other: &Edge) -> Option<Xy> {
    let apart = |p: f64, q: f64, r: f64, s: f64| p.max(q) < r.min(s) || r.max(s) < p.min(q);
    if apart(one.a.x, one.b.x, other.a.x, other.b.x) || apart(one.a.y, one.b.y, other.a.y, other.b.y) {
        return None;
    }
    let (a, b) = (turn(one, other.a), turn(one, other.b));
    let (c, d) = (turn(other, one.a), turn(other, one.b));
    let opposite = |p: f64, q: f64| (p < 0.0 && q > 0.0) || (p > 0.0 && q < 0.0);
    if !opposite(a, b) || !opposite(c, d) {
        return None;
    }
    let part = c / (c - d);
    Some(Xy { x: one.a.x + part * (one.b.x - one.a.x), y: one.a.y + part * (one.b.y - one.a.y) })
}

/// How far a point is to the left of an edge, times its length; 0 on it, as near as the numbers tell.
fn turn(edge: &Edge, p: Xy) -> f64 {
    let (ux, uy) = (edge.b.x - edge.a.x, edge.b.y - edge.a.y);
    let (vx, vy) = (p.x - edge.a.x, p.y - edge.a.y);
    let cross = ux * vy - uy * vx;
    // Coordinates are good to some 2e-16 of their size, and so is a side of the products.
    let size = [edge.a.x, edge.a.y, p.x, p.y].iter().fold(0.0_f64, |m, v| m.max(v.abs()));
    let noise = 4.0 * f64::EPSILON * size * (ux.abs() + uy.abs() + vx.abs() + vy.abs());
    if cross.abs() <= noise { 0.0 } else { cross }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ring(points: &[(f64, f64)]) -> Vec<Xy> {
        points.iter().map(|(x, y)| Xy { x: *x, y: *y }).collect()
    }

    #[test]
    fn a_bow_tie_crosses_in_its_middle() {
        let bow = ring(&[(0.0, 0.0), (2.0, 2.0), (2.0, 0.0), (0.0, 2.0)]);
        assert_eq!(find(&[bow]), Crossing::At(Xy { x: 1.0, y: 1.0 }));
    }

    #[test]
    fn touching_is_allowed() {
        let square = ring(&[(0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (0.0, 4.0)]);
        // A hole with a corner on a side, and another at a third of it, which no float holds.
        let hole = ring(&[(2.0, 0.0), (3.0, 1.0), (1.0, 1.0)]);
        let third = ring(&[(4.0 / 3.0, 4.0), (3.0, 2.0), (1.0, 2.0)]);
        assert_eq!(find(&[square.clone(), hole, third]), Crossing::None);
        let across = ring(&[(2.0, -1.0), (3.0, 1.0), (1.0, 1.0)]);
        assert!(matches!(find(&[square, across]), Crossing::At(_)));
    }

    proptest! {
        #[test]
        fn agrees_with_comparing_all(
            points in prop::collection::vec((-100.0..100.0f64, -100.0..100.0f64), 3..60),
        ) {
            let ring = ring(&points);
            let edges: Vec<Edge> =
                ring.iter().zip(ring.iter().cycle().skip(1)).map(|(a, b)| Edge { a: *a, b: *b }).collect();
            let crosses = |i: usize, e: &Edge| edges[i + 1..].iter().any(|o| crossing(e, o).is_some());
            let slow = edges.iter().enumerate().any(|(i, e)| crosses(i, e));
            prop_assert_eq!(matches!(find(&[ring]), Crossing::At(_)), slow);
        }

        #[test]
        fn stars_do_not_cross(radii in prop::collection::vec(0.1..1.0f64, 30..300), x in -1e6..1e6f64) {
            let count = radii.len() as f64;
            let star: Vec<Xy> = radii.iter().enumerate().map(|(i, r)| {
                let angle = i as f64 / count * std::f64::consts::TAU;
                Xy { x: x + 1000.0 * r * angle.cos(), y: 1000.0 * r * angle.sin() }
            }).collect();
            prop_assert_eq!(find(&[star]), Crossing::None);
        }
    }

    #[test]
    fn a_long_ring_takes_no_time() {
        let count = 500_000;
        let ring: Vec<Xy> = (0..count)
            .map(|i| {
                let angle = f64::from(i) / f64::from(count) * std::f64::consts::TAU;
                let r = 1.0 + 0.3 * (angle * 1000.0).sin();
                Xy { x: r * angle.cos(), y: r * angle.sin() }
            })
            .collect();
        let started = std::time::Instant::now();
        assert_eq!(find(&[ring]), Crossing::None);
        assert!(started.elapsed().as_secs() < 20);
    }
}
