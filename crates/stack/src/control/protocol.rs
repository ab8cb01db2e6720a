//! What there is to show and to configure of protocols, whichever there are.

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;

use crate::Stack;
use crate::section::Section;
use crate::section::SectionError;
use crate::stack::Change;
use crate::table::Table;
use crate::table::TableSpec;

impl Stack {
    /// What protocols have to show, in words for people.
    pub fn tables(&self) -> impl Iterator<Item = &'static TableSpec> {
        self.shared.protocols.iter().flat_map(|protocol| protocol.tables()).map(|shown| &shown.table)
    }

    /// The table of this name as it is now; `None` if no protocol has one.
    pub fn table(&self, ctx: &mut Ctx<'_, Unlocked>, name: &str) -> Option<Table> {
        let mut all = self.shared.protocols.iter().flat_map(|protocol| protocol.tables());
        let shown = all.find(|shown| shown.table.name == name)?;
        let mut table = Table::new(shown.table);
        (shown.fill)(self, ctx, &mut table);
        Some(table)
    }

    /// Configures the protocol that has a section of this name, while it runs: what is not said is as usual.
    ///
    /// # Errors
    ///
    /// There is none, it does not know a key, or that does not take its value; nothing is changed then.
    pub fn configure(&self, ctx: &mut Ctx<'_, Unlocked>, section: &Section) -> Result<(), SectionError> {
        let mut all = self.shared.protocols.iter();
        let found = all.find_map(|protocol| {
            protocol.section().filter(|spec| spec.name == section.name).map(|spec| (protocol, spec))
        });
        let (protocol, spec) = found.ok_or_else(|| SectionError::NoSection(section.name.clone()))?;
        let section = &spec.whole(section)?;
        let (shared, now) = (&*self.shared, self.now());
        self.change(ctx, |control, ctx, told| {
            protocol.configure(&mut Change { shared, control, ctx, now }, told, section)
        })
    }
}
