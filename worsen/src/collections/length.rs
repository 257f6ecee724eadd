//! How long a collection is, for `len = ...`. Never here: which lengths a field may have.

use super::{Map, Queue, Set, WorkQueue};
use crate::rules::Length;

macro_rules! collections {
    ($(($($parameter:ident),*) $collection:ty),* $(,)?) => {
        $(impl<$($parameter),*> Length for $collection {
            const OF: &'static str = "elements";

            fn length(&self) -> usize {
                self.len()
            }
        })*
    };
}

collections!((K, V) Map<K, V>, (T) Queue<T>, (T) Set<T>, (T) WorkQueue<T>);
