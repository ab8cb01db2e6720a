//! Which rules are about the extension headers of IPv6, and which about the frame.

use crate::model::ExprBase;
use crate::model::Statement;
use crate::select::Base;
use crate::select::Selector;

/// Whether a statement looks at an extension header of IPv6.
pub(super) fn are_seen(statement: &Statement) -> bool {
    any(statement, |selector| match selector {
        Selector::Exists(..) => true,
        Selector::Field(field) => matches!(field.base, Base::Ext(_)),
        _ => false,
    })
}

/// Whether a statement looks at the frame that the packet came in.
pub(super) fn frame_is_seen(statement: &Statement) -> bool {
    any(statement, |selector| match selector {
        Selector::Field(field) => field.base.is_of_frame(),
        _ => false,
    })
}

fn any(statement: &Statement, is_such: impl Fn(Selector) -> bool) -> bool {
    let parts = match statement {
        Statement::Match(relation) => &relation.left[..],
        Statement::Vmap(key, _) => key,
        Statement::SetMark(expr) | Statement::SetCtMark(expr) => match &expr.base {
            ExprBase::Value(_) => &[],
            ExprBase::Part(part) => std::slice::from_ref(part),
            ExprBase::Map(key, _) => key,
        },
        Statement::Update(update) => &update.key,
        _ => &[],
    };
    parts.iter().any(|part| is_such(part.selector))
}
