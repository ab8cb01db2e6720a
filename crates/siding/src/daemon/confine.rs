//! What the daemon gives up before it has any thread, as all that it needs of the system is opened, or is open to who may
//! configure the network: capabilities, new privileges, files that are none of its own, and system calls that it never makes.
//! SECURITY.md says the model.
//!
//! Whoever takes the daemon over by a fault of it has what it has: so it has little.

use std::collections::BTreeMap;

use rustix::thread::CapabilitySet;
use rustix::thread::CapabilitySets;
use seccompiler::BpfProgram;
use seccompiler::SeccompAction;
use seccompiler::SeccompCmpArgLen;
use seccompiler::SeccompCmpOp;
use seccompiler::SeccompCondition;
use seccompiler::SeccompFilter;
use seccompiler::SeccompRule;
use seccompiler::sock_filter;

use super::fence::Fence;

/// Devices, their settings and raw sockets: interfaces may come at any time.
const KEPT: CapabilitySet = CapabilitySet::NET_ADMIN.union(CapabilitySet::NET_RAW);

/// System calls that are refused from then on: those that run programs, look into other processes, change mounts, namespaces
/// and who somebody is, load code into the kernel, or stop the machine; and those that change whose a file is and who may
/// have it, which landlock does not see.
const REFUSED: &[i64] = &[
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_getfd,
    libc::SYS_process_madvise,
    libc::SYS_pidfd_open,
    libc::SYS_kcmp,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsmount,
    libc::SYS_fsconfig,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
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
    libc::SYS_setfsuid,
    libc::SYS_setfsgid,
    libc::SYS_capset,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
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
    libc::SYS_quotactl,
    libc::SYS_vhangup,
    libc::SYS_syslog,
    libc::SYS_acct,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_adjtimex,
    libc::SYS_clock_adjtime,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_personality,
    libc::SYS_open_by_handle_at,
    libc::SYS_name_to_handle_at,
    libc::SYS_fanotify_init,
    libc::SYS_migrate_pages,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_chmod,
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    FCHMODAT2,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_chown,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_lchown,
    libc::SYS_fchown,
    libc::SYS_fchownat,
    libc::SYS_setxattr,
    libc::SYS_lsetxattr,
    libc::SYS_fsetxattr,
    SETXATTRAT,
    libc::SYS_removexattr,
    libc::SYS_lremovexattr,
    libc::SYS_fremovexattr,
    REMOVEXATTRAT,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_utime,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_utimes,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_futimesat,
    libc::SYS_utimensat,
    FILE_SETATTR,
];

/// What is not asked of a file that is open: to change its attributes, such as that nobody may change it.
const REFUSED_OF_FILES: [u64; 3] = [FS_IOC_SETFLAGS, FS_IOC32_SETFLAGS, FS_IOC_FSSETXATTR];

/// As linux/fs.h has them for all machines that this is built for.
const FS_IOC_SETFLAGS: u64 = 0x4008_6602;
const FS_IOC32_SETFLAGS: u64 = 0x4004_6602;
const FS_IOC_FSSETXATTR: u64 = 0x401c_5820;

/// Of Linux 6.6, 6.13 and 6.17; by these numbers on every machine.
const FCHMODAT2: i64 = 452;
const SETXATTRAT: i64 = 463;
const REMOVEXATTRAT: i64 = 466;
const FILE_SETATTR: i64 = 469;

/// Flags of `clone` by which a process gets namespaces of its own: with a user namespace, every capability in it.
const NAMESPACES: [i32; 7] = [
    libc::CLONE_NEWNS,
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
];

/// From here on, x86-64 has its calls a second time, by other numbers (x32); other machines have none.
const X32: u32 = 0x4000_0000;

/// Gives up what is not needed, of this thread and all that it starts; says what could not be given up.
pub(super) fn confine(fence: &Fence) -> Vec<String> {
    let failed = |what: &str, done: Result<(), String>| done.err().map(|error| format!("{what}: {error}"));
    let by_system = |done: rustix::io::Result<()>| done.map_err(|error| error.to_string());
    // In this order: each takes away what the next does not need.
    [
        failed("capabilities", by_system(drop_capabilities())),
        failed("new privileges", by_system(rustix::thread::set_no_new_privs(true))),
        failed("files", fence.close()),
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
    let apply = |program: &BpfProgram| seccompiler::apply_filter(program).map_err(|error| error.to_string());
    apply(&refused().map_err(|error| error.to_string())?)?;
    apply(&unknown())
}

/// Refuses the calls of the list, threads with namespaces of their own, and what is not asked of files.
fn refused() -> Result<BpfProgram, seccompiler::Error> {
    let mut rules: BTreeMap<i64, Vec<_>> = REFUSED.iter().map(|call| (*call, Vec::new())).collect();
    let with = |flag: i32| {
        let flag = u64::from(flag.cast_unsigned());
        let set = SeccompCondition::new(0, SeccompCmpArgLen::Qword, SeccompCmpOp::MaskedEq(flag), flag)?;
        SeccompRule::new(vec![set])
    };
    rules.insert(libc::SYS_clone, NAMESPACES.into_iter().map(with).collect::<Result<_, _>>()?);
    // Of its number the kernel looks at the lower half alone.
    let asks = |number: u64| {
        let one = SeccompCondition::new(1, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, number)?;
        SeccompRule::new(vec![one])
    };
    rules.insert(libc::SYS_ioctl, REFUSED_OF_FILES.into_iter().map(asks).collect::<Result<_, _>>()?);
    let machine = std::env::consts::ARCH.try_into()?;
    // As if the caller had not the right to.
    let (others, these) = (SeccompAction::Allow, SeccompAction::Errno(libc::EPERM as u32));
    Ok(SeccompFilter::new(rules, others, these, machine)?.try_into()?)
}

/// As if the kernel had not these: `clone3`, whose flags no filter can see (C libraries take `clone` then), and x32's
/// numbers, by which the list could be gone round.
fn unknown() -> BpfProgram {
    let step = |code: u32, jt, jf, k| sock_filter { code: code as u16, jt, jf, k };
    vec![
        // The call's number is the first that a filter is given.
        step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        step(libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K, 1, 0, X32),
        step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, libc::SYS_clone3 as u32),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ERRNO | libc::ENOSYS.cast_unsigned()),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOWED: u32 = libc::SECCOMP_RET_ALLOW;

    /// What a program answers to a call with this first argument, as the kernel reads programs.
    fn answer(program: &BpfProgram, call: u32, first: u64) -> u32 {
        answer_to(program, call, [first, 0])
    }

    /// The same with two.
    fn answer_to(program: &BpfProgram, call: u32, [first, second]: [u64; 2]) -> u32 {
        let arch = if cfg!(target_arch = "x86_64") { 0xc000_003e } else { 0xc000_00b7 };
        let halves = |argument: u64| [argument as u32, (argument >> 32) as u32];
        let ([f0, f1], [s0, s1]) = (halves(first), halves(second));
        let words = [call, arch, 0, 0, f0, f1, s0, s1];
        let (mut at, mut acc) = (0, 0);
        loop {
            let sock_filter { code, jt, jf, k } = program[at].clone();
            let jump = |holds: bool| usize::from(if holds { jt } else { jf });
            at += 1;
            match u32::from(code) {
                0x20 => acc = words.get(k as usize / 4).copied().unwrap_or(0),
                0x54 => acc &= k,
                0x05 => at += k as usize,
                0x15 => at += jump(acc == k),
                0x25 => at += jump(acc > k),
                0x35 => at += jump(acc >= k),
                0x06 => return k,
                other => panic!("an instruction that is not known here: {other:#x}"),
            }
        }
    }

    fn errno(error: i32) -> u32 {
        libc::SECCOMP_RET_ERRNO | error.cast_unsigned()
    }

    #[test]
    fn what_is_listed_is_refused_and_so_are_namespaces_of_a_thread() {
        let program = refused().unwrap();
        for call in REFUSED.iter().copied() {
            assert_eq!(answer(&program, call as u32, 0), errno(libc::EPERM), "{call}");
        }
        let clone = libc::SYS_clone as u32;
        // What glibc gives for a thread, and what a fork has.
        for flags in [0x3d_0f00, 0x0120_0011] {
            assert_eq!(answer(&program, clone, flags), ALLOWED);
            for flag in NAMESPACES {
                let flags = flags | u64::from(flag.cast_unsigned());
                assert_eq!(answer(&program, clone, flags), errno(libc::EPERM), "{flags:#x}");
            }
        }
        let ioctl = libc::SYS_ioctl as u32;
        for number in REFUSED_OF_FILES {
            // The upper half is nothing to the kernel.
            for number in [number, number | 7 << 32] {
                assert_eq!(answer_to(&program, ioctl, [3, number]), errno(libc::EPERM), "{number:#x}");
                assert_eq!(answer_to(&program, ioctl, [number, 0x400454ca]), ALLOWED, "TUNSETIFF");
            }
        }
        for call in [libc::SYS_read, libc::SYS_openat, libc::SYS_ioctl, libc::SYS_socket] {
            assert_eq!(answer(&program, call as u32, u64::MAX), ALLOWED, "{call}");
        }
    }

    /// What landlock does not see of a file. On a thread of its own, which alone is bound.
    #[test]
    fn nobody_changes_whose_a_file_is_and_who_may_have_it() {
        use std::ffi::CString;
        use std::os::unix::fs::PermissionsExt;
        let path = std::env::temp_dir().join(format!("siding-confine-{}", std::process::id()));
        std::fs::write(&path, "").unwrap();
        let own = CString::new(path.to_str().unwrap()).unwrap();
        let work = || {
            rustix::thread::set_no_new_privs(true).unwrap();
            refuse_calls().unwrap();
            let file = std::fs::File::open(&path).unwrap();
            let rights = std::fs::Permissions::from_mode(0o666);
            let (flags, user) = (rustix::fs::XattrFlags::empty(), rustix::process::geteuid().as_raw());
            let refused: [std::io::Result<()>; 8] = [
                std::fs::set_permissions(&path, rights.clone()),
                file.set_permissions(rights),
                std::os::unix::fs::chown(&path, Some(user), None),
                std::os::unix::fs::fchown(&file, Some(user), None),
                std::os::unix::fs::lchown(&path, Some(user), None),
                rustix::fs::setxattr(&own, "user.siding", b"x", flags).map_err(Into::into),
                file.set_modified(std::time::SystemTime::now()),
                rustix::fs::ioctl_setflags(&file, rustix::fs::IFlags::NODUMP).map_err(Into::into),
            ];
            refused.map(|done| done.err().and_then(|error| error.raw_os_error()))
        };
        let refused = std::thread::scope(|scope| scope.spawn(work).join().unwrap());
        std::fs::remove_file(&path).unwrap();
        assert_eq!(refused, [Some(libc::EPERM); 8]);
    }

    #[test]
    fn what_would_go_round_the_list_is_not_there() {
        let program = unknown();
        for call in [libc::SYS_execve, libc::SYS_unshare, 520, 0x3fff_ffff] {
            assert_eq!(answer(&program, call as u32 | X32, 0), errno(libc::ENOSYS), "{call}");
            assert_eq!(answer(&program, call as u32, 0), ALLOWED, "{call}");
        }
        assert_eq!(answer(&program, libc::SYS_clone3 as u32, 0), errno(libc::ENOSYS));
        assert_eq!(answer(&program, libc::SYS_clone as u32, 0), ALLOWED);
    }
}
