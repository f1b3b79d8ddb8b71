//! `backup run --all`: every database of the configuration, a few at a time, each served as it would be alone.

use std::num::NonZeroUsize;

use futures_util::future::join_all;

use super::run::Args;
use super::serve::{Shared, serve};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::service;
use crate::ui::Ui;
use crate::view::{self, all::Of};

pub(super) async fn run(
    args: &Args,
    at_once: NonZeroUsize,
    ctx: &Context,
    ui: &mut Ui,
) -> Result<Exit, Failure> {
    let shared = Shared::new(at_once);
    let all = ctx.every()?.map(|(name, selection)| {
        let (shared, mut own) = (&shared, ui.named(name));
        async move {
            let (result, news) = serve(args, ctx, &selection, shared, &mut own).await;
            match &result {
                Ok(made) => own.status(format!("{} is complete", made.finished.report.manifest.id)),
                Err(failure) => own.warning(failure.error.to_string()),
            }
            (Of { database: name.to_owned(), result }, news)
        }
    });
    let (done, news): (Vec<_>, Vec<_>) = join_all(all).await.into_iter().unzip();
    view::backup::all(ui, &done)?;
    let exit =
        Exit::of_all(done.iter().map(|of| of.result.as_ref().map_or_else(|f| f.exit, |made| made.exit)));
    ui.hint(match exit {
        Exit::Done | Exit::Later if args.nightly => {
            "See whether all is young enough: unisys-dba backup list --check"
        }
        Exit::Done | Exit::Later => "Prove them: unisys-dba drill --all",
        _ => "See what failed with --database NAME, and run `unisys-dba doctor --database NAME`.",
    });
    Ok(service::tell_of_all(&news, exit, ctx, ui).await)
}
