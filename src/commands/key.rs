//! `key`: identities and recipients.

mod signing;

pub(crate) use signing::comment;

use std::path::{Path, PathBuf};

use unisys_ops::keys::{Identities, KeyPair, Recipient};

use crate::context::{Context, Selection};
use crate::exit::Exit;
use crate::failure::{Explain, Failure};
use crate::ui::Ui;
use crate::view;
use crate::view::key::{Key, Keys};

/// Make and show the keys that open backups
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    New(NewArgs),
    Show(ShowArgs),
}

/// Make a key pair in a file that only its owner may read; `age` and `rage` read it too
#[derive(clap::Args)]
struct NewArgs {
    /// The file, which must not exist yet [default: identity.txt, or signing-key]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Make a key that signs, as `ssh-keygen -t ed25519` does; its public half goes to FILE.pub
    #[arg(long)]
    signing: bool,
}

/// Show recipients and key ids, never a secret
///
/// Without FILE: the recipients of the database, and where their identities are.
#[derive(clap::Args)]
struct ShowArgs {
    /// A file with identities, with a signing key or with public keys
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

pub(crate) async fn run(args: Args, ctx: &Context, ui: &mut Ui) -> Result<Exit, Failure> {
    match args.command {
        Command::New(args) if args.signing => signing::new(args.output.as_deref(), ctx, ui),
        Command::New(args) => new(&args, ctx, ui),
        Command::Show(args) => match args.file.as_deref().filter(|file| signing::is_in(file)) {
            Some(file) => signing::show(file, ui),
            None => show(&args, ctx, ui),
        },
    }
}

fn new(args: &NewArgs, ctx: &Context, ui: &mut Ui) -> Result<Exit, Failure> {
    let pair = KeyPair::generate();
    let output = args.output.as_deref().unwrap_or(Path::new("identity.txt"));
    pair.write(output, &format!("created: {}", ctx.now.format("%Y-%m-%dT%H:%M:%SZ")))
        .hint("Name another file with --output.")?;
    let recipient = Recipient::parse(&pair.recipient())?;
    view::key::show(ui, &Keys { keys: vec![Key::here(&recipient, output)] })?;
    ui.hint(
        "Add the recipient to recipients in the configuration; whoever has the file can open the backups.",
    );
    Ok(Exit::Done)
}

fn show(args: &ShowArgs, ctx: &Context, ui: &mut Ui) -> Result<Exit, Failure> {
    let keys = match &args.file {
        Some(file) => of_identities(&Identities::read(std::slice::from_ref(file))?)?,
        None => of_database(ctx, &ctx.selection()?)?,
    };
    view::key::show(ui, &Keys { keys })?;
    Ok(Exit::Done)
}

fn of_identities(identities: &Identities) -> Result<Vec<Key>, Failure> {
    let key = |(path, one): (&Path, Identities)| {
        let recipients = one.recipients();
        recipients.iter().map(|text| Ok(Key::here(&Recipient::parse(text)?, path))).collect::<Vec<_>>()
    };
    identities.each().flat_map(key).collect()
}

/// Returns the recipients of the database, then the identities that are no recipient's.
fn of_database(ctx: &Context, selection: &Selection<'_>) -> Result<Vec<Key>, Failure> {
    let mut mine = match ctx.identities(selection, &[]) {
        Ok(identities) => of_identities(&identities)?,
        // none configured: every key is kept elsewhere
        Err(failure) if failure.exit == Exit::Config && failure.causes().is_empty() => Vec::new(),
        Err(failure) => return Err(failure),
    };
    let mut keys = Vec::new();
    for recipient in ctx.recipients(selection)? {
        let at = mine.iter().position(|key| key.recipient == recipient.text());
        let mut key = at.map_or_else(|| Key::elsewhere(&recipient), |at| mine.remove(at));
        key.encrypts = Some(true);
        keys.push(key);
    }
    mine.iter_mut().for_each(|key| key.encrypts = Some(false));
    keys.extend(mine);
    Ok(keys)
}
