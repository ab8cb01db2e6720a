//! Searches as this processor does them best: x86 has an instruction that counts bits, which the compiler may not use unless
//! it is told that it is there.

use crate::key::Key;
use crate::trie::TOGETHER;
use crate::trie::Trie;

#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code, reason = "calls what is compiled for processors that have the instruction")]
mod imp {
    use super::*;

    #[target_feature(enable = "popcnt")]
    fn search_with<K: Key>(trie: &Trie<K>, key: K) -> u32 {
        trie.search(key)
    }

    #[target_feature(enable = "popcnt")]
    fn search_all_with<K: Key>(trie: &Trie<K>, keys: &[K], values: &mut [u32; TOGETHER]) {
        trie.search_many::<TOGETHER>(keys, values);
    }

    #[inline]
    pub(crate) fn search<K: Key>(trie: &Trie<K>, key: K) -> u32 {
        if std::is_x86_feature_detected!("popcnt") {
            // JUSTIFICATION: a function that uses the instruction is not safe to call where it may be missing.
            // SAFETY: it is there, as was just asked.
            unsafe { search_with(trie, key) }
        } else {
            trie.search(key)
        }
    }

    #[inline]
    pub(crate) fn search_all<K: Key>(trie: &Trie<K>, keys: &[K], values: &mut [u32; TOGETHER]) {
        if std::is_x86_feature_detected!("popcnt") {
            // JUSTIFICATION: as above.
            // SAFETY: it is there, as was just asked.
            unsafe { search_all_with(trie, keys, values) }
        } else {
            trie.search_many::<TOGETHER>(keys, values);
        }
    }
}

#[cfg(not(target_arch = "x86_64"))]
mod imp {
    use super::*;

    #[inline]
    pub(crate) fn search<K: Key>(trie: &Trie<K>, key: K) -> u32 {
        trie.search(key)
    }

    #[inline]
    pub(crate) fn search_all<K: Key>(trie: &Trie<K>, keys: &[K], values: &mut [u32; TOGETHER]) {
        trie.search_many::<TOGETHER>(keys, values);
    }
}

pub(crate) use imp::search;
pub(crate) use imp::search_all;
