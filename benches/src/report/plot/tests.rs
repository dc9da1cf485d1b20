use super::*;

fn axis(label: &str, scale: Scale) -> Axis {
    Axis {
        label: label.to_owned(),
        scale,
    }
}

fn plot(y: Scale, series: &[(&str, &[(f64, f64)])]) -> Plot {
    Plot {
        title: "Server CPU & participants".to_owned(),
        x: axis("participants", Scale::Linear),
        y: axis("server CPU (cores)", y),
        series: series
            .iter()
            .map(|(name, points)| Series {
                name: (*name).to_owned(),
                points: points.to_vec(),
            })
            .collect(),
    }
}

fn count(svg: &str, what: &str) -> usize {
    svg.matches(what).count()
}

#[test]
fn every_point_is_drawn_and_labelled() {
    let svg = plot(
        Scale::Linear,
        &[
            ("convoke", &[(10.0, 0.05), (20.0, 0.1), (50.0, 0.26)]),
            ("janus", &[(10.0, 0.4), (20.0, 0.9), (50.0, 2.4)]),
        ],
    )
    .to_svg();
    assert_eq!(count(&svg, "<circle"), 6);
    assert_eq!(count(&svg, "<polyline"), 2);
    assert_eq!(count(&svg, "class=\"label\""), 6);
    assert!(svg.contains(">0.26</text>") && svg.contains(">2.4</text>"));
    assert!(svg.contains("Server CPU &amp; participants"));
    assert!(svg.contains("prefers-color-scheme:dark"));
    assert!(svg.contains(">convoke</text>") && svg.contains(">janus</text>"));
}

#[test]
fn points_come_in_any_order_and_lines_go_from_left_to_right() {
    let points = [(50.0, 0.5), (10.0, 0.1)];
    let svg = plot(Scale::Linear, &[("a", &points)]).to_svg();
    let line = svg.lines().find(|line| line.starts_with("<polyline"));
    let xs: Vec<f64> = line
        .and_then(|line| line.split('"').nth(3))
        .unwrap()
        .split(' ')
        .map(|point| point.split_once(',').unwrap().0.parse().unwrap())
        .collect();
    assert!(xs[0] < xs[1], "{xs:?}");
}

#[test]
fn ticks_are_round_and_enclose_everything() {
    assert_eq!(
        linear_ticks(10.0, 50.0),
        [0.0, 10.0, 20.0, 30.0, 40.0, 50.0]
    );
    assert_eq!(
        linear_ticks(0.01, 0.26),
        [
            0.0,
            0.05,
            0.1,
            0.15000000000000002,
            0.2,
            0.25,
            0.30000000000000004
        ]
    );
    assert_eq!(linear_ticks(0.0, 0.0).last(), Some(&1.0));
    assert_eq!(
        log_ticks(0.3, 40.0),
        [0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0]
    );
    assert_eq!(
        log_ticks(0.03, 700.0),
        [0.01, 0.1, 1.0, 10.0, 100.0, 1_000.0]
    );
    assert_eq!(log_ticks(1.0, 1.0), [1.0, 2.0]);
}

#[test]
fn nothing_and_nonsense_are_still_a_picture() {
    let nothing = plot(Scale::Log, &[]).to_svg();
    assert!(nothing.contains("nothing was measured"));
    let nonsense = [(f64::NAN, 1.0), (1.0, f64::INFINITY), (1.0, 0.0)];
    let svg = plot(Scale::Log, &[("a", &nonsense)]).to_svg();
    assert!(svg.contains("nothing was measured") && !svg.contains("NaN"));
}

#[test]
fn one_point_is_a_picture() {
    let svg = plot(Scale::Linear, &[("a", &[(5.0, 5.0)])]).to_svg();
    assert_eq!(count(&svg, "<circle"), 1);
    assert!(!svg.contains("NaN") && !svg.contains("inf"));
}
