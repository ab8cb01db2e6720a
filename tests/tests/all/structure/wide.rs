//! Functions that ask for much.

use syn::Signature;
use syn::visit;
use syn::visit::Visit;

use crate::structure::modules::Crate;
use crate::structure::modules::is_test;

/// From how many arguments on, `self` among them, a function asks for too much.
const WIDE: usize = 6;

/// How many functions ask for so many arguments.
pub(crate) fn count(of: &Crate) -> usize {
    let mut wide = Wide(0);
    of.modules.iter().flat_map(|module| &module.items).for_each(|item| wide.visit_item(item));
    wide.0
}

struct Wide(usize);

impl<'ast> Visit<'ast> for Wide {
    fn visit_signature(&mut self, signature: &'ast Signature) {
        self.0 += usize::from(signature.inputs.len() >= WIDE);
    }

    fn visit_impl_item_fn(&mut self, method: &'ast syn::ImplItemFn) {
        if !is_test(&method.attrs) {
            visit::visit_impl_item_fn(self, method);
        }
    }
}
