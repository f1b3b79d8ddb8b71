//! Says what a recording means.

use serde::Serialize;

use super::check::Judging;
use super::{Check, Facts, Outcome, Recording, State, Thresholds, Verdict, find};

/// A judged recording.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// What is true for all.
    pub facts: Facts,
    /// The worst of all.
    pub state: State,
    /// Each check, in the order asked.
    pub checks: Vec<Judged>,
}

/// A judged check.
#[derive(Clone, Debug, Serialize)]
pub struct Judged {
    /// The check.
    pub check: String,
    /// What it looks at.
    pub title: String,
    /// What it says.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// What it means, where it is not well.
    pub meaning: Option<&'static str>,
    /// What to do then.
    pub advice: Option<&'static str>,
    /// The statement that would let the login see it.
    pub grant: Option<String>,
    /// How long asking took, in seconds.
    pub seconds: f64,
}

/// Judges a recording by these marks. A check this version does not know is [`State::Unsupported`].
pub fn judge(recording: &Recording, thresholds: &Thresholds) -> Report {
    let checks: Vec<Judged> = recording
        .checks
        .iter()
        .map(|recorded| {
            let facts = &recording.facts;
            let Some(check) = find(&recorded.check) else {
                let verdict = nothing(State::Unsupported, "this version knows no such check");
                return judged(&recorded.check, None, verdict, facts, recorded.seconds);
            };
            let verdict = match &recorded.outcome {
                Outcome::Rows(sample) => {
                    let judging = Judging { check, facts, thresholds };
                    (check.judge)(sample, &judging).unwrap_or_else(|unreadable| {
                        nothing(State::NoData, &format!("the answer cannot be read: {unreadable}"))
                    })
                }
                Outcome::NotPermitted(words) => nothing(State::NotPermitted, words),
                Outcome::Unsupported(why) => nothing(State::Unsupported, why),
                Outcome::Failed(words) => nothing(State::NoData, words),
            };
            judged(&recorded.check, Some(check), verdict, facts, recorded.seconds)
        })
        .collect();
    let state = checks.iter().map(|check| check.verdict.state).max().unwrap_or(State::NoData);
    Report { facts: recording.facts.clone(), state, checks }
}

fn nothing(state: State, why: &str) -> Verdict {
    let mut verdict = Verdict::new(why);
    verdict.at_least(state);
    verdict
}

fn judged(id: &str, check: Option<&'static Check>, verdict: Verdict, facts: &Facts, seconds: f64) -> Judged {
    let is_wrong = matches!(verdict.state, State::Warning | State::Critical);
    let hidden = verdict.state == State::NotPermitted;
    Judged {
        check: id.to_owned(),
        title: check.map_or(id, |check| check.title).to_owned(),
        meaning: check.filter(|_| is_wrong).map(|check| check.meaning),
        advice: check.filter(|_| is_wrong).map(|check| check.advice),
        grant: check.filter(|_| hidden).and_then(|check| check.needs.grant(&facts.login)),
        verdict,
        seconds,
    }
}
