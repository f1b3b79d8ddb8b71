//! How a role could give itself what it has not.

use super::{Ability, Access, Close, Column, Object, Oid, Privilege, Role, Take};
use crate::quote_ident;

/// Predefined roles whose members act on the server's files or as its system user, where everything lies.
const BEYOND: [(&str, bool); 3] =
    [("pg_execute_server_program", true), ("pg_write_server_files", true), ("pg_read_server_files", false)];

impl Access<'_> {
    /// Returns how a role could give itself this, where it has it not as it is.
    pub(super) fn takes(
        &self,
        role: Oid,
        privilege: Privilege,
        object: &Object,
        column: Option<&Column>,
    ) -> Vec<Take> {
        let reach = self.may(role, privilege, object, column);
        let mut takes = Vec::new();
        if reach == Ability::Automatic || self.is_superuser(role) {
            return takes;
        }
        for identity in self.members.identities(role) {
            if let Some(identity) = self.live.roles.get(identity) {
                self.owner(identity, object, &mut takes);
                self.joins(role, identity, privilege, object, column, &mut takes);
            }
        }
        if let Some(role) = self.live.roles.get(&role) {
            self.beyond(role, privilege, &mut takes);
        }
        takes
    }

    /// An owner can always grant again what was taken from the owner.
    fn owner(&self, identity: &Role, object: &Object, takes: &mut Vec<Take>) {
        let schema = object.schema.as_deref().and_then(|schema| self.schemas.get(schema).copied());
        for owned in [Some(object), schema.filter(|schema| !self.may_name(identity.oid, &schema.name))] {
            let Some(owned) = owned.filter(|owned| self.inherits(identity.oid, owned.owner)) else {
                continue;
            };
            let owner = self.live.role_name(owned.owner);
            push(
                takes,
                Take {
                    how: format!("as {owner}, the owner of {owned}, it can grant it to itself"),
                    close: Close {
                        as_role: None,
                        sql: format!("alter {} {} owner to another role", owned.kind.word(), owned.sql()),
                        also: Some(format!("what only an owner may with {owned}")),
                    },
                },
            );
        }
    }

    /// Who may grant a role may become it.
    fn joins(
        &self,
        role: Oid,
        identity: &Role,
        privilege: Privilege,
        object: &Object,
        column: Option<&Column>,
        takes: &mut Vec<Take>,
    ) {
        for (group, edge) in self.members.groups(identity.oid).filter(|(_, edge)| edge.admin) {
            let reached = self.inherits(role, group) || self.may_set_role(role, group);
            if reached || edge.implicit || self.may(group, privilege, object, column) == Ability::No {
                continue;
            }
            let (name, member) = (self.live.role_name(group), &identity.name);
            push(
                takes,
                Take {
                    how: format!(
                        "{member} has the admin option of {name}, which may: it can make itself a member"
                    ),
                    close: Close {
                        as_role: None,
                        sql: format!(
                            "revoke admin option for {} from {}",
                            quote_ident(&name),
                            quote_ident(member)
                        ),
                        also: None,
                    },
                },
            );
        }
        if identity.create_role && self.live.server.version < 160_000 {
            push(
                takes,
                Take {
                    how: format!(
                        "{} may CREATEROLE: before 16 that is to join any role but a superuser",
                        identity.name
                    ),
                    close: Close {
                        as_role: None,
                        sql: format!("alter role {} nocreaterole", quote_ident(&identity.name)),
                        also: Some("making and changing roles".into()),
                    },
                },
            );
        }
    }

    /// What goes around the server's rules altogether.
    fn beyond(&self, role: &Role, privilege: Privilege, takes: &mut Vec<Take>) {
        for (name, writes) in BEYOND {
            let Some(group) = self.live.role(name) else { continue };
            let member = self.inherits(role.oid, group.oid) || self.may_set_role(role.oid, group.oid);
            if member && (writes || privilege == Privilege::Select) {
                push(
                    takes,
                    Take {
                        how: format!(
                            "as a member of {name} it reaches the server's files, and so everything"
                        ),
                        close: Close {
                            as_role: None,
                            sql: format!("revoke {} from {}", quote_ident(name), quote_ident(&role.name)),
                            also: None,
                        },
                    },
                );
            }
        }
        if role.replication && role.login && privilege == Privilege::Select {
            push(
                takes,
                Take {
                    how: "with REPLICATION it may copy the whole cluster, past all privileges".into(),
                    close: Close {
                        as_role: None,
                        sql: format!("alter role {} noreplication", quote_ident(&role.name)),
                        also: None,
                    },
                },
            );
        }
    }
}

fn push(takes: &mut Vec<Take>, take: Take) {
    if !takes.contains(&take) {
        takes.push(take);
    }
}
