//! A line chart as SVG that stands by itself in a README: light or dark as the
//! reader prefers, nothing loaded, every point labelled, axes with units.

use super::svg::{Anchor, Svg};
use super::text::short;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 440.0;
const LEFT: f64 = 72.0;
const RIGHT: f64 = 40.0;
const MARGIN: f64 = 24.0;
const BOTTOM: f64 = 58.0;
const LEGEND_TOP: f64 = 56.0;
const LEGEND_ROW: f64 = 20.0;
/// Between the legend and the grid, where the name of the upright axis stands.
const ABOVE_GRID: f64 = 34.0;
/// About so many grid lines to an axis.
const TICKS: f64 = 6.0;
/// Colours that a colour-blind reader tells apart; the dark ones are lighter. A
/// ninth line is the first one's colour again.
const COLOURS: usize = 8;
const STYLE: &str = "
text{font:12px system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans',sans-serif;fill:#57606a}
.page{fill:#fff}.title{font-size:16px;font-weight:600;fill:#1f2328}
.legend{font-size:13px;fill:#1f2328}.label{font-size:11px;fill:#1f2328;stroke:#fff;stroke-width:3px;paint-order:stroke;stroke-linejoin:round}
.grid{stroke:#d8dee4;stroke-width:1}.axis{stroke:#8c959f;stroke-width:1}
polyline{fill:none;stroke-width:2.25;stroke-linejoin:round;stroke-linecap:round}
circle{stroke:#fff;stroke-width:1.5}.key{stroke-width:3}
.c0{stroke:#0969da}.c1{stroke:#d1570a}.c2{stroke:#1a7f37}.c3{stroke:#8250df}
.c4{stroke:#bf3989}.c5{stroke:#0e7c86}.c6{stroke:#7d4e00}.c7{stroke:#57606a}
circle.c0{fill:#0969da}circle.c1{fill:#d1570a}circle.c2{fill:#1a7f37}circle.c3{fill:#8250df}
circle.c4{fill:#bf3989}circle.c5{fill:#0e7c86}circle.c6{fill:#7d4e00}circle.c7{fill:#57606a}
circle{stroke:#fff!important}
@media (prefers-color-scheme:dark){
text{fill:#9198a1}.page{fill:#0d1117}.title,.legend,.label{fill:#f0f6fc}.label{stroke:#0d1117}
.grid{stroke:#262c36}.axis{stroke:#656c76}circle{stroke:#0d1117!important}
.c0{stroke:#58a6ff}.c1{stroke:#f0883e}.c2{stroke:#3fb950}.c3{stroke:#a371f7}
.c4{stroke:#f778ba}.c5{stroke:#39c5cf}.c6{stroke:#d4a72c}.c7{stroke:#9198a1}
circle.c0{fill:#58a6ff}circle.c1{fill:#f0883e}circle.c2{fill:#3fb950}circle.c3{fill:#a371f7}
circle.c4{fill:#f778ba}circle.c5{fill:#39c5cf}circle.c6{fill:#d4a72c}circle.c7{fill:#9198a1}
}
";

#[derive(Debug, Clone, PartialEq)]
pub struct Plot {
    pub title: String,
    pub x: Axis,
    pub y: Axis,
    pub series: Vec<Series>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// With its unit.
    pub label: String,
    pub scale: Scale,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// From zero, so that a proportion looks like one.
    Linear,
    /// For what grows by orders of magnitude, as latency at the limit.
    Log,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    pub name: String,
    pub points: Vec<(f64, f64)>,
}

impl Plot {
    pub fn to_svg(&self) -> String {
        let mut svg = Svg::new(WIDTH, HEIGHT, &self.title, STYLE);
        svg.text("title", (MARGIN, 32.0), Anchor::Start, &self.title);
        let series = self.drawable();
        let top = draw_legend(&mut svg, &series) + ABOVE_GRID;
        let xs = series.iter().flat_map(|(_, points)| points).map(|p| p.0);
        let ys = series.iter().flat_map(|(_, points)| points).map(|p| p.1);
        let x = Ruler::new(self.x.scale, xs, LEFT, WIDTH - RIGHT);
        let y = Ruler::new(self.y.scale, ys, HEIGHT - BOTTOM, top);
        self.draw_axes(&mut svg, &x, &y);
        if series.is_empty() {
            let middle = (
                f64::midpoint(LEFT, WIDTH - RIGHT),
                f64::midpoint(top, HEIGHT - BOTTOM),
            );
            svg.text("legend", middle, Anchor::Middle, "nothing was measured");
        }
        draw_series(&mut svg, &series, &x, &y);
        svg.finish()
    }

    /// By x; what a logarithmic axis cannot show, or nothing can, is left out.
    fn drawable(&self) -> Vec<(&str, Vec<(f64, f64)>)> {
        let shows =
            |scale, value: f64| value.is_finite() && (scale == Scale::Linear || value > 0.0);
        let mut drawable = Vec::new();
        for series in &self.series {
            let mut points = series.points.clone();
            points.retain(|(x, y)| shows(self.x.scale, *x) && shows(self.y.scale, *y));
            points.sort_by(|a, b| a.0.total_cmp(&b.0));
            if !points.is_empty() {
                drawable.push((series.name.as_str(), points));
            }
        }
        drawable
    }

    fn draw_axes(&self, svg: &mut Svg, x: &Ruler, y: &Ruler) {
        let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
        for tick in &y.ticks {
            let at = y.place(*tick);
            svg.line("grid", (LEFT, at), (right, at));
            svg.text("tick", (LEFT - 8.0, at + 4.0), Anchor::End, &y.name(*tick));
        }
        for tick in &x.ticks {
            let at = x.place(*tick);
            svg.line("axis", (at, bottom), (at, bottom + 5.0));
            svg.text("tick", (at, bottom + 20.0), Anchor::Middle, &x.name(*tick));
        }
        svg.line("axis", (LEFT, bottom), (right, bottom));
        let middle = f64::midpoint(LEFT, right);
        svg.text(
            "axis-label",
            (middle, HEIGHT - 14.0),
            Anchor::Middle,
            &self.x.label,
        );
        svg.text(
            "axis-label",
            (MARGIN, y.to - 16.0),
            Anchor::Start,
            &self.y.label,
        );
    }
}

fn draw_series(svg: &mut Svg, series: &[(&str, Vec<(f64, f64)>)], x: &Ruler, y: &Ruler) {
    let placed: Vec<Vec<(f64, f64)>> = series
        .iter()
        .map(|(_, points)| {
            points
                .iter()
                .map(|p| (x.place(p.0), y.place(p.1)))
                .collect()
        })
        .collect();
    for (index, points) in placed.iter().enumerate() {
        svg.polyline(&colour(index), points);
    }
    let mut labels = Labels::avoiding(y.to, placed.iter().flatten().copied());
    for (index, points) in placed.iter().enumerate() {
        for point in points {
            svg.dot(&colour(index), *point, 4.0);
        }
    }
    for (points, (_, values)) in placed.iter().zip(series) {
        for (at, (_, value)) in points.iter().zip(values) {
            labels.draw(svg, *at, &short(*value));
        }
    }
}

/// In as many rows as the names need; says where the last one is.
fn draw_legend(svg: &mut Svg, series: &[(&str, Vec<(f64, f64)>)]) -> f64 {
    let (mut x, mut y) = (MARGIN, LEGEND_TOP);
    for (index, (name, _)) in series.iter().enumerate() {
        let width = 24.0 + width_of(name, 13.0);
        if x > MARGIN && x + width > WIDTH - MARGIN {
            (x, y) = (MARGIN, y + LEGEND_ROW);
        }
        let class = format!("key {}", colour(index));
        svg.line(&class, (x, y - 4.5), (x + 18.0, y - 4.5));
        svg.text("legend", (x + 24.0, y), Anchor::Start, name);
        x += width + 22.0;
    }
    y
}

fn colour(index: usize) -> String {
    format!("c{}", index % COLOURS)
}

/// There is no font to ask: the mean of a sans-serif, rather too wide.
fn width_of(text: &str, size: f64) -> f64 {
    text.chars().count() as f64 * size * 0.56
}

/// An axis in pixels.
struct Ruler {
    scale: Scale,
    ticks: Vec<f64>,
    from: f64,
    to: f64,
    low: f64,
    high: f64,
}

impl Ruler {
    fn new(scale: Scale, values: impl Iterator<Item = f64>, from: f64, to: f64) -> Self {
        let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        });
        let nothing = low > high;
        let scale = if nothing { Scale::Linear } else { scale };
        let ticks = match scale {
            _ if nothing => vec![0.0, 1.0],
            Scale::Linear => linear_ticks(low, high),
            Scale::Log => log_ticks(low, high),
        };
        let end = |tick: Option<&f64>| projected(scale, tick.copied().unwrap_or(1.0));
        Self {
            scale,
            from,
            to,
            low: end(ticks.first()),
            high: end(ticks.last()),
            ticks,
        }
    }

    fn place(&self, value: f64) -> f64 {
        let share = (projected(self.scale, value) - self.low) / (self.high - self.low);
        self.from + share * (self.to - self.from)
    }

    fn name(&self, tick: f64) -> String {
        let step = match self.ticks.get(..2) {
            Some([first, second]) if self.scale == Scale::Linear => second - first,
            _ => tick,
        };
        let decimals = (-step.log10().floor()).clamp(0.0, 6.0) as usize;
        if decimals == 0 {
            super::text::thousands(tick)
        } else {
            format!("{tick:.decimals$}")
        }
    }
}

fn projected(scale: Scale, value: f64) -> f64 {
    match scale {
        Scale::Linear => value,
        Scale::Log => value.log10(),
    }
}

/// Multiples of 1, 2 or 5 times a power of ten, around all values and zero.
fn linear_ticks(low: f64, high: f64) -> Vec<f64> {
    let (low, high) = (low.min(0.0), high.max(0.0));
    let span = if high > low { high - low } else { 1.0 };
    let rough = span / TICKS;
    let power = 10_f64.powf(rough.log10().floor());
    let step = power
        * match rough / power {
            ..=1.0 => 1.0,
            ..=2.0 => 2.0,
            ..=5.0 => 5.0,
            _ => 10.0,
        };
    let first = (low / step).floor() as i64;
    let last = ((low + span) / step - 1e-9).ceil() as i64;
    (first..=last).map(|index| index as f64 * step).collect()
}

/// Powers of ten, with their doubles and halves while there are few.
fn log_ticks(low: f64, high: f64) -> Vec<f64> {
    let first = low.log10().floor() as i32;
    let last = (high.log10().ceil() as i32).max(first + 1);
    let between: &[f64] = if last - first <= 3 {
        &[1.0, 2.0, 5.0]
    } else {
        &[1.0]
    };
    let mut ticks: Vec<f64> = (first..last)
        .flat_map(|power| between.iter().map(move |times| times * 10_f64.powi(power)))
        .collect();
    ticks.push(10_f64.powi(last));
    let above = ticks.iter().filter(|tick| **tick <= low).count();
    let through = ticks.iter().filter(|tick| **tick < high).count() + 1;
    ticks.truncate(through.max(above + 1));
    ticks.drain(..above.saturating_sub(1));
    ticks
}

/// Boxes that are taken: a label that would lie on another or on a point goes to
/// the next side, and is left out when no side is free.
struct Labels {
    top: f64,
    taken: Vec<Area>,
}

#[derive(Clone, Copy)]
struct Area {
    left: f64,
    top: f64,
    right: f64,
    bottom: f64,
}

impl Area {
    fn overlaps(&self, other: &Self) -> bool {
        self.left < other.right
            && other.left < self.right
            && self.top < other.bottom
            && other.top < self.bottom
    }

    fn is_inside(&self, top: f64) -> bool {
        self.left >= LEFT
            && self.right <= WIDTH
            && self.top >= top - 12.0
            && self.bottom <= HEIGHT - BOTTOM
    }
}

impl Labels {
    fn avoiding(top: f64, points: impl Iterator<Item = (f64, f64)>) -> Self {
        let around = |(x, y)| Area {
            left: x - 4.0,
            top: y - 4.0,
            right: x + 4.0,
            bottom: y + 4.0,
        };
        Self {
            top,
            taken: points.map(around).collect(),
        }
    }

    fn draw(&mut self, svg: &mut Svg, (x, y): (f64, f64), text: &str) {
        let width = width_of(text, 11.0) + 4.0;
        let sides = [
            (x, y - 9.0, Anchor::Middle),
            (x, y + 17.0, Anchor::Middle),
            (x - 8.0, y - 4.0, Anchor::End),
            (x + 8.0, y + 4.0, Anchor::Start),
            (x + 4.0, y - 8.0, Anchor::Start),
        ];
        for (x, y, anchor) in sides {
            let left = match anchor {
                Anchor::Start => x,
                Anchor::Middle => x - width / 2.0,
                Anchor::End => x - width,
            };
            let area = Area {
                left,
                top: y - 9.0,
                right: left + width,
                bottom: y + 2.0,
            };
            if area.is_inside(self.top) && !self.taken.iter().any(|taken| taken.overlaps(&area)) {
                self.taken.push(area);
                svg.text("label", (x, y), anchor, text);
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests;
