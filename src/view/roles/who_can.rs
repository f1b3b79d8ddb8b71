//! Who may do something: a line for each role.

use unisys_db::roles::{Ability, Via, Who, WhoCan};

use crate::failure::Failure;
use crate::ui::{Column, Page, Table, Ui};

pub(crate) fn show(ui: &mut Ui, answer: &WhoCan) -> Result<(), Failure> {
    ui.answer(answer, || page(answer))
}

fn page(answer: &WhoCan) -> Page {
    let object = match &answer.column {
        Some(column) => format!("{}.{column}", answer.object),
        None => format!("{} {}", answer.kind.word(), answer.object),
    };
    let what = format!("{} {object}", answer.privilege.deed());
    let count = |ability| answer.roles.iter().filter(|who| who.reach == ability).count();
    let (own, set, around) = (count(Ability::Automatic), count(Ability::BySetRole), count(Ability::No));
    let mut summary = match (answer.public, own) {
        (true, _) => format!("EVERYBODY can {what}"),
        (false, 0) => format!("No role can {what} as it is"),
        (false, 1) => format!("1 role can {what} as it is"),
        (false, _) => format!("{own} roles can {what} as they are"),
    };
    if set > 0 {
        summary.push_str(&format!("; {set} after SET ROLE"));
    }
    if around > 0 {
        summary.push_str(&format!("; {around} only by ways around"));
    }
    let mut page = Page::new().line(summary);
    if !answer.roles.is_empty() {
        page = page.line("").table(table(&answer.roles));
    }
    page.line("").line(format!("Superusers, who can everything: {}", answer.superusers.join(", ")))
}

fn table(roles: &[Who]) -> Table {
    let mut table = Table::new([
        Column::whole("Role"),
        Column::whole("Login"),
        Column::whole("When"),
        Column::text("How"),
    ]);
    for who in roles {
        let login = match (who.login, who.connects) {
            (false, _) => "group",
            (true, true) => "login",
            (true, false) => "cannot connect",
        };
        let when = match who.reach {
            Ability::Automatic => "always",
            Ability::BySetRole => "SET ROLE",
            Ability::No if matches!(who.path.via, Via::Function { .. }) => "perhaps",
            Ability::No => "around",
        };
        table.row([who.role.clone().into(), login.into(), when.into(), who.path.brief().into()]);
    }
    table
}
