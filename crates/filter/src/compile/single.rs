//! One field against one value.

use crate::fields::KeyPart;
use crate::model::Op;
use crate::program::Op as Step;
use crate::types::Type;
use crate::types::Value;

/// One field against one value.
pub(super) fn single(part: KeyPart, op: Op, value: Value, ty: Type) -> Step {
    let (low, high) = ty.bounds(value);
    let not = op == Op::Ne;
    let range = |low, high| Step::Range { part, low, high, not: false };
    match op {
        Op::Any => Step::Flags { part, mask: low },
        Op::Lt => low.checked_sub(1).map_or(Step::Never, |high| range(0, high)),
        Op::Le => range(0, high),
        Op::Gt if high == u128::MAX => Step::Never,
        Op::Gt => range(high + 1, u128::MAX),
        Op::Ge => range(low, u128::MAX),
        Op::Eq | Op::Ne => match value {
            Value::Exact(value) => Step::Masked { part, mask: u128::MAX, value, not },
            Value::Prefix(value, len) => Step::Masked { part, mask: ty.mask(len), value, not },
            Value::Range(low, high) => Step::Range { part, low, high, not },
        },
    }
}
