//! Tables of protocols, as they are told.

use anyhow::Context;

use crate::control::Code;
use crate::control::Failure;
use crate::control::TableRow;
use crate::control::TableTextRow;
use crate::state::daemon::Daemon;
use crate::state::daemon::Free;

impl Daemon {
    pub(crate) fn show_tables(&self) -> Vec<TableRow> {
        let row =
            |spec: &siding_stack::TableSpec| TableRow { table: spec.name.into(), about: spec.about.into() };
        self.stack.tables().map(row).collect()
    }

    pub(crate) fn show_table(&self, ctx: &mut Free<'_>, name: &str) -> anyhow::Result<TableTextRow> {
        let table = self.stack.table(ctx, name).with_context(|| {
            let names: Vec<&str> = self.stack.tables().map(|spec| spec.name).collect();
            Failure::new(Code::NotFound, format!("no table '{name}': there is {}", names.join(", ")))
        })?;
        Ok(TableTextRow {
            table: table.spec.name.into(),
            columns: table.spec.columns.iter().map(|column| column.to_string()).collect(),
            rows: table.rows,
            left_out: table.left_out,
        })
    }
}
