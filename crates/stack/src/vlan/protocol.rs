//! VLANs among the stack's protocols.

use siding_wire::EtherType;

use super::counted;
use crate::drops::DropReason;
use crate::ifnet::Kind;
use crate::stack::Protocol;
use crate::stack::Shown;
use crate::table::TableSpec;
use crate::table::dash;
use crate::table::yes;

/// VLANs.
pub(crate) struct Vlans;

impl Protocol for Vlans {
    fn causes(&self) -> &'static [DropReason] {
        counted::CAUSES
    }

    fn tables(&self) -> &'static [Shown] {
        &[Shown {
            table: TableSpec {
                name: "vlans",
                about: "VLANs, and what they lie on",
                columns: &["name", "on", "vid", "tag", "mtu/B", "link"],
            },
            fill: |stack, _ctx, table| {
                let config = stack.shared.config.load();
                let vlans = config.interfaces().filter_map(|there| match there.kind {
                    Kind::Vlan(vlan) => Some((there, vlan)),
                    _ => None,
                });
                table.add(vlans, |(there, vlan)| {
                    let tag = if vlan.ethertype == EtherType::QINQ { "802.1ad" } else { "802.1q" };
                    [
                        there.ifnet.name.clone(),
                        dash(there.parent_name()),
                        vlan.vid.to_string(),
                        tag.to_owned(),
                        there.mtu.to_string(),
                        yes(there.link),
                    ]
                });
            },
        }]
    }
}
