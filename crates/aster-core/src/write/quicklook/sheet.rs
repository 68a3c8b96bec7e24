//! Layout and drawing of the contact sheet.
use crate::cube::record::StepRecord;
use crate::cube::sink::CubeLayout;
use crate::grid::geobox::Shape;
use crate::write::quicklook::Panel;
use crate::write::quicklook::canvas::{Canvas, Font, fitted};
use crate::write::quicklook::palette::{Palette, Rgb};
use crate::write::quicklook::stretch::{Stretch, round_step};
use crate::write::quicklook::subject::Subject;
use crate::write::quicklook::thumbnail::{Sampling, Thumbnail};

/// Room for panels, pixels; narrower sheets are made narrower.
const BODY_WIDTH: usize = 1800;
const BODY_HEIGHT: usize = 1350;
/// Narrowest sheet, for title and legend.
const MIN_WIDTH: usize = 1120;
const MARGIN: usize = 72;
const GAP: usize = 28;
/// From a panel's label to its picture.
const LABEL_HEIGHT: usize = 34;
const HEADER_HEIGHT: usize = 120;
const FOOTER_HEIGHT: usize = 132;
/// Longest side of the scale bar, pixels.
const SCALE_BAR: f64 = 260.0;
const COLOUR_BAR: usize = 560;
const BAR_HEIGHT: usize = 22;

const PAPER: Rgb = [0xfa, 0xf8, 0xf4];
const INK: Rgb = [0x23, 0x2b, 0x33];
const QUIET: Rgb = [0x6e, 0x74, 0x79];
const LINE: Rgb = [0xd3, 0xce, 0xc4];
const OUTLINE: Rgb = [0xa9, 0xa7, 0xa2];
const MISSING: Rgb = [0xea, 0xe6, 0xde];

/// Metres of a degree of latitude, for the scale bar.
const METRES_PER_DEGREE: f64 = 111_195.0;

/// Where panels lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Geometry {
    columns: usize,
    rows: usize,
    /// Pixels of a panel.
    pub(super) panel: Shape,
}

impl Geometry {
    /// The arrangement of `count` panels that shows them large and leaves few gaps.
    pub(super) fn of(layout: &CubeLayout, count: usize) -> Self {
        let (width, height) = ground_size(layout);
        let aspect = (width / height).clamp(0.05, 20.0);
        let best = (1..=count.max(1)).map(|columns| {
            let rows = count.max(1).div_ceil(columns);
            let widest = (BODY_WIDTH - (columns - 1) * GAP) as f64 / columns as f64;
            let tallest = (BODY_HEIGHT - (rows - 1) * GAP) as f64 / rows as f64 - LABEL_HEIGHT as f64;
            let width = widest.min(tallest * aspect);
            // Large panels are good, empty places are not.
            let filled = count.max(1) as f64 / (columns * rows) as f64;
            (columns, rows, width, width * filled.sqrt())
        });
        let (columns, rows, width, _) = best.max_by(|a, b| a.3.total_cmp(&b.3)).unwrap_or((1, 1, 200.0, 0.0));
        let side = |pixels: f64| (pixels.round() as usize).max(24);
        Self { columns, rows, panel: Shape { ny: side(width / aspect), nx: side(width) } }
    }

    fn body_width(&self) -> usize {
        self.columns * self.panel.nx + (self.columns - 1) * GAP
    }

    fn body_height(&self) -> usize {
        self.rows * (self.panel.ny + LABEL_HEIGHT + GAP)
    }
}

/// Everything the sheet shows.
pub(super) struct Sheet<'a> {
    pub(super) layout: &'a CubeLayout,
    pub(super) subject: &'a Subject,
    pub(super) sampling: &'a Sampling,
    pub(super) panels: &'a [Panel<'a>],
    pub(super) steps: &'a [StepRecord],
}

impl Sheet<'_> {
    /// Draws it.
    pub(super) fn draw(&self) -> Canvas {
        let geometry = Geometry::of(self.layout, self.panels.len());
        let inner = geometry.body_width().max(MIN_WIDTH);
        let height = MARGIN + HEADER_HEIGHT + geometry.body_height() + FOOTER_HEIGHT + MARGIN / 2;
        let mut canvas = Canvas::new(inner + 2 * MARGIN, height, PAPER);
        self.header(&mut canvas, inner);
        let channels = self.subject.variables().len();
        let stretches: Vec<Stretch> = (0..channels).map(|c| self.stretch(c)).collect();
        let left = MARGIN + (inner - geometry.body_width()) / 2;
        for (i, panel) in self.panels.iter().enumerate() {
            let x = left + (i % geometry.columns) * (geometry.panel.nx + GAP);
            let row = i / geometry.columns;
            let y = MARGIN + HEADER_HEIGHT + row * (geometry.panel.ny + LABEL_HEIGHT + GAP);
            self.panel(&mut canvas, x, y, geometry.panel, panel, &stretches);
        }
        if self.panels.is_empty() {
            let y = MARGIN + HEADER_HEIGHT + geometry.body_height() / 2;
            canvas.text_centred(MARGIN + inner / 2, y, "no pixel has a value", Font::LABEL, QUIET);
        }
        self.footer(&mut canvas, inner, geometry.panel, &stretches);
        canvas
    }

    fn stretch(&self, channel: usize) -> Stretch {
        let values = self.panels.iter().filter_map(|(_, t)| t.get(channel)).flat_map(Thumbnail::values);
        match self.subject {
            Subject::Composite { .. } => Stretch::of_land(values),
            Subject::Single { palette, .. } => {
                let stretch = Stretch::of(values);
                let low = if palette.below_zero().is_some() { stretch.low.max(0.0) } else { stretch.low };
                if low < stretch.high { Stretch { low, ..stretch } } else { stretch }
            }
        }
    }

    fn header(&self, canvas: &mut Canvas, inner: usize) {
        let title = match self.subject {
            Subject::Single { variable: [v], .. } => {
                self.layout.variables.get(*v).map_or("", |v| &v.long_name)
            }
            Subject::Composite { .. } => "false colour composite",
        };
        let mut letters = title.chars();
        let title: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
        canvas.text(MARGIN, MARGIN, &fitted(&title, Font::TITLE, inner), Font::TITLE, INK);
        let single = self.steps.iter().all(|s| s.period.is_none() && s.scenes.len() == 1);
        let noun = if single { "scene" } else { "time step" };
        let mut facts = vec![match (self.panels.len(), self.steps.len()) {
            (1, 1) => format!("1 {noun}"),
            (shown, all) if shown == all => format!("{all} {noun}s"),
            (shown, all) => format!("{shown} of {all} {noun}s"),
        }];
        let days = || self.steps.iter().map(|s| s.time.strftime("%Y-%m-%d").to_string());
        if let (Some(first), Some(last)) = (days().min(), days().max()) {
            facts.push(if first == last { first } else { format!("{first} to {last}") });
        }
        let mut products: Vec<String> = Vec::new();
        for scene in self.steps.iter().flat_map(|s| &s.scenes) {
            let product = format!("{} {}", scene.product, scene.version);
            if !products.contains(&product) {
                products.push(product);
            }
        }
        facts.push(products.join(", "));
        let grid = &self.layout.grid;
        facts.push(match grid.crs.is_geographic() {
            true => format!("{} x {} pixels of {}\u{b0}", grid.shape.nx, grid.shape.ny, grid.transform.dx),
            false => format!("{} x {} pixels of {} m", grid.shape.nx, grid.shape.ny, grid.transform.dx),
        });
        facts.retain(|f| !f.is_empty());
        let facts = fitted(&facts.join("  \u{b7}  "), Font::TEXT, inner);
        canvas.text(MARGIN, MARGIN + 46, &facts, Font::TEXT, QUIET);
        canvas.fill(MARGIN, MARGIN + 84, inner, 2, LINE);
    }

    fn panel(
        &self,
        canvas: &mut Canvas,
        x: usize,
        y: usize,
        size: Shape,
        panel: &Panel,
        stretches: &[Stretch],
    ) {
        let (step, thumbnails) = panel;
        let date = step.time.strftime("%Y-%m-%d").to_string();
        let roomy = size.nx > Font::LABEL.width(&date) + Font::TEXT.width("000 % cloud ");
        let font = if size.nx >= Font::LABEL.width(&date) { Font::LABEL } else { Font::TEXT };
        canvas.text(x, y, &fitted(&date, font, size.nx), font, INK);
        let cloud = match step.scenes.as_slice() {
            [only] if only.cloud_cover_percent.is_finite() => Some(only.cloud_cover_percent),
            _ => None,
        };
        if let (true, Some(percent)) = (roomy, cloud) {
            let cloud = format!("{percent:.0} % cloud");
            canvas.text_right(x + size.nx, y + 3, &cloud, Font::TEXT, QUIET);
        }
        let top = y + LABEL_HEIGHT;
        canvas.fill(x - 1, top - 1, size.nx + 2, size.ny + 2, LINE);
        let shape = self.sampling.shape();
        for row in 0..size.ny {
            for column in 0..size.nx {
                let value = |channel: usize| {
                    let value = thumbnails.get(channel)?.at(shape, size, row, column);
                    (!value.is_nan()).then_some(value)
                };
                let share = |channel: usize| Some(stretches.get(channel)?.share(value(channel)?));
                let colour = match self.subject {
                    Subject::Single { palette, .. } => match palette.below_zero() {
                        Some(colour) if value(0).is_some_and(|v| v < 0.0) => Some(colour),
                        _ => share(0).map(|s| palette.colour(s)),
                    },
                    Subject::Composite { .. } => match (share(0), share(1), share(2)) {
                        (Some(r), Some(g), Some(b)) => Some([r, g, b].map(composite_level)),
                        _ => None,
                    },
                };
                canvas.blend(x + column, top + row, colour.unwrap_or(MISSING), 255);
            }
        }
    }

    fn footer(&self, canvas: &mut Canvas, inner: usize, panel: Shape, stretches: &[Stretch]) {
        let top = canvas.height() - FOOTER_HEIGHT - MARGIN / 2;
        match self.subject {
            Subject::Single { variable: [v], palette } => {
                let (name, units) =
                    self.layout.variables.get(*v).map_or(("", ""), |v| (v.name.as_str(), v.units.as_str()));
                let label = if units.is_empty() || units == "1" {
                    name.to_string()
                } else {
                    format!("{name}  [{units}]")
                };
                canvas.text(MARGIN, top, &label, Font::TEXT, INK);
                if let Some(stretch) = stretches.first() {
                    colour_bar(canvas, MARGIN, top + 34, *palette, stretch);
                }
            }
            Subject::Composite { variables } => {
                let bands = variables.map(|v| self.layout.variables.get(v).map_or("", |v| v.name.as_str()));
                let colours: [Rgb; 3] = [[0xc8, 0x3c, 0x32], [0x3c, 0x93, 0x4b], [0x33, 0x66, 0xb0]];
                canvas.text(MARGIN, top, "shown as red, green and blue", Font::TEXT, INK);
                let mut x = MARGIN;
                for (band, colour) in bands.iter().zip(colours) {
                    canvas.fill(x, top + 34, BAR_HEIGHT, BAR_HEIGHT, colour);
                    canvas.text(x + BAR_HEIGHT + 10, top + 34, band, Font::TEXT, INK);
                    x += BAR_HEIGHT + 40 + Font::TEXT.width(band);
                }
            }
        }
        let mut right = swatch(canvas, MARGIN + inner, top + 34, MISSING, "no data");
        if let Subject::Single { palette, .. } = self.subject
            && let Some(colour) = palette.below_zero()
        {
            right = swatch(canvas, right - 32, top + 34, colour, "below 0");
        }
        self.scale_bar(canvas, right - 56, top + 34, panel);
    }

    /// A bar that ends at `right`, its length a round number of metres or kilometres.
    fn scale_bar(&self, canvas: &mut Canvas, right: usize, y: usize, panel: Shape) {
        let metres_per_pixel = ground_size(self.layout).0 / panel.nx as f64;
        let longest = metres_per_pixel * SCALE_BAR.min(panel.nx as f64);
        // The largest round length that fits; the next round step above two fifths of it always does.
        let metres = round_step(longest * 0.4);
        let length = (metres / metres_per_pixel).round() as usize;
        let label = if metres >= 1000.0 { format!("{} km", metres / 1000.0) } else { format!("{metres} m") };
        let left = right.saturating_sub(length);
        let middle = y + BAR_HEIGHT / 2;
        canvas.fill(left, middle - 1, length, 3, INK);
        canvas.fill(left, middle - 8, 3, 17, INK);
        canvas.fill(right - 3, middle - 8, 3, 17, INK);
        canvas.text_centred(left + length / 2, y + BAR_HEIGHT + 8, &label, Font::TEXT, INK);
    }
}

/// A square of `colour` and what it means, ending at `right`; returns where it begins.
fn swatch(canvas: &mut Canvas, right: usize, y: usize, colour: Rgb, text: &str) -> usize {
    let words = right.saturating_sub(Font::TEXT.width(text));
    canvas.text(words, y, text, Font::TEXT, QUIET);
    let left = words.saturating_sub(BAR_HEIGHT + 12);
    canvas.fill(left.saturating_sub(1), y - 1, BAR_HEIGHT + 2, BAR_HEIGHT + 2, LINE);
    canvas.fill(left, y, BAR_HEIGHT, BAR_HEIGHT, colour);
    left
}

/// A bar with pointed ends, for the values beyond them, and numbers below.
fn colour_bar(canvas: &mut Canvas, x: usize, y: usize, palette: Palette, stretch: &Stretch) {
    let point = BAR_HEIGHT / 2;
    let length = COLOUR_BAR - 2 * point;
    for row in 0..BAR_HEIGHT {
        // Distance from the middle row, where the points reach farthest.
        let inset = (2 * row + 1).abs_diff(BAR_HEIGHT) / 2;
        // An outline keeps pale ends apart from the paper.
        canvas.fill(x + inset - 1, y + row, COLOUR_BAR - 2 * inset + 2, 1, OUTLINE);
        for column in inset..COLOUR_BAR - inset {
            let share = (column as f32 + 0.5 - point as f32) / length as f32;
            canvas.blend(x + column, y + row, palette.colour(share), 255);
        }
    }
    for edge in [y - 1, y + BAR_HEIGHT] {
        canvas.fill(x + point, edge, length, 1, OUTLINE);
    }
    for (value, text) in stretch.ticks(6) {
        let at = x + point + (stretch.share(value) * (length - 1) as f32).round() as usize;
        canvas.fill(at, y + BAR_HEIGHT + 1, 2, 8, INK);
        canvas.text_centred(at + 1, y + BAR_HEIGHT + 12, &text, Font::TEXT, INK);
    }
}

/// Brightens the middle of a composite: land is dark next to cloud.
fn composite_level(share: f32) -> u8 {
    (share.powf(0.85) * 255.0).round() as u8
}

/// Width and height of the grid on the ground, metres.
fn ground_size(layout: &CubeLayout) -> (f64, f64) {
    let (grid, transform) = (layout.grid.shape, &layout.grid.transform);
    let (width, height) = (grid.nx as f64 * transform.dx.abs(), grid.ny as f64 * transform.dy.abs());
    if !layout.grid.crs.is_geographic() {
        return (width, height);
    }
    let latitude = transform.y0 + transform.dy * grid.ny as f64 / 2.0;
    let shrink = latitude.to_radians().cos().max(0.01);
    (width * METRES_PER_DEGREE * shrink, height * METRES_PER_DEGREE)
}
