//! From FreeBSD's netisr(9) to this one: where each call, policy and tunable has gone.
//!
//! The word is the same and so is most of the idea: a protocol registers a handler, others queue packets for it,
//! worker threads on their CPUs call the handler. Two things differ from the ground up. There is **no direct
//! dispatch**: a packet that is dispatched is never handled on its caller's stack, so it may be dispatched under any
//! locks. And **an interface can depart**: nothing that names it is handled any more, and somebody knows when.
//!
//! # Calls
//!
//! | FreeBSD | here |
//! |---|---|
//! | `netisr_register(nhp)` | [`Netisr::register`](crate::Netisr::register) gives a [`PacketType`](crate::PacketType); there are no protocol numbers to agree on, and names are unique |
//! | `netisr_unregister(nhp)` drops what waits | [`Netisr::unregister`](crate::Netisr::unregister), which [drains or flushes](crate::Pending) and [waits for what runs](crate::Unregistering::wait) |
//! | `netisr_queue(proto, m)` | [`PacketType::dispatch`](crate::PacketType::dispatch). A full queue frees the mbuf there and answers `ENOBUFS`; here the packet [comes back](crate::Refused), with the reason |
//! | `netisr_queue_src(proto, source, m)` | the same, with a [flow key](crate::TypeSpec::flow_key) for the source |
//! | `netisr_dispatch`, `netisr_dispatch_src` | none that runs the handler at once. With a token of no lock in hand, call the handler's function yourself: that is what the token is for |
//! | `netisr_setqlimit`, `netisr_getqlimit` | [`PacketType::set_limit`](crate::PacketType::set_limit), [`PacketType::limit`](crate::PacketType::limit) |
//! | `netisr_getqdrops` | [`LaneReport::refused`](crate::LaneReport::refused) by [cause](crate::Cause), and [`dropped_oldest`](crate::LaneReport::dropped_oldest) |
//! | `netisr_clearqdrops` | none: counters only grow; [`since`](crate::LaneReport::since) an earlier reading they are differences |
//! | `netisr_get_cpucount` | [`Netisr::workers`](crate::Netisr::workers) |
//! | `netisr_get_cpuid(n)` | none: workers are numbered from 0, and their embedder pins their threads |
//! | `netisr_default_flow2cpu(flowid)` | what a flow key is put through: keys are spread over the workers |
//! | `netisr_register_vnet`, `netisr_unregister_vnet` | a [`Netisr`](crate::Netisr) for each stack instance. An interface that moves departs from one and is attached to the other |
//! | `if_detach`, and what each protocol does about its queues | [`Netisr::detach`](crate::Netisr::detach), and a [`Departure`](crate::Departure) that says when |
//!
//! # The handler's fields
//!
//! | `struct netisr_handler` | here |
//! |---|---|
//! | `nh_name` | the argument of [`TypeSpec::new`](crate::TypeSpec::new) |
//! | `nh_handler(m)` | the closure given to [`register`](crate::Netisr::register): `(ctx, worker's state, packet, metadata)` |
//! | `nh_proto` | none |
//! | `nh_qlimit` | [`TypeSpec::limit`](crate::TypeSpec::limit), per worker as there |
//! | `nh_m2flow(m, source)` | [`TypeSpec::flow_key`](crate::TypeSpec::flow_key); it cannot replace the packet |
//! | `nh_m2cpuid(m, source, &cpuid)` | [`TypeSpec::choose_worker`](crate::TypeSpec::choose_worker) |
//! | `nh_drainedcpu(cpuid)` | [`Local::drained`](crate::Local::drained) |
//! | `nh_policy`, `nh_dispatch` | below |
//!
//! What an mbuf is told by tags, or by `m_pkthdr.rcvif`, is typed [`Metadata`](crate::Metadata) here, or said by
//! [`Packet::interfaces`](crate::Packet::interfaces).
//!
//! # Policies
//!
//! | FreeBSD | here |
//! |---|---|
//! | `NETISR_POLICY_SOURCE`: ordered by source, the interface unless told | the default from threads that are no worker: the first interface that is named decides |
//! | `NETISR_POLICY_FLOW`: ordered by the mbuf's flow | [`TypeSpec::flow_key`](crate::TypeSpec::flow_key) |
//! | `NETISR_POLICY_CPU`: the protocol says which | [`TypeSpec::choose_worker`](crate::TypeSpec::choose_worker), [`TypeSpec::at_worker`](crate::TypeSpec::at_worker) |
//! | none of them: the current CPU | the default on a worker: a packet stays with the worker that dispatches it |
//! | `NETISR_DISPATCH_DEFERRED` | always |
//! | `NETISR_DISPATCH_HYBRID`, `NETISR_DISPATCH_DIRECT`, `NETISR_DISPATCH_DEFAULT` | none |
//!
//! Order holds wherever a packet is dispatched: hybrid dispatch lets one that is handled at once pass those that wait.
//!
//! # Tunables
//!
//! | sysctl | here |
//! |---|---|
//! | `net.isr.dispatch` | none: deferred |
//! | `net.isr.maxthreads`, `net.isr.numthreads` | [`Builder::workers`](crate::Builder::workers), [`Netisr::workers`](crate::Netisr::workers) |
//! | `net.isr.bindthreads` | the closure given to `threads::run` is called on each thread, and may pin it |
//! | `net.isr.defaultqlimit` (256) | the same number, unless [told](crate::TypeSpec::limit) |
//! | `net.isr.maxqlimit` (10,240) | 32,767 |
//! | `net.isr.maxprot` | 62 types |
//! | `net.isr.proto` | [`Netisr::types`](crate::Netisr::types) |
//! | `net.isr.workstream` | [`Netisr::worker_reports`](crate::Netisr::worker_reports) |
//! | `net.isr.work` | [`TypeReport::workers`](crate::TypeReport::workers): `Len`, `WMark` and `QDrops` are `resident`, `high_water` and `refused`; `Queued` is `accepted`, `Handled` is `handled`, and `Disp'd` and `HDisp'd` are none |
