//! `roles passwd`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use unisys_db::roles::password::{self, Holder, Outcome, PasswordError, Verdict};
use unisys_db::roles::{Password, PasswordSource, Policy};
use unisys_db::{Session, Target};
use unisys_ops::{platform, random, secret};

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::Ui;
use crate::view;
use crate::view::roles::passwd::Report;

/// With fewer characters, whoever gets the verifier finds the password by trying.
const SHORT: usize = 12;

/// Set the password of a role, unless it is that already
///
/// The server gets a SCRAM-SHA-256 verifier and never the password. Where the password comes from is said here, else by the
/// policy; else it is asked for, twice and unseen.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The role
    role: String,
    #[command(flatten)]
    from: From,
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Set it without asking
    #[arg(long)]
    yes: bool,
}

/// Where the password comes from.
#[derive(clap::Args)]
#[group(multiple = false)]
struct From {
    /// Take this variable of the environment
    #[arg(long, value_name = "NAME")]
    env: Option<String>,
    /// Take the first line of this file, which others may not read
    #[arg(long, value_name = "PATH")]
    file: Option<String>,
    /// Take the first line this program prints; the rest of the line are its arguments, and no shell is involved
    #[arg(long, num_args = 1.., allow_hyphen_values = true, value_names = ["PROGRAM", "ARGUMENT"])]
    command: Vec<String>,
    /// Make one of 32 random letters and digits, and write it to this new file, which others may not read
    #[arg(long, value_name = "PATH")]
    generate: Option<PathBuf>,
    /// Ask for it, whatever the policy says
    #[arg(long)]
    ask: bool,
}

/// Where the password comes from, once it is decided.
enum Source {
    Given(PasswordSource),
    Generated(PathBuf),
    Asked,
}

pub(crate) async fn run(
    args: Args,
    policy: &Policy,
    target: &Target,
    ctx: &Context,
    ui: &mut Ui,
) -> Result<Exit, Failure> {
    let source = args.from.decide(declared(policy, &args.role, ctx, ui));
    if let Source::Generated(path) = &source
        && path.exists()
    {
        return Err(Failure::usage(format!("there is a file {} already", path.display()))
            .hint("Name a new file: the password in the old one may be in use."));
    }
    let session = Session::open(target).await?;
    // before a person is asked for it
    let holder = password::look(&session, &args.role).await.map_err(explain)?;
    let password = fetch(&source, &holder, ctx).await?;
    password::check(&password).map_err(explain)?;
    let verdict = holder.compare(&password);
    let report = |outcome| Report::new(&holder, verdict, outcome, source.file());
    if verdict == Verdict::Same {
        session.close().await;
        view::roles::passwd::show(ui, &report(Some(Outcome::Unchanged)))?;
        return Ok(Exit::Done);
    }
    warn(&holder, &password, ui);
    if args.dry_run {
        session.close().await;
        view::roles::passwd::show(ui, &report(None))?;
        return Ok(Exit::Done);
    }
    // who typed it twice has said yes
    let yes = args.yes || matches!(source, Source::Asked);
    if !ui.confirm(&format!("Set the password of role {} on {target}?", holder.role), yes).await? {
        return Ok(Exit::Done);
    }
    if let Source::Generated(path) = &source {
        write(path, &password)?;
    }
    let outcome = set(&session, &holder, &password).await;
    if let (Err(error), Source::Generated(path)) = (&outcome, &source)
        && !is_uncertain(error)
    {
        // it is nobody's password
        let _ = std::fs::remove_file(path);
    }
    let outcome = outcome.map_err(explain)?;
    session.close().await;
    view::roles::passwd::show(ui, &report(Some(outcome)))?;
    if holder.own {
        ui.hint("This login's own password is another one now: write it into the passfile too.");
    }
    Ok(Exit::Done)
}

async fn set(session: &Session, holder: &Holder, password: &SecretString) -> Result<Outcome, PasswordError> {
    let doing = || session.doing(format!("set the password of role {}", holder.role));
    session.batch_execute("begin").await.map_err(doing())?;
    // dropping the session on an error rolls back
    let outcome = password::set(session, holder, password, true).await?;
    session.batch_execute("commit").await.map_err(doing())?;
    Ok(outcome)
}

/// Returns where the policy says that a role's password comes from; whoever is at the terminal may type what is not there.
fn declared(policy: &Policy, role: &str, ctx: &Context, ui: &Ui) -> Option<PasswordSource> {
    let source = policy.roles.get(role)?.password.clone()?;
    match &source {
        PasswordSource::Environment(name) if !ctx.environment.contains_key(name) && ui.is_interactive() => {
            None
        }
        _ => Some(source),
    }
}

/// Whether the server may have done it all the same.
fn is_uncertain(error: &PasswordError) -> bool {
    matches!(error, PasswordError::Db(error) if error.is_connection_lost())
}

impl From {
    fn decide(self, declared: Option<PasswordSource>) -> Source {
        match self {
            Self { ask: true, .. } => Source::Asked,
            Self { generate: Some(path), .. } => Source::Generated(path),
            Self { env: Some(name), .. } => Source::Given(PasswordSource::Environment(name)),
            Self { file: Some(path), .. } => Source::Given(PasswordSource::File(path)),
            Self { command, .. } if !command.is_empty() => Source::Given(PasswordSource::Command(command)),
            Self { .. } => declared.map_or(Source::Asked, Source::Given),
        }
    }
}

impl Source {
    fn file(&self) -> Option<&Path> {
        if let Self::Generated(path) = self { Some(path) } else { None }
    }
}

async fn fetch(source: &Source, holder: &Holder, ctx: &Context) -> Result<SecretString, Failure> {
    match source {
        Source::Generated(_) => Ok(random::password()),
        Source::Given(source) => of(source, ctx).await,
        Source::Asked => asked(&holder.role, ctx).await,
    }
}

/// Returns the password of a source that a policy can name.
///
/// # Errors
/// The variable is not set: exit 3. The file can be read by others, the program failed.
pub(crate) async fn of(source: &PasswordSource, ctx: &Context) -> Result<SecretString, Failure> {
    match source.clone() {
        PasswordSource::Environment(name) => match ctx.environment.get(&name) {
            Some(value) => Ok(value.clone().into()),
            None => Err(Failure::config(format!("the variable {name} is not set, or is no text in UTF-8"))
                .hint(format!("Set {name} to the password, or say --file, --command or --ask."))),
        },
        PasswordSource::File(path) => {
            Ok(tokio::task::spawn_blocking(move || secret::of_file(Path::new(&path), "password")).await??)
        }
        // it may ask a person, and Ctrl-C must work meanwhile
        PasswordSource::Command(words) => {
            Ok(tokio::task::spawn_blocking(move || secret::of_command(&words, "password")).await??)
        }
    }
}

async fn asked(role: &str, ctx: &Context) -> Result<SecretString, Failure> {
    let prompts = Arc::clone(ctx.prompts());
    let question = format!("New password of role {role}: ");
    let answers = tokio::task::spawn_blocking(move || {
        Some((prompts.ask_secret(&question)?, prompts.ask_secret("The same again: ")?))
    });
    match answers.await? {
        None => Err(Failure::usage("there is no terminal to type a password on")
            .hint("Say --env NAME, --file PATH or --command PROGRAM, or let the policy say it.")),
        Some((first, second)) if first.expose_secret() != second.expose_secret() => {
            Err(Failure::new("the two passwords are not the same"))
        }
        Some((first, _)) => Ok(first),
    }
}

fn write(path: &Path, password: &SecretString) -> Result<(), Failure> {
    let wrong = |error| Failure::new(format!("could not write {}: {error}", path.display()));
    let mut file = platform::private_file().create_new(true).open(path).map_err(wrong)?;
    let line = SecretString::from(format!("{}\n", password.expose_secret()));
    file.write_all(line.expose_secret().as_bytes()).and_then(|()| file.sync_all()).map_err(wrong)
}

fn warn(holder: &Holder, password: &SecretString, ui: &Ui) {
    let role = &holder.role;
    if !holder.login {
        ui.warning(format!("role {role} may not log in (NOLOGIN): nobody will be asked for this password"));
    }
    if holder.expired {
        ui.warning(format!("passwords of role {role} have expired (VALID UNTIL): it logs in with none"));
    }
    if holder.kind() == Password::Md5 {
        ui.warning(format!("role {role} has an md5 password; SCRAM replaces it, which clients before PostgreSQL 10 do not know"));
    }
    let text = password.expose_secret();
    if text.chars().count() < SHORT || text.to_lowercase().contains(&role.to_lowercase()) {
        ui.warning(format!(
            "the password is easy to guess: it has fewer than {SHORT} characters, or the role's name in it"
        ));
    }
    if holder.logged {
        ui.warning(
            "the server's log will show the verifier (log_statement): passwords can be tried against it, so keep that log as safe",
        );
    }
}

fn explain(error: PasswordError) -> Failure {
    let hint = match &error {
        PasswordError::NoSuchRole { nearest: Some(name), .. } => Some(format!("Did you mean {name}?")),
        PasswordError::NoSuchRole { nearest: None, .. } => {
            Some("`unisys-dba roles apply` makes the roles of the policy.".into())
        }
        PasswordError::Empty => {
            Some("`alter role … password null` takes a password away; it is not done here.".into())
        }
        PasswordError::Reserved(_) => Some("Set the password of a role that is a member of it.".into()),
        PasswordError::ReadOnly(_) => Some("Name the primary server in the url.".into()),
        PasswordError::Db(error) if error.sqlstate().is_some_and(|state| state.code() == "42501") => Some(
            "Connect as a superuser, or as a role with CREATEROLE (from 16 on also with ADMIN OPTION on this one).".into(),
        ),
        PasswordError::Db(error) if error.sqlstate().is_some_and(|state| state.code() == "XX000") => {
            Some("Run it again: somebody else changed the role at the same moment.".into())
        }
        PasswordError::Db(error) if error.is_connection_lost() => {
            Some("Run it again: it may be set or not.".into())
        }
        _ => None,
    };
    let failure = Failure::from(error);
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}
