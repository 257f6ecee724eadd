//! Beginning a store with what another program left: what of it becomes the seeds of a store that is empty. Never
//! here: reading what was left, and knowing that the store is empty.

use std::sync::{Arc, OnceLock};

use super::place::Place;
use crate::{
    backend::file::disk::{Disk, LinkedDisk},
    document,
    entry::Edits,
    error::{self, Error},
    imported::{Imported, LeftOut},
    planted::{Bug, planted},
    schema::{EntryTables, Schema},
    struct_store::import,
    trace::Debug,
    transfer::{Import, import::Document},
    uid::check_uid,
    value::{self, Value},
};

/// What is to be imported into a store that is empty, and what became of that.
#[derive(Clone)]
pub(super) struct Importing {
    from: Vec<Import>,
    disk: Arc<dyn Disk>,
    debug: Debug,
    told: Arc<OnceLock<Imported>>,
}

impl Importing {
    pub(super) fn of(place: &Place) -> Self {
        Importing {
            from: place.imports.clone(),
            disk: place.disk.clone().unwrap_or_else(|| Arc::new(LinkedDisk)),
            debug: Debug::new(place.settings.name.as_str().into(), place.debug),
            told: Arc::default(),
        }
    }

    /// What became of it, once the store is open. `None`: it was not empty, or nothing was asked for.
    pub(super) fn told(&self) -> Option<Imported> {
        self.told.get().cloned()
    }

    /// The first source that is there, with what it left out itself. Where none is, that is told.
    fn begin(&self) -> Result<Option<(Document, Imported)>, Error> {
        for from in &self.from {
            if let Some(mut document) = from.read(&*self.disk)? {
                let imported = Imported {
                    source: Some(document.path.clone()),
                    uids: Vec::new(),
                    left_out: std::mem::take(&mut document.left_out),
                };
                return Ok(Some((document, imported)));
            }
        }
        self.tell(Imported::default());
        Ok(None)
    }

    fn tell(&self, mut imported: Imported) {
        if planted(Bug::ImportInSilence) {
            imported.left_out.clear();
        }
        match imported.left_out.is_empty() {
            true => self.debug.say(format_args!("{imported}")),
            false => self.debug.warn(format_args!("{imported}")),
        }
        // A store is seeded once.
        let _ = self.told.set(imported);
    }

    /// The seed of a struct, with what is imported in the place of the fields that it is for.
    pub(super) fn seed_of<S: Schema>(&self, seed: S, tables: &EntryTables) -> Result<S, Error> {
        if self.from.is_empty() {
            return Ok(seed);
        }
        let Some((document, mut imported)) = self.begin()? else {
            return Ok(seed);
        };
        let mut unknown = Vec::new();
        let members = import::members_of::<S>(&document.json, &mut unknown)
            .map_err(|error| error::transfer::source_is_not(&document.path, ONE_OBJECT, error))?;
        for name in unknown {
            let why = why_unknown(&name).unwrap_or_else(|| import::no_field::<S>(&name));
            imported.left_out.push(LeftOut { key: name, why });
        }
        let mut state = seed;
        for member in members {
            let mut taken = state.__copy();
            let left_out = import::take_seed(&mut taken, tables, &member);
            if left_out.is_empty() {
                state = taken;
                imported.uids.push(member.uid.to_owned());
            }
            let left_out = left_out.into_iter();
            (imported.left_out).extend(left_out.map(|(key, why)| LeftOut { key, why }));
        }
        self.tell(imported);
        Ok(state)
    }

    /// The first values of a keyed store; none, where there is nothing to import.
    pub(super) fn values_of<T: Value>(&self) -> Result<Edits, Error> {
        let mut edits = Edits::default();
        let Some((document, mut imported)) = self.begin()? else {
            return Ok(edits);
        };
        let members = document::members(&document.json)
            .map_err(|error| error::transfer::source_is_not(&document.path, ONE_OBJECT, error))?;
        for (uid, json) in members {
            let encoded = check_uid(&uid).and_then(|()| {
                value::decode::<T>(json.get())
                    .and_then(|value| value::encode(&value, None))
                    .map_err(|error| error.at(&uid))
            });
            match encoded {
                Ok(encoded) => {
                    edits.set(&*uid, encoded.json);
                    imported.uids.push(uid);
                }
                Err(error) => {
                    let why = why_unknown(&uid);
                    let why = why.unwrap_or_else(|| import::of_a_new_value(error.words()));
                    imported.left_out.push(LeftOut { key: uid, why });
                }
            }
        }
        self.tell(imported);
        Ok(edits)
    }
}

/// What a source has to be, whatever its format is.
const ONE_OBJECT: &str = "one JSON object";

/// Why a member is left out that no program meant for its user.
fn why_unknown(name: &str) -> Option<String> {
    (name == "__internal__").then(|| "electron-store keeps its own accounts there".into())
}
