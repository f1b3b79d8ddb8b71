//! A small plot of lengths of time over dates: values in, coordinates out. The template draws them.

use chrono::{DateTime, TimeDelta, Utc};

/// The size of the drawing, and what its axes take of it.
const WIDTH: f64 = 680.0;
const HEIGHT: f64 = 170.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 26.0;

/// Units of the vertical axis in seconds, the largest first.
const UNITS: [(f64, &str); 5] = [(86_400.0, "d"), (3_600.0, "h"), (60.0, "min"), (1.0, "s"), (0.001, "ms")];

/// How many dates the horizontal axis has at most.
const DATES: i32 = 5;

/// A drill on the plot.
pub(super) struct Measured {
    pub(super) at: DateTime<Utc>,
    /// In seconds; nothing where it was not measured.
    pub(super) seconds: Option<f64>,
    pub(super) proven: bool,
    /// What a reader sees who points at it.
    pub(super) title: String,
}

/// What is drawn, in the units of the drawing.
pub(super) struct Plot {
    pub(super) title: &'static str,
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
    /// Heights of the horizontal lines, with their labels.
    pub(super) ticks: Vec<(String, String)>,
    /// Places of the dates, with their labels.
    pub(super) dates: Vec<(String, String)>,
    /// The corners of the line through the proven drills.
    pub(super) line: String,
    pub(super) points: Vec<Point>,
}

/// One drill as it is drawn.
pub(super) struct Point {
    pub(super) x: String,
    pub(super) y: String,
    pub(super) proven: bool,
    pub(super) title: String,
}

/// Returns the plot of these drills, the oldest first; nothing where none was measured.
pub(super) fn plot(title: &'static str, drills: Vec<Measured>) -> Option<Plot> {
    let measured = drills.iter().filter_map(|drill| drill.seconds).filter(|seconds| seconds.is_finite());
    let highest = measured.clone().fold(0.0, f64::max);
    measured.clone().next()?;
    let (top, ticks) = scale(highest);
    let y = |seconds: f64| HEIGHT - BOTTOM - seconds.clamp(0.0, top) / top * (HEIGHT - TOP - BOTTOM);
    let (first, last) = span(&drills)?;
    let x = |at: DateTime<Utc>| {
        let part = (at - first).as_seconds_f64() / (last - first).as_seconds_f64();
        LEFT + part * (WIDTH - LEFT - RIGHT)
    };
    let line = drills.iter().filter(|drill| drill.proven);
    let line = line.filter_map(|drill| Some(format!("{:.1},{:.1}", x(drill.at), y(drill.seconds?))));
    Some(Plot {
        title,
        width: WIDTH,
        height: HEIGHT,
        left: LEFT,
        right: WIDTH - RIGHT,
        bottom: HEIGHT - BOTTOM,
        ticks: ticks.into_iter().map(|(seconds, label)| (format!("{:.1}", y(seconds)), label)).collect(),
        dates: dates(first, last).into_iter().map(|(at, label)| (format!("{:.1}", x(at)), label)).collect(),
        line: line.collect::<Vec<_>>().join(" "),
        points: drills
            .into_iter()
            .map(|drill| Point {
                x: format!("{:.1}", x(drill.at)),
                // one that was not measured stands on the axis: it was not proven
                y: format!("{:.1}", y(drill.seconds.unwrap_or(0.0))),
                proven: drill.proven,
                title: drill.title,
            })
            .collect(),
    })
}

/// Returns the first and the last moment to draw, which are never the same.
fn span(drills: &[Measured]) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    let first = drills.iter().map(|drill| drill.at).min()?;
    let last = drills.iter().map(|drill| drill.at).max()?;
    match first == last {
        true => Some((first - TimeDelta::days(1), last + TimeDelta::days(1))),
        false => Some((first, last)),
    }
}

/// Returns the top of the axis and its lines, in round numbers of the unit that fits.
fn scale(highest: f64) -> (f64, Vec<(f64, String)>) {
    let smallest = UNITS[UNITS.len() - 1];
    let (unit, name) = UNITS.into_iter().find(|(unit, _)| highest >= *unit).unwrap_or(smallest);
    let most = (highest / unit).max(1.0);
    let step = step(most / 3.0);
    let lines = (most / step).ceil().max(1.0) as usize;
    let ticks = (0..=lines).map(|line| {
        let value = line as f64 * step;
        let digits = usize::from(step.fract() != 0.0);
        (value * unit, if line == 0 { "0".into() } else { format!("{value:.digits$} {name}") })
    });
    (lines as f64 * step * unit, ticks.collect())
}

/// Returns the next round step: 0.5, 1, 2, 5, 10, 20, 50 …
fn step(at_least: f64) -> f64 {
    let mut power = 0.1;
    loop {
        if let Some(step) =
            [5.0, 10.0, 20.0].map(|factor| factor * power).into_iter().find(|s| *s >= at_least)
        {
            return step;
        }
        power *= 10.0;
    }
}

/// Returns a few moments with their labels: days, or hours where it is about two days or less.
fn dates(first: DateTime<Utc>, last: DateTime<Utc>) -> Vec<(DateTime<Utc>, String)> {
    let (length, short) = (last - first, last - first <= TimeDelta::days(2));
    let form = if short { "%d %b %H:%M" } else { "%Y-%m-%d" };
    let mut dates: Vec<(DateTime<Utc>, String)> = (0..DATES)
        .map(|i| first + length * i / (DATES - 1))
        .map(|at| (at, at.format(form).to_string()))
        .collect();
    dates.dedup_by(|a, b| a.1 == b.1);
    dates
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drill(day: u32, seconds: Option<f64>) -> Measured {
        let at = format!("2026-11-{day:02}T02:00:00Z").parse().unwrap();
        Measured { at, seconds, proven: seconds.is_some(), title: String::new() }
    }

    #[rstest::rstest]
    #[case(0.0, &["0", "0.5 ms", "1.0 ms"])]
    #[case(0.4, &["0", "200 ms", "400 ms"])]
    #[case(7.2, &["0", "5 s", "10 s"])]
    #[case(90.0, &["0", "0.5 min", "1.0 min", "1.5 min"])]
    #[case(3600.0, &["0", "0.5 h", "1.0 h"])]
    #[case(86_400.0 * 30.0, &["0", "10 d", "20 d", "30 d"])]
    fn the_axis_has_round_numbers_of_a_unit_that_fits(#[case] highest: f64, #[case] labels: &[&str]) {
        let (top, ticks) = scale(highest);
        assert!(top >= highest && top > 0.0);
        assert_eq!(ticks.iter().map(|(_, label)| label.as_str()).collect::<Vec<_>>(), labels);
    }

    #[test]
    fn points_stand_where_their_values_are() {
        let plot = plot("t", vec![drill(1, Some(5.0)), drill(2, None), drill(11, Some(10.0))]).unwrap();
        let places: Vec<_> = plot.points.iter().map(|p| (p.x.as_str(), p.y.as_str(), p.proven)).collect();
        assert_eq!(places, [("64.0", "78.0", true), ("124.2", "144.0", false), ("666.0", "12.0", true)]);
        assert_eq!(plot.line, "64.0,78.0 666.0,12.0");
    }

    #[test]
    fn one_drill_stands_in_the_middle_and_none_makes_no_plot() {
        let one = plot("t", vec![drill(7, Some(1.0))]).unwrap();
        assert_eq!(one.points[0].x, "365.0");
        assert!(plot("t", vec![drill(7, None)]).is_none());
        assert!(plot("t", vec![drill(7, Some(f64::NAN))]).is_none());
        assert!(plot("t", Vec::new()).is_none());
    }
}
