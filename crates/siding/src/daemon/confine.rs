//! What the daemon gives up before it has any thread, as all that it needs of the system is opened, or is open to who may
//! configure the network: capabilities, new privileges, and system calls that it never makes. SECURITY.md says the model.
//!
//! Whoever takes the daemon over by a fault of it has what it has: so it has little.

use std::collections::BTreeMap;

use rustix::thread::CapabilitySet;
use rustix::thread::CapabilitySets;
use seccompiler::BpfProgram;
use seccompiler::SeccompAction;
use seccompiler::SeccompFilter;

/// Devices, their settings and raw sockets: interfaces may come at any time.
const KEPT: CapabilitySet = CapabilitySet::NET_ADMIN.union(CapabilitySet::NET_RAW);

/// System calls that are refused from then on: those that run programs, look into other processes, change mounts, namespaces
/// and who somebody is, load code into the kernel, or stop the machine.
const REFUSED: [i64; 45] = [
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsmount,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_setuid,
    libc::SYS_setgid,
    libc::SYS_setreuid,
    libc::SYS_setregid,
    libc::SYS_setresuid,
    libc::SYS_setresgid,
    libc::SYS_setgroups,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_adjtimex,
    libc::SYS_sethostname,
    libc::SYS_personality,
    libc::SYS_open_by_handle_at,
];

/// Gives up what is not needed, of this thread and all that it starts; says what could not be given up.
pub(super) fn confine() -> Vec<String> {
    let failed = |what: &str, done: Result<(), String>| done.err().map(|error| format!("{what}: {error}"));
    let by_system = |done: rustix::io::Result<()>| done.map_err(|error| error.to_string());
    // In this order: each takes away what the next does not need.
    [
        failed("capabilities", by_system(drop_capabilities())),
        failed("new privileges", by_system(rustix::thread::set_no_new_privs(true))),
        failed("system calls", refuse_calls()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn drop_capabilities() -> rustix::io::Result<()> {
    for bit in 0..u64::BITS {
        let one = CapabilitySet::from_bits_retain(1 << bit);
        if !KEPT.contains(one) {
            // Beyond the last that there is, or without the right to: what follows holds all the same.
            let _ = rustix::thread::remove_capability_from_bounding_set(one);
        }
    }
    rustix::thread::clear_ambient_capability_set()?;
    let kept = rustix::thread::capabilities(None)?.permitted & KEPT;
    let none = CapabilitySet::empty();
    rustix::thread::set_capabilities(
        None,
        CapabilitySets { effective: kept, permitted: kept, inheritable: none },
    )
}

fn refuse_calls() -> Result<(), String> {
    let rules: BTreeMap<i64, Vec<_>> = REFUSED.into_iter().map(|call| (call, Vec::new())).collect();
    let machine = std::env::consts::ARCH.try_into().map_err(|error| format!("{error:?}"))?;
    // As if the caller had not the right to.
    let (others, these) = (SeccompAction::Allow, SeccompAction::Errno(libc::EPERM as u32));
    let filter = SeccompFilter::new(rules, others, these, machine).map_err(|error| error.to_string())?;
    let program: BpfProgram =
        filter.try_into().map_err(|error: seccompiler::BackendError| error.to_string())?;
    seccompiler::apply_filter(&program).map_err(|error| error.to_string())
}
