//! A publication and its readers in every order of their steps: what it changes is seen at once, and not
//! before its revision. The map is another crate's, and each of its operations one step.

use super::{super::KeyedModel, *};
use crate::{
    backend::memory::MemoryBackend,
    commit::Commit,
    engine::{Engine, EngineHandle, EngineOptions},
    loom::{Arc as Shared, in_every_order, thread},
};

/// Sets both, which have the value of the revision before.
fn publish(map: &Published<u64>, revision: u64) {
    let json = |number: u64| (number > 0).then(|| SharedStr::from(number.to_string()));
    let uids = || ["a", "b"].into_iter().map(SharedStr::from);
    let unseen = uids().map(|uid| (uid, json(revision - 1))).collect();
    map.publish(uids().map(|uid| (uid, Some(revision))), revision, unseen);
}

#[test]
fn values_are_counted_as_they_are_seen() {
    in_every_order(None, || {
        let map = Shared::new(Published::new());
        let writer = map.clone();
        let writer = thread::spawn(move || {
            publish(&writer, 1);
            publish(&writer, 2);
        });
        let revision = map.revision();
        let len = map.len();
        assert!(len == 2 || len == 0 && revision == 0);
        assert!(len == 0 || map.revision() > 0);
        writer.join().unwrap();
        assert_eq!(map.len(), 2);
    });
}

/// What a reader sees that looks at `b` first: at what is written last.
fn look(map: &Published<u64>) -> (u64, u64, u64) {
    let value = |uid| map.value(uid).unwrap().unwrap_or(0);
    let b = value("b");
    let revision = map.revision();
    (b, revision, value("a"))
}

fn open() -> (Shared<EngineHandle>, Arc<Published<u64>>) {
    let (model, shown, map) = KeyedModel::new();
    let backend = Box::new(MemoryBackend::default());
    let options = EngineOptions::of_new(backend, Box::new(model), Box::new(shown));
    (Engine::start(options, None).unwrap(), map)
}

fn write(handle: &Shared<EngineHandle>, uid: &'static str, value: u64) -> Commit<()> {
    Commit::new(handle.clone(), move |transaction| {
        let model = transaction.model.as_any();
        let model = model.downcast_mut::<KeyedModel<u64>>().unwrap();
        model.set(uid, Some(value), &mut transaction.scope)
    })
}

/// Nobody waits for the first of the two, which the store's own thread may lead.
#[test]
fn a_detached_write_is_seen_before_the_one_that_is_waited_for() {
    in_every_order(Some(3), || {
        let (handle, map) = open();
        let writes = handle.clone();
        let writer = thread::spawn(move || {
            write(&writes, "a", 1).detach();
            write(&writes, "b", 1).wait().unwrap();
        });
        let (b, revision, a) = look(&map);
        assert!(a >= b && revision >= 2 * b, "{b} {revision} {a}");
        writer.join().unwrap();
        assert_eq!(look(&map), (1, 2, 1));
        drop(handle);
    });
}
