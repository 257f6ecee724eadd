//! What the handles of both kinds of store do alike: they ask the engine, and look at what readers see. Never here:
//! what a state is made of.

use std::{fmt, sync::Arc};

use crate::{
    backend::Upkeep,
    changes::Changes,
    commit::Commit,
    engine::{Engine, EngineHandle, Model, Scope, Transaction},
    error::{self, Error},
    health::Condition,
    history::History,
    imported::Imported,
    loom,
    watch::Watch,
};

/// What readers see of a store.
pub(crate) trait ReadSide: Send + Sync + 'static {
    /// The revision that they see.
    fn revision(&self) -> u64;
}

/// An open store, as all of its handles share it.
pub(crate) struct OpenStore<V> {
    pub(crate) view: Arc<V>,
    handle: loom::Arc<EngineHandle>,
    /// What it began with, where that was imported.
    imported: Option<Box<Imported>>,
}

impl<V: ReadSide> OpenStore<V> {
    pub(crate) fn new(view: Arc<V>, handle: loom::Arc<EngineHandle>) -> Self {
        OpenStore {
            view,
            handle,
            imported: None,
        }
    }

    /// The same, which began with what was imported.
    pub(crate) fn with(self, imported: Option<Imported>) -> Self {
        OpenStore {
            imported: imported.map(Box::new),
            ..self
        }
    }

    pub(crate) fn imported(&self) -> Option<&Imported> {
        self.imported.as_deref()
    }

    #[inline]
    pub(crate) fn engine(&self) -> &Arc<Engine> {
        &self.handle.engine
    }

    /// Takes what is newest into memory, if another process committed since.
    #[inline]
    pub(crate) fn refresh(&self) {
        let engine = self.engine();
        if engine.is_behind(self.view.revision()) {
            engine.refresh();
        }
    }

    pub(crate) fn revision(&self) -> u64 {
        self.refresh();
        self.view.revision()
    }

    pub(crate) fn sync(&self) -> Commit<()> {
        Commit::sync(self.handle.clone())
    }

    pub(crate) fn upkeep(&self, what: Upkeep) -> Commit<()> {
        Commit::upkeep(self.handle.clone(), what)
    }

    pub(crate) fn history(&self) -> History {
        History::new(self.handle.clone())
    }

    pub(crate) fn changes(&self, after: u64) -> Result<Changes, Error> {
        Changes::new(self.handle.clone(), after)
    }

    /// A watch on what this finds in the view: something newer than the mark that it gave last, with its own.
    pub(crate) fn watch<S, T: 'static>(
        self: &Arc<Self>,
        probe: impl Fn(&V, Option<u64>) -> Option<(u64, T)> + Send + Sync + 'static,
    ) -> Watch<S, T> {
        // All of it: as long as somebody watches, an opening of the store in this process gets this one.
        let this = self.clone();
        Watch::new(self.handle.clone(), move |seen| probe(&this.view, seen))
    }

    pub(crate) fn health(&self) -> Vec<Condition> {
        // The files may have changed without a commit, of which nobody tells.
        self.engine().refresh();
        self.engine().health()
    }

    /// A commit of one operation on the model `M` of this store.
    pub(crate) fn commit<M: Model + 'static, R: Send + 'static>(
        &self,
        operation: impl FnOnce(&mut M, &mut Scope<'_>) -> Result<R, Error> + Send + 'static,
    ) -> Commit<R> {
        Commit::new(self.handle.clone(), move |transaction| {
            let Transaction { model, scope } = transaction;
            match model.as_any().downcast_mut::<M>() {
                Some(model) => operation(model, scope),
                // An engine is opened with the model of its own handles.
                None => Err(error::engine::of_another_store()),
            }
        })
    }

    /// As [`commit`](OpenStore::commit), for an operation on a model of whichever type.
    pub(crate) fn transact<R: Send + 'static>(
        &self,
        operation: impl FnOnce(&mut Transaction<'_>) -> Result<R, Error> + Send + 'static,
    ) -> Commit<R> {
        Commit::new(self.handle.clone(), operation)
    }

    /// For `Debug`: what every handle says of its store.
    pub(crate) fn describe<'a, 'b, 'c>(
        &self,
        out: &'c mut fmt::DebugStruct<'a, 'b>,
    ) -> &'c mut fmt::DebugStruct<'a, 'b> {
        let engine = self.engine();
        out.field("name", &engine.name())
            .field("path", &engine.path())
            .field("revision", &engine.revision())
    }
}
