//! `quickstart`: the whole path once, on a server of its own: the demonstration and the smoke test.

use std::path::PathBuf;
use std::time::Instant;

use unisys_db::Target;
use unisys_db::generate::{ColumnKey, Existing, Options};
use unisys_db::migrate::{self, MigrationSet};
use unisys_db::roles::{self, ApplyOptions, Policy};
use unisys_ops::OpsError;
use unisys_ops::backup::{self, BackupOptions};
use unisys_ops::drill::{self, DrillOptions, Outcome};
use unisys_ops::evidence::{SigningKey, Trust};
use unisys_ops::keys::{Identities, KeyPair, Recipient};
use unisys_ops::program::{Programs, Search};
use unisys_ops::server::PrivateServer;
use unisys_ops::store::DirectoryStore;

use crate::commands::key::comment;
use crate::commands::migrate::explain;
use crate::commands::server::start_server;
use crate::commands::{
    backup as backup_command, data, drill as drill_command, migrate as migrate_command,
    roles as roles_command,
};
use crate::context::{Context, PRIVATE_DATABASE};
use crate::exit::Exit;
use crate::failure::{Explain, Failure};
use crate::ui::Ui;
use crate::ui::human::{bytes, count, duration};
use crate::view;

/// Show everything once: a private server, a university, a backup, and its proof
///
/// Makes a PostgreSQL server of its own, the schema, the roles with their privileges, generated students with their enrolments,
/// payments and attendance, a pair of keys and an encrypted backup; then restores the backup on port 5333 and proves that it is equal. It can be run
/// again and again, and touches no other database. The server is stopped at the end.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many students
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    students: u64,
}

pub(crate) async fn run(args: Args, ctx: &Context, ui: &mut Ui) -> Result<Exit, Failure> {
    let begun = Instant::now();
    let place = Place { directory: ctx.data_directory()?.join("quickstart") };
    let running = start(ctx, &place).await?;
    let target = running.server.target(PRIVATE_DATABASE)?;
    step(ui, begun, "a private PostgreSQL server runs");
    let set = MigrationSet::builtin()?;
    migrate::up(&target, &set, &migrate_command::options(ctx), &|_| {}).await.map_err(explain)?;
    step(ui, begun, "the schema is there");
    let key = ColumnKey::demonstration(1);
    let statements = prove_roles(&target).await?;
    step(ui, begun, &format!("roles and privileges by {statements} statements, and every assertion holds"));
    let options = Options { students: args.students, seed: 1, existing: Existing::Replace, key };
    let report = data::generate(&target, &options, &*ui.progress()).await?;
    let rows = report.tables.iter().map(|table| table.rows).sum();
    step(ui, begun, &format!("{} generated rows", count(rows)));
    let recipients = place.keys()?;
    let signing = place.signing_key(ctx)?;
    let store = DirectoryStore::new(place.store());
    // each run has a new server, and the store is the demonstration's own
    let options = BackupOptions {
        adopt: true,
        signing: Some(signing.clone()),
        ..backup_command::default_options(ctx, ui, target, recipients)?
    };
    let made = backup::run(&store, options).await?;
    let stored = bytes(made.manifest.stored_bytes());
    step(ui, begun, &format!("backup {} ({stored}, encrypted)", made.manifest.id));
    let identities = Identities::read(&[place.drill_key()])?;
    let options = DrillOptions {
        trust: Trust::new(vec![signing.public().clone()], true),
        signing: Some(signing),
        ..drill_command::default_options(ctx, ui, identities)?
    };
    let record = drill::run(&store, &made.manifest.id, &options).await?;
    step(ui, begun, "restored and compared on a scratch server");
    drop(running);
    view::drill::record(ui, &record)?;
    ui.status(format!(
        "All of it took {}; it is in {}",
        duration(begun.elapsed()),
        place.directory.display()
    ));
    ui.hint("Now your own database: unisys-dba init --database NAME --url URL --store DIR");
    Ok(if record.outcome == Outcome::Proven { Exit::Done } else { Exit::Bad })
}

/// Applies the university's policy, which is committed only when nothing is left to do and every assertion holds. Returns how many
/// statements that took.
async fn prove_roles(target: &Target) -> Result<usize, Failure> {
    let policy = Policy::builtin()?;
    let applied = roles::apply(target, &policy, None, &ApplyOptions::default(), &|_| {}).await;
    Ok(applied.map_err(roles_command::next_step::explain)?.changes.len())
}

fn step(ui: &Ui, begun: Instant, text: &str) {
    ui.status(format!("{:>5.1} s  {text}", begun.elapsed().as_secs_f64()));
}

/// Where the demonstration keeps its things.
struct Place {
    directory: PathBuf,
}

impl Place {
    fn store(&self) -> PathBuf {
        self.directory.join("backups")
    }

    fn drill_key(&self) -> PathBuf {
        self.directory.join("drill-key.txt")
    }

    fn recovery_key(&self) -> PathBuf {
        self.directory.join("recovery-key.txt")
    }

    /// Returns the key that signs, made by the first run.
    fn signing_key(&self, ctx: &Context) -> Result<SigningKey, Failure> {
        let path = self.directory.join("signing-key");
        if !path.exists() {
            SigningKey::generate(&comment(ctx))?.write(&path)?;
        }
        Ok(SigningKey::read(&path)?)
    }

    /// Returns the recipients of two key pairs, made by the first run. Here both secrets stay; `init` shows the recovery key
    /// once and keeps it nowhere.
    fn keys(&self) -> Result<Vec<Recipient>, Failure> {
        let pairs =
            [(self.drill_key(), "quickstart: drill key"), (self.recovery_key(), "quickstart: recovery key")];
        for (path, comment) in &pairs {
            if !path.exists() {
                KeyPair::generate().write(path, comment)?;
            }
        }
        let recipients = Identities::read(&pairs.map(|(path, _)| path))?.recipients();
        recipients.iter().map(|text| Recipient::parse(text).map_err(Failure::from)).collect()
    }
}

/// Starts a new server for the demonstration, in place of the one of the run before.
async fn start(ctx: &Context, place: &Place) -> Result<Running, Failure> {
    let user = ctx.system_user(&ctx.settings.server.system_user).hint("Set server.system-user.")?;
    let server = PrivateServer::new(place.directory.join("server"), user);
    let running = Running { server: server.clone(), search: ctx.search() };
    running.stop()?;
    if server.directory().exists() {
        std::fs::remove_dir_all(server.directory())
            .hint(format!("Remove {} yourself.", server.directory().display()))?;
    }
    start_server(&server, ctx, free_port()?).await?;
    Ok(running)
}

/// Returns a port that was free just now.
fn free_port() -> Result<u16, Failure> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// The demonstration's server; it is stopped however the demonstration ends.
struct Running {
    server: PrivateServer,
    search: Search,
}

impl Running {
    fn stop(&self) -> Result<(), OpsError> {
        self.server.stop(|major| Programs::with_server(&self.search, major)).map(|_| ())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // when it cannot be stopped here, the next run does it
        let _ = self.stop();
    }
}
