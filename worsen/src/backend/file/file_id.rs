//! Which file it is, whatever it is called.

/// Device and inode: two paths name the same file exactly when these are equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileId {
    /// The file system that it is on.
    pub(crate) device: u64,
    /// Its number there.
    pub(crate) inode: u64,
}

impl FileId {
    /// Of no file.
    pub(crate) const NONE: FileId = FileId {
        device: 0,
        inode: 0,
    };
}
