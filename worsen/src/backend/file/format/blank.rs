//! What means nothing in a log: filling, and what a file system puts where nothing was written.

/// Whether there is nothing but that.
pub(crate) fn is_blank(bytes: &[u8]) -> bool {
    bytes
        .iter()
        .all(|byte| matches!(byte, 0 | b' ' | b'\n' | b'\r' | b'\t'))
}

/// Without the blanks at the end.
pub(crate) fn trimmed(bytes: &[u8]) -> &[u8] {
    let end = bytes
        .iter()
        .rposition(|byte| !is_blank(&[*byte]))
        .map_or(0, |last| last + 1);
    &bytes[..end]
}
