//! Draws curves side by side, as an SVG for light and dark backgrounds.

use crate::report::grouped;

/// A coordinate system with the growing quantity on its x-axis and a figure on its y-axis.
pub(crate) struct Panel {
    pub(crate) axis: &'static str,
    /// Labels of the x-axis, at equal distances.
    pub(crate) steps: Vec<String>,
    pub(crate) curves: Vec<Curve>,
}

pub(crate) struct Curve {
    pub(crate) name: String,
    /// One value for each step.
    pub(crate) points: Vec<f64>,
}

/// Titles of the rows, from top to bottom.
const FIGURES: [&str; 3] =
    ["deliveries per second", "CPU s per 1,000: worker and database", "worker's peak memory, MiB"];

/// Names of the curves, and their CSS classes.
const LOOKS: [(&str, &str); 3] =
    [("bare loop: the physical limit", "limit"), ("SQLite file", "sqlite"), ("PostgreSQL", "postgres")];

const STYLE: &str = "
  .ground, circle { fill: #ffffff } text { fill: #1f2328; font: 12px system-ui, sans-serif }
  .axis { stroke: #59636e } .grid { stroke: #d1d9e0 } polyline { fill: none } polyline, circle { stroke-width: 2 }
  .limit { stroke: #59636e; stroke-dasharray: 5 4 } .sqlite { stroke: #bc4c00 } .postgres { stroke: #0969da }
  @media (prefers-color-scheme: dark) {
    .ground, circle { fill: #0d1117 } text { fill: #f0f6fc } .axis { stroke: #9198a1 } .grid { stroke: #3d444d }
    .limit { stroke: #9198a1 } .sqlite { stroke: #f0883e } .postgres { stroke: #58a6ff }
  }
";

/// Size of a panel with its labels.
const WIDTH: f64 = 290.0;
const HEIGHT: f64 = 200.0;
/// Space for the labels on the left of a panel's curves, above them and below them.
const LEFT: f64 = 60.0;
const ABOVE: f64 = 26.0;
const BELOW: f64 = 46.0;
const LEGEND: f64 = 36.0;

/// Draws the panels column by column. Each column has one panel for each of [`FIGURES`].
pub(crate) fn draw(panels: &[Panel]) -> String {
    let columns = panels.len().div_ceil(FIGURES.len());
    let (width, height) = (WIDTH * columns as f64 + 20.0, HEIGHT * FIGURES.len() as f64 + LEGEND);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" role=\"img\">\n<title>What a delivery costs as things grow</title>\n\
         <style>{STYLE}</style>\n<rect class=\"ground\" width=\"{width}\" height=\"{height}\"/>\n"
    );
    for (n, (name, class)) in LOOKS.iter().enumerate() {
        let x = LEFT + 240.0 * n as f64;
        svg += &curve(class, &[(x, 18.0), (x + 36.0, 18.0)]);
        svg += &text((x + 46.0, 22.0), "start", name);
    }
    for (n, panel) in panels.iter().enumerate() {
        let (column, row) = (n / FIGURES.len(), n % FIGURES.len());
        // All panels of a row have the same scale, so that they can be compared.
        let same = panels.iter().skip(row).step_by(FIGURES.len()).flat_map(|panel| &panel.curves);
        let highest = same.flat_map(|curve| curve.points.iter().copied()).fold(0.0, f64::max);
        let corner = (WIDTH * column as f64 + LEFT, LEGEND + HEIGHT * row as f64 + ABOVE);
        svg += &draw_panel(panel, FIGURES[row], corner, highest);
    }
    svg + "</svg>\n"
}

fn draw_panel(panel: &Panel, figure: &str, (left, top): (f64, f64), highest: f64) -> String {
    let (width, height) = (WIDTH - LEFT - 16.0, HEIGHT - ABOVE - BELOW);
    let bottom = top + height;
    let mut svg = text((left, top - 10.0), "start", figure);
    let step = step(highest);
    let steps = (highest / step).ceil().max(1.0);
    let y = |value: f64| bottom - height * value / (step * steps);
    for n in 0..=(steps as usize) {
        let value = step * n as f64;
        let class = if n == 0 { "axis" } else { "grid" };
        svg += &format!(
            "<line class=\"{class}\" x1=\"{left}\" x2=\"{}\" y1=\"{:.1}\" y2=\"{:.1}\"/>\n",
            left + width,
            y(value),
            y(value)
        );
        let digits = if step < 0.1 { 2 } else { usize::from(step < 1.0) };
        let label = if digits == 0 { grouped(value as usize) } else { format!("{value:.digits$}") };
        svg += &text((left - 8.0, y(value) + 4.0), "end", &label);
    }
    let x = |n: usize| left + width * (n as f64 + 0.5) / panel.steps.len() as f64;
    for (n, step) in panel.steps.iter().enumerate() {
        svg += &text((x(n), bottom + 17.0), "middle", step);
    }
    svg += &text((left + width / 2.0, bottom + 34.0), "middle", panel.axis);
    for line in &panel.curves {
        // In the legend, an explanation follows the name of the limit.
        let look = LOOKS.iter().find(|(name, _)| name.starts_with(&line.name));
        let points: Vec<(f64, f64)> = line.points.iter().enumerate().map(|(n, value)| (x(n), y(*value))).collect();
        svg += &curve(look.map_or("axis", |(_, class)| class), &points);
    }
    svg
}

fn curve(class: &str, points: &[(f64, f64)]) -> String {
    let pairs: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let mut svg = format!("<polyline class=\"{class}\" points=\"{}\"/>\n", pairs.join(" "));
    if class != "limit" {
        let dot = |(x, y): &(f64, f64)| format!("<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\"/>\n");
        svg.extend(points.iter().map(dot));
    }
    svg
}

fn text((x, y): (f64, f64), anchor: &str, text: &str) -> String {
    format!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>\n")
}

/// A round number that fits two to five times into this value.
fn step(highest: f64) -> f64 {
    let unit = 10.0_f64.powf((highest / 2.0).max(1e-6).log10().floor());
    let fits = [5.0, 2.0, 1.0].into_iter().find(|factor| unit * factor * 2.0 <= highest);
    unit * fits.unwrap_or(1.0)
}
