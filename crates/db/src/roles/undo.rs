//! A recorded change, taken back: only where everything is as it left it, and only when everything is then as it was before it.

use serde::Serialize;

use super::transaction::{End, Tell, Work, change, run};
use super::{
    Action, Applied, ApplyEvent, ApplyOptions, Change, NewRecord, Reach, RolesError, State, Statement,
    begin_read_only, inspect, record,
};
use crate::{Session, Target};

/// How a change would be taken back.
#[derive(Clone, Debug, Serialize)]
pub struct UndoPlan {
    /// The change.
    pub id: i64,
    /// What takes it back, in order.
    pub changes: Vec<Change>,
    #[serde(skip)]
    reach: Reach,
    /// How it was before the change.
    #[serde(skip)]
    before: State,
    /// How the change left it.
    #[serde(skip)]
    after: State,
}

/// Returns how a change would be taken back.
///
/// # Errors
/// There is no such change, nothing takes it back, or something was changed since.
pub async fn plan_undo(session: &Session, id: i64) -> Result<UndoPlan, RolesError> {
    let record = record::find(session, id).await?.ok_or(RolesError::NoSuchRecord(id))?;
    let not_undoable = |reason: String| RolesError::NotUndoable { id, reason };
    let Some((reach, before, after)) = record.states else {
        return Err(not_undoable(format!("it is a {}", record.action)));
    };
    // of an undo, several statements may have been what takes one back
    let lost = record.changes.iter().find(|change| change.undo.is_empty() && record.action != "undo");
    if let Some(change) = lost {
        return Err(not_undoable(format!("nothing takes back: {}", change.sql)));
    }
    let plan = UndoPlan { id, changes: inverse(&record.changes), reach, before, after };
    begin_read_only(session).await?;
    let live = inspect(session).await?;
    session.batch_execute("rollback").await.map_err(session.doing("end the transaction"))?;
    plan.check(&State::of(&plan.reach, &live))?;
    Ok(plan)
}

/// Takes a change back, in one transaction, and records that.
///
/// # Errors
/// Nothing was changed, whatever the error, but for [`RolesError::Unresolved`].
pub async fn undo(
    target: &Target,
    plan: &UndoPlan,
    options: &ApplyOptions,
    tell: Tell<'_>,
) -> Result<Applied, RolesError> {
    change(target, options, tell, &Undo { plan, options, tell }).await
}

struct Undo<'a> {
    plan: &'a UndoPlan,
    options: &'a ApplyOptions,
    tell: Tell<'a>,
}

impl Work for Undo<'_> {
    async fn attempt(&self, session: &Session) -> Result<End, RolesError> {
        let Self { plan, options, tell } = self;
        let live = inspect(session).await?;
        let now = State::of(&plan.reach, &live);
        plan.check(&now)?;
        run(session, &plan.changes, *tell).await?;
        tell(&ApplyEvent::Proving);
        let then = State::of(&plan.reach, &inspect(session).await?);
        let changed = then.changed_since(&plan.before);
        if !changed.is_empty() {
            return Err(RolesError::NotRestored { id: plan.id, changed });
        }
        let record = NewRecord {
            action: Action::Undo,
            undoes: Some(plan.id),
            policy: None,
            changes: &plan.changes,
            states: Some((&plan.reach, &now, &then)),
            tool: &options.tool,
            host: &options.host,
        };
        let id = Some(record.write(session).await?);
        let changes = plan.changes.clone();
        Ok(End::Commit(Applied { id, changes, ..Applied::default() }))
    }
}

impl UndoPlan {
    fn check(&self, now: &State) -> Result<(), RolesError> {
        let changed = now.changed_since(&self.after);
        if changed.is_empty() { Ok(()) } else { Err(RolesError::ChangedSince { id: self.id, changed }) }
    }
}

/// The last change is taken back first. What takes the taking back back is the change itself, once.
fn inverse(changes: &[Change]) -> Vec<Change> {
    let mut inverse = Vec::new();
    for change in changes.iter().rev() {
        let mut again = vec![Statement { as_role: change.as_role.clone(), sql: change.sql.clone() }];
        inverse.extend(change.undo.iter().map(|statement| Change {
            phase: change.phase,
            as_role: statement.as_role.clone(),
            sql: statement.sql.clone(),
            reason: format!("takes back: {}", change.sql),
            line: None,
            undo: std::mem::take(&mut again),
        }));
    }
    inverse
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roles::Phase;

    fn statement(sql: &str) -> Statement {
        Statement { as_role: None, sql: sql.into() }
    }

    fn change(sql: &str, undo: &[&str]) -> Change {
        let undo = undo.iter().map(|sql| statement(sql)).collect();
        Change {
            phase: Phase::Grants,
            as_role: None,
            sql: sql.into(),
            reason: "why".into(),
            line: None,
            undo,
        }
    }

    #[test]
    fn the_last_is_taken_back_first_and_twice_is_the_same_again() {
        let sql = |changes: &[Change]| changes.iter().map(|change| change.sql.clone()).collect::<Vec<_>>();
        let undone = inverse(&[change("a", &["-a1", "-a2"]), change("b", &["-b"])]);
        assert_eq!(sql(&undone), ["-b", "-a1", "-a2"]);
        assert_eq!(sql(&inverse(&undone)), ["a", "b"]);
    }
}
