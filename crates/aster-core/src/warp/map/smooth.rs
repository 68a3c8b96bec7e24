//! A cell of the map as one polynomial: exact to a millionth of a pixel wherever a projection is gentle.
use crate::warp::map::CELL;

/// Exact points along a side of a cell; the polynomial has one degree less in each direction.
pub(super) const POINTS: usize = 5;
/// Side of a cell in the polynomial's own coordinates is 2: from -1 to 1.
const HALF: f64 = CELL as f64 / 2.0;
/// Error above which a cell is not smooth, source pixels.
pub(super) const SMOOTH_PX: f64 = 1e-5;
/// Sum of the coefficients that bend, above which a cell is not smooth, source pixels. Second derivatives are at most
/// 12 times that, so an eighth of a cell (1/4 in s and t) departs by less than half a pixel from its corners.
const LARGEST_BEND_PX: f64 = 5.0;

/// What the third and fourth power may add at most, source pixels, where they are left out: as little as the fit's error.
const NEGLIGIBLE_PX: f64 = SMOOTH_PX;

/// The polynomial's coordinate at each pixel across a cell.
static ACROSS: [f64; CELL] = {
    let mut across = [0.0; CELL];
    let mut i = 0;
    while i < CELL {
        across[i] = (i as f64 - HALF) / HALF;
        i += 1;
    }
    across
};

/// Coefficients of s^j t^i for source x and y, with s and t from -1 to 1 across and down the cell.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Smooth {
    terms: [[[f64; POINTS]; POINTS]; 2],
}

/// Offsets of the exact points from a cell's first pixel, along one side.
pub(super) fn fitted() -> [f64; POINTS] {
    std::array::from_fn(|i| (i * CELL / (POINTS - 1)) as f64)
}

/// Offsets of points between them, where the error is measured.
pub(super) fn tested() -> [f64; POINTS - 1] {
    std::array::from_fn(|i| ((2 * i + 1) * CELL / (2 * (POINTS - 1))) as f64)
}

/// Coefficients of the quartic through values at -1, -1/2, 0, 1/2, 1.
fn quartic(f: [f64; POINTS]) -> [f64; POINTS] {
    let [a, b, c, d, e] = f;
    [
        c,
        (a - 8.0 * b + 8.0 * d - e) / 6.0,
        (-a + 16.0 * b - 30.0 * c + 16.0 * d - e) / 6.0,
        (-a + 2.0 * b - 2.0 * d + e) / 1.5,
        (a - 4.0 * b + 6.0 * c - 4.0 * d + e) / 1.5,
    ]
}

/// Not so for NaN.
fn within(value: f64, bound: f64) -> bool {
    value <= bound
}

fn evaluate(c: &[f64; POINTS], s: f64) -> f64 {
    c[0] + s * (c[1] + s * (c[2] + s * (c[3] + s * c[4])))
}

impl Smooth {
    /// The surface through exact points at [`fitted`], row by row; nothing unless all have an image and the
    /// exact points at [`tested`] lie within [`SMOOTH_PX`] of it. With it comes the largest error
    /// seen, and what rows may leave out.
    pub(super) fn through(exact: &[[f64; 2]], tests: &[[f64; 2]]) -> Option<(Self, f64)> {
        let mut terms = [[[0.0; POINTS]; POINTS]; 2];
        for (axis, terms) in terms.iter_mut().enumerate() {
            let mut rows = [[0.0; POINTS]; POINTS];
            for (row, points) in rows.iter_mut().zip(exact.chunks_exact(POINTS)) {
                *row = quartic(std::array::from_fn(|j| points[j][axis]));
            }
            for j in 0..POINTS {
                let column = quartic(std::array::from_fn(|i| rows[i][j]));
                terms.iter_mut().zip(column).for_each(|(term, c)| term[j] = c);
            }
        }
        let surface = Self { terms };
        // A missing exact point makes it NaN, which is not within.
        if !within(surface.bend(), LARGEST_BEND_PX) {
            return None;
        }
        let mut worst: f64 = 0.0;
        let at = tested();
        for (i, truth) in tests.iter().enumerate() {
            let p = surface.at(at[i / at.len()], at[i % at.len()]);
            let error = (p[0] - truth[0]).hypot(p[1] - truth[1]);
            if !within(error, SMOOTH_PX) {
                return None;
            }
            worst = worst.max(error);
        }
        Some((surface, worst + 2.0 * NEGLIGIBLE_PX))
    }

    fn bend(&self) -> f64 {
        let bends = |(i, j): (usize, usize)| i + j > 1;
        let all = (0..POINTS).flat_map(|i| (0..POINTS).map(move |j| (i, j))).filter(|at| bends(*at));
        all.map(|(i, j)| self.terms[0][i][j].abs() + self.terms[1][i][j].abs()).sum()
    }

    /// Polynomials in s of a row, for x and y.
    fn of_row(&self, row: f64) -> [[f64; POINTS]; 2] {
        let t = (row - HALF) / HALF;
        let mut axes = [[0.0; POINTS]; 2];
        for (axis, terms) in axes.iter_mut().zip(&self.terms) {
            // As [`evaluate`] does it, all five side by side.
            *axis = terms[POINTS - 1];
            for terms in terms.iter().rev().skip(1) {
                axis.iter_mut().zip(terms).for_each(|(sum, term)| *sum = term + t * *sum);
            }
        }
        axes
    }

    fn at(&self, row: f64, column: f64) -> [f64; 2] {
        let s = (column - HALF) / HALF;
        self.of_row(row).map(|terms| evaluate(&terms, s))
    }

    /// Both axes of a row, where they are parabolas: as [`Smooth::row`] computes them.
    pub(super) fn parabolas(&self, row: usize) -> Option<[Parabola; 2]> {
        let axes = self.of_row(row as f64);
        axes.iter().all(is_parabola).then(|| axes.map(|[a, b, c, ..]| Parabola { a, b, c }))
    }

    /// Source coordinates of a row of pixels; row and column count from the cell's first pixel.
    pub(super) fn row(&self, row: usize, column: usize, xs: &mut [f64], ys: &mut [f64]) {
        let [x, y] = self.of_row(row as f64);
        fill(&x, column, xs);
        fill(&y, column, ys);
    }
}

/// Between UTM zones a row of a cell is one.
#[inline(always)]
fn is_parabola([_, _, _, d, e]: &[f64; POINTS]) -> bool {
    within(d.abs() + e.abs(), NEGLIGIBLE_PX)
}

/// One axis of a row of a cell, in the polynomial's own coordinate.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parabola {
    a: f64,
    b: f64,
    c: f64,
}

impl Parabola {
    #[inline(always)]
    fn of(self, s: f64) -> f64 {
        self.a + s * (self.b + s * self.c)
    }

    /// Source coordinate of the centre of a pixel, by its column in the cell.
    #[inline(always)]
    pub(super) fn at(self, column: f64) -> f64 {
        self.of((column - HALF) / HALF)
    }

    /// Source pixels per pixel there.
    #[inline(always)]
    pub(super) fn slope(self, column: f64) -> f64 {
        (self.b + 2.0 * self.c * ((column - HALF) / HALF)) / HALF
    }

    /// Half of what the slope gains a pixel.
    #[inline(always)]
    pub(super) fn bend(self) -> f64 {
        self.c / (HALF * HALF)
    }
}

/// The polynomial at consecutive pixels, in the widest lanes the machine has: the same operations, and so the same
/// results, in all of them.
fn fill(terms: &[f64; POINTS], column: usize, out: &mut [f64]) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the feature was just detected.
        #[allow(unsafe_code)]
        return unsafe { fill_avx2(terms, column, out) };
    }
    fill_anywhere(terms, column, out);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn fill_avx2(terms: &[f64; POINTS], column: usize, out: &mut [f64]) {
    fill_anywhere(terms, column, out);
}

#[inline(always)]
fn fill_anywhere(terms: &[f64; POINTS], column: usize, out: &mut [f64]) {
    let across = ACROSS.get(column..).unwrap_or_default();
    let [a, b, c, d, e] = *terms;
    if is_parabola(terms) {
        out.iter_mut().zip(across).for_each(|(v, s)| *v = Parabola { a, b, c }.of(*s));
    } else {
        out.iter_mut().zip(across).for_each(|(v, s)| *v = a + s * (b + s * (c + s * (d + s * e))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampled(rows: &[f64], columns: &[f64], f: impl Fn(f64, f64) -> [f64; 2]) -> Vec<[f64; 2]> {
        rows.iter().flat_map(|r| columns.iter().map(|c| f(*r, *c)).collect::<Vec<_>>()).collect()
    }

    #[test]
    fn a_quartic_is_itself_and_a_bend_is_refused() {
        let quartic = |r: f64, c: f64| {
            let (s, t) = ((c - HALF) / HALF, (r - HALF) / HALF);
            [5000.0 + 300.0 * s - 2.0 * s * t + 0.5 * s.powi(4) * t, 70.0 * t + t.powi(3) * s.powi(2)]
        };
        let (exact, tests) = (sampled(&fitted(), &fitted(), quartic), sampled(&tested(), &tested(), quartic));
        let (surface, error) = Smooth::through(&exact, &tests).unwrap();
        assert!(error < 2.0 * NEGLIGIBLE_PX + 1e-10, "{error}");
        let (mut xs, mut ys) = ([0.0; 100], [0.0; 100]);
        surface.row(37, 101, &mut xs, &mut ys);
        for (i, (x, y)) in xs.iter().zip(&ys).enumerate() {
            let truth = quartic(37.0, 101.0 + i as f64);
            assert!((x - truth[0]).abs() < 1e-9 && (y - truth[1]).abs() < 1e-9);
        }
        let steep = |r: f64, c: f64| [c + 6.0 * ((r - HALF) / HALF).powi(2), r];
        assert!(
            Smooth::through(&sampled(&fitted(), &fitted(), steep), &sampled(&tested(), &tested(), steep))
                .is_none()
        );
        let bent = |r: f64, c: f64| [(c - 100.0).abs(), r];
        assert!(
            Smooth::through(&sampled(&fitted(), &fitted(), bent), &sampled(&tested(), &tested(), bent))
                .is_none()
        );
        let torn = |r: f64, c: f64| [if c > 200.0 { f64::NAN } else { c }, r];
        assert!(
            Smooth::through(&sampled(&fitted(), &fitted(), torn), &sampled(&tested(), &tested(), torn))
                .is_none()
        );
    }
}
