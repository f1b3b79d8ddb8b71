//! What of a database is backed up: flags, else its table of the configuration, else `[backup]`.

use unisys_db::pattern::{SchemaPattern, TablePattern};
use unisys_db::selection::Selection;
use unisys_ops::backup::{DumpOptions, Selected};

use crate::context::{self, Context};
use crate::exit::Exit;
use crate::failure::{Explain, Failure};
use crate::settings::Content;

/// The flags. Each takes the place of its setting.
#[derive(clap::Args, Default)]
#[command(next_help_heading = "What is backed up")]
pub(crate) struct SelectedArgs {
    /// Definitions, rows or both [default: backup.content]
    #[arg(long, value_enum)]
    content: Option<Content>,
    /// Only schemas like this, with * and ? [default: backup.schemas]
    #[arg(long = "schema", value_name = "PATTERN", value_parser = SchemaPattern::parse)]
    schemas: Vec<SchemaPattern>,
    /// No schema like this [default: backup.exclude-schemas]
    #[arg(long = "exclude-schema", value_name = "PATTERN", value_parser = SchemaPattern::parse)]
    exclude_schemas: Vec<SchemaPattern>,
    /// Only tables, views, sequences like schema.table [default: backup.tables]
    #[arg(long = "table", value_name = "PATTERN", value_parser = TablePattern::parse)]
    tables: Vec<TablePattern>,
    /// No table, view, sequence like this [default: backup.exclude-tables]
    #[arg(long = "exclude-table", value_name = "PATTERN", value_parser = TablePattern::parse)]
    exclude_tables: Vec<TablePattern>,
    /// No rows of tables like this [default: backup.exclude-table-data]
    #[arg(long, value_name = "PATTERN", value_parser = TablePattern::parse)]
    exclude_table_data: Vec<TablePattern>,
    /// More for pg_dump: --pg-dump-option=--no-comments [default:
    /// backup.pg-dump-options]
    #[arg(long = "pg-dump-option", value_name = "OPTION", allow_hyphen_values = true)]
    pg_dump_options: Vec<String>,
}

impl SelectedArgs {
    /// Returns what of a database is backed up, and what pg_dump is told beside that.
    ///
    /// # Errors
    /// An option that pg_dump may not be given: exit 2.
    pub(crate) fn of(
        &self,
        ctx: &Context,
        database: &context::Selection<'_>,
    ) -> Result<(Selection, DumpOptions), Failure> {
        let all = &ctx.settings.backup;
        let own = match database {
            context::Selection::Configured { database, .. } => Some(*database),
            context::Selection::Environment | context::Selection::Private => None,
        };
        let content = self.content.or(own.and_then(|own| own.content)).unwrap_or(all.content);
        let selection = Selection {
            content: content.into(),
            schemas: first(&self.schemas, own.map(|own| &own.schemas), &all.schemas),
            exclude_schemas: first(
                &self.exclude_schemas,
                own.map(|own| &own.exclude_schemas),
                &all.exclude_schemas,
            ),
            tables: first(&self.tables, own.map(|own| &own.tables), &all.tables),
            exclude_tables: first(
                &self.exclude_tables,
                own.map(|own| &own.exclude_tables),
                &all.exclude_tables,
            ),
            exclude_table_data: first(
                &self.exclude_table_data,
                own.map(|own| &own.exclude_table_data),
                &all.exclude_table_data,
            ),
            exclude_transient: all.exclude_transient,
        };
        let given = DumpOptions::parse(&self.pg_dump_options).exit(Exit::Usage)?;
        let candidates = [Some(&given), own.map(|own| &own.pg_dump_options), Some(&all.pg_dump_options)];
        let options = candidates.into_iter().flatten().find(|options| options.words().next().is_some());
        Ok((selection, options.cloned().unwrap_or_default()))
    }
}

/// Returns which part of a database the configuration asks for, in words; nothing where it asks for all of it.
///
/// # Errors
/// As [`SelectedArgs::of`].
pub(crate) fn part(ctx: &Context, database: &context::Selection<'_>) -> Result<Option<String>, Failure> {
    let (selection, options) = SelectedArgs::default().of(ctx, database)?;
    Ok(Selected::asked(&selection, &options).part())
}

/// Returns the first list that holds something.
fn first<T: Clone>(flags: &[T], own: Option<&Vec<T>>, all: &[T]) -> Vec<T> {
    let lists = [flags, own.map_or(&[], Vec::as_slice), all];
    lists.into_iter().find(|list| !list.is_empty()).unwrap_or_default().to_vec()
}
