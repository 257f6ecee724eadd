//! Which others may write a file beside the processes that share this mount of it. What follows from that is
//! decided elsewhere.

use std::{fs::File, io};

/// File systems that other machines change too, by the `f_type` of statfs(2) and the names of the kernel's
/// linux/magic.h where it has one. A shared page of theirs is written back whole, over what another
/// machine has put into it.
#[cfg(any(target_os = "linux", target_os = "android"))]
const REMOTE: &[u32] = &[
    0x0000_6969, // NFS
    0x0000_517B, // SMB
    0xFF53_4D42, // CIFS
    0xFE53_4D42, // SMB2
    0x0000_564C, // NCP
    0x0102_1997, // V9FS: 9P
    0x5346_414F, // AFS
    0x6B41_4653, // AFS, the kernel's own
    0x00C3_6400, // CEPH
    0x7375_7245, // CODA
    0x7461_636F, // OCFS2
    0x0116_1970, // GFS2
    0x0BD0_0BD0, // Lustre
    0x4750_4653, // GPFS
    0x1983_0326, // BeeGFS
    0x2003_0528, // OrangeFS
    0xAAD7_AAEA, // PanFS
    0x786F_4256, // VirtualBox shared folders
    0xBACB_ACBC, // VMware shared folders
    0x7C7C_6673, // Parallels shared folders
];

/// The `f_type` of every file system that a process serves: FUSE.
#[cfg(any(target_os = "linux", target_os = "android"))]
const SERVED: u32 = 0x6573_5546;

/// Which others may write the files of a file system beside the processes that share a page of it.
#[cfg_attr(
    not(any(target_os = "linux", target_os = "android")),
    expect(dead_code, reason = "only Linux tells of the others")
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Nobody.
    Machine,
    /// Processes that see the files through another mount, or on the other side of the one that serves them.
    Mount,
    /// Other machines.
    Network,
}

impl Reach {
    /// Of the file system that this file is on.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(crate) fn of(file: &File) -> io::Result<Reach> {
        // The field is signed on some machines and wider than its 32 bits on most.
        let kind = rustix::fs::fstatfs(file)?.f_type as u32;
        Ok(match kind {
            SERVED => Reach::Mount,
            kind if REMOTE.contains(&kind) => Reach::Network,
            _ => Reach::Machine,
        })
    }

    /// As on a machine of its own: nothing is shared in memory here, and so nothing hangs on it.
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    pub(crate) fn of(_file: &File) -> io::Result<Reach> {
        Ok(Reach::Machine)
    }
}
