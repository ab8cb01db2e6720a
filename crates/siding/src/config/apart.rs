//! Tables of interfaces, taken apart. A file says in one table what several structs have, some of which requests have, too:
//! each part goes to the struct that knows its keys. Places stay as they are.

use std::mem::take;
use std::ops::Range;

use serde::Deserialize;
use serde::Deserializer;
use serde::de::Visitor;
use serde::forward_to_deserialize_any;
use siding_client::Addressing;
use siding_client::Bridge;
use siding_client::Interface;
use siding_client::Lagg;
use siding_client::Vlan;
use toml::Spanned;
use toml::de::DeTable;
use toml::de::DeValue;

use crate::interface::check::Kept;
use crate::means::said::Nothing;
use crate::means::said::On;
use crate::nested::check::Preferred;
use crate::words::wrong::Wrong;
use crate::words::wrong::unknown;

/// The parts of a [`Said`](crate::means::said::Said), each with the keys that it is read from.
type Parts = [(&'static str, &'static [&'static str]); 4];

/// Takes every table of an interface apart.
///
/// # Errors
///
/// The first key that no part has.
pub(super) fn apart(tree: &mut DeTable<'_>) -> Result<(), Wrong> {
    let sections = [
        ("interface", parts::<Interface, Kept>()),
        ("vlan", parts::<Vlan, Nothing>()),
        ("lagg", parts::<Lagg, Preferred>()),
        ("bridge", parts::<Bridge, Nothing>()),
    ];
    for (section, parts) in &sections {
        let Some(DeValue::Array(all)) = tree.get_mut(*section).map(Spanned::get_mut) else { continue };
        for one in all.iter_mut() {
            let span = one.span();
            if let DeValue::Table(table) = one.get_mut() {
                *table = split(take(table), &span, parts)?;
            }
        }
    }
    Ok(())
}

fn parts<T: for<'de> Deserialize<'de>, F: for<'de> Deserialize<'de>>() -> Parts {
    [("own", keys::<T>()), ("file", keys::<F>()), ("addressing", keys::<Addressing>()), ("on", keys::<On>())]
}

/// A table of tables, one for each part.
fn split<'t>(table: DeTable<'t>, span: &Range<usize>, parts: &Parts) -> Result<DeTable<'t>, Wrong> {
    let mut all = parts.map(|(part, _)| (part, DeTable::new()));
    for (key, value) in table {
        match parts.iter().position(|(_, keys)| keys.contains(&key.get_ref().as_ref())) {
            Some(part) => all[part].1.insert(key, value),
            None => {
                let known = parts.iter().flat_map(|(_, keys)| *keys).copied();
                return Err(Wrong::new(key.span(), unknown(key.get_ref(), known)));
            }
        };
    }
    let placed = |(part, table): (&'static str, DeTable<'t>)| {
        (Spanned::new(span.clone(), part.into()), Spanned::new(span.clone(), DeValue::Table(table)))
    };
    Ok(all.into_iter().map(placed).collect())
}

/// The keys that a struct is read from.
pub(super) fn keys<T: for<'de> Deserialize<'de>>() -> &'static [&'static str] {
    T::deserialize(Ask).err().map_or(&[], |Keys(keys)| keys)
}

/// Has nothing to read: that a struct asks it for its keys is the answer.
struct Ask;

#[derive(Debug, thiserror::Error)]
#[error("its keys are {0:?}")]
struct Keys(&'static [&'static str]);

impl serde::de::Error for Keys {
    fn custom<T: std::fmt::Display>(_: T) -> Keys {
        Keys(&[])
    }
}

impl<'de> Deserializer<'de> for Ask {
    type Error = Keys;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        keys: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Keys> {
        Err(Keys(keys))
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Keys> {
        Err(Keys(&[]))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_goes_to_one_part() {
        for (kind, parts) in [
            ("interface", parts::<Interface, Kept>()),
            ("vlan", parts::<Vlan, Nothing>()),
            ("lagg", parts::<Lagg, Preferred>()),
            ("bridge", parts::<Bridge, Nothing>()),
        ] {
            let mut all: Vec<&str> = parts.iter().flat_map(|(_, keys)| *keys).copied().collect();
            assert!(
                all.contains(&"name") && all.contains(&"addresses") && all.contains(&"advertise"),
                "{kind}: {all:?}"
            );
            let count = all.len();
            all.sort_unstable();
            all.dedup();
            assert_eq!(all.len(), count, "{kind}: two parts know one key");
        }
    }
}
