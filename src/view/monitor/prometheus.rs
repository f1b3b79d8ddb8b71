//! Figures in Prometheus' text format: <https://prometheus.io/docs/instrumenting/exposition_formats/>.
//!
//! Names and labels are an interface: dashboards stand on them. Labels are bounded: databases, states, checks.

use std::collections::BTreeMap;
use std::fmt::Write;

use unisys_db::monitor::{Metric, Report, State, Unit};

/// Returns the figures of a report, and the state of each check.
pub(crate) fn prometheus(report: &Report) -> String {
    let mut families: BTreeMap<String, Vec<&Metric>> = BTreeMap::new();
    for metric in report.checks.iter().flat_map(|check| &check.verdict.metrics) {
        families.entry(name(metric)).or_default().push(metric);
    }
    let mut text = String::new();
    for (name, metrics) in &families {
        header(&mut text, name, &metrics[0].name.replace('_', " "));
        for metric in metrics {
            let labels: Vec<(&str, &str)> =
                metric.labels.iter().map(|(name, value)| (*name, value.as_str())).collect();
            line(&mut text, name, &labels, value(metric));
        }
    }
    let name = "unisys_dba_check_state";
    header(&mut text, name, "1 for the state each check is in, 0 for the others");
    for check in &report.checks {
        for state in State::ALL {
            let is = f64::from(u8::from(check.verdict.state == state));
            line(&mut text, name, &[("check", &check.check), ("state", state.word())], is);
        }
    }
    let name = "unisys_dba_check_duration_seconds";
    header(&mut text, name, "How long asking took");
    for check in &report.checks {
        line(&mut text, name, &[("check", &check.check)], check.seconds);
    }
    text
}

/// Base units, in the name, as Prometheus wants it: <https://prometheus.io/docs/practices/naming/>.
fn name(metric: &Metric) -> String {
    let unit = match metric.unit {
        Unit::Bytes => "_bytes",
        Unit::Seconds => "_seconds",
        Unit::Percent => "_ratio",
        Unit::Count | Unit::Text => "",
    };
    format!("unisys_dba_{}{unit}", metric.name)
}

fn value(metric: &Metric) -> f64 {
    if metric.unit == Unit::Percent { metric.value / 100.0 } else { metric.value }
}

fn header(text: &mut String, name: &str, help: &str) {
    let mut capital = help.to_owned();
    if let Some(first) = capital.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    // writing to a String cannot fail
    let _ = writeln!(text, "# HELP {name} {capital}.\n# TYPE {name} gauge");
}

fn line(text: &mut String, name: &str, labels: &[(&str, &str)], value: f64) {
    let escaped = |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let labels: Vec<String> =
        labels.iter().map(|(label, value)| format!("{label}=\"{}\"", escaped(value))).collect();
    let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
    let _ = writeln!(text, "{name}{labels} {value}");
}
