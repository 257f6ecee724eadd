//! Types of the standard library.

use std::{
    borrow::Cow,
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque},
    ffi::{CString, OsString},
    marker::PhantomData,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    num::{NonZeroU64, Saturating, Wrapping},
    ops::{Bound, Range},
    path::PathBuf,
    rc::Rc,
    sync::{Arc, Mutex, atomic::AtomicU64},
    time::{Duration, Instant, SystemTime},
};

use crate::{Row, case, no_field};

fn not_utf8() -> OsString {
    #[cfg(unix)]
    {
        std::os::unix::ffi::OsStringExt::from_vec(vec![b'a', 0xff])
    }
    #[cfg(not(unix))]
    {
        OsString::from("a")
    }
}

pub fn rows() -> Vec<Row> {
    let mut rows = single();
    rows.extend(several());
    rows
}

fn single() -> Vec<Row> {
    vec![
        case!(
            None,
            u64,
            [u64::MAX],
            "what reads it elsewhere may round it"
        ),
        case!(None, i128, [i128::MIN, i128::MAX]),
        case!(None, f64, [0.1, -0.0, f64::MAX, f64::NAN]),
        case!(None, f32, [0.1, f32::MIN_POSITIVE, f32::INFINITY]),
        case!(None, char, ['ü', '\0']),
        case!(None, String, ["a\n\u{0}".into(), "\u{1F980}".into()]),
        case!(None, Box<str>, ["a".into()]),
        case!(None, Arc<str>, ["a".into()], "serde's feature `rc`"),
        case!(None, Cow<'static, str>, ["a".into()]),
        case!(None, [u8; 32], [[7; 32]]),
        no_field!(
            None,
            [u8; 33],
            "serde knows arrays up to 32: a `Vec`, or `serde_with::Bytes`"
        ),
        case!(None, (), [()]),
        case!(None, Option<Option<u8>>, [Some(Some(1)), None, Some(None)]),
        case!(None, Result<u8, String>, [Ok(1), Err("no".into())]),
        case!(None, PhantomData<u8>, [PhantomData]),
        case!(None, NonZeroU64, [NonZeroU64::MAX]),
        case!(None, Wrapping<u8>, [Wrapping(255)]),
        case!(None, Saturating<u8>, [Saturating(255)]),
        case!(None, Range<u32>, [1..5, Range { start: 5, end: 1 }]),
        case!(None, Bound<u8>, [Bound::Unbounded, Bound::Excluded(1)]),
        case!(None, Duration, [Duration::MAX, Duration::from_nanos(1)]),
        case!(
            None,
            SystemTime,
            [
                SystemTime::UNIX_EPOCH + Duration::new(1, 1),
                SystemTime::UNIX_EPOCH - Duration::new(1, 0)
            ]
        ),
        no_field!(
            None,
            Instant,
            "means nothing after a restart: a `SystemTime`, or a type of the next table"
        ),
        case!(None, PathBuf, ["/a b".into(), not_utf8().into()]),
        case!(None, OsString, ["a".into(), not_utf8()]),
        case!(None, CString, [c"a".into()]),
        case!(
            None,
            IpAddr,
            [IpAddr::V6(Ipv6Addr::LOCALHOST), [127, 0, 0, 1].into()]
        ),
        case!(None, SocketAddr, ["[::1]:80".parse().unwrap()]),
        no_field!(None, Rc<str>, "an `Arc<str>`"),
        no_field!(
            None,
            Cell<u8>,
            "the plain type: the store is what changes it"
        ),
        no_field!(None, RefCell<u8>, "the plain type"),
        no_field!(None, Mutex<u8>, "the plain type"),
        no_field!(None, AtomicU64, "the plain type"),
        no_field!(None, Box<dyn Fn()>, "an enum that names what to do"),
    ]
}

fn several() -> Vec<Row> {
    vec![
        case!(
            None,
            Vec<Option<f64>>,
            [vec![Some(0.5), None], vec![Some(f64::NAN)]]
        ),
        case!(None, VecDeque<u8>, [[1, 2].into()]),
        case!(None, LinkedList<u8>, [[1, 2].into()]),
        case!(None, BTreeSet<u8>, [[2, 1].into()]),
        case!(None, BTreeMap<u8, bool>, [[(2, true), (1, false)].into()]),
        case!(None, BTreeMap<(u8, u8), bool>, [[((1, 2), true)].into()], "`serde_with::Seq` writes a list of pairs"),
        case!(None, HashMap<String, u8>, [[("a".into(), 1)].into(), (0..9).map(|n| (n.to_string(), n)).collect()], |map: &HashMap<String, u8>| {
            map.clone().into_iter().collect::<BTreeMap<_, _>>()
        }, "in any order"),
        case!(
            None,
            HashSet<u8>,
            [[7].into(), (0..9).collect()],
            |set: &HashSet<u8>| { set.iter().copied().collect::<BTreeSet<_>>() },
            "in any order"
        ),
        case!(
            None,
            BinaryHeap<u8>,
            [[2, 3, 1].into()],
            |heap: &BinaryHeap<u8>| heap.clone().into_sorted_vec()
        ),
    ]
}
