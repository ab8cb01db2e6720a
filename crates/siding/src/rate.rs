//! How fast counters grow between two looks.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::control::DropRow;

/// How fast each has grown since `before`. What has begun anew meanwhile, as its interface has, has grown from nothing; what
/// interfaces have left behind that went does not grow.
pub(crate) fn rates(rows: &mut [DropRow], before: &[DropRow], over: Duration) {
    let then: BTreeMap<_, u64> = before.iter().map(|row| (row.key(), row.count)).collect();
    for row in rows.iter_mut().filter(|row| !row.departed) {
        let then = then.get(&row.key()).copied().filter(|then| *then <= row.count).unwrap_or(0);
        row.per_second = Some((row.count - then) as f64 / over.as_secs_f64());
        row.over_s = Some(over.as_secs_f64());
    }
}
