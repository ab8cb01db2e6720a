//! The language of the firewall: each row of its table, both doors, and what is refused.

#[path = "filter/act.rs"]
mod act;
#[path = "filter/again.rs"]
mod again;
#[path = "filter/compose.rs"]
mod compose;
#[path = "filter/cpe.rs"]
mod cpe;
#[path = "filter/garbage.rs"]
mod garbage;
#[path = "filter/ignored.rs"]
mod ignored;
#[path = "filter/ignored_fields.rs"]
mod ignored_fields;
#[path = "filter/look.rs"]
mod look;
#[path = "filter/packet.rs"]
mod packet;
#[path = "filter/refused.rs"]
mod refused;
#[path = "filter/reload.rs"]
mod reload;
#[path = "filter/runs.rs"]
mod runs;
#[path = "filter/sets.rs"]
mod sets;
#[path = "filter/shortcut.rs"]
mod shortcut;
#[path = "filter/timeouts.rs"]
mod timeouts;
#[path = "filter/util.rs"]
mod util;
#[path = "filter/words.rs"]
mod words;
