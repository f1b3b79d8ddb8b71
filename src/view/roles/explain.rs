//! Whether a role may do something: the answer, then each way with what closes it.

use unisys_db::roles::{Answer, Close, Explanation, Path, Rows, Take, Via};

use crate::failure::Failure;
use crate::ui::{Page, Ui};

pub(crate) fn show(ui: &mut Ui, explanation: &Explanation) -> Result<(), Failure> {
    ui.answer(explanation, || page(explanation))
}

fn page(it: &Explanation) -> Page {
    let mut lines = vec![answer(it)];
    lines.extend(can_connect(it));
    let ways = it.paths.iter().chain(&it.through);
    for (place, path) in ways.enumerate() {
        lines.push(String::new());
        lines.extend(way(place + 1, path));
    }
    if it.more > 0 {
        lines.push(format!("… and {} more ways over other memberships", it.more));
    }
    for take in &it.takes {
        lines.push(String::new());
        lines.extend(taken(take));
    }
    Page::new().lines(lines)
}

fn answer(it: &Explanation) -> String {
    let object = match &it.column {
        Some(column) => format!("{}.{column}", it.object),
        None => format!("{} {}", it.kind.word(), it.object),
    };
    let what = format!("{} {object}", it.privilege.deed());
    let role = &it.role;
    let working = || it.paths.iter().filter(|path| path.hindrance.is_none());
    match it.answer {
        Answer::Yes if working().all(|path| path.rows == Rows::None) => {
            format!("YES  {role} can {what}, but no policy lets a row pass")
        }
        Answer::Yes => format!("YES  {role} can {what}"),
        Answer::BySetRole => {
            let mut others: Vec<&str> = working().map(|path| path.acts_as.as_str()).collect();
            others.sort_unstable();
            others.dedup();
            format!("YES  {role} can {what}, but only after SET ROLE {}", others.join(" or "))
        }
        Answer::Partly if it.others.len() < it.columns.len() => {
            format!("PARTLY  {role} can {what}, but not {}", it.others.join(", "))
        }
        Answer::Partly => format!("PARTLY  {role} can {what}, only {}", it.columns.join(", ")),
        Answer::Around if it.through.iter().all(|path| matches!(path.via, Via::Function { .. })) => {
            format!("NO  {role} cannot {what}; functions it may execute perhaps do it")
        }
        Answer::Around => format!("NO  {role} cannot {what} itself; there are ways around"),
        Answer::CannotConnect => {
            format!("NO  {role} may {what}, but not connect to this database")
        }
        Answer::No => format!("NO  {role} cannot {what}"),
    }
}

/// A group does not connect; its members do.
fn can_connect(it: &Explanation) -> Option<String> {
    if it.login || it.role == "PUBLIC" {
        return None;
    }
    Some(match it.logins.as_slice() {
        [] => "It does not log in, and no login that may connect is a member.".into(),
        all if all.len() > 6 => format!("It does not log in; {} members of it do.", all.len()),
        all => format!("It does not log in; members that do: {}.", all.join(", ")),
    })
}

fn way(number: usize, path: &Path) -> Vec<String> {
    let mut lines = vec![format!("{number}. {}", path.way())];
    match &path.via {
        Via::View { reads, .. } | Via::Copy { reads, .. } if !reads.is_empty() => {
            lines.push(format!("   reads {}", reads.join(", ")));
        }
        Via::View { .. } | Via::Copy { .. } => {
            lines.push("   reads no column by name: whole rows, or only their number".into());
        }
        Via::Function { functions, .. } if functions.len() == 1 => {
            lines.push("   what it really does stands in its body, which was not read".into());
        }
        Via::Function { functions, .. } => {
            lines.extend(functions.iter().take(5).map(|function| format!("   {function}")));
            if functions.len() > 5 {
                lines.push(format!("   and {} more (--format json names them)", functions.len() - 5));
            }
            lines.push("   what they really do stands in their bodies, which were not read".into());
        }
        Via::Grant { grantable: true, .. } => lines.push("   may give it on".into()),
        _ => {}
    }
    if let Some(hindrance) = &path.hindrance {
        lines.push(format!("   does not work: {hindrance}"));
    }
    match &path.rows {
        Rows::All => {}
        Rows::AllByPolicy { allowing } => {
            lines.push(format!("   all rows, by policy {}", allowing.join(", ")));
        }
        Rows::Policies { allowing, restricting } => {
            let but = match restricting.as_slice() {
                [] => String::new(),
                all => format!(", restricted by {}", all.join(", ")),
            };
            lines.push(format!("   rows by policy {}{but}", allowing.join(", ")));
        }
        Rows::None => lines.push("   no rows: row-level security is on, and no policy is for it".into()),
    }
    if path.close.is_empty() {
        lines.push("   nothing closes it: the server needs it".into());
    }
    if let Via::Function { functions, .. } = &path.via
        && functions.len() > 1
    {
        lines.extend(path.close.first().into_iter().flat_map(|close| closing("close:", close)));
        lines.push("          and so for each of them".into());
        return lines;
    }
    for (place, close) in path.close.iter().enumerate() {
        lines.extend(closing(if place == 0 { "close:" } else { "or:   " }, close));
    }
    lines
}

fn closing(word: &str, close: &Close) -> Vec<String> {
    let before = close.as_role.as_ref().map_or_else(String::new, |role| format!("set role {role}; "));
    let mut lines = vec![format!("   {word} {before}{};", close.sql)];
    lines.extend(close.also.as_ref().map(|also| format!("          takes along {also}")));
    lines
}

fn taken(take: &Take) -> Vec<String> {
    let mut lines = vec![format!("It can take it: {}", take.how)];
    lines.extend(closing("close:", &take.close));
    lines
}
