//! Kernels and footprints wider than a pixel: the target is coarser than the source.
use super::{Dn, EDGE, Scale, SourceWindow};

fn each(xs: &[f64], ys: &[f64], out: &mut [f32], corner: (f64, f64), mut f: impl FnMut(f64, f64) -> f32) {
    for ((out, x), y) in out.iter_mut().zip(xs).zip(ys) {
        *out = f(x - corner.0, y - corner.1);
    }
}

fn corner<T: Dn>(source: &SourceWindow<T>) -> (f64, f64) {
    (source.rect.column as f64, source.rect.row as f64)
}

/// A kernel of some support at scale 1, widened by `scale`.
pub(super) fn filter_row<T: Dn>(
    source: &SourceWindow<T>,
    kernel: fn(f64) -> f64,
    support: f64,
    scale: Scale,
    xs: &[f64],
    ys: &[f64],
    out: &mut [f32],
) {
    let mut wx = Vec::new();
    each(xs, ys, out, corner(source), |x, y| source.filtered((kernel, support), scale, x, y, &mut wx));
}

/// Mean under the target pixel.
pub(super) fn average_row<T: Dn>(
    source: &SourceWindow<T>,
    scale: Scale,
    xs: &[f64],
    ys: &[f64],
    out: &mut [f32],
) {
    each(xs, ys, out, corner(source), |x, y| source.average(scale, x, y));
}

/// Most frequent number under the target pixel.
pub(super) fn mode_row<T: Dn>(
    source: &SourceWindow<T>,
    scale: Scale,
    xs: &[f64],
    ys: &[f64],
    out: &mut [f32],
) {
    let mut counts = vec![0; T::VALUES];
    each(xs, ys, out, corner(source), |x, y| source.mode(scale, x, y, &mut counts));
}

impl<T: Dn> SourceWindow<'_, T> {
    /// A kernel widened to the target's pixels, over what is valid.
    fn filtered(
        &self,
        (kernel, support): (fn(f64) -> f64, f64),
        scale: Scale,
        x: f64,
        y: f64,
        wx: &mut Vec<f64>,
    ) -> f32 {
        if !self.valid_under(x, y) {
            return f32::NAN;
        }
        let (u, v) = (x - 0.5, y - 0.5);
        let reach = |centre: f64, scale: f64, n: usize| {
            let low = (centre - support * scale).ceil().max(0.0) as usize;
            let high = (centre + support * scale).floor().min(n as f64 - 1.0) as usize;
            low..high + 1
        };
        let columns = reach(u, scale.x, self.rect.columns);
        wx.clear();
        wx.extend(columns.clone().map(|i| kernel((i as f64 - u) / scale.x)));
        let (mut sum, mut weights) = (0.0, 0.0);
        for j in reach(v, scale.y, self.rect.rows) {
            let wy = kernel((j as f64 - v) / scale.y);
            let start = j * self.rect.columns;
            for (dn, wx) in self.data[start + columns.start..start + columns.end].iter().zip(wx.iter()) {
                let value = f64::from(self.value(*dn));
                if !value.is_nan() {
                    sum += wx * wy * value;
                    weights += wx * wy;
                }
            }
        }
        if weights < 1e-6 { f32::NAN } else { (sum / weights) as f32 }
    }

    /// Columns and rows under the target pixel around a position, and the weights of first and last of each.
    fn footprint(&self, scale: Scale, x: f64, y: f64) -> Option<[Span; 2]> {
        Some([Span::new(x, scale.x, self.rect.columns)?, Span::new(y, scale.y, self.rect.rows)?])
    }

    fn average(&self, scale: Scale, x: f64, y: f64) -> f32 {
        let Some([across, down]) = self.footprint(scale, x, y) else { return f32::NAN };
        let (mut sum, mut weights) = (0.0, 0.0);
        for j in down.from..down.to {
            let wy = down.weight(j);
            for i in across.from..across.to {
                let value = f64::from(self.value(self.data[j * self.rect.columns + i]));
                if !value.is_nan() {
                    let w = wy * across.weight(i);
                    sum += w * value;
                    weights += w;
                }
            }
        }
        if weights > 0.0 { (sum / weights) as f32 } else { f32::NAN }
    }

    /// `counts` is all zero before and after.
    fn mode(&self, scale: Scale, x: f64, y: f64, counts: &mut [u32]) -> f32 {
        let Some([across, down]) = self.footprint(scale, x, y) else { return f32::NAN };
        let rows = || (down.from..down.to).map(|j| j * self.rect.columns);
        let (mut best, mut most) = (f32::NAN, 0);
        for start in rows() {
            for dn in &self.data[start + across.from..start + across.to] {
                let value = self.value(*dn);
                if value.is_nan() {
                    continue;
                }
                counts[dn.index()] += 1;
                // Of equals, the first to get there.
                if counts[dn.index()] > most {
                    (best, most) = (value, counts[dn.index()]);
                }
            }
        }
        for start in rows() {
            self.data[start + across.from..start + across.to].iter().for_each(|dn| counts[dn.index()] = 0);
        }
        best
    }
}

/// Pixels of one axis under a target pixel. Its edges are measured from the pixel at its centre, so that rounding
/// does not depend on where the window begins.
struct Span {
    from: usize,
    to: usize,
    centre: f64,
    low: f64,
    high: f64,
}

impl Span {
    /// Of `n` pixels, those under `centre` +- `width` / 2.
    fn new(centre: f64, width: f64, n: usize) -> Option<Self> {
        let whole = centre.floor();
        let (low, high) = (centre - whole - width / 2.0, centre - whole + width / 2.0);
        // Written so that NaN fails.
        if !(whole + high > 0.0 && whole + low < n as f64) {
            return None;
        }
        let from = (whole + (low + EDGE).floor()).max(0.0) as usize;
        let to = ((whole + (high - EDGE).ceil()) as usize).min(n);
        (from < to).then_some(Self { from, to, centre: whole, low, high })
    }

    /// Length of pixel `i` that is covered.
    fn weight(&self, i: usize) -> f64 {
        let i = i as f64 - self.centre;
        (self.high.min(i + 1.0) - self.low.max(i)).max(0.0)
    }
}

/// Bilinear.
pub(super) fn triangle(x: f64) -> f64 {
    (1.0 - x.abs()).max(0.0)
}

/// Cubic convolution, a = -0.5.
pub(super) fn catmull_rom(x: f64) -> f64 {
    let a = x.abs();
    if a <= 1.0 {
        a * a * (1.5 * a - 2.5) + 1.0
    } else if a <= 2.0 {
        a * a * (-0.5 * a + 2.5) - 4.0 * a + 2.0
    } else {
        0.0
    }
}
