//! Everybody who may do something.

use serde::Serialize;

use super::{Ability, Access, Column, Kind, Object, PUBLIC, Path, Privilege, Role, Rows, Via};

/// The answer to "who may do that?".
#[derive(Clone, Debug, Serialize)]
pub struct WhoCan {
    /// What.
    pub privilege: Privilege,
    /// On what: its kind.
    pub kind: Kind,
    /// Its name for people.
    pub object: String,
    /// The column asked for; `None`: the whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// Whether everybody may, by an entry for PUBLIC. The roles below are then those that would without it.
    pub public: bool,
    /// Superusers, who may everything.
    pub superusers: Vec<String>,
    /// Roles that may: as they are first, then those that need SET ROLE, then ways around. No superusers, and not the server's own.
    pub roles: Vec<Who>,
}

/// One of them.
#[derive(Clone, Debug, Serialize)]
pub struct Who {
    /// The role.
    pub role: String,
    /// Whether it can log in.
    pub login: bool,
    /// Whether it may connect to this database, if it can log in.
    pub connects: bool,
    /// Whether SET ROLE is needed; [`Ability::No`]: only by a way around.
    pub reach: Ability,
    /// The columns it may, where it may not the whole.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// The best way.
    pub path: Path,
}

impl<'a> Access<'a> {
    /// Returns who may do something, and how.
    pub fn who_can(&self, privilege: Privilege, object: &'a Object, column: Option<&'a Column>) -> WhoCan {
        let mut roles: Vec<Who> = self
            .live
            .roles
            .values()
            .filter(|role| !role.superuser && !role.is_predefined())
            .filter_map(|role| self.who(role, privilege, object, column))
            .collect();
        let place = |reach| match reach {
            Ability::Automatic => 0,
            Ability::BySetRole => 1,
            Ability::No => 2,
        };
        roles.sort_by(|a, b| (place(a.reach), &a.role).cmp(&(place(b.reach), &b.role)));
        let superusers = self.live.roles.values().filter(|role| role.superuser);
        WhoCan {
            privilege,
            kind: object.kind,
            object: object.to_string(),
            column: column.map(|column| column.name.clone()),
            public: self.holds(PUBLIC, privilege, object, column),
            superusers: superusers.map(|role| role.name.clone()).collect(),
            roles,
        }
    }

    fn who(
        &self,
        role: &Role,
        privilege: Privilege,
        object: &'a Object,
        column: Option<&Column>,
    ) -> Option<Who> {
        let (paths, _) = self.paths(role.oid, privilege, object, column);
        let own = paths
            .into_iter()
            .filter(|path| path.hindrance.is_none() && !matches!(path.via, Via::Public { .. }));
        // the whole before single columns, itself before SET ROLE
        let best = own.min_by_key(|path| (!path.columns.is_empty(), path.reach != Ability::Automatic));
        let best = best.or_else(|| self.through(role.oid, privilege, object, column).into_iter().next());
        let path = best?;
        let around = !matches!(path.via, Via::Grant { .. } | Via::Predefined { .. } | Via::Superuser { .. });
        let may = self.may(role.oid, privilege, object, column);
        let columns = match (may, column) {
            (Ability::No, None) if !around => self.columns(role.oid, privilege, object),
            _ => Vec::new(),
        };
        Some(Who {
            role: role.name.clone(),
            login: role.login,
            connects: self.connects(role.oid),
            reach: if around { Ability::No } else { path.reach },
            columns: columns.into_iter().map(|column| column.name.clone()).collect(),
            path,
        })
    }
}

impl Path {
    /// Returns the way in a few words, from the role's side: `inherits reporting: granted by app_owner`.
    pub fn brief(&self) -> String {
        let rows = match self.rows {
            Rows::None => ", but no policy lets a row pass",
            Rows::Policies { .. } => ", rows by policy",
            Rows::All | Rows::AllByPolicy { .. } => "",
        };
        format!("{}{rows}", self.way())
    }

    /// Returns the same without the rows.
    pub fn way(&self) -> String {
        let hops: Vec<String> = self.hops.iter().map(|hop| hop.role.clone()).collect();
        let set = self.reach == Ability::BySetRole;
        let way = match (set, hops.as_slice()) {
            (_, []) => String::new(),
            (false, all) => format!("member of {}: ", all.join(" → ")),
            (true, all) if all.last() == Some(&self.acts_as) => format!("SET ROLE {}: ", all.join(" → ")),
            (true, all) => format!("SET ROLE {}, by {}: ", self.acts_as, all.join(" → ")),
        };
        let columns = match self.columns.as_slice() {
            [] => String::new(),
            [one] => format!(", column {one} only"),
            all => format!(", {} columns only", all.len()),
        };
        format!("{way}{}{columns}", self.via)
    }
}

impl std::fmt::Display for Via {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Grant { owner: true, grantee, .. } => write!(f, "{grantee} owns it"),
            Self::Grant { grantee, grantor, .. } => write!(f, "granted to {grantee} by {grantor}"),
            Self::Public { grantor } => write!(f, "granted to PUBLIC by {grantor}"),
            Self::Superuser { role } => write!(f, "{role} is a superuser"),
            Self::Predefined { role } => write!(f, "{role} has it without a grant"),
            Self::View { views, acts_as: Some(owner), .. } => {
                write!(f, "view {} acts as {owner}", views.join(" → "))
            }
            Self::View { views, .. } => write!(f, "view {}", views.join(" → ")),
            Self::Copy { views, .. } => write!(f, "copied by materialized view {}", views.join(" → ")),
            Self::Parent { table } => write!(f, "part of {table}"),
            Self::Function { owner, functions } => match functions.as_slice() {
                [one] => write!(f, "function {one} acts as {owner}"),
                all => write!(f, "{} functions act as {owner}", all.len()),
            },
        }
    }
}
