//! DPDK's rte_fib and rte_fib6, where libdpdk is.

#![allow(unsafe_code, reason = "calls into C")]

use std::marker::PhantomData;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

use siding_stack::route::Address;
use siding_stack::route::Prefix;

/// A table of DPDK's: rte_fib (DIR24-8) or rte_fib6 (trie), next hops of four bytes, the look-up that it prefers itself.
#[derive(Debug)]
pub struct Peer<A> {
    #[cfg_attr(not(have_dpdk), allow(dead_code, reason = "there is none"))]
    fib: imp::Table,
    family: PhantomData<A>,
}

impl Peer<Ipv6Addr> {
    /// For so many IPv6 routes; `None` if there is none here, or no memory for it.
    pub fn six(routes: usize) -> Option<Self> {
        Some(Peer { fib: imp::Table::new(true, routes)?, family: PhantomData })
    }
}

impl Peer<Ipv4Addr> {
    /// The same for IPv4.
    pub fn four(routes: usize) -> Option<Self> {
        Some(Peer { fib: imp::Table::new(false, routes)?, family: PhantomData })
    }
}

impl<A: Address> Peer<A> {
    /// Why there is none.
    pub fn missing() -> Option<&'static str> {
        imp::MISSING
    }

    /// Adds a route. False if it was refused.
    pub fn add(&mut self, prefix: &Prefix<A>, next_hop: u32) -> bool {
        let bits = prefix.addr().left_justified();
        self.fib.add((bits.to_be_bytes(), (bits >> 96) as u32), prefix.prefix_len(), next_hop)
    }

    /// What is looked up from now on.
    pub fn ask(&mut self, destinations: &[A]) {
        let bits = destinations.iter().map(|dst| dst.left_justified());
        self.fib.ask(bits.map(|bits| (bits.to_be_bytes(), (bits >> 96) as u32)).collect());
    }

    /// Looks all up, so many at a time; how many were found.
    pub fn lookup(&self, together: usize) -> usize {
        self.fib.lookup(together)
    }
}

/// An address as the one and as the other wants it.
type Dst = ([u8; 16], u32);

#[cfg(not(have_dpdk))]
mod imp {
    use super::Dst;

    pub(super) const MISSING: Option<&str> = Some("libdpdk is not installed");

    #[derive(Debug)]
    pub(super) enum Table {}

    impl Table {
        pub(super) fn new(_: bool, _: usize) -> Option<Table> {
            None
        }

        pub(super) fn add(&mut self, _: Dst, _: u8, _: u32) -> bool {
            match *self {}
        }

        pub(super) fn ask(&mut self, _: Vec<Dst>) {
            match *self {}
        }

        pub(super) fn lookup(&self, _: usize) -> usize {
            match *self {}
        }
    }
}

#[cfg(have_dpdk)]
mod imp {
    use std::ffi::c_int;
    use std::ffi::c_uint;
    use std::ffi::c_void;
    use std::ptr::NonNull;

    use super::Dst;

    pub(super) const MISSING: Option<&str> = None;

    unsafe extern "C" {
        fn siding_fib_new(six: c_int, routes: c_uint) -> *mut c_void;
        fn siding_fib_free(six: c_int, fib: *mut c_void);
        fn siding_fib_add(six: c_int, fib: *mut c_void, ip6: *const u8, ip4: u32, len: u8, hop: u32)
        -> c_int;
        fn siding_fib_lookup(
            six: c_int,
            fib: *mut c_void,
            ips: *const c_void,
            count: c_uint,
            together: c_uint,
        ) -> c_uint;
    }

    #[derive(Debug)]
    pub(super) struct Table {
        fib: NonNull<c_void>,
        is_six: bool,
        sixes: Vec<[u8; 16]>,
        fours: Vec<u32>,
    }

    impl Table {
        pub(super) fn new(is_six: bool, routes: usize) -> Option<Table> {
            // JUSTIFICATION: the table is C.
            // SAFETY: takes numbers only.
            let fib = unsafe { siding_fib_new(is_six.into(), c_uint::try_from(routes).ok()?) };
            Some(Table { fib: NonNull::new(fib)?, is_six, sixes: Vec::new(), fours: Vec::new() })
        }

        pub(super) fn add(&mut self, (six, four): Dst, len: u8, hop: u32) -> bool {
            // JUSTIFICATION: as above.
            // SAFETY: the table is of this kind and lives; `six` is 16 readable bytes.
            let added = unsafe {
                siding_fib_add(self.is_six.into(), self.fib.as_ptr(), six.as_ptr(), four, len, hop)
            };
            added == 0
        }

        pub(super) fn ask(&mut self, destinations: Vec<Dst>) {
            (self.sixes, self.fours) = destinations.into_iter().unzip();
        }

        pub(super) fn lookup(&self, together: usize) -> usize {
            let ips: *const c_void =
                if self.is_six { self.sixes.as_ptr().cast() } else { self.fours.as_ptr().cast() };
            let (count, together) = (self.fours.len() as c_uint, together.clamp(1, 64) as c_uint);
            // JUSTIFICATION: as above.
            // SAFETY: the table is of this kind and lives; there are `count` addresses of this kind; the shim has room for
            // 64 answers.
            let found =
                unsafe { siding_fib_lookup(self.is_six.into(), self.fib.as_ptr(), ips, count, together) };
            found as usize
        }
    }

    impl Drop for Table {
        fn drop(&mut self) {
            // JUSTIFICATION: as above.
            // SAFETY: it was made by `siding_fib_new` and is not used again.
            unsafe { siding_fib_free(self.is_six.into(), self.fib.as_ptr()) }
        }
    }
}
