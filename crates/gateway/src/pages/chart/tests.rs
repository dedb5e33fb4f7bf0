use super::{
    map::{Spot, degrees},
    *,
};

const CAPTION: Caption<'_> = Caption { id: "x", title: "A & B", text: "<script>" };

fn bar(label: &str, value: f64) -> Bar {
    Bar { label: label.into(), value, shown: format!("{value}"), tone: "" }
}

/// Every number that stands in an attribute.
fn numbers(svg: &str) -> Vec<f64> {
    let quoted = svg.split('"').skip(1).step_by(2);
    quoted.filter_map(|text| text.parse().ok()).collect()
}

fn spot(latitude: f64, longitude: f64) -> Spot {
    Spot { latitude, longitude, waits: true, overdue: false }
}

#[test]
fn what_is_written_is_escaped_everywhere() {
    let evil = "<b onload='x'>\"&";
    let interval = Interval { label: evil.into(), low: 0.1, share: 0.2, high: 0.3, shown: evil.into() };
    let line = Line { label: evil.into(), values: vec![1, 2], shown: evil.into() };
    let drawn = [
        columns(&CAPTION, &[Bar { shown: evil.into(), ..bar(evil, 1.0) }]),
        rows(&CAPTION, &[Bar { shown: evil.into(), ..bar(evil, 1.0) }], 0.0),
        intervals(&CAPTION, &[interval]),
        lines(&CAPTION, &[line]),
        map(&CAPTION, &Grid::over(&[spot(21.0, 105.0)])),
    ];
    for svg in drawn {
        assert!(svg.contains("role=\"img\"") && svg.contains("<title id=\"x-t\">A &amp; B</title>"), "{svg}");
        assert!(svg.contains("<desc id=\"x-d\">&lt;script&gt;</desc>"), "{svg}");
        assert!(!svg.contains("<b ") && !svg.contains("<script") && !svg.contains("onload='"), "{svg}");
        // The content policy forbids them.
        assert!(!svg.contains("style"), "{svg}");
    }
}

#[test]
fn nothing_draws_nothing() {
    assert_eq!(columns(&CAPTION, &[]), "");
    assert_eq!(rows(&CAPTION, &[], 0.0), "");
    assert_eq!(intervals(&CAPTION, &[]), "");
    assert_eq!(lines(&CAPTION, &[]), "");
    assert_eq!(map(&CAPTION, &Grid::over(&[])), "");
}

#[test]
fn one_point_zero_and_extremes_stay_on_the_paper() {
    let extremes = [0.0, 1.0, f64::from(u32::MAX)];
    let drawn = [
        columns(&CAPTION, &[bar("a", 0.0)]),
        columns(&CAPTION, &extremes.map(|value| bar("a", value))),
        rows(&CAPTION, &[bar("a", 0.0)], 0.0),
        rows(&CAPTION, &extremes.map(|value| bar("a", value)), 1.0),
        intervals(
            &CAPTION,
            &[Interval { label: String::new(), low: -1.0, share: 0.5, high: 2.0, shown: String::new() }],
        ),
        lines(&CAPTION, &[Line { label: String::new(), values: vec![7], shown: String::new() }]),
        lines(&CAPTION, &[Line { label: String::new(), values: vec![], shown: String::new() }]),
        lines(&CAPTION, &[Line { label: String::new(), values: vec![0, u32::MAX], shown: String::new() }]),
        map(&CAPTION, &Grid::over(&[spot(21.0, 105.0)])),
        map(&CAPTION, &Grid::over(&[spot(-90.0, -180.0), spot(90.0, 180.0)])),
    ];
    for svg in drawn {
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        assert!(numbers(&svg).iter().all(|n| (-30.0..=400.0).contains(n)), "{svg}");
    }
}

#[test]
fn a_bar_is_as_high_as_its_share() {
    let svg = columns(&CAPTION, &[bar("a", 50.0), bar("b", 100.0)]);
    assert!(svg.contains("height=\"65.0\"") && svg.contains("height=\"130.0\""), "{svg}");
    let svg = rows(&CAPTION, &[bar("a", 1.0)], 4.0);
    assert!(svg.contains("width=\"49.0\""), "{svg}");
}

#[test]
fn labels_are_cut_and_thinned_out() {
    let long = "Giải quyết thủ tục hành chính theo cơ chế một cửa";
    assert_eq!(short(long, LABEL_CHARS_MAX).chars().count(), LABEL_CHARS_MAX);
    let days: Vec<_> = (1..=30).map(|day| bar(&format!("{day}/11"), 1.0)).collect();
    let svg = columns(&CAPTION, &days);
    assert!(svg.matches("/11</text>").count() <= 6 && svg.contains(">1/11</text>"), "{svg}");
}

#[test]
fn names_at_the_edge_are_not_cut() {
    let hours: Vec<_> = (0..=12).map(|hour| bar(&format!("{hour:02}:00"), 1.0)).collect();
    let svg = columns(&CAPTION, &hours);
    assert!(svg.contains("<text class=\"end\" x=\"300.0\" y=\"160.0\">12:00</text>"), "{svg}");
    for n in 0..50_u32 {
        let east = 105.8 + f64::from(n) / 1_000.0;
        let svg = map(&CAPTION, &Grid::over(&[spot(21.0, 105.8), spot(21.01, east)]));
        for name in svg.split("<text class=\"middle\" x=\"").skip(1).filter(|name| name.contains("°E</text>"))
        {
            let x: f64 = name.split('"').next().unwrap().parse().unwrap();
            assert!((20.0..=280.0).contains(&x), "{n}: {svg}");
        }
        assert!(svg.contains("°E</text>") && svg.contains("°N</text>"), "{n}: {svg}");
    }
}

#[test]
fn round_numbers_stand_at_the_axis() {
    for (value, round) in [(0.0, 1.0), (1.0, 1.0), (3.0, 3.0), (11.0, 12.0), (52.0, 60.0), (801.0, 1000.0)] {
        assert!((round_up(value) - round).abs() < 1e-9, "{value}");
    }
    assert!((round_up(f64::NAN) - 1.0).abs() < 1e-9);
}

#[test]
fn each_point_is_in_one_cell_and_on_no_edge() {
    let spots: Vec<_> = (0..200_u32)
        .map(|n| spot(21.0 + f64::from(n) / 10_000.0, 105.8 + f64::from(n * 7 % 200) / 10_000.0))
        .collect();
    let grid = Grid::over(&spots);
    assert!(grid.clusters.len() > 1);
    assert_eq!(grid.clusters.iter().map(|cluster| cluster.count).sum::<u32>(), 200);
    for cluster in &grid.clusters {
        let [south, west, north, east] = cluster.bounds;
        let within = spots
            .iter()
            .filter(|spot| (south..north).contains(&spot.latitude) && (west..east).contains(&spot.longitude));
        assert_eq!(within.count(), cluster.count as usize, "{cluster:?}");
    }
    let counts: Vec<_> = grid.clusters.iter().map(|cluster| cluster.count).collect();
    assert!(counts.is_sorted_by(|a, b| a >= b));
}

#[test]
fn degrees_say_their_half_of_the_earth() {
    assert_eq!(degrees(21.03, "N", "S"), "21.03°N");
    assert_eq!(degrees(-5.0, "N", "S"), "5°S");
}
