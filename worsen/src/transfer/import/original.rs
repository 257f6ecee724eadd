//! The store of the worsen of Node: a zlib stream of `{"app_state":{…},"data":{…}}`, written over itself in place,
//! with a copy beside it that is written first. Never here: where it is.

use std::path::{Path, PathBuf};

use miniz_oxide::inflate::decompress_to_vec_zlib_with_limit;

use super::{LONGEST_BYTES, read};
use crate::{
    backend::file::disk::Disk,
    document::members,
    error::{self, Error},
    imported::LeftOut,
};

/// The values of the store; what stands beside them is left out.
pub(super) fn to_json(
    disk: &dyn Disk,
    path: &Path,
    bytes: &[u8],
) -> Result<(String, Vec<LeftOut>), Error> {
    let broken = match data(path, bytes) {
        Ok(data) => return Ok(data),
        Err(error) => error,
    };
    // A crash cut it off: the copy beside it is older, or the same.
    let Some((data, mut left_out)) = copy_of(path)
        .and_then(|copy| read(disk, &copy).ok().flatten().map(|bytes| (copy, bytes)))
        .and_then(|(copy, bytes)| data(&copy, &bytes).ok())
    else {
        return Err(broken);
    };
    left_out.push(LeftOut {
        key: path.display().to_string(),
        why: "the file is not whole, and the copy beside it took its place".into(),
    });
    Ok((data, left_out))
}

/// The copy beside a store.
fn copy_of(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    let copy = match name.strip_suffix(".store.db") {
        Some(name) => format!("{name}.cache.store.db"),
        None => format!("{}.cache.db", name.strip_suffix(".db")?),
    };
    Some(path.with_file_name(copy))
}

fn data(path: &Path, bytes: &[u8]) -> Result<(String, Vec<LeftOut>), Error> {
    let limit = usize::try_from(LONGEST_BYTES).unwrap_or(usize::MAX);
    let json = decompress_to_vec_zlib_with_limit(bytes, limit).map_err(|error| {
        error::transfer::source_is_not(path, "a store of the worsen of Node", error)
    })?;
    let json = super::text(path, json)?;
    let members = members(&json).map_err(|error| {
        error::transfer::source_is_not(path, "a store of the worsen of Node", error)
    })?;
    let mut data = None;
    let mut left_out = Vec::new();
    for (name, value) in members {
        match &*name {
            "data" => data = Some(value.get().to_owned()),
            _ if value.get() == "{}" => {}
            _ => left_out.push(LeftOut {
                key: name,
                why: "it is no part of the values".into(),
            }),
        }
    }
    match data {
        Some(data) => Ok((data, left_out)),
        None => Err(error::transfer::source_without_data(path)),
    }
}
