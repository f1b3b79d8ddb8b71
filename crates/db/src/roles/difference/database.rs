//! The database itself: its connection limit; and what other databases leave open.

use super::draft::Draft;
use super::words::{shown, some};
use crate::quote_ident;
use crate::roles::{Class, PUBLIC, Phase, Privilege};

pub(super) fn compare(draft: &mut Draft<'_>) {
    let (policy, Some(here)) = (&draft.policy.database, draft.live.database()) else { return };
    if let Some(limit) = policy.connection_limit.filter(|limit| *limit != here.connection_limit) {
        let alter = |limit| format!("alter database {} connection limit {limit}", quote_ident(&here.name));
        let reason = match here.connection_limit {
            -1 => format!("{} takes any number of connections", shown(&here.name)),
            is => format!("{} takes {is} connections", shown(&here.name)),
        };
        let actor = draft.speaker(here.owner);
        let undo = vec![alter(here.connection_limit)];
        draft.change(Phase::Settings, actor, alter(limit), reason, Some(policy.line), undo);
    }
    let plain = |text: &str| text.to_lowercase().replace(['-', '_'], "");
    if let Some(encoding) = policy.encoding.as_ref().filter(|wanted| plain(wanted) != plain(&here.encoding)) {
        let text = format!(
            "{} is encoded in {}, not {}, for good",
            shown(&here.name),
            here.encoding,
            shown(encoding)
        );
        draft.notice(text, Some(policy.line));
    }
    if let Some(locale) = policy.locale.as_ref().filter(|wanted| plain(wanted) != plain(&here.collate)) {
        let text =
            format!("{} has the locale {}, not {}, for good", shown(&here.name), here.collate, shown(locale));
        draft.notice(text, Some(policy.line));
    }
    let open: Vec<String> = draft
        .live
        .databases
        .iter()
        .filter(|database| database.allows_connections && database.name != here.name)
        .filter(|database| {
            database.acl.iter().any(|e| e.grantee == PUBLIC && e.privileges.contains(Privilege::Connect))
        })
        .map(|database| database.name.clone())
        .collect();
    if !open.is_empty() {
        let word = Class::Database.keyword();
        draft.notice(format!("every role may connect to {word} {}", some(&open)), None);
    }
}
