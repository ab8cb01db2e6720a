//! Features of devices, by the names that ethtool has for them.

/// True of the features that make what we receive differ from what was on the wire in a way that cannot be undone, and of
/// those of VLANs. Merging is among them: what is merged within a tunnel cannot be cut again here. Checksums and
/// segmentation that are left to the device stay: the driver hands on what is left undone, both ways.
pub(super) fn alters_frames(feature: &str) -> bool {
    feature.starts_with("rx-gro")
        || feature.starts_with("rx-lro")
        || feature == "rx-udp-gro-forwarding"
        || feature.contains("x-vlan-")
}

/// True of the features by which work on a frame is left to the device, or to whoever receives the frame.
pub(super) fn leaves_undone(feature: &str) -> bool {
    feature.starts_with("tx-checksum-")
        || feature.ends_with("-segmentation")
        || feature.starts_with("tx-gso-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_altering_features_are_told_from_the_rest() {
        for feature in [
            "rx-gro",
            "rx-gro-hw",
            "rx-gro-list",
            "rx-udp-gro-forwarding",
            "rx-lro",
            "rx-vlan-hw-parse",
            "tx-vlan-stag-hw-insert",
            "rx-vlan-filter",
        ] {
            assert!(alters_frames(feature), "{feature}");
        }
        for feature in [
            "tx-checksum-ip-generic",
            "tx-generic-segmentation",
            "tx-tcp6-segmentation",
            "tx-gso-list",
            "tx-scatter-gather",
            "highdma",
            "rx-checksum",
            "rx-hashing",
            "vlan-challenged",
            "loopback",
        ] {
            assert!(!alters_frames(feature), "{feature}");
        }
    }
}
