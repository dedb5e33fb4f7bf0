//! Points of the earth, gathered on a grid. No tiles and no outline: none is ours; lines of latitude and longitude say
//! where it is.

use std::{collections::BTreeMap, fmt::Write as _};

use super::{Caption, WIDTH, beside, number, svg};

/// Sizes of a grid's cell, in degrees.
const SIZES: [f64; 13] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0];
/// As many cells at most beside each other, where a size allows it.
const CELLS_MAX: f64 = 12.0;
/// Points have four decimals: an edge between them is never on one, so that whoever counts again by the edges finds
/// the same.
const BETWEEN: f64 = 0.000_05;

/// A point with what is known of it.
#[derive(Clone, Copy)]
pub(in crate::pages) struct Spot {
    pub latitude: f64,
    pub longitude: f64,
    pub waits: bool,
    pub overdue: bool,
}

/// The points of one cell.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::pages) struct Cluster {
    /// Half-open, in degrees: south, west, north, east.
    pub bounds: [f64; 4],
    /// The middle of its points.
    pub latitude: f64,
    pub longitude: f64,
    pub count: u32,
    pub waiting: u32,
    pub overdue: u32,
}

/// A grid over all points.
pub(in crate::pages) struct Grid {
    size: f64,
    pub clusters: Vec<Cluster>,
}

impl Grid {
    /// The most crowded cell first.
    pub fn over(spots: &[Spot]) -> Self {
        let range = |of: fn(&Spot) -> f64| {
            let (low, high) =
                spots.iter().map(of).fold((f64::MAX, f64::MIN), |(low, high), x| (low.min(x), high.max(x)));
            (high - low).max(0.0)
        };
        let widest = range(|spot| spot.latitude).max(range(|spot| spot.longitude));
        let size =
            SIZES.into_iter().find(|size| widest / size <= CELLS_MAX).unwrap_or(SIZES[SIZES.len() - 1]);
        let mut cells = BTreeMap::<[u64; 2], Vec<Spot>>::new();
        for spot in spots {
            let cell = [spot.latitude, spot.longitude].map(|degrees| nth(degrees, size).to_bits());
            cells.entry(cell).or_default().push(*spot);
        }
        let mut clusters: Vec<_> = cells.values().map(|spots| cluster(spots, size)).collect();
        clusters.sort_by_key(|cluster| std::cmp::Reverse(cluster.count));
        Self { size, clusters }
    }
}

/// Which cell of its row or column it is in: a whole number.
fn nth(degrees: f64, size: f64) -> f64 {
    ((degrees + BETWEEN) / size).floor()
}

fn cluster(spots: &[Spot], size: f64) -> Cluster {
    let count = number(spots.len());
    let edge = |degrees: f64| nth(degrees, size) * size - BETWEEN;
    let (south, west) = spots.first().map_or((0.0, 0.0), |spot| (edge(spot.latitude), edge(spot.longitude)));
    let many = |of: fn(&Spot) -> bool| {
        u32::try_from(spots.iter().filter(|spot| of(spot)).count()).unwrap_or(u32::MAX)
    };
    Cluster {
        bounds: [south, west, south + size, west + size],
        latitude: spots.iter().map(|spot| spot.latitude).sum::<f64>() / count,
        longitude: spots.iter().map(|spot| spot.longitude).sum::<f64>() / count,
        count: many(|_| true),
        waiting: many(|spot| spot.waits),
        overdue: many(|spot| spot.overdue),
    }
}

/// Circles by how many there are, in a plain projection: degrees of longitude are as wide as they are in the middle.
pub(in crate::pages) fn map(caption: &Caption<'_>, grid: &Grid) -> String {
    const EDGE: f64 = 30.0;
    // Lying, as screens are.
    const HIGH_MAX: f64 = 210.0;
    if grid.clusters.is_empty() {
        return String::new();
    }
    let fold = |of: fn(&Cluster) -> f64| {
        let all = grid.clusters.iter().map(of);
        all.fold((f64::MAX, f64::MIN), |(low, high), x| (low.min(x), high.max(x)))
    };
    let (south, north) = fold(|cluster| cluster.latitude);
    let (west, east) = fold(|cluster| cluster.longitude);
    let (middle, centre) = (f64::midpoint(south, north), f64::midpoint(west, east));
    let narrow = middle.to_radians().cos().max(0.05);
    // At least three cells wide and high: one point is no map.
    let wide = ((east - west).max(3.0 * grid.size)) * narrow;
    let high = (north - south).max(3.0 * grid.size);
    let scale = ((WIDTH - 2.0 * EDGE) / wide).min((HIGH_MAX - 2.0 * EDGE) / high);
    let height = high * scale + 2.0 * EDGE;
    let x = |longitude: f64| WIDTH / 2.0 + (longitude - centre) * narrow * scale;
    let y = |latitude: f64| height / 2.0 - (latitude - middle) * scale;
    let mut drawn = String::new();
    graticule(&mut drawn, grid.size, height, &Seen { middle, centre, narrow, scale });
    // A lonely report is a small circle also where all are lonely.
    let most = grid.clusters.iter().map(|cluster| cluster.count).max().unwrap_or(1).max(8);
    for cluster in &grid.clusters {
        let radius = 5.0 + 15.0 * (f64::from(cluster.count) / f64::from(most)).sqrt();
        let tone = if cluster.overdue > 0 {
            "late"
        } else if cluster.waiting > 0 {
            ""
        } else {
            "good"
        };
        let (x, y) = (x(cluster.longitude), y(cluster.latitude));
        let _ = write!(
            drawn,
            "<circle class=\"spot {tone}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius:.1}\"/>\
             <text class=\"middle strong\" x=\"{x:.1}\" y=\"{:.1}\">{}</text>",
            y + 4.0,
            cluster.count
        );
    }
    svg(caption, height, &drawn)
}

/// How degrees become places on the picture.
struct Seen {
    middle: f64,
    centre: f64,
    narrow: f64,
    scale: f64,
}

/// Lines of latitude and longitude with their degrees.
fn graticule(drawn: &mut String, size: f64, height: f64, seen: &Seen) {
    let reach = |wide: f64, scale: f64| wide / 2.0 / scale;
    let (up, aside) = (reach(height, seen.scale), reach(WIDTH, seen.scale * seen.narrow));
    // As many lines as their names have room: those of latitude are above each other.
    let multiples = |middle: f64, reach: f64, most: f64| {
        let sizes = [1.0, 2.0, 5.0, 10.0].map(|n| n * size);
        let step = sizes.into_iter().find(|step| reach / step <= most).unwrap_or(20.0 * size);
        let first = ((middle - reach) / step).ceil() * step;
        std::iter::successors(Some(first), move |at| Some(at + step))
            .take_while(move |at| *at < middle + reach)
            .take(20)
    };
    for latitude in multiples(seen.middle, up, 2.5) {
        let y = height / 2.0 - (latitude - seen.middle) * seen.scale;
        let _ = write!(
            drawn,
            "<path class=\"grid\" d=\"M0 {y:.1}H{WIDTH}\"/><text x=\"2\" y=\"{:.1}\">{}</text>",
            // Below its line where there is no room above it, and above the meridians' names.
            if y < 16.0 { y + 13.0 } else { (y - 3.0).min(height - 18.0) },
            degrees(latitude, "N", "S")
        );
    }
    for longitude in multiples(seen.centre, aside, 1.5) {
        let x = WIDTH / 2.0 + (longitude - seen.centre) * seen.narrow * seen.scale;
        let _ = write!(drawn, "<path class=\"grid\" d=\"M{x:.1} 0V{height:.1}\"/>");
        beside(drawn, x, height - 3.0, &degrees(longitude, "E", "W"));
    }
}

/// Like `21.03°N`.
pub(in crate::pages) fn degrees(value: f64, above: &str, below: &str) -> String {
    let side = if value < 0.0 { below } else { above };
    let text = format!("{:.3}", value.abs());
    format!("{}°{side}", text.trim_end_matches('0').trim_end_matches('.'))
}
