//! A policy's difference, carried out: all of it or nothing, and proved before it is committed.

use super::transaction::{End, Tell, Work, change, run};
use super::{
    Action, Applied, ApplyEvent, ApplyOptions, Change, Difference, Live, NewRecord, Phase, Policy, Reach,
    RolesError, SavedPlan, State, assertions, difference, inspect, password, record,
};
use crate::{Session, Target};

/// Does what a policy asks for, in one transaction that is committed only when nothing is left to do and every assertion holds.
/// Several may do so at once: on one database one works and the others wait; on several of one server, who comes second looks
/// again and tries again. Where nothing differs, nothing is written at all.
///
/// `planned`: a plan somebody agreed to; anything else is refused. Roles to be retired are left to [`super::retire()`].
///
/// Opens sessions of its own; when the returned future is dropped, they end, and with them the lock and the open transaction.
///
/// # Errors
/// Nothing was changed, whatever the error, but for [`RolesError::Unresolved`].
pub async fn apply(
    target: &Target,
    policy: &Policy,
    planned: Option<&SavedPlan>,
    options: &ApplyOptions,
    tell: Tell<'_>,
) -> Result<Applied, RolesError> {
    change(target, options, tell, &Apply { policy, planned, options, tell }).await
}

/// Returns whether a role logs in before a policy is applied: its password is then its own business.
pub fn logs_in(live: &Live, role: &str) -> bool {
    live.role(role).is_some_and(|role| role.login)
}

struct Apply<'a> {
    policy: &'a Policy,
    planned: Option<&'a SavedPlan>,
    options: &'a ApplyOptions,
    tell: Tell<'a>,
}

/// A look at the server, and what is to be done about it.
struct Look {
    live: Live,
    /// All that is to be done.
    planned: Vec<Change>,
    /// What of it is done here.
    changes: Vec<Change>,
    to_retire: Vec<String>,
}

impl Work for Apply<'_> {
    async fn attempt(&self, session: &Session) -> Result<End, RolesError> {
        let Self { policy, planned, options, tell } = self;
        let mut look = self.look(session).await?;
        if let Some(plan) = planned {
            let differs = plan.differs(&SavedPlan::new(policy, &look.live, look.planned));
            if !differs.is_empty() {
                return Err(RolesError::Stale(differs));
            }
        }
        let wanted = |role: &&String| options.set_passwords || !logs_in(&look.live, role);
        let passwords: Vec<String> = options.passwords.keys().filter(wanted).cloned().collect();
        if look.changes.is_empty() && passwords.is_empty() {
            self.judge(&look.live)?;
            return Ok(End::Nothing(Applied { to_retire: look.to_retire, ..Applied::default() }));
        }
        if options.record && !look.changes.is_empty() && record::ensure(session).await? {
            // it has an owner and an access list, too
            look = self.look(session).await?;
        }
        let Look { live, changes, to_retire, .. } = look;
        let reach = Reach::of(policy, &live);
        let before = State::of(&reach, &live);
        run(session, &changes, *tell).await?;
        let passwords = self.set_passwords(session, passwords).await?;
        if changes.is_empty() && passwords.is_empty() {
            self.judge(&live)?;
            return Ok(End::Nothing(Applied { to_retire, ..Applied::default() }));
        }
        tell(&ApplyEvent::Proving);
        let after = self.look(session).await?;
        if !after.changes.is_empty() {
            return Err(RolesError::NotReached(after.changes));
        }
        self.judge(&after.live)?;
        let mut applied = Applied { id: None, changes, passwords, to_retire, attempts: 1 };
        if options.record && !applied.changes.is_empty() {
            let after = State::of(&reach, &after.live);
            let record = NewRecord {
                action: Action::Apply,
                undoes: None,
                policy: Some(&policy.sha256),
                changes: &applied.changes,
                states: Some((&reach, &before, &after)),
                tool: &options.tool,
                host: &options.host,
            };
            applied.id = Some(record.write(session).await?);
        }
        Ok(End::Commit(applied))
    }
}

impl Apply<'_> {
    /// Looks what is to be done, and refuses all of it when some of it cannot be.
    async fn look(&self, session: &Session) -> Result<Look, RolesError> {
        let live = inspect(session).await?;
        let Difference { changes: planned, impossible, retire: to_retire, .. } =
            difference(self.policy, &live);
        if !impossible.is_empty() {
            return Err(RolesError::Impossible(impossible));
        }
        let changes = planned.iter().filter(|change| change.phase != Phase::Retire).cloned().collect();
        Ok(Look { live, planned, changes, to_retire })
    }

    /// Asks every assertion.
    fn judge(&self, live: &Live) -> Result<(), RolesError> {
        let broken = assertions(self.policy, live).broken;
        let told = broken.iter().map(|broken| format!("{broken} (line {})", broken.line));
        let told: Vec<String> = told.collect();
        if told.is_empty() { Ok(()) } else { Err(RolesError::Assertion(told)) }
    }

    /// Gives roles their passwords, where these are other ones. Returns the roles whose password is another now.
    async fn set_passwords(&self, session: &Session, roles: Vec<String>) -> Result<Vec<String>, RolesError> {
        let mut set = Vec::new();
        for role in roles {
            let Some(password) = self.options.passwords.get(&role) else { continue };
            let holder = password::look(session, &role).await?;
            if password::set(session, &holder, password, true).await? == password::Outcome::Changed {
                set.push(role);
            }
        }
        Ok(set)
    }
}
